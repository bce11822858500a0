"""Records what concurrent clients of two servers on one store asked and were told, call by call."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Literal, TypeAlias, get_args

from msgspec import Struct

from histories.calls import draw, everything
from histories.checker import Operation
from histories.model import IMPORT, UNKNOWN_CODES, code_of, without_times
from histories.servers import Pair
from histories.wire import NoAnswer, NotSent, Wire

Way: TypeAlias = Literal["unharmed", "killed", "crashed", "worker", "died", "faulty"]
WAYS: tuple[Way, ...] = get_args(Way)
"""What becomes of the servers: nothing; one is killed at some moment, or both at once, or a worker of
one; one dies between a commit and its answer; the disk of one fails now and then. What is gone is
started again, and the calls go on."""

DIED = 9
"""The exit code of a server that died between a commit and its answer."""

DIES_AFTER = "DIES_AFTER_CHANGES"
"""Tells a server to end with so many changes of books: after the last one's commit."""

PLANTED = "PLANTED_FAULT"
"""Tells it which fault of `planted` to have."""

DISK = "FAULTY_DISK"
"""Tells it the seed of the faults that its disk has."""

Wires: TypeAlias = dict[str, Wire]

_CLIENTS = (4, 8)
_CALLS = (4, 8)
_CHURNING = 0.25
"""In this share of histories accounts come and go."""

_HALTING = 0.5
"""In this share of those with a loss all clients pause at it, so that nothing covers what it left."""

_CHANGES_UNTIL_DEATH_MAX = 3
_KILL_SECONDS_MAX = 0.003


class History(Struct):
    """What was recorded: the calls to each account. `exit_code` is that of the lost server."""

    number: int
    way: Way
    accounts: dict[str, list[Operation]]
    exit_code: int | None = None

    @property
    def name(self) -> str:
        return f"{self.number}-{self.way}"

    @property
    def operations(self) -> list[Operation]:
        return [operation for calls in self.accounts.values() for operation in calls]


class Recorder:
    """Clients that make the calls of one history. Everything random is drawn from seed and number; how
    the calls meet is up to the machine."""

    def __init__(self, pair: Pair, seed: int, number: int, way: Way) -> None:
        self._pair = pair
        self._chance = random.Random(f"{seed}-{number}")
        userids = [f"user{number}-{each}" for each in range(self._chance.choice([1, 1, 1, 2, 3]))]
        self._history = History(number, way, {userid: [] for userid in userids})
        self._clients = self._chance.randint(*_CLIENTS)
        self._calls = self._chance.randint(*_CALLS)
        self._churning = self._chance.random() < _CHURNING
        self._halts = self._chance.random() < _HALTING
        self._halted = False

    async def record(self) -> History:
        """Import the accounts, let the clients call, lose what is to be lost meanwhile, and look at the
        end."""
        history, pair, chance = self._history, self._pair, self._chance
        lost = chance.randrange(2)
        called = ("A", "B") if not (history.way == "died" and self._halts) else ("AB"[lost],)
        if history.way in ("died", "faulty"):
            await pair.end(lost)
            changes = str(chance.randint(1, _CHANGES_UNTIL_DEATH_MAX))
            seed = str(chance.getrandbits(32))
            await pair.start(lost, {DIES_AFTER: changes} if history.way == "died" else {DISK: seed})
        await self._import()
        # Whoever is not called meanwhile has read what there was before.
        await self._look()
        if history.way == "unharmed":
            await self._call_all(self._calls)
        else:
            await asyncio.gather(self._call_all(self._calls, called), self._lose(lost))
            for place in range(2):
                if place == lost and pair.servers[place] is not None and history.way != "worker":
                    history.exit_code = await pair.end(place)
                if pair.servers[place] is None:
                    await pair.start(place)
            self._halted = False
            await self._look()
            await self._call_all(self._calls // 2)
        await self._look()
        return history

    async def _lose(self, place: int) -> None:
        """Kill what is to be killed at some moment while the clients call."""
        way = self._history.way
        if way not in ("killed", "crashed", "worker"):
            return
        answers = self._chance.randint(1, self._clients * self._calls // 2)
        begun = len(self._history.operations)
        while len(self._history.operations) < begun + answers:  # noqa: ASYNC110 - a number has no event
            await asyncio.sleep(0.0005)
        await asyncio.sleep(self._chance.uniform(0, _KILL_SECONDS_MAX))
        if way == "worker":
            server = self._pair.servers[place]
            assert server is not None
            os.kill(self._chance.choice(sorted(server.workers())), signal.SIGKILL)
            return
        places = [place] if way == "killed" else [place, 1 - place]
        codes = await asyncio.gather(*(self._pair.end(each) for each in places))
        self._history.exit_code = codes[0]

    async def _call_all(self, calls: int, called: Collection[str] = ("A", "B")) -> None:
        """Let every client make so many calls, one after another, to the servers `called`."""
        seeds = [self._chance.getrandbits(64) for _ in range(self._clients)]
        await asyncio.gather(*(self._client(random.Random(seed), calls, called) for seed in seeds))

    async def _client(self, chance: random.Random, calls: int, called: Collection[str]) -> None:
        async with self._wires() as wires:
            for _ in range(calls):
                servers = [name for name in wires if name in called]
                if self._halted or not servers:
                    return
                userid = chance.choice([*self._history.accounts])
                await self._call(wires, chance.choice(servers), userid, *self._drawn(chance, userid))

    def _drawn(self, chance: random.Random, userid: str) -> tuple[str, bytes]:
        return draw(chance, userid, churning=self._churning)

    async def _import(self) -> None:
        async with self._wires() as wires:
            for userid in self._history.accounts:
                body = f'{{"UserID":"{userid}"}}'.encode()
                await self._call(wires, next(iter(wires)), userid, IMPORT, body)

    async def _look(self) -> None:
        """Ask each server for everything."""
        async with self._wires() as wires:
            for server in wires:
                for userid in self._history.accounts:
                    await self._call(wires, server, userid, *everything(userid))

    @contextlib.asynccontextmanager
    async def _wires(self) -> AsyncIterator[Wires]:
        """Connections to the servers by their names."""
        async with contextlib.AsyncExitStack() as stack:
            named: Mapping[str, str] = self._pair.urls()
            yield {name: await stack.enter_async_context(Wire(url)) for name, url in named.items()}

    async def _call(self, wires: Wires, server: str, userid: str, path: str, body: bytes) -> None:
        """Make a call and keep what came of it. A server that is gone is asked no more."""
        begin, end, answer = time.monotonic(), None, None
        try:
            told = await wires[server].call(path, body)
        except (NotSent, NoAnswer) as error:
            del wires[server]
            self._halted = self._halts
            if isinstance(error, NotSent):
                return
        else:
            if code_of(told) not in UNKNOWN_CODES:
                end, answer = time.monotonic(), without_times(told)
        operation = Operation(path, body, begin, end, answer, server)
        self._history.accounts[userid].append(operation)
