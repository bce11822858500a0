"""The log of calls: one JSON line each, written in batches. Never a ticket, a key or a custom mark."""

from __future__ import annotations

import asyncio
import time
from typing import TextIO

import msgspec

from chatmarks.errors import Code
from chatmarks.service import Observed

_FLUSH_SECONDS = 0.2
_LINES_MAX = 1000
_PIECE_BYTES_MAX = 4096
_SDKAPPID_DIGITS_MAX = 20


class CallLog:
    """Writes lines to `stream`: `time` (Unix seconds), `app` (as claimed), `command`, `code`, `ms`
    and `request`, which is the answer's X-Request-Id."""

    def __init__(self, stream: TextIO, *, failed_only: bool) -> None:
        self._stream = stream
        self._failed_only = failed_only
        self._lines: list[bytes] = []
        self._encoder = msgspec.json.Encoder()

    def observe(self, call: Observed) -> None:
        """Note a call. It is written within a fifth of a second, or with the next thousand."""
        if self._failed_only and call.code is Code.OK:
            return
        if not self._lines:
            asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)
        self._lines.append(
            self._encoder.encode(
                {
                    "time": round(time.time(), 3),
                    "app": call.sdkappid and call.sdkappid[:_SDKAPPID_DIGITS_MAX],
                    "command": call.command,
                    "code": call.code,
                    "ms": round(call.seconds * 1000, 3),
                    "request": call.request_id,
                }
            )
        )
        if len(self._lines) >= _LINES_MAX:
            self.flush()

    def flush(self) -> None:
        """Write what was noted, in pieces of whole lines that a pipe takes at once (PIPE_BUF): several
        workers write to one."""
        lines, self._lines = self._lines, []
        piece = b""
        for line in lines:
            if len(piece) + len(line) >= _PIECE_BYTES_MAX:
                self._write(piece)
                piece = b""
            piece += line + b"\n"
        if piece:
            self._write(piece)

    def _write(self, piece: bytes) -> None:
        self._stream.write(piece.decode())
        self._stream.flush()
