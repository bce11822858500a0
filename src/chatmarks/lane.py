"""The short way: a call that came whole is answered without a task, a scope and messages of its own.

The calls that came since the loop looked at its sockets are answered in one callback, so that what the
store looks up for the first of them is new enough for all. Where something has to be waited for, the
rest is done in a task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Protocol

from chatmarks.asgi import ANSWER, Headers, request_ids
from chatmarks.service import Asked, Road


class Connection(Protocol):
    """Who asked: `asked` is the call that is to be answered short, `defaults` the headers of every
    response, the same list as long as they do not change."""

    asked: Asked | None

    @property
    def defaults(self) -> Headers: ...

    def send(self, response: bytes) -> None:
        """Send a whole response."""

    def wait(self, asked: Asked, rest: Awaitable[bytes]) -> None:
        """Answer with what `rest` gives."""


class Lane:
    """Answers the calls of all connections of a listener."""

    def __init__(self, service: Road) -> None:
        self._service = service
        self._ids = request_ids()
        self._waiting: list[tuple[Connection, Asked]] = []
        self._defaults: Headers = []
        self._head = b""

    def draw_request_id(self) -> str:
        """The name of the next call."""
        return next(self._ids)

    def add(self, connection: Connection, asked: Asked) -> None:
        """Answer a call soon, unless its connection does not have it as `asked` any more."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._answer)
        self._waiting.append((connection, asked))

    def finish(self, asked: Asked) -> Awaitable[bytes]:
        """The answer to a call that goes the long way after all."""
        return self._service.finish(asked)

    def response(self, defaults: Headers, asked: Asked, answer: bytes) -> bytes:
        """What is sent as a whole."""
        if defaults is not self._defaults:
            self._defaults = defaults
            lines = (b"%b: %b\r\n" % header for header in (*defaults, *ANSWER))
            self._head = b"HTTP/1.1 200 OK\r\n%bx-request-id: " % b"".join(lines)
        length = b"\r\ncontent-length: %d\r\n\r\n" % len(answer)
        return b"".join((self._head, asked.request_id.encode(), length, answer))

    def _answer(self) -> None:
        waiting, self._waiting = self._waiting, []
        for connection, asked in waiting:
            if connection.asked is not asked:
                continue
            try:
                answer = self._service.answer(asked)
            except Exception as fault:  # noqa: BLE001 - it ends this connection and no other
                answer = _failed(fault)
            if isinstance(answer, bytes):
                connection.asked = None
                connection.send(self.response(connection.defaults, asked, answer))
            else:
                connection.wait(asked, answer)


async def _failed(fault: Exception) -> bytes:
    raise fault
