"""An hour of mixed calls at a steady rate: what the server takes and how long it takes do not grow."""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx
import msgspec
from msgspec import Struct

from histories.calls import draw
from histories.model import UNKNOWN_CODES, code_of
from histories.wire import Wire
from process import Server, signed_query
from proofs.part import Done, Part, Work
from proofs.vitals import Vitals, vitals

_SECONDS, _SAMPLE_SECONDS = 3600.0, 5.0
_RATE, _CONNECTIONS, _ACCOUNTS = 300.0, 16, 2000
_CALLS_OF_A_CONNECTION = 50
_SCRAPE_SECONDS = 10.0
_IMPORTED_AT_ONCE = 100

# What the first quarter takes is not compared: books come into memory.
_QUARTERS = 4
_MORE_MIB, _MORE_FILES = 8.0, 8
_TOLERANCE = 1.3
"""By how much the last quarter may be slower than the second, whatever else the machine does."""

_NOTHING = "nowhere/nothing"
_BROKEN = b'{"From_Account":"user'


class Sample(Struct, frozen=True):
    """Some seconds of it: what the server took at their end, of CPU for a call, and how long the median
    call took, and one that is refused at once, in milliseconds."""

    vitals: Vitals
    cpu_ms: float
    p50_ms: float
    floor_ms: float


class _Callers:
    """Those who call at a rate, and what they were answered. `taken`, `floor`: seconds."""

    def __init__(self, url: str, chance: random.Random) -> None:
        self._url, self._chance = url, chance
        self.codes: Counter[int] = Counter()
        self.taken: list[float] = []
        self.floor: list[float] = []

    async def import_all(self) -> None:
        """Import the accounts."""
        async with Wire(self._url) as wire:
            for first in range(0, _ACCOUNTS, _IMPORTED_AT_ONCE):
                names = [f"user{number}" for number in range(first, first + _IMPORTED_AT_ONCE)]
                body = msgspec.json.encode({"Accounts": names})
                await wire.call("im_open_login_svc/multiaccount_import", body)

    async def call(self) -> None:
        """Call until cancelled."""
        began_at = time.perf_counter()
        await asyncio.gather(*(self._caller(place, began_at) for place in range(_CONNECTIONS)))

    async def _caller(self, place: int, began_at: float) -> None:
        number = place
        while True:
            async with Wire(self._url) as wire:
                for _ in range(_CALLS_OF_A_CONNECTION):
                    due = began_at + number / _RATE
                    await asyncio.sleep(max(0.0, due - time.perf_counter()))
                    await self._one(wire, number)
                    number += _CONNECTIONS

    async def _one(self, wire: Wire, number: int) -> None:
        path, body = draw(self._chance, f"user{self._chance.randrange(_ACCOUNTS)}")
        times = self.taken
        if number % 10 == 0:
            path, times = _NOTHING, self.floor
        elif number % 10 == 1:
            body = _BROKEN
        began = time.perf_counter()
        answer = await wire.call(path, body)
        times.append(time.perf_counter() - began)
        self.codes[code_of(answer)] += 1


async def _scrape(server: Server) -> None:
    """Ask for the metrics until cancelled."""
    async with httpx.AsyncClient(base_url=server.announced["admin_url"], trust_env=False) as http:
        while True:
            (await http.get("/metrics")).raise_for_status()
            await asyncio.sleep(_SCRAPE_SECONDS)


class _Reader:
    """Reads the feed. `events`: how many came."""

    events = 0

    async def read(self, server: Server) -> None:
        """Until cancelled."""
        cursor = "now"
        path, query = "/x/1/changes", signed_query()
        async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=30) as http:
            while True:
                page: Any = (await http.get(f"{path}?{query}&since={cursor}&wait=5&limit=200")).json()
                self.events += len(page["ChangeItem"])
                cursor = page["Cursor"]


def run(work: Work) -> Done:
    """One server for all of it. Counted are the calls."""
    with tempfile.TemporaryDirectory(prefix="chatmarks-soak-") as folder:
        server = Server(
            *("--store", f"sqlite:///{folder}/books.db", "--log-calls", "none"),
            environ={"CHATMARKS_APP_FEED": "true"},
        )
        try:
            samples, codes, events = asyncio.run(_soaked(server, work))
        finally:
            ended = server.stop()
    found = [*grown(samples), *_failed(codes)]
    if ended:
        found.append(f"the server ended with exit code {ended}")
    if not events:
        found.append("the feed told nothing")
    figures = {f"last quarter, {name}": value for name, value in _means(_quarter(samples, 3)).items()}
    figures |= {"events read": events}
    return Done(codes.total(), tuple(f"seed {work.seed}: {each}" for each in found), figures)


async def _soaked(server: Server, work: Work) -> tuple[list[Sample], Counter[int], int]:
    callers, reader = _Callers(server.url, work.dice()), _Reader()
    await callers.import_all()
    samples: list[Sample] = []
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(each) for each in (callers.call(), _scrape(server), reader.read(server))
        ]
        until = time.monotonic() + _SECONDS
        before = vitals(server)
        while time.monotonic() < until:
            callers.taken.clear()
            callers.floor.clear()
            await asyncio.sleep(_SAMPLE_SECONDS)
            now = vitals(server)
            cpu_ms = 1e3 * (now.cpu - before.cpu) / len(callers.taken + callers.floor)
            p50_ms, floor_ms = (
                1e3 * statistics.median(each) for each in (callers.taken, callers.floor)
            )
            samples.append(Sample(now, cpu_ms, p50_ms, floor_ms))
            before = now
        for task in tasks:
            task.cancel()
    return samples, callers.codes, reader.events


def _failed(codes: Counter[int]) -> list[str]:
    """Calls that the server failed."""
    failed = {int(code): codes[code] for code in UNKNOWN_CODES if codes[code]}
    return [f"calls were failed, by code: {failed}"] if failed else []


def _quarter(samples: Sequence[Sample], number: int) -> Sequence[Sample]:
    size = len(samples) / _QUARTERS
    return samples[int(number * size) : int((number + 1) * size)]


def _means(samples: Sequence[Sample]) -> dict[str, float]:
    """Of some samples the medians; of files the most."""

    def median(values: Sequence[float]) -> float:
        return round(statistics.median(values), 3)

    return {
        "MiB": median([each.vitals.mib for each in samples]),
        "files": max(each.vitals.files for each in samples),
        "CPU ms of a call": median([each.cpu_ms for each in samples]),
        "median ms": median([each.p50_ms for each in samples]),
        "median by that of a refusal": median([each.p50_ms / each.floor_ms for each in samples]),
    }


def grown(samples: Sequence[Sample]) -> list[str]:
    """What was more in the last quarter than in the second, a line each. The milliseconds alone are
    not compared, since they depend on whatever else the machine does."""
    second, last = (_means(_quarter(samples, number)) for number in (1, 3))
    most = {
        "MiB": second["MiB"] + _MORE_MIB,
        "files": second["files"] + _MORE_FILES,
        "CPU ms of a call": second["CPU ms of a call"] * _TOLERANCE,
        "median by that of a refusal": second["median by that of a refusal"] * _TOLERANCE,
    }
    return [
        f"{name} grew from {second[name]:g} to {last[name]:g}"
        for name, value in most.items()
        if last[name] > value
    ]


PART = Part(
    "soak",
    "SQLite: an hour of mixed calls, broken ones among them, with a reader of the feed and connections"
    " that come and go: memory, open files, CPU of a call and latency do not grow, no call is failed",
    "calls",
    1,
    run,
)
