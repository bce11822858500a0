"""A move between real processes: pulled with kills in between, compared, pushed on, compared again."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from chatmarks.book import Account, Book, Entry, Peer, PeerType
from chatmarks.client import Control
from chatmarks.engines import open_store
from chatmarks.limits import CUSTOM_MARK_BYTES_MAX
from chatmarks.remote.pull import Checkpoint, property_of
from chatmarks.store import AppChatGroup, ChatGroup, Kept, Whole
from harness import ADMIN, AWKWARD, KEY, NOW, SDKAPPID
from process import PROGRAM, Server

ROOMS = [f"@TGS#{number}" for number in range(20)]
NAMES = [text for text in AWKWARD.values() if len(text.encode()) <= 32]
TEXTS = ["", "", *(text for text in AWKWARD.values() if len(text.encode()) <= CUSTOM_MARK_BYTES_MAX)]
_POLL_SECONDS = 0.1

Log = Callable[[str], None]


class Figures(Struct):
    """What a move was seen to take. `most_in_a_second`: calls that the asked server noted in any
    second, in all runs of a command."""

    accounts: int
    conversations: int
    kills: int
    pull_seconds: float = 0.0
    pull_calls: int = 0
    pull_most_in_a_second: int = 0
    pull_differences: int = -1
    push_seconds: float = 0.0
    push_calls: int = 0
    push_most_in_a_second: int = 0
    push_differences: int = -1
    push_differences_with_ids: dict[str, int] = {}


def whole(number: int) -> Whole:
    """An account of that number, the same in every run: most have little, some nothing, some a lot."""
    draw = random.Random(number)
    ids = draw.sample(range(1, 21), draw.choice([0, 1, 2, 3, 8]))
    groups = dict(zip(draw.sample(NAMES, len(ids)), ids, strict=True))
    entries: dict[Peer, Entry] = {}
    position = 0
    for n in range(draw.choices([0, 3, 20, 99, 101, 250], [5, 60, 25, 5, 3, 2])[0]):
        room = draw.random() < 0.1
        peer = (
            Peer(PeerType.CHAT_GROUP.value, ROOMS[n % len(ROOMS)])
            if room
            else Peer(PeerType.ACCOUNT.value, f"peer {n}")
        )
        bits = sum(1 << each for each in draw.sample(ids, draw.randint(0, min(2, len(ids)))))
        marks = draw.choice([0, 1, 1 << 34, 1 << 63 | 5])
        position += draw.randint(1, 3)
        entry = Entry(position, marks, draw.choice(TEXTS), bits, NOW + draw.randint(0, 10**6))
        if not entry.is_empty:
            entries[peer] = entry
    ordered = dict(sorted(entries.items(), key=lambda item: item[1].position))
    book = Book(groups, ordered, position + 1)
    return Whole(Account(SDKAPPID, f"user {number:06}"), Kept(number + 1, book))


def fill(url: str, wholes: Sequence[Whole] = ()) -> None:
    """A store with chat groups, and accounts."""

    async def filled() -> None:
        store = await open_store(url)
        for begin in range(0, len(wholes), 200):
            await store.put_wholes(wholes[begin : begin + 200])
        groups = [ChatGroup(room, "Public", room, "", NOW) for room in ROOMS]
        await store.put_chat_groups([AppChatGroup(SDKAPPID, group) for group in groups])
        await store.close()

    asyncio.run(filled())


class Watched:
    """A server of the profile `documented`, and the log of its calls."""

    def __init__(self, store: str, log: Path) -> None:
        self.log = log
        self._stderr = log.open("w")
        self.server = Server(
            *("--store", store, "--control", "--log-calls", "all"),
            environ={"CHATMARKS_APP_PROFILE": "documented"},
            stderr=self._stderr,
        )
        self.url = self.server.url
        self.control = Control(self.server.announced["admin_url"])

    def end(self) -> None:
        self.control.close()
        self._stderr.close()
        self.server.kill()

    def count(self) -> int:
        """How many calls were noted so far."""
        return self.log.read_bytes().count(b'"command":')

    def most_in_a_second(self) -> int:
        """Calls in the fullest second, wherever it begins."""
        lines = self.log.read_text().splitlines()
        times = sorted(json.loads(line)["time"] for line in lines if line.startswith("{"))
        most = first = 0
        for last, at in enumerate(times):
            while times[first] <= at - 1.0:
                first += 1
            most = max(most, last + 1 - first)
        return most


class Program:
    """The command line, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begun(self, *arguments: str) -> subprocess.Popen[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CHATMARKS_")}
        return subprocess.Popen(
            [*PROGRAM, *arguments],
            cwd=self.folder,
            env=clean | {"CHATMARKS_APP_KEY": KEY, "PYTHONWARNINGS": "error"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ended(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        process = self.begun(*arguments)
        output, errors = process.communicate()
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)

    def killed(self, watched: Watched, calls: int, *arguments: str) -> None:
        """Begin a command, and kill it once it made about so many calls."""
        enough = watched.count() + calls
        process = self.begun(*arguments)
        while watched.count() < enough:
            assert process.poll() is None, process.communicate()
            time.sleep(_POLL_SECONDS)
        process.kill()
        process.communicate()


def done_so_far(store: str) -> int:
    """How many accounts the checkpoint of a pull says are done; -1 without one."""

    async def read() -> str | None:
        opened = await open_store(store, create=False)
        try:
            return await opened.read_property(property_of(SDKAPPID))
        finally:
            await opened.close()

    if not Path(store.removeprefix("sqlite:///")).exists():
        return -1
    kept = asyncio.run(read())
    return -1 if kept is None else msgspec.json.decode(kept, type=Checkpoint).count


def faulty(control: Control) -> None:
    """What a network and a busy service do, now and then."""
    control.faults.rate(every=89, times=3)
    control.faults.rate("app", every=131, times=2)
    control.faults.drop(probability=0.01, seed=1)
    control.faults.drop(kept=True, probability=0.01, seed=2)
    control.faults.answer(50004, probability=0.01, seed=3)
    control.faults.answer(50005, kept=True, probability=0.01, seed=4)
    control.faults.latency(80, probability=0.05, seed=5)


def moved(
    folder: Path,
    accounts: int,
    kills: int,
    *,
    faults: Callable[[Control], None] = lambda _: None,
    log: Log = lambda _: None,
) -> Figures:
    """Move `accounts` from one server into a store and on to another server."""
    wholes = [whole(number) for number in range(accounts)]
    figures = Figures(accounts, sum(len(each.kept.book.entries) for each in wholes), kills)
    (folder / "userids").write_text("".join(f"{each.account.userid}\n" for each in wholes))
    source, middle, target = (f"sqlite:///{folder}/{name}.db" for name in ("from", "middle", "to"))
    fill(source, wholes)
    fill(target)
    program = Program(folder)
    _pulled(program, figures, (source, middle), faults, log)
    _pushed(program, figures, (middle, target), faults, log)
    return figures


APP = ("--app", str(SDKAPPID), "--identifier", ADMIN, "--accounts", "userids")


def _pulled(
    program: Program,
    figures: Figures,
    stores: tuple[str, str],
    faults: Callable[[Control], None],
    log: Log,
) -> None:
    source, middle = stores
    watched = Watched(source, program.folder / "from.log")
    try:
        faults(watched.control)
        pull = ("pull", "--from", watched.url, *APP, "--store", middle, "--json")
        began_at = time.monotonic()
        for _ in range(figures.kills):
            program.killed(watched, figures.accounts // (figures.kills + 1), *pull)
            log(f"killed with {done_so_far(middle)} of {figures.accounts} accounts done")
        ended = program.ended(*pull)
        figures.pull_seconds = round(time.monotonic() - began_at, 1)
        assert ended.returncode == 0, ended
        report = json.loads(ended.stdout)
        assert report["failures"] == []
        assert report["read"] == figures.accounts
        assert done_so_far(middle) == -1
        figures.pull_calls = watched.count()
        figures.pull_most_in_a_second = watched.most_in_a_second()
        watched.control.faults.clear()
        compared = program.ended("compare", source, middle, *APP, "--json")
        figures.pull_differences = json.loads(compared.stdout)["differences"]
        assert compared.returncode == bool(figures.pull_differences), compared
        log(f"pulled: {msgspec.json.encode(figures).decode()}")
    finally:
        watched.end()


def _pushed(
    program: Program,
    figures: Figures,
    stores: tuple[str, str],
    faults: Callable[[Control], None],
    log: Log,
) -> None:
    middle, target = stores
    watched = Watched(target, program.folder / "to.log")
    try:
        faults(watched.control)
        push = ("push", "--to", watched.url, *APP, "--store", middle, "--import-accounts", "--json")
        began_at = time.monotonic()
        program.killed(watched, figures.accounts, *push)
        log(f"killed a push after {watched.count()} calls")
        ended = program.ended(*push)
        figures.push_seconds = round(time.monotonic() - began_at, 1)
        assert ended.returncode == 0, ended
        figures.push_calls = watched.count()
        figures.push_most_in_a_second = watched.most_in_a_second()
        watched.control.faults.clear()
        compared = program.ended("compare", middle, watched.url, *APP, "--json")
        figures.push_differences_with_ids = json.loads(compared.stdout)["by_field"]
        # Past the server, which answers no faster than the pace asks.
        compared = program.ended(
            "compare", middle, target, *APP, "--ignore", "GroupId,Timestamp", "--json"
        )
        figures.push_differences = json.loads(compared.stdout)["differences"]
        assert compared.returncode == bool(figures.push_differences), compared
        assert json.loads(program.ended(*push).stdout)["changed"] == 0
    finally:
        watched.end()
