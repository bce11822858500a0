"""The way to the other server: HTTP, one call after another, spaced in time."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import httpx2

from chatmarks.client.calls import http_options
from chatmarks.client.road import ANSWER_BYTES_MAX, HEADERS
from chatmarks.errors import Code
from chatmarks.parity.asks import Ask, Asker, Caller, Reply, Unanswered, read_reply
from chatmarks.parity.flood import Flood

TIMEOUT_SECONDS = 15.0
_ATTEMPTS_MAX = 4
_AT_ONCE = 32
_CAP_PAUSE_SECONDS = 1.1
_CAPPED = (Code.COMMAND_RATE, Code.APP_RATE)


def spacing(per_second: float) -> Callable[[], Awaitable[None]]:
    """What to await before each call, so that no more than `per_second` begin in a second."""
    free_at = 0.0

    async def turn() -> None:
        nonlocal free_at
        now = time.monotonic()
        begins_at = max(now, free_at)
        free_at = begins_at + 1 / per_second
        if begins_at > now:
            await asyncio.sleep(begins_at - now)

    return turn


@asynccontextmanager
async def asking(url: str, caller: Caller, per_second: float) -> AsyncIterator[Asker]:
    """What asks the server at `url`. It raises `Unanswered`; a call beyond a cap, of which nothing was
    done, is made again a second later."""
    turn = spacing(per_second)
    url = url.rstrip("/")
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, **http_options([url])) as http:

        async def ask(wanted: Ask) -> Reply:
            for attempt in range(1, _ATTEMPTS_MAX + 1):
                await turn()
                reply = await _asked(http, url, caller, wanted)
                if reply.code not in _CAPPED or attempt == _ATTEMPTS_MAX:
                    break
                await asyncio.sleep(_CAP_PAUSE_SECONDS)
            return reply

        yield ask


@asynccontextmanager
async def flooding(url: str, caller: Caller) -> AsyncIterator[Flood]:
    """What makes calls as fast as it can, several at a time."""
    url = url.rstrip("/")
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, **http_options([url])) as http:

        async def flood(asks: Sequence[Ask], seconds: float) -> list[Reply]:
            until = time.monotonic() + seconds
            wanted = itertools.cycle(asks)
            replies: list[Reply] = []

            async def call() -> None:
                while time.monotonic() < until:
                    replies.append(await _asked(http, url, caller, next(wanted)))

            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(_AT_ONCE):
                        group.create_task(call())
            except ExceptionGroup as lost:
                raise lost.exceptions[0] from lost
            return replies

        yield flood


async def _asked(http: httpx2.AsyncClient, url: str, caller: Caller, wanted: Ask) -> Reply:
    path, query, ticket = caller.target(wanted)
    whole = httpx2.URL(url + path)
    body = bytearray()
    began = time.time()
    try:
        async with http.stream(
            wanted.method,
            whole,
            content=wanted.content if wanted.method == "POST" else None,
            headers=HEADERS,
            follow_redirects=False,
            # The query goes past the library, which logs the URLs that it knows of.
            extensions={"target": whole.raw_path + b"?" + query.encode()},
        ) as response:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > ANSWER_BYTES_MAX:
                    raise Unanswered(f"{url} answered with more than {ANSWER_BYTES_MAX} bytes")
    except httpx2.HTTPError as error:
        reason = str(error).replace(ticket, "(the UserSig)") or type(error).__name__
        raise Unanswered(f"{url} gave no answer to {wanted.command}: {reason}") from error
    # Times in the answer are compared with the middle of the call.
    at = (began + time.time()) / 2
    return read_reply(bytes(body), ticket, at, status=response.status_code)
