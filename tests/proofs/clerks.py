"""Clerks who call a service in this process, all at the same time, and keep what they were told."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from harness import Caller
from histories.calls import draw, everything
from histories.checker import Operation, Undecided
from histories.judge import is_refused, told
from histories.model import IMPORT, UNKNOWN_CODES, code_of, without_times

CLERKS = 4


class Clerks:
    """Calls to some accounts of their own. `codes`: what was answered, and how often; `clock`: seconds,
    or whatever else only grows."""

    def __init__(
        self,
        chance: random.Random,
        userids: list[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.calls: dict[str, list[Operation]] = {userid: [] for userid in userids}
        self.codes: dict[int, int] = {}
        self._chance, self._clock = chance, clock

    async def begin(self, caller: Caller) -> None:
        """Import the accounts."""
        for userid in self.calls:
            await self._call(caller, userid, IMPORT, f'{{"UserID":"{userid}"}}'.encode())

    async def work(self, caller: Caller, calls: int) -> None:
        """Make so many random calls each."""
        seeds = [self._chance.getrandbits(64) for _ in range(CLERKS)]
        await asyncio.gather(*(self._clerk(caller, random.Random(seed), calls) for seed in seeds))

    async def look(self, caller: Caller) -> None:
        """Ask for everything."""
        for userid in self.calls:
            await self._call(caller, userid, *everything(userid))

    def wrong(self, calls: dict[str, list[Operation]] | None = None) -> list[str]:
        """Accounts whose answers no order explains, a text for each."""
        problems = []
        for userid, operations in (calls or self.calls).items():
            try:
                if is_refused(operations):
                    problems.append(f"{userid}: no order explains the answers\n{told(operations)}")
            except Undecided as error:
                problems.append(f"{userid}: undecided, {error}")
        return problems

    async def _clerk(self, caller: Caller, chance: random.Random, calls: int) -> None:
        for _ in range(calls):
            userid = chance.choice([*self.calls])
            await self._call(caller, userid, *draw(chance, userid))

    async def _call(self, caller: Caller, userid: str, path: str, body: bytes) -> None:
        begin, end, answer = self._clock(), None, None
        came = await caller.raw(path, body)
        code = code_of(came)
        self.codes[code] = self.codes.get(code, 0) + 1
        if code not in UNKNOWN_CODES:
            end, answer = self._clock(), without_times(came)
        self.calls[userid].append(Operation(path, body, begin, end, answer))
