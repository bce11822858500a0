"""Who asks at times of its own, whether answers come or not, as people do.

Calls come at random and independently of each other. h2load would send them in step: all of its
clients at once, then none for a while.
"""

from __future__ import annotations

import contextlib
import gc
import random
import re
import select
import socket
import statistics
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from bench.generator import Heard

_PIECE_BYTES = 1 << 18
_PATIENCE_SECONDS = 10.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_OK = b"HTTP/1.1 200"


class _Client:
    """A connection, and the call it waits for. `since` is when that call began to wait."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.since = 0.0
        self.came = b""

    def fileno(self) -> int:
        return self.socket.fileno()

    def is_answered(self) -> bool:
        """Take what came. Whether the answer is whole."""
        piece = self.socket.recv(_PIECE_BYTES)
        if not piece:
            raise ConnectionError("the server closed a connection")
        self.came += piece
        head, end, body = self.came.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        return bool(end) and length is not None and len(body) >= int(length[1])


def pace(url: str, calls: Path, clients: int, seconds: float, rate: float) -> Heard:
    """Ask `rate` times a second on the average.

    An answer takes from when its call was sent; where all connections were waiting for answers, from
    when it was due, so that a server that stalls is charged for those who would have asked meanwhile.
    """
    host, port = urlsplit(url).hostname or "", urlsplit(url).port or 0
    requests = list(requests_of(calls, f"{host}:{port}"))
    took: list[float] = []
    failed = 0
    with contextlib.ExitStack() as stack:
        gc.disable()
        stack.callback(gc.enable)
        free = deque(_Client(host, port) for _ in range(clients))
        everybody = list(free)
        for client in everybody:
            stack.callback(client.socket.close)
        asked, late = 0, False
        waiting: set[_Client] = set()
        began_at = time.perf_counter()
        due_times = _due_times(began_at, rate)
        due = next(due_times)
        while (now := time.perf_counter()) < began_at + seconds or waiting:
            over = now >= began_at + seconds
            if over and now > began_at + seconds + _PATIENCE_SECONDS:
                failed += len(waiting)
                break
            while not over and due <= now:
                if not free:
                    late = True
                    break
                client = free.popleft()
                client.came, client.since = b"", due if late else time.perf_counter()
                client.socket.sendall(requests[asked % len(requests)])
                waiting.add(client)
                asked, late, due = asked + 1, False, next(due_times)
            pause = _PATIENCE_SECONDS if over or not free else max(0.0, due - time.perf_counter())
            for client in select.select(waiting, (), (), pause)[0]:
                if client.is_answered():
                    took.append(time.perf_counter() - client.since)
                    failed += not client.came.startswith(_OK)
                    waiting.remove(client)
                    free.append(client)
    percentiles = statistics.quantiles(took, n=100, method="inclusive")
    return Heard(len(took), seconds, failed, percentiles[49] * 1000, percentiles[98] * 1000)


def requests_of(calls: Path, host: str) -> Iterator[bytes]:
    """The calls of a file as they go over the wire."""
    for line in calls.read_text().splitlines():
        method, path, body = line.split("\t")
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        yield (head + body).encode()


def _due_times(began_at: float, rate: float) -> Iterator[float]:
    """The same for everybody who is asked at that rate."""
    drawn = random.Random(1)
    due = began_at
    while True:
        due += drawn.expovariate(rate)
        yield due
