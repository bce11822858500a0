"""Two server processes on one store, which may die and come back."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from process import PROGRAM, Server

_PROGRAM = (sys.executable, str(Path(__file__).with_name("program.py")))
"""Where something is done to a server. Not imported, as it changes what it imports."""


class Pair:
    """The servers, None in the place of one that died. All get `environ`, which may say what `program`
    does to them, and have so many `workers`."""

    def __init__(self, store_url: str, environ: Mapping[str, str], *, workers: int = 1) -> None:
        self._arguments = ("--store", store_url, "--log-calls", "none", "--workers", str(workers))
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

    async def start(self, place: int, does: Mapping[str, str] | None = None) -> None:
        """Start a server, to which is done what `program` understands."""
        self.servers[place] = await asyncio.to_thread(self._started, {**self._environ, **(does or {})})

    def _started(self, environ: Mapping[str, str]) -> Server:
        program = _PROGRAM if environ else PROGRAM
        return Server(*self._arguments, environ=environ, program=program)

    async def end(self, place: int) -> int:
        """End a server as a power cut would, unless it ended by itself; its exit code."""
        server = self.servers[place]
        assert server is not None
        self.servers[place] = None
        return await asyncio.to_thread(server.kill)

    def urls(self) -> dict[str, str]:
        """Where the servers that are not known to be dead listen, by their names."""
        return {name: server.url for name, server in zip("AB", self.servers, strict=True) if server}
