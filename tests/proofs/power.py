"""Power cuts: whatever reached the disk of writes that no sync had confirmed, all that was acknowledged
is in the store.

A history is recorded write by write. For each cut the files are made again as a disk may have them: all
that was synced before, and of what was not, everything, nothing, a beginning, or any part, the last
piece torn.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from histories.checker import Operation
from histories.disk import Disk
from proofs.books import damage, log_of, opened
from proofs.clerks import Clerks
from proofs.part import Done, Part, Work

_ACCOUNTS = ("alice", "bob", "carol")
_CALLS = 25
_CUTS = 200
_LOGS = (6, 20, 1000)
_SECTOR = 512
_AFTERWARDS = 1e12
"""On the clock of a history: after all of it."""


class _Step(NamedTuple):
    """`size` is that of a file that was cut, `data` and `offset` what was written."""

    kind: Literal["write", "sync", "cut", "delete"]
    name: str
    offset: int = 0
    data: bytes = b""
    size: int = 0


class RecordingDisk(Disk):
    """Keeps what was done, step by step."""

    def __init__(self) -> None:
        self.steps: list[_Step] = []
        self._lock = threading.Lock()

    def writing(self, name: str, data: bytes, offset: int) -> None:
        self._keep(_Step("write", name, offset, bytes(data)))

    def syncing(self, name: str) -> None:
        self._keep(_Step("sync", name))

    def truncating(self, name: str, size: int) -> None:
        self._keep(_Step("cut", name, size=size))

    def deleting(self, name: str) -> None:
        self._keep(_Step("delete", name))

    def _keep(self, step: _Step) -> None:
        with self._lock:
            self.steps.append(step)


def run(work: Work) -> Done:
    """One history and its cuts."""
    chance = work.dice()
    with tempfile.TemporaryDirectory(prefix="chatmarks-power-") as folder:
        return asyncio.run(_prove(work, chance, Path(folder)))


async def _prove(work: Work, chance: random.Random, folder: Path) -> Done:
    disk, numbers = RecordingDisk(), itertools.count()
    path = folder / "books.db"
    # Steps, and behind the point an order of what lies between two.
    clerks = Clerks(chance, list(_ACCOUNTS), lambda: len(disk.steps) + next(numbers) / 1e6)
    with log_of(chance.choice(_LOGS)), disk.mounted():
        async with opened(path) as caller:
            first = len(disk.steps)
            await clerks.begin(caller)
            await clerks.work(caller, _CALLS)
            last = len(disk.steps)
    problems: list[str] = []
    for number in range(_CUTS):
        cut = chance.randint(first, last)
        copy = folder / f"cut-{number}" / path.name
        copy.parent.mkdir()
        for name, content in _left(disk.steps[:cut], chance).items():
            (copy.parent / Path(name).name).write_bytes(content)
        problems += [
            f"seed {work.seed}, slice {work.number}, cut {number} after {cut} steps: {problem}"
            for problem in [*damage(copy), *await _lost(copy, clerks, cut)]
        ]
    return Done(_CUTS, tuple(problems), {"writes and syncs in a history": last - first})


async def _lost(copy: Path, clerks: Clerks, cut: int) -> list[str]:
    """Accounts of a store after a cut that cannot come from what was acknowledged before it."""
    numbers = itertools.count()
    after = Clerks(random.Random(), list(_ACCOUNTS), lambda: _AFTERWARDS + next(numbers))
    async with opened(copy) as caller:
        await after.look(caller)
    known = {
        userid: [*(_at(cut, each) for each in calls if each.begin < cut), *after.calls[userid]]
        for userid, calls in clerks.calls.items()
    }
    return clerks.wrong(known)


def _at(cut: int, operation: Operation) -> Operation:
    """What was known of a call at a cut."""
    if operation.end is not None and int(operation.end) <= cut:
        return operation
    return msgspec.structs.replace(operation, end=None, answer=None)


def _left(steps: Sequence[_Step], chance: random.Random) -> dict[str, bytes]:
    """The files as a disk may have them after these steps and a power cut."""
    files: dict[str, bytearray] = {}
    unsynced: dict[str, list[_Step]] = {}
    for step in steps:
        files.setdefault(step.name, bytearray())
        if step.kind == "delete":
            del files[step.name]
            unsynced.pop(step.name, None)
        elif step.kind == "sync":
            for each in unsynced.pop(step.name, []):
                _do(files[step.name], each)
        else:
            unsynced.setdefault(step.name, []).append(step)
    for name, waiting in unsynced.items():
        for each in _some(waiting, chance):
            _do(files[name], each)
    return {name: bytes(content) for name, content in files.items()}


def _some(waiting: list[_Step], chance: random.Random) -> list[_Step]:
    """Those of unsynced steps that reached the disk."""
    match chance.randrange(4):
        case 0:
            return waiting
        case 1:
            return []
        case 2:
            kept = waiting[: chance.randint(0, len(waiting))]
        case _:
            kept = [each for each in waiting if chance.random() < 0.5]
    if kept and chance.random() < 0.5:
        kept = [*kept[:-1], _torn(kept[-1], chance)]
    return kept


def _torn(step: _Step, chance: random.Random) -> _Step:
    """The beginning of a write, as far as a whole sector of the file."""
    end = step.offset + chance.randint(0, len(step.data))
    return step._replace(data=step.data[: max(0, end - end % _SECTOR - step.offset)])


def _do(content: bytearray, step: _Step) -> None:
    if step.kind == "cut":
        del content[step.size :]
        return
    content.extend(bytes(max(0, step.offset - len(content))))
    content[step.offset : step.offset + len(step.data)] = step.data


PART = Part(
    "power",
    "SQLite: after a power cut at any moment what was acknowledged is there, and no file is damaged",
    "power cuts",
    50,
    run,
)
