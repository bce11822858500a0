"""HTTP/1.1 as uvicorn speaks it, with the bounds and the patience that it leaves to others.

There are at most 20,000 connections. A head has 64 KiB and 10 seconds; at shutdown a body has one more
second. A request that offers to change the protocol is answered as if it did not: Java's own client
offers HTTP/2 (`Upgrade: h2c`) with every first request, and a server may ignore the offer (RFC 9110,
7.8). The parser takes what follows an offer for the other protocol, the body included, so the head is
parsed again without it.
"""

from __future__ import annotations

import asyncio

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from chatmarks.limits import CONNECTIONS_MAX, HEAD_BYTES_MAX, HEAD_SECONDS_MAX, IDLE_SECONDS_MAX

_PIECE_BYTES = 16384
_DRAIN_SECONDS = 1.0


class Http11(HttpToolsProtocol):
    """The protocol of one connection."""

    head_bytes = 0
    """How much has come since the last head was whole, in pieces; 0 while a body comes."""

    in_head = True
    head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as there
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX:
            transport.abort()
            return
        self.head_timer = self.loop.call_later(IDLE_SECONDS_MAX, transport.close)

    def data_received(self, data: bytes) -> None:
        """Parse what came, in pieces, so that a head that never ends is noticed early."""
        while data and not self.transport.is_closing():
            piece, data = data[:_PIECE_BYTES], data[_PIECE_BYTES:]
            data = self._parse(piece) + data
            if self.in_head:
                self.head_bytes += len(piece)
                if self.head_bytes > HEAD_BYTES_MAX:
                    self.send_400_response(f"The head has more than {HEAD_BYTES_MAX} bytes.")

    def _parse(self, piece: bytes) -> bytes:
        """Parse a piece; what is to be parsed before the next one."""
        self._unset_keepalive_if_required()
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
        super().on_message_begin()
        self._stop_head_timer()
        self.head_timer = self.loop.call_later(HEAD_SECONDS_MAX, self._head_too_slow)

    def on_headers_complete(self) -> None:
        self._stop_head_timer()
        self.in_head = False
        self.head_bytes = 0
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        self.in_head = True
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """End after the answer to a request that is whole, or becomes so within a second."""
        super().shutdown()
        self.loop.call_later(_DRAIN_SECONDS, self._end_unless_answering)

    def _end_unless_answering(self) -> None:
        cycle = self.cycle
        answering = cycle is not None and not (cycle.more_body or cycle.response_complete)
        # Aborted, not closed: with TLS a close waits for an idle client to say goodbye too.
        if not answering and not self.transport.get_write_buffer_size():
            self.transport.abort()

    def _head_too_slow(self) -> None:
        self.send_400_response(f"The head was not whole within {HEAD_SECONDS_MAX:g} seconds.")

    def _stop_head_timer(self) -> None:
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
