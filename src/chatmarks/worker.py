"""One of several worker processes: answers calls on a socket that its parent listens on.

Its standard input is a socket to the parent. Messages go over it both ways, a line of JSON each: the
parent begins and asks, the worker tells that it answers calls, or why it cannot, and what it counted.
When the parent is gone, whatever ended it, the worker ends as on SIGTERM.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any, Self, TypeAlias

import msgspec
from msgspec import Struct

from chatmarks.asgi import public
from chatmarks.config import Settings
from chatmarks.engines import BadStore
from chatmarks.feed.endpoint import Feed
from chatmarks.feed.upkeep import kept_up
from chatmarks.lane import Lane
from chatmarks.listen import CannotListen, http, listening
from chatmarks.metrics import Counts, Metrics
from chatmarks.seal import SealError
from chatmarks.serve import collect_rarely, log_to_stderr, loop_factory, opened, watched

_REPORT_SECONDS = 1.0
_LINE_BYTES_MAX = 2**24
_CANNOT_START = 2
_GOODBYE_SECONDS = 1.0


class Begin(Struct, frozen=True, tag=True):
    """To a worker: answer calls on the socket with the file number `listener`."""

    settings: Settings
    listener: int


class Ask(Struct, frozen=True, tag=True):
    """To a worker: tell what you counted."""


class Ready(Struct, frozen=True, tag=True):
    """From a worker: calls are answered."""


class Failed(Struct, frozen=True, tag=True):
    """From a worker: it cannot start, and why."""

    problem: str


class Report(Struct, frozen=True, tag=True):
    """From a worker: what it counted until now, and whether it was `asked`."""

    counts: Counts
    asked: bool


FromWorker: TypeAlias = Ready | Failed | Report


class Link:
    """Messages between a worker and its parent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, end: socket.socket) -> Self:
        """A link over one end of a pair of sockets."""
        return cls(*await asyncio.open_unix_connection(sock=end, limit=_LINE_BYTES_MAX))

    def send(self, message: Struct) -> None:
        """Send a message, unless the other side is gone."""
        if not self._writer.is_closing():
            self._writer.write(msgspec.json.encode(message) + b"\n")

    async def receive(self, kind: Any) -> Any:
        """The next message, of type `kind`; None when the other side is gone."""
        try:
            line = await self._reader.readline()
        except ConnectionError:
            return None
        # Whoever was killed may have left half a line.
        return msgspec.json.decode(line, type=kind) if line.endswith(b"\n") else None

    async def close(self) -> None:
        """Send what is still to be sent, and let go once the other side has it.

        Closed with something unread, the other side would hear of a reset before it has read all.
        """
        with contextlib.suppress(OSError, TimeoutError):
            if not self._writer.is_closing():
                self._writer.write_eof()
            async with asyncio.timeout(_GOODBYE_SECONDS):
                while await self._reader.read(_LINE_BYTES_MAX):
                    pass
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


def main() -> None:
    """Work, as a process of its own, and end it."""
    log_to_stderr()
    collect_rarely()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        code = runner.run(_work())
    sys.exit(code)


async def _work() -> int:
    """Answer calls until SIGTERM, or until the parent is gone; the exit code."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    link = await Link.over(socket.socket(fileno=sys.stdin.fileno()))
    begin: Begin | None = await link.receive(Begin)
    code = 0
    if begin is not None:
        try:
            await _answer_calls(begin, link, stop)
        except (BadStore, SealError, CannotListen) as error:
            link.send(Failed(str(error)))
            code = _CANNOT_START
    await link.close()
    return code


async def _answer_calls(begin: Begin, link: Link, stop: asyncio.Event) -> None:
    async with _answering(begin) as metrics:
        link.send(Ready())
        reporting = (
            asyncio.create_task(_report_often(link, metrics)),
            asyncio.create_task(_report_when_asked(link, metrics, stop)),
        )
        await stop.wait()
    for task in reporting:
        task.cancel()
    await asyncio.gather(*reporting, return_exceptions=True)
    # Whatever was answered to the last is counted.
    link.send(Report(metrics.counts(), asked=False))


@contextlib.asynccontextmanager
async def _answering(begin: Begin) -> AsyncIterator[Metrics]:
    """The road, on the parent's socket, and what counts its calls."""
    settings = begin.settings
    # Not created: a file that is gone since the parent opened it is a fault, not a fresh start.
    async with opened(settings, create=False) as (store, seal), kept_up(store, seal) as watch:
        with (
            watched(settings, store, seal) as (service, metrics),
            socket.socket(fileno=begin.listener) as listener,
        ):
            application = public(service, Feed(service, watch))
            served = http(application, settings.tls_cert, settings.tls_key, lane=Lane(service))
            async with listening(served, listener):
                yield metrics
                service.end()
                # Before the listener waits for who waits.
                watch.end()


async def _report_often(link: Link, metrics: Metrics) -> None:
    """Tell what was counted whenever it changed, so that little is lost with a worker."""
    told = Counts()
    while True:
        await asyncio.sleep(_REPORT_SECONDS)
        counts = metrics.counts()
        if counts != told:
            link.send(Report(counts, asked=False))
            told = counts


async def _report_when_asked(link: Link, metrics: Metrics, stop: asyncio.Event) -> None:
    """Answer the parent until it is gone; then the worker is to end."""
    while await link.receive(Ask):
        link.send(Report(metrics.counts(), asked=True))
    stop.set()
