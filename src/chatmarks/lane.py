"""The short way: a call that came whole is answered without a task, a scope and messages of its own.

The calls that came since the loop looked at its sockets are answered in one callback, so that what the
store looks up for the first of them is new enough for all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Protocol

from chatmarks.asgi import ANSWER, Headers, request_ids
from chatmarks.service import Asked, Service


class Connection(Protocol):
    """Who asked: `asked` is the call that waits for the lane, `defaults` the headers of every response,
    the same list as long as they do not change."""

    asked: Asked | None

    @property
    def defaults(self) -> Headers: ...

    def send(self, response: bytes) -> None:
        """Send a whole response."""

    def go_on(self, answer: Awaitable[bytes], request_id: str) -> None:
        """Respond with what `answer` gives, in a task."""


class Lane:
    """Answers the calls of all connections of a listener."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._ids = request_ids()
        self._waiting: list[Connection] = []
        self._defaults: Headers = []
        self._head = b""

    def draw_request_id(self) -> str:
        """The name of the next call."""
        return next(self._ids)

    def add(self, connection: Connection) -> None:
        """Answer the call of a connection soon, unless it takes it back."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._answer)
        self._waiting.append(connection)

    def handle(self, asked: Asked) -> Awaitable[bytes]:
        """The answer to a call that was taken back."""
        return self._service.finish(asked)

    def _answer(self) -> None:
        waiting, self._waiting = self._waiting, []
        for connection in waiting:
            asked, connection.asked = connection.asked, None
            if asked is None:
                continue
            answer = self._service.answer(asked)
            if isinstance(answer, bytes):
                length = b"\r\ncontent-length: %d\r\n\r\n" % len(answer)
                name = asked.request_id.encode()
                connection.send(b"".join((self._headers(connection), name, length, answer)))
            else:
                connection.go_on(answer, asked.request_id)

    def _headers(self, connection: Connection) -> bytes:
        """A response as far as it is the same for all."""
        if connection.defaults is not self._defaults:
            self._defaults = connection.defaults
            lines = (b"%b: %b\r\n" % header for header in (*self._defaults, *ANSWER))
            self._head = b"HTTP/1.1 200 OK\r\n%bx-request-id: " % b"".join(lines)
        return self._head
