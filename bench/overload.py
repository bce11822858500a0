"""More clients than can be served, who all mark conversations: python -m bench.overload.

Each client asks again as soon as it has its answer. What is told: how many calls a second were done and
how many were refused with 50005, how long those that were done took, and what memory the server had.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from bench import calls, machine, stores
from bench.books import shelved
from bench.cases import Load
from bench.pacer import requests_of
from process import Server, signed_query

_CLIENTS = (64, 1000, 2000, 64)
_SECONDS = 10
_HEAD_END = b"\r\n\r\n"
_DONE, _REFUSED = b'"ErrorCode":0,', b'"ErrorCode":50005,'


class _Client(asyncio.Protocol):
    """Asks until told to stop; `done` and `refused` hold how long answers took, in seconds."""

    def __init__(self, requests: Iterator[bytes], done: list[float], refused: list[float]) -> None:
        self._requests, self._done, self._refused = requests, done, refused
        self._since = 0.0
        self._came = b""
        self.failed = self.answers = 0
        self.asks = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # TCP
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        """Send the next call."""
        self._came, self._since = b"", time.perf_counter()
        self.transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._came += data
        head, _, body = self._came.partition(_HEAD_END)
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        took = time.perf_counter() - self._since
        self.answers += 1
        if _DONE in body:
            self._done.append(took)
        elif _REFUSED in body:
            self._refused.append(took)
        else:
            self.failed += 1
        if self.asks:
            self.ask()


async def _ask(url: str, requests: Iterator[bytes], count: int) -> tuple[list[float], list[float], int]:
    """How long the calls of `count` clients took that were done and that were refused, and how many
    were answered otherwise."""
    done: list[float] = []
    refused: list[float] = []
    loop, parts = asyncio.get_running_loop(), urlsplit(url)
    clients = []
    for _ in range(count):
        _, client = await loop.create_connection(
            lambda: _Client(requests, done, refused), parts.hostname or "", parts.port or 0
        )
        clients.append(client)
    # Until each has an answer: those that connect while others ask again and again have to wait.
    while any(client.answers == 0 for client in clients):  # noqa: ASYNC110 - counts, no event
        await asyncio.sleep(0.1)
    done.clear()
    refused.clear()
    await asyncio.sleep(_SECONDS)
    answer = list(done), list(refused), sum(client.failed for client in clients)
    for client in clients:
        client.asks = False
        client.transport.abort()
    await asyncio.sleep(1)
    return answer


def main() -> None:
    """Ask with more and more clients, then with few again."""
    cores = machine.cores()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=stores.cache())))
        stack.enter_context(machine.on_core(cores.generator))
        url = f"sqlite:///{folder}/books.db"
        stores.fill(url, shelved())
        calls.write(folder / "calls", Load("mark"), signed_query(), 0)
        with machine.on_core(cores.server):
            server = Server("--store", url, "--log-calls", "none")
        stack.callback(server.stop)
        runner = stack.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
        requests = itertools.cycle(requests_of(folder / "calls", "localhost"))
        print("clients | done/s | refused/s | p50 ms | p99 ms | p99 ms refused | peak MB | failed")
        for count in _CLIENTS:
            done, refused, failed = runner.run(_ask(server.url, requests, count))
            print(
                f"{count:7,} | {len(done) / _SECONDS:6,.0f} | {len(refused) / _SECONDS:9,.0f}"
                f" | {_percentile(done, 50):6.0f} | {_percentile(done, 99):6.0f}"
                f" | {_percentile(refused, 99):14.0f}"
                f" | {machine.peak_mb([server.process.pid]):7.0f} | {failed}",
                flush=True,
            )


def _percentile(seconds: list[float], which: int) -> float:
    """In milliseconds; 0 where there is nothing."""
    if len(seconds) < 2:  # noqa: PLR2004 - as many as quantiles need
        return 0.0
    return statistics.quantiles(seconds, n=100, method="inclusive")[which - 1] * 1000


if __name__ == "__main__":
    main()
