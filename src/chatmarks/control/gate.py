"""Keeps the calls of one app outside while something is done to all of its data."""

from __future__ import annotations

from asyncio import Condition
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Gate:
    """Lets calls in, or one piece of work that must be alone. Each app has a gate of its own."""

    def __init__(self) -> None:
        self._inside: Counter[int] = Counter()
        self._closed: set[int] = set()
        self._changed = Condition()

    def is_open(self) -> bool:
        """Whether no call would have to wait."""
        return not self._closed

    @asynccontextmanager
    async def passed(self, sdkappid: int) -> AsyncIterator[None]:
        """For one call: waits while the gate is closed."""
        if sdkappid in self._closed:
            async with self._changed:
                await self._changed.wait_for(lambda: sdkappid not in self._closed)
        self._inside[sdkappid] += 1
        try:
            yield
        finally:
            self._inside[sdkappid] -= 1
            if not self._inside[sdkappid]:
                del self._inside[sdkappid]
                if sdkappid in self._closed:
                    async with self._changed:
                        self._changed.notify_all()

    @asynccontextmanager
    async def closed(self, sdkappid: int) -> AsyncIterator[None]:
        """For work that must be alone: waits for the calls that are inside, and for such work before
        it; lets none in meanwhile."""
        async with self._changed:
            await self._changed.wait_for(lambda: sdkappid not in self._closed)
            self._closed.add(sdkappid)
        try:
            async with self._changed:
                await self._changed.wait_for(lambda: not self._inside[sdkappid])
            yield
        finally:
            self._closed.discard(sdkappid)
            async with self._changed:
                self._changed.notify_all()
