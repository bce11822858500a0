"""Streams of server-sent events, which end with the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from starlette.responses import Response, StreamingResponse

from chatmarks.console.page import Unfit, Visit

TICK_SECONDS = 1.0
"""How often is looked whether something is new."""

STREAMS_MAX = 64
"""How many pages may watch at a time."""

_QUIET_TICKS_MAX = 15
"""After so many without news something is sent all the same, so that nothing between takes the
connection for dead."""


class Streams:
    """The streams of all pages."""

    def __init__(self) -> None:
        self._open = 0

    def of(self, visit: Visit, event: str, news: Callable[[], Awaitable[str | None]]) -> Response:
        """A stream with an `event` whenever `news` gives its data. Raises `Refused` 503."""
        if self._open >= STREAMS_MAX:
            raise Unfit(503, "error.streams", most=STREAMS_MAX)
        return StreamingResponse(
            self._events(visit, event, news),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store"},
        )

    async def _events(
        self, visit: Visit, event: str, news: Callable[[], Awaitable[str | None]]
    ) -> AsyncIterator[str]:
        ending, quiet = visit.console.ending, 0
        self._open += 1
        try:
            # Told at once, so that the page knows that from here on it misses nothing.
            yield "retry: 2000\nevent: open\ndata:\n\n"
            while not ending.is_set():
                data = await news()
                quiet = 0 if data is not None else quiet + 1
                if data is not None:
                    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
                    yield f"event: {event}\n{lines}\n"
                elif quiet % _QUIET_TICKS_MAX == 0:
                    yield ":\n\n"
                with suppress(TimeoutError):
                    async with asyncio.timeout(TICK_SECONDS):
                        await ending.wait()
        finally:
            self._open -= 1
