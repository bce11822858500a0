"""HTTP to `Service.handle`: a plain ASGI function for the public listener.

Answers are HTTP 200 whatever they say (document 1047/34620). Beside `/v4/` and `/x/1/` there are
`/healthz` (the process runs) and `/readyz` (calls are answered), for whoever operates the server.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any, Protocol, TypeAlias

from chatmarks.errors import Code, Fail
from chatmarks.limits import BODY_BYTES_MAX, BODY_SECONDS_MAX
from chatmarks.service import Dropped, Road

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers: TypeAlias = list[tuple[bytes, bytes]]

_TEXT = (b"content-type", b"text/plain; charset=utf-8")
# As the service itself answers (269/1519), since browsers call this API from the hosted tester.
_CORS: Headers = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-headers", b"X-Requested-With, Content-Type"),
    (b"access-control-allow-methods", b"POST"),
]
ANSWER: Headers = [(b"content-type", b"application/json"), *_CORS]
"""What is said of every answer."""

DROP = "chatmarks.drop"
"""The extension of a scope whose "end" ends its connection without a response."""

_CLOSE = (b"connection", b"close")

_DISCARDED_BYTES_MAX = 64 * BODY_BYTES_MAX


class _Left(Exception):
    """The client went away before its request was whole."""


def request_ids() -> Iterator[str]:
    """Names for calls, which nobody else draws."""
    boot = secrets.token_hex(4)
    return (f"{boot}-{number:x}" for number in itertools.count(1))


def named(request_id: str) -> tuple[bytes, bytes]:
    """The header that tells a call's name."""
    return b"x-request-id", request_id.encode()


class Further(Protocol):
    """What is answered beside commands, at `path`."""

    path: str

    async def respond(self, scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
        """Answer one request, whose body was read, with these headers among others."""


def public(service: Road, feed: Further | None = None) -> Application:
    """The application of the public listener; `feed` answers GET at its path."""
    ids = request_ids()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if path in ("/healthz", "/readyz"):
            problem = await service.problem() if path == "/readyz" else None
            text = f"not ready: {problem}\n" if problem else "ok\n"
            await respond(send, text.encode(), [_TEXT], status=503 if problem else 200)
            return
        if method == "OPTIONS":
            await respond(send, b"", list(_CORS))
            return
        request_id = next(ids)
        headers = [*ANSWER, named(request_id)]
        try:
            body = await _read_body(receive)
        except Fail as fail:
            await respond(send, service.refuse(fail), [*headers, _CLOSE])
            return
        except _Left:
            return
        if feed is not None and path == feed.path and method == "GET":
            await feed.respond(scope, receive, send, headers)
            return
        client = scope.get("client")
        answer = service.handle(
            path,
            scope["query_string"],
            body,
            method=method,
            source=client[0] if client else "",
            request_id=request_id,
            from_page=b"origin" in dict(scope["headers"]),
        )
        await respond_with(answer, headers, scope, receive, send)

    return application


async def respond_with(
    answer: Awaitable[bytes], headers: Headers, scope: Scope, receive: Receive, send: Send
) -> None:
    """Respond with what `answer` gives, or end the connection where it raises `Dropped`."""
    try:
        body = await answer
    except Dropped:
        scope["extensions"][DROP]["end"]()
        # The server would answer for an application that returns before the connection is lost.
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    await respond(send, body, headers)


async def _read_body(receive: Receive) -> bytes:
    """The body. Raises `Fail` 60008 when it is too large, or not whole in time."""
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            body, size = await _read_chunks(receive)
    except TimeoutError as error:
        raise Fail(
            Code.HTTP_WRONG, f"the body was not whole within {BODY_SECONDS_MAX:g} seconds"
        ) from error
    if size > BODY_BYTES_MAX:
        raise Fail(
            Code.HTTP_WRONG,
            f"the body has {size} bytes or more; at most {BODY_BYTES_MAX} are allowed",
        )
    return body


async def _read_chunks(receive: Receive) -> tuple[bytes, int]:
    """The body and its size. What is over the bound is read, so that the client gets to read the
    answer, but not kept."""
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Left
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size <= BODY_BYTES_MAX:
            chunks.append(chunk)
        else:
            chunks.clear()
        if not message.get("more_body", False) or size > _DISCARDED_BYTES_MAX:
            return b"".join(chunks), size


async def respond(send: Send, body: bytes, headers: Headers, *, status: int = 200) -> None:
    """Send a whole response."""
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
