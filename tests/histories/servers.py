"""Two server processes on one store, of which one may die and come back."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from histories import dying
from process import Server

_DYING_PROGRAM = (sys.executable, str(Path(dying.__file__)))


class Pair:
    """The servers, None in the place of one that died."""

    def __init__(self, store_url: str, environ: Mapping[str, str]) -> None:
        self._arguments = ("--store", store_url, "--log-calls", "none")
        self._environ = environ
        self.servers: list[Server | None] = [None, None]

    async def __aenter__(self) -> Self:
        await asyncio.gather(self.start(0), self.start(1))
        return self

    async def __aexit__(self, *_: object) -> None:
        for place, server in enumerate(self.servers):
            if server is not None:
                self.servers[place] = None
                # Not so one that had ended before.
                assert await asyncio.to_thread(server.stop) == 0

    async def start(self, place: int, *, dies_after: int = 0) -> None:
        """Start a server, one that dies after so many changes of books unless that is 0."""
        self.servers[place] = await asyncio.to_thread(self._started, dies_after)

    def _started(self, dies_after: int) -> Server:
        if not dies_after:
            return Server(*self._arguments, environ=self._environ)
        environ = {**self._environ, dying.VARIABLE: str(dies_after)}
        return Server(*self._arguments, environ=environ, program=_DYING_PROGRAM)

    async def end(self, place: int) -> int:
        """End a server as a power cut would, unless it ended by itself; its exit code."""
        server = self.servers[place]
        assert server is not None
        self.servers[place] = None
        return await asyncio.to_thread(server.kill)

    def urls(self) -> dict[str, str]:
        """Where the servers that are not known to be dead listen, by their names."""
        return {name: server.url for name, server in zip("AB", self.servers, strict=True) if server}
