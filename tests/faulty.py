"""A proxy before a real server that loses calls and answers, as networks and gateways do."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Generator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Struct


class Seen(Struct, frozen=True):
    """A request that reached the proxy."""

    command: str
    query: dict[str, list[str]]
    body: Any
    headers: dict[str, str]

    @property
    def ticket(self) -> str:
        return self.query["usersig"][0]


Fault = Callable[["_Handler", bytes], None]
"""Deals with a request, whose body it gets."""


class Proxy:
    """Where it listens, what it saw, and what it does to the next requests, one fault for each; a
    request without one is passed on."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.seen: list[Seen] = []
        self.faults: list[Fault] = []
        self.url = ""

    def commands(self) -> list[str]:
        return [seen.command.partition("/")[2] for seen in self.seen]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        seen = Seen(
            parts.path.removeprefix("/v4/"),
            parse_qs(parts.query),
            msgspec.json.decode(body),
            dict(self.headers.items()),
        )
        self.proxy.seen.append(seen)
        fault = self.proxy.faults.pop(0) if self.proxy.faults else passed
        # Who asked may have left.
        with contextlib.suppress(ConnectionError):
            fault(self, body)

    def forward(self, body: bytes) -> tuple[bytes, str]:
        """The real server's answer and its request id."""
        connection = HTTPConnection(urlsplit(self.proxy.upstream).netloc, timeout=30)
        connection.request("POST", self.path, body)
        response = connection.getresponse()
        answer = response.read(), response.headers.get("X-Request-Id", "")
        connection.close()
        return answer

    def answer(self, status: int, body: bytes, request_id: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if request_id:
            self.send_header("X-Request-Id", request_id)
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self) -> None:
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


def passed(handler: _Handler, body: bytes) -> None:
    """No fault."""
    answer, request_id = handler.forward(body)
    handler.answer(200, answer, request_id)


def call_lost(handler: _Handler, _: bytes) -> None:
    """The connection ends before the server has the call."""
    handler.hang_up()


def answer_lost(handler: _Handler, body: bytes) -> None:
    """The connection ends after the server has done the call."""
    handler.forward(body)
    handler.hang_up()


def answer_late(seconds: float) -> Fault:
    """The answer comes after `seconds`."""

    def late(handler: _Handler, body: bytes) -> None:
        answer, request_id = handler.forward(body)
        time.sleep(seconds)
        handler.answer(200, answer, request_id)

    return late


def trickling(bytes_each: int, seconds: float) -> Fault:
    """The answer comes in parts of `bytes_each`, with `seconds` between two."""

    def trickle(handler: _Handler, body: bytes) -> None:
        answer, _ = handler.forward(body)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        for begin in range(0, len(answer), bytes_each):
            handler.wfile.write(answer[begin : begin + bytes_each])
            time.sleep(seconds)

    return trickle


def status(number: int, *, done: bool = False) -> Fault:
    """HTTP `number` instead of the answer; `done`: after the server has done the call."""

    def instead(handler: _Handler, body: bytes) -> None:
        if done:
            handler.forward(body)
        handler.answer(number, b"<html>a gateway</html>")

    return instead


def code(number: int, *, done: bool = False, text: str = "a fault") -> Fault:
    """`ErrorCode` `number` instead of the answer; `done`: after the server has done the call."""

    def instead(handler: _Handler, body: bytes) -> None:
        if done:
            handler.forward(body)
        fail = {"ActionStatus": "FAIL", "ErrorCode": number, "ErrorInfo": text, "ErrorDisplay": ""}
        handler.answer(200, msgspec.json.encode(fail), "fault-1")

    return instead


def ticket_repeated(handler: _Handler, _: bytes) -> None:
    """A refusal whose text holds the ticket of the call."""
    ticket = handler.proxy.seen[-1].ticket
    code(70003, text=f"illegal: {ticket}")(handler, b"")


def canned(body: bytes) -> Fault:
    """`body` instead of the answer."""
    return lambda handler, _: handler.answer(200, body)


def after(act: Callable[[], object], fault: Fault) -> Fault:
    """`fault`, once `act` is done."""

    def both(handler: _Handler, body: bytes) -> None:
        act()
        fault(handler, body)

    return both


class _Listener(ThreadingHTTPServer):
    request_queue_size = 128
    """Connections that wait to be taken: a client may open many at once, and one that finds no room
    tries again only after a second."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that left: in tests of this process that would be its output."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def proxy_before(upstream: str) -> Generator[Proxy, None, None]:
    """A proxy on a free port, for a block."""
    proxy = Proxy(upstream)
    handler = type("Handler", (_Handler,), {"proxy": proxy})
    with _Listener(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
