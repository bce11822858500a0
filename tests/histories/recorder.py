"""Records what concurrent clients of two servers on one store asked and were told, call by call."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

from histories.calls import draw, everything
from histories.checker import Operation
from histories.model import IMPORT, UNKNOWN_CODES, code_of, without_times
from histories.servers import Pair
from histories.wire import NoAnswer, NotSent, Wire

Way: TypeAlias = Literal["unharmed", "killed", "died"]
WAYS: tuple[Way, ...] = ("unharmed", "killed", "died")
"""What becomes of the servers: nothing, one is killed at some moment, or one dies between a commit and
its answer. It is started again, and the calls go on."""

Wires: TypeAlias = dict[str, Wire]

_CLIENTS = (4, 8)
_CALLS = (4, 8)
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

    async def record(self) -> History:
        """Import the accounts, let the clients call, lose a server meanwhile, and look at the end."""
        history, pair, chance = self._history, self._pair, self._chance
        lost = chance.randrange(2)
        if history.way == "died":
            await pair.end(lost)
            await pair.start(lost, dies_after=chance.randint(1, _CHANGES_UNTIL_DEATH_MAX))
        await self._import()
        if history.way == "unharmed":
            await self._call_all(self._calls)
        else:
            losing = [self._kill(lost)] if history.way == "killed" else []
            await asyncio.gather(self._call_all(self._calls), *losing)
            history.exit_code = history.exit_code or await pair.end(lost)
            await pair.start(lost)
            await self._call_all(self._calls // 2)
        await self._look()
        return history

    async def _kill(self, place: int) -> None:
        """Kill a server at some moment while the clients call."""
        answers = self._chance.randint(1, self._clients * self._calls // 2)
        begun = len(self._history.operations)
        while len(self._history.operations) < begun + answers:  # noqa: ASYNC110 - a number has no event
            await asyncio.sleep(0.0005)
        await asyncio.sleep(self._chance.uniform(0, _KILL_SECONDS_MAX))
        self._history.exit_code = await self._pair.end(place)

    async def _call_all(self, calls: int) -> None:
        """Let every client make so many calls, one after another."""
        seeds = [self._chance.getrandbits(64) for _ in range(self._clients)]
        await asyncio.gather(*(self._client(random.Random(seed), calls) for seed in seeds))

    async def _client(self, chance: random.Random, calls: int) -> None:
        async with self._wires() as wires:
            for _ in range(calls):
                userid = chance.choice([*self._history.accounts])
                await self._call(wires, chance.choice([*wires]), userid, *draw(chance, userid))

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
            if isinstance(error, NotSent):
                return
        else:
            if code_of(told) not in UNKNOWN_CODES:
                end, answer = time.monotonic(), without_times(told)
        operation = Operation(path, body, begin, end, answer, server)
        self._history.accounts[userid].append(operation)
