"""The caller's ticket: signed here, or given, and replaced before it expires."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from chatmarks.errors import Fail
from chatmarks.usersig import decode, sign

TICKET_SECONDS_DEFAULT = 86400
"""Lifetime of a ticket that is signed here; document 269/1671 advises a day at least."""

_MARGIN_SECONDS_MAX = 300

Clock = Callable[[], float]
Source = Callable[[], str | Awaitable[str]]
"""What gives a fresh ticket; one that is awaited is for `AsyncClient` alone."""


class Tickets:
    """The ticket in use. It never shows in a `repr`."""

    def __init__(self, source: Source | None, given: str | None, clock: Clock = time.time) -> None:
        self.source = source
        self._ticket = given
        self._clock = clock
        self._renew_at = float("inf")

    def __repr__(self) -> str:
        return "Tickets()"

    def kept(self) -> str | None:
        """The ticket in use; None when a fresh one is needed."""
        if self.source is not None and self._clock() >= self._renew_at:
            return None
        return self._ticket

    def keep(self, ticket: object) -> str:
        """Use `ticket` from now on, until it is about to expire."""
        if not isinstance(ticket, str):
            raise TypeError(f"usersig gave a {type(ticket).__name__}; a string is needed")
        try:
            read = decode(ticket)
            margin = min(_MARGIN_SECONDS_MAX, max(read.expire, 0) // 10)
            self._renew_at = read.expires_at - margin
        except Fail:
            # Of some other form: the server judges it, and tells when it is expired.
            self._renew_at = float("inf")
        self._ticket = ticket
        return ticket

    def drop(self, refused: str) -> None:
        """Use `refused` no more, unless another one took its place meanwhile."""
        if self._ticket == refused:
            self._renew_at = float("-inf")


def tickets(
    sdkappid: int,
    identifier: str,
    key: str | None,
    usersig: str | Source | None,
    ticket_seconds: int,
    clock: Clock,
) -> Tickets:
    """The tickets of a caller who has a secret `key`, or else a `usersig`, ready or to be asked for.

    Raises `ValueError`.
    """
    if (key is None) == (usersig is None):
        raise ValueError("one of key and usersig is required, and not both")
    if not identifier:
        raise ValueError("identifier is empty; the UserID of an administrator is required")
    if usersig == "":
        raise ValueError("usersig is empty; a ticket is required, or what gives one")
    if key is None:
        return Tickets(None, usersig) if isinstance(usersig, str) else Tickets(usersig, None, clock)
    if not key:
        raise ValueError("key is empty; the secret key of the app is required")
    if ticket_seconds < 1:
        raise ValueError(f"ticket_seconds is {ticket_seconds}; 1 and more are allowed")
    return Tickets(
        lambda: sign(sdkappid, identifier, key, now=int(clock()), expire=ticket_seconds), None, clock
    )
