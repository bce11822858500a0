"""A disk on which every nth write or sync fails: nothing acknowledged is lost, and no file damaged."""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
import time
from pathlib import Path

from chatmarks.errors import Code
from harness import Caller
from histories.disk import FaultyDisk
from proofs.books import damage, log_of, opened
from proofs.clerks import Clerks
from proofs.part import Done, Part, Work

_ROUNDS = 200
_ACCOUNTS = ("alice", "bob")
_CALLS, _CALLS_AFTER = 8, 3
_SHORT_LOG = 8
_RECOVERY_SECONDS_MAX = 15.0


def run(work: Work) -> Done:
    """Rounds on a disk of its own each. Counted are the faults."""
    problems: list[str] = []
    faults, slowest = 0, 0.0
    for number in range(_ROUNDS):
        chance = work.dice(str(number))
        with tempfile.TemporaryDirectory(prefix="chatmarks-disk-") as folder:
            # The time until a server is ready again is that of its clock: once is enough.
            found = asyncio.run(_round(Path(folder) / "books.db", chance, waits=not number))
        problems += [
            f"seed {work.seed}, slice {work.number}, round {number}: {each}" for each in found[0]
        ]
        faults += found[1]
        slowest = max(slowest, found[2])
    return Done(faults, tuple(problems), {"seconds from the last fault until ready": round(slowest, 1)})


async def _round(path: Path, chance: random.Random, *, waits: bool) -> tuple[list[str], int, float]:
    """What went wrong, how many faults there were, and after how long the server was ready."""
    disk = FaultyDisk(chance.getrandbits(64))
    disk.on = False
    clerks = Clerks(chance, list(_ACCOUNTS))
    has_short_log = chance.random() < 0.5
    problems: list[str] = []
    seconds = 0.0
    with disk.mounted(), log_of(_SHORT_LOG) if has_short_log else contextlib.nullcontext():
        async with opened(path) as caller:
            await clerks.begin(caller)
            disk.on = True
            await clerks.work(caller, _CALLS)
            disk.on = False
            if disk.faults:
                # Faults of a checkpoint are nobody's answer.
                if not has_short_log and not _told(clerks):
                    problems.append(f"{disk.faults} faults, and nobody was told: {clerks.codes}")
                if await caller.service.problem() is None:
                    problems.append(f"ready right after {disk.faults} faults")
            told = _told(clerks)
            await clerks.work(caller, _CALLS_AFTER)
            if _told(clerks) != told:
                problems.append("calls failed after the disk was well again")
            await clerks.look(caller)
            if waits and disk.faults:
                seconds = await _until_ready(caller)
                if seconds >= _RECOVERY_SECONDS_MAX:
                    problems.append(f"not ready {seconds:.1f} s after the last fault")
    problems += damage(path)
    async with opened(path) as caller:
        await clerks.look(caller)
    return problems + clerks.wrong(), disk.faults, seconds


def _told(clerks: Clerks) -> int:
    """How many calls were answered that the server failed."""
    return sum(clerks.codes.get(code, 0) for code in (Code.SERVER_ERROR, Code.ACCOUNT_SERVER_ERROR))


async def _until_ready(caller: Caller) -> float:
    began_at = time.monotonic()
    until = began_at + _RECOVERY_SECONDS_MAX
    while await caller.service.problem() and time.monotonic() < until:  # noqa: ASYNC110 - it must be asked
        await asyncio.sleep(0.1)
    return time.monotonic() - began_at


PART = Part(
    "disk",
    "SQLite: writes and syncs that fail with EIO or ENOSPC lose nothing acknowledged, damage nothing,"
    " are told, and make the server not ready until they are over",
    "faults",
    20,
    run,
)
