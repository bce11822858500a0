"""The log of calls: one JSON line each, written in batches. Never a ticket, a key or a custom mark."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TextIO

import msgspec
from msgspec import Struct

from chatmarks.errors import Code
from chatmarks.service import Observed

log = logging.getLogger("chatmarks")

_FLUSH_SECONDS = 0.2
_CALLS_MAX = 1000
_PIECE_BYTES_MAX = 4096
_SDKAPPID_DIGITS_MAX = 20


class Line(Struct, frozen=True, gc=False):
    """A call: when it was answered, in Unix seconds, the app as claimed, and the answer's
    X-Request-Id."""

    time: float
    app: str | None
    command: str
    code: int
    ms: float
    request: str


class CallLog:
    """Writes lines of JSON to `stream`, a `Line` each."""

    def __init__(self, stream: TextIO, *, failed_only: bool) -> None:
        self._stream = stream
        self._failed_only = failed_only
        self._calls: list[tuple[float, Observed]] = []
        self._encoder = msgspec.json.Encoder()

    def observe(self, call: Observed) -> None:
        """Note a call. It is written within a fifth of a second, or with the next thousand."""
        if self._failed_only and call.code is Code.OK:
            return
        if not self._calls:
            asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)
        self._calls.append((time.time(), call))
        if len(self._calls) >= _CALLS_MAX:
            self.flush()

    def flush(self) -> None:
        """Write what was noted, in pieces of whole lines that a pipe takes at once (PIPE_BUF): several
        workers write to one."""
        calls, self._calls = self._calls, []
        text = self._encoder.encode_lines([_line(at, call) for at, call in calls])
        begin = 0
        try:
            while begin < len(text):
                end = text.rfind(b"\n", begin, begin + _PIECE_BYTES_MAX) + 1
                self._stream.write(text[begin:end].decode())
                self._stream.flush()
                begin = end
        except OSError:
            # A full disk, or nobody reads any more: calls are answered all the same.
            log.exception("lines of the log of calls could not be written")


def _line(at: float, call: Observed) -> Line:
    app = call.sdkappid and call.sdkappid[:_SDKAPPID_DIGITS_MAX]
    # Cut off, not rounded: that takes longer than all the rest of a line.
    milliseconds, microseconds = int(at * 1000), int(call.seconds * 1_000_000)
    return Line(milliseconds / 1000, app, call.command, call.code, microseconds / 1000, call.request_id)
