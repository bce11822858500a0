"""A connection that takes as little time as it can: what a client takes hides what the server does."""

from __future__ import annotations

import asyncio
import re
from typing import Self
from urllib.parse import urlsplit

from process import signed_query

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_LAST = b"\r\nconnection: close\r\n"
_ANSWER_SECONDS_MAX = 10


class NotSent(Exception):
    """Nobody listens: the call was never made."""


class NoAnswer(Exception):
    """The server went away while it had the call."""


class Wire:
    """One connection to the server at `url`, made at the first call. `told_last`: the last answer said
    that no other will come."""

    told_last = False

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._place = parts.hostname, parts.port
        self._query = signed_query()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._streams is not None:
            self._streams[1].close()

    async def call(self, path: str, body: bytes) -> bytes:
        """The body of the answer. Raises `NotSent` and `NoAnswer`."""
        try:
            self._streams = self._streams or await asyncio.open_connection(*self._place)
        except OSError as error:
            raise NotSent from error
        reader, writer = self._streams
        try:
            async with asyncio.timeout(_ANSWER_SECONDS_MAX):
                writer.write(self._head(path, len(body)) + body)
                head = await reader.readuntil(b"\r\n\r\n")
                found = _LENGTH.search(head)
                assert head.startswith(b"HTTP/1.1 200 "), head
                assert found, head
                self.told_last = _LAST in head.lower()
                return await reader.readexactly(int(found[1]))
        except (OSError, asyncio.IncompleteReadError) as error:
            raise NoAnswer from error

    def _head(self, path: str, length: int) -> bytes:
        lines = [
            f"POST /v4/{path}?{self._query} HTTP/1.1",
            "Host: localhost",
            f"Content-Length: {length}",
        ]
        return "\r\n".join([*lines, "", ""]).encode()
