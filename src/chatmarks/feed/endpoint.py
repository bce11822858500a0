"""`GET /x/1/changes`: a page of a feed, waited for where it is empty, or server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from chatmarks.asgi import ANSWER, Headers, Receive, Scope, Send, respond
from chatmarks.envelope import encode_answer
from chatmarks.errors import Code, Fail, shown
from chatmarks.event import EventKind, Told
from chatmarks.feed.readers import Position
from chatmarks.feed.watch import Watch
from chatmarks.feed.wire import (
    Page,
    behind,
    change_of,
    cursor_of,
    encoded,
    next_of,
    page_of,
)
from chatmarks.limits import (
    FEED_PAGE_BYTES_MAX,
    FEED_PAGE_SIZE_MAX,
    FEED_WAIT_SECONDS_MAX,
    FEED_WAITING_MAX,
)
from chatmarks.service import Asked, Service

PATH = "/x/1/changes"
_STREAM = b"text/event-stream"
_PAGE_SIZE, _WAIT_SECONDS = 100, 25
_BEAT_SECONDS = 15.0
_STREAMED_AT_A_TIME = 20
_STREAM_HEADERS: Headers = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"access-control-allow-origin", b"*"),
    # Proxies that gather an answer before they pass it on would hold it back for ever.
    (b"x-accel-buffering", b"no"),
]


class Changes(Struct, frozen=True):
    """What a gateway counts a call of this under."""

    path: str = PATH.lstrip("/")
    rate: int = 200


class _Wanted(Struct, frozen=True):
    """What a reader asks for."""

    since: str
    limit: int
    wait_seconds: int


class Feed:
    """Answers readers of feeds, which the road lets in as it does callers of commands."""

    path = PATH

    def __init__(self, service: Service, watch: Watch) -> None:
        self._service = service
        self._store = service.store
        self._watch = watch
        self._reading = 0

    async def respond(self, scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
        """Answer one request, whose body was read."""
        named = dict(scope["headers"])
        client = scope.get("client")
        asked = Asked(
            scope["path"],
            scope["query_string"],
            b"",
            source=client[0] if client else "",
            # Always verified: of a page that asks for what is its own, as after a change of its name in
            # the DNS, a browser tells no Origin.
            from_page=True,
        )
        streams = _STREAM in named.get(b"accept", b"")
        work = self._stream(asked, named, send, headers) if streams else self._page(asked)
        answer = await self._unless_left(work, receive)
        if answer is not None:
            await respond(send, answer, headers)

    async def _unless_left(self, work: Any, receive: Receive) -> bytes | None:
        """The outcome of `work`, which is dropped when the client goes away; what is wrong as an
        answer."""
        if self._reading >= FEED_WAITING_MAX:
            work.close()
            return self._service.refuse(Fail(Code.TIMEOUT, "too many read feeds; try again later"))
        self._reading += 1
        doing, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait([doing, leaving], return_when=asyncio.FIRST_COMPLETED)
            return self._outcome(doing) if doing.done() else None
        finally:
            self._reading -= 1
            for task in (doing, leaving):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task

    def _outcome(self, doing: asyncio.Future[bytes | None]) -> bytes | None:
        error = doing.exception()
        return doing.result() if error is None else self._service.failure(error, PATH)

    async def _page(self, asked: Asked) -> bytes:
        app = await self._admitted(asked)
        wanted = _wanted(asked.query)
        position = await behind(self._store, app, wanted.since)
        found = await next_of(self._store, app, position, wanted.limit)
        if not found and wanted.wait_seconds:
            await self._watch.wait(app, position.seq, wanted.wait_seconds)
            found = await next_of(self._store, app, position, wanted.limit)
        taken, items = page_of(found, FEED_PAGE_BYTES_MAX)
        last = taken[-1] if taken else position
        is_last = (await self._store.event_bounds(app))[1] <= last.seq
        page = Page(ChangeItem=items, Cursor=cursor_of(last), CompleteFlag=int(is_last))
        return encode_answer(page)

    async def _admitted(self, asked: Asked) -> int:
        """The app of a reader who may read its feed. Raises `Fail`."""
        app, _ = await self._service.admit(Changes(), asked)
        if not app.feed:
            raise Fail(
                Code.BAD_PARAMETER,
                f"sdkappid {app.sdkappid} has no feed; chatmarks app update --feed gives it one",
            )
        return app.sdkappid

    async def _stream(
        self, asked: Asked, named: dict[bytes, bytes], send: Send, headers: Headers
    ) -> bytes | None:
        app = await self._admitted(asked)
        wanted = _wanted(asked.query)
        since = named.get(b"last-event-id", b"").decode("latin-1") or wanted.since
        position = await behind(self._store, app, since)
        start_headers = [*_STREAM_HEADERS, *headers[len(ANSWER) :]]
        await send({"type": "http.response.start", "status": 200, "headers": start_headers})
        try:
            async for piece in self._pieces(asked, app, position):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except Exception as error:  # noqa: BLE001 - the reader is told, and comes again
            failure = self._service.failure(error, PATH)
            piece = b"event: end\ndata: %b\n\n" % failure
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return None

    async def _pieces(self, asked: Asked, app: int, position: Position) -> AsyncIterator[bytes]:
        """Events as they come, and a sign of life where none does, until the server ends. Who comes
        again goes on where it was. Raises `Fail` when the reader may read no longer."""
        if position.token:
            # At once, so that a reader without news has a cursor, too.
            yield b"id: %b\n\n" % cursor_of(position).encode()
        loop = asyncio.get_running_loop()
        admitted_at = loop.time()
        while not self._watch.ended:
            if loop.time() - admitted_at >= _BEAT_SECONDS:
                await self._admitted(asked)
                admitted_at = loop.time()
                yield b": still here\n\n"
            found = await next_of(self._store, app, position, _STREAMED_AT_A_TIME)
            for told in found:
                position = Position(told.seq, told.token)
                if told.event.kind is not EventKind.BEGUN:
                    yield _sent(told)
            if not found:
                await self._watch.wait(app, position.seq, _BEAT_SECONDS)


def _sent(told: Told) -> bytes:
    data = encoded(change_of(told))
    return b"id: %b\nevent: change\ndata: %b\n\n" % (cursor_of(told).encode(), data)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _wanted(query: bytes) -> _Wanted:
    """What the query asks for. Raises `Fail`."""
    given: dict[str, str] = {}
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        given[name.decode("latin-1")] = unquote_to_bytes(value).decode("latin-1")
    return _Wanted(
        given.get("since") or "now",
        _number(given, "limit", _PAGE_SIZE, range(1, FEED_PAGE_SIZE_MAX + 1)),
        _number(given, "wait", _WAIT_SECONDS, range(FEED_WAIT_SECONDS_MAX + 1)),
    )


def _number(given: dict[str, str], name: str, usual: int, allowed: range) -> int:
    text = given.get(name) or str(usual)
    if text.isascii() and text.isdigit() and len(text) <= len(str(allowed.stop)):
        number = int(text)
        if number in allowed:
            return number
    raise Fail(
        Code.BAD_PARAMETER,
        f"{name} is {shown(text)}; {allowed.start} to {allowed.stop - 1} are allowed",
    )
