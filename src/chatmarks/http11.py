"""HTTP/1.1 as uvicorn speaks it, with the bounds and the patience that it leaves to others.

There are at most 20,000 connections. A head has 64 KiB and 10 seconds. A POST to `/v4/` or `/x/1/` that
comes whole, with nothing before it that is still to be answered, takes the `lane`; every other request
goes the long way that uvicorn knows.

At the end of a listener a connection's last answer says that it is the last (`Connection: close`). One
that is silent, or amid a request, has one more second.

A request that offers to change the protocol is answered as if it did not: Java's own client offers
HTTP/2 (`Upgrade: h2c`) with every first request, and a server may ignore the offer (RFC 9110, 7.8). The
parser takes what follows an offer for the other protocol, the body included, so the head is parsed
again without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sized
from typing import Any

import httptools
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from chatmarks.asgi import (
    ANSWER,
    DROP,
    Application,
    Headers,
    Receive,
    Scope,
    Send,
    named,
    respond_with,
)
from chatmarks.lane import Lane
from chatmarks.limits import CONNECTIONS_MAX, HEAD_BYTES_MAX, HEAD_SECONDS_MAX, IDLE_SECONDS_MAX
from chatmarks.service import Asked, Dropped

_PIECE_BYTES = 16384
_DRAIN_SECONDS = 1.0


class Config(uvicorn.Config):
    """What uvicorn is told of a listener, and whether that is ending."""

    is_ending = False


class _Flow(FlowControl):
    """Reads on only when no request is left in `pipeline`. uvicorn itself reads on after every answer,
    and each reading can bring thousands of requests, which would pile up."""

    def __init__(self, transport: asyncio.Transport, pipeline: Sized) -> None:
        super().__init__(transport)
        self._pipeline = pipeline

    def resume_reading(self) -> None:
        if not self._pipeline:
            super().resume_reading()


class Http11(HttpToolsProtocol):
    """The protocol of one connection. `lane` answers what comes whole, where there is one."""

    config: Config

    head_bytes = 0
    """How much has come since the last head was whole, in pieces; 0 while a body comes."""

    in_head = True
    from_page = False
    head_begun = False
    head_timer: asyncio.TimerHandle | None = None
    idle_timer: asyncio.TimerHandle | None = None
    idle_since = 0.0
    is_draining = False

    pieces: list[bytes] | None = None
    """The body of a request that is for the lane if it comes whole, as far as it came."""

    asked: Asked | None = None
    """The call that the lane is to answer."""

    rest: asyncio.Task[bytes] | None = None
    """What is left to do for it, once it was found that something has to be waited for."""

    def __init__(self, *uvicorns: Any, lane: Lane | None = None, **more_of_uvicorns: Any) -> None:
        super().__init__(*uvicorns, **more_of_uvicorns)
        self.lane = lane

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as there
        super().connection_made(transport)
        self.flow = _Flow(transport, self.pipeline)
        if len(self.connections) > CONNECTIONS_MAX:
            transport.abort()
            return
        self.idle_since = self.loop.time()
        self.idle_timer = self.loop.call_later(IDLE_SECONDS_MAX, self._close_if_idle)
        if self.config.is_ending:
            self.shutdown()

    def data_received(self, data: bytes) -> None:
        """Parse what came, in pieces, so that a head that never ends is noticed early."""
        self.idle_since = self.loop.time()
        while data and not self.transport.is_closing():
            piece, data = data[:_PIECE_BYTES], data[_PIECE_BYTES:]
            data = self._parse(piece) + data
            if self.in_head:
                self.head_bytes += len(piece)
                if self.head_bytes > HEAD_BYTES_MAX:
                    self.send_400_response(f"The head has more than {HEAD_BYTES_MAX} bytes.")
        if self.pieces is not None and not self.transport.is_closing():
            self._wait_for_the_rest(self.pieces)
        if self.head_begun and self.head_timer is None:
            self.head_timer = self.loop.call_later(HEAD_SECONDS_MAX, self._head_too_slow)

    def _parse(self, piece: bytes) -> bytes:
        """Parse a piece; what is to be parsed before the next one."""
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as offer:
            # CONNECT changes the protocol without an offer that could be left out.
            if self.parser.get_method() != b"CONNECT":
                return self._head_without_offer() + piece[offer.args[0] :]
            self.send_400_response("Invalid HTTP request received.")
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        return b""

    def on_message_begin(self) -> None:
        if self.asked is not None:
            # Answers come in the order of their requests, which uvicorn sees to.
            self._take_back(self.asked)
        self.head_begun = True
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        named = dict(self.headers)
        self.from_page = b"origin" in named
        self.expect_100_continue = named.get(b"expect", b"").lower() == b"100-continue"
        self._end_head()
        self.in_head = False
        self.head_bytes = 0
        if self.parser.should_upgrade():
            return
        if self._is_for_the_lane():
            self.pieces = []
        else:
            self._go_the_long_way()

    def on_body(self, body: bytes) -> None:
        if self.pieces is not None:
            self.pieces.append(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self.in_head = True
        if self.parser.should_upgrade():
            return
        if self.pieces is None or self.lane is None:
            super().on_message_complete()
            return
        path, _, query = self.url.partition(b"?")
        self.asked = Asked(
            path.decode("ascii"),
            query,
            b"".join(self.pieces),
            source=self.client[0] if self.client else "",
            from_page=self.from_page,
            request_id=self.lane.draw_request_id(),
        )
        self.pieces = None
        self.lane.add(self, self.asked)

    def _is_for_the_lane(self) -> bool:
        parser, path = self.parser, self.url.partition(b"?")[0]
        return (
            self.lane is not None
            and not self.config.is_ending
            and (self.cycle is None or self.cycle.response_complete)
            and path.startswith((b"/v4/", b"/x/1/"))
            and b"%" not in path
            and b"#" not in self.url
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not self.expect_100_continue
            and not self.flow.write_paused
        )

    def _go_the_long_way(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.scope["extensions"] = {DROP: {"end": self.transport.abort}}
        self.headers += headers
        super().on_headers_complete()
        if self.config.is_ending:
            self.cycle.keep_alive = False

    def _wait_for_the_rest(self, pieces: list[bytes]) -> None:
        self.pieces = None
        self._go_the_long_way()
        for piece in pieces:
            super().on_body(piece)

    def _take_back(self, asked: Asked) -> None:
        """Go the long way with what the lane did not answer yet."""
        assert self.lane is not None
        answer = self.rest or self.lane.finish(asked)
        self.asked = self.rest = None

        async def answering(scope: Scope, receive: Receive, send: Send) -> None:
            headers = [*ANSWER, named(asked.request_id)]
            await respond_with(answer, headers, scope, receive, send)

        usual: Application = self.app
        self.app = answering
        self._go_the_long_way()
        self.app = usual
        super().on_message_complete()

    # What the lane asks for.

    @property
    def defaults(self) -> Headers:
        return self.server_state.default_headers

    def send(self, response: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(response)

    def wait(self, asked: Asked, rest: Awaitable[bytes]) -> None:
        self.rest = self.loop.create_task(self._answered(asked, rest))
        self.tasks.add(self.rest)  # type: ignore[arg-type] # only waited for and cancelled
        self.rest.add_done_callback(self.tasks.discard)

    async def _answered(self, asked: Asked, rest: Awaitable[bytes]) -> bytes:
        try:
            answer = await rest
        except Exception as error:
            if self.asked is not asked:
                raise
            if not isinstance(error, Dropped):
                self.logger.error("fault in %s", asked.path, exc_info=error)
            self.asked = self.rest = None
            self.transport.abort()
            return b""
        if self.asked is asked and self.lane is not None:
            self.asked = self.rest = None
            self.send(self.lane.response(self.defaults, asked, answer))
            self.idle_since = self.loop.time()
        return answer

    # How long connections stay.

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # One timer that looks after the fact serves better than one begun for each response.
        self._unset_keepalive_if_required()
        self.idle_since = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_head()
        if self.idle_timer is not None:
            self.idle_timer.cancel()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """End after the answer to a request that is whole, or becomes so within a second."""
        if self.is_draining:
            return
        self.is_draining = True
        if self.asked is not None:
            self._take_back(self.asked)
        if self._is_answering():
            self.cycle.keep_alive = False
        self.loop.call_later(_DRAIN_SECONDS, self._end_unless_answering)

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _close_if_idle(self) -> None:
        left = self.idle_since + IDLE_SECONDS_MAX - self.loop.time()
        if left <= 0 and self.asked is None and not self._is_answering():
            self.transport.close()
        else:
            self.idle_timer = self.loop.call_later(max(left, 1.0), self._close_if_idle)

    def _end_unless_answering(self) -> None:
        coming = self._is_answering() and not self.cycle.more_body
        # Aborted, not closed: with TLS a close waits for an idle client to say goodbye too.
        if not coming and not self.transport.get_write_buffer_size():
            self.transport.abort()

    def _head_too_slow(self) -> None:
        self.send_400_response(f"The head was not whole within {HEAD_SECONDS_MAX:g} seconds.")

    def _end_head(self) -> None:
        self.head_begun = False
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None

    def _head_without_offer(self) -> bytes:
        head = [self.parser.get_method(), b" ", self.url, b" HTTP/1.1\r\n"]
        for name, value in self.headers:
            if name != b"upgrade":
                head += [name, b": ", value, b"\r\n"]
        self.parser = httptools.HttpRequestParser(self)
        return b"".join([*head, b"\r\n"])
