"""How fast calls go out: evenly, never above a budget, and slower for a while when told so."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

CALLS_PER_SECOND = 150
"""The budget unless told otherwise: three quarters of the documented 200 (1047/53440), which count
for everybody who calls for the app."""

_OVER_MAX = 1.08
"""How much above the budget any second may be: a tenth, less what a fresh ticket or the last calls of a
killed run may add."""

_CATCHING_UP_SECONDS = 0.02
"""How late a call may be, at most, for those after it to make up for it. Timers are late by a
millisecond or so; without this each call would add that to all after it."""

_SLOWER = 0.7
_LEAST_PER_SECOND = 1.0
_PAUSE_SECONDS = 1.0
_RECOVERED_PER_SECOND = 0.02
"""Of the budget, for each second without another refusal: from 0.7 it takes 15 seconds."""


class Pace:
    """At most `budget` calls a second, on the average.

    In no second do more than a tenth above that arrive, however calls bunch on their way: a call counts
    from when it is sent until a second after it was answered, between which it arrived, and so many may
    count at a time. A server that takes longer than a tenth of a second gets fewer calls for it.
    """

    def __init__(
        self,
        budget: float = CALLS_PER_SECOND,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.calls = 0
        self.slowed = 0
        self._budget = budget
        self._clock = clock
        self._sleep = sleep
        self._door = asyncio.Lock()
        self._next_at = clock()
        self._slowed_rate = budget
        self._slowed_at = float("-inf")
        self._most = max(1, int(budget * _OVER_MAX))
        self._under_way = 0
        self._ended: deque[float] = deque()
        self._one_ended = asyncio.Event()

    @property
    def rate(self) -> float:
        """Calls a second that are allowed now."""
        since = max(0.0, self._clock() - self._slowed_at - _PAUSE_SECONDS)
        if since == float("inf"):
            return self._budget
        return min(self._budget, self._slowed_rate + since * _RECOVERED_PER_SECOND * self._budget)

    @asynccontextmanager
    async def call(self) -> AsyncIterator[float]:
        """Wait for the turn of a call, which lasts as long as the block; when it was sent."""
        async with self._door:
            sent_at = await self._turn()
        self.calls += 1
        self._under_way += 1
        try:
            yield sent_at
        finally:
            self._under_way -= 1
            self._ended.append(self._clock())
            self._one_ended.set()

    async def _turn(self) -> float:
        while True:
            now = self._clock()
            if (early := self._next_at - now) > 0:
                await self._sleep(early)
                continue
            while self._ended and self._ended[0] <= now - 1.0:
                self._ended.popleft()
            if self._under_way + len(self._ended) < self._most:
                break
            if self._ended:
                await self._sleep(self._ended[0] + 1.0 - now)
            else:
                self._one_ended.clear()
                await self._one_ended.wait()
        self._next_at = max(self._next_at, now - _CATCHING_UP_SECONDS) + 1.0 / self.rate
        return now

    def slow_down(self, sent_at: float) -> None:
        """Call less often: a call that was sent at `sent_at` came too early for the server.

        Those that were under way when another one was told so say nothing new.
        """
        if sent_at <= self._slowed_at:
            return
        self._slowed_rate = max(_LEAST_PER_SECOND, self.rate * _SLOWER)
        self._slowed_at = self._clock()
        self._next_at = max(self._next_at, self._slowed_at + _PAUSE_SECONDS)
        self.slowed += 1
