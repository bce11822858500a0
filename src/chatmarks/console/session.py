"""Who looks at the console: a signed cookie, and a token in every form that changes something.

A session says no more than that it began here, and whether its browser gave the credential of the
admin listener. Nothing is kept of it: it is good until its cookie is old, or the server ends.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

from msgspec import Struct

SECONDS_MAX = 12 * 3600
"""How long a session is good."""


class Session(Struct, frozen=True):
    """A session: its cookie, and whether it may see and do all. `token` is in each of its forms."""

    cookie: str
    let_in: bool
    token: str


class Sessions:
    """Makes sessions, and knows those it made. `clock` gives Unix seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._secret = secrets.token_bytes(32)
        self._clock = clock

    def begin(self, *, let_in: bool) -> Session:
        """A new session."""
        told = f"{int(let_in)}.{int(self._clock())}.{secrets.token_hex(16)}"
        return self._session(f"{told}.{self._signature('cookie', told)}", let_in=let_in)

    def known(self, cookie: str | None) -> Session | None:
        """The session of a cookie, None when it is none of ours or too old."""
        told, _, signature = (cookie or "").rpartition(".")
        expected = self._signature("cookie", told)
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            return None
        let_in, began, _ = told.split(".")
        if self._clock() - int(began) > SECONDS_MAX:
            return None
        return self._session(cookie or "", let_in=let_in == "1")

    def _session(self, cookie: str, *, let_in: bool) -> Session:
        return Session(cookie, let_in, self._signature("form", cookie))

    def _signature(self, purpose: str, text: str) -> str:
        return hmac.digest(self._secret, f"{purpose}:{text}".encode(), hashlib.sha256).hex()


def fits(given: str, expected: str) -> bool:
    """Whether a secret is the expected one, found out in constant time."""
    return hmac.compare_digest(given.encode(), expected.encode())
