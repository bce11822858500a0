"""The last calls, and why each was answered as it was. No ticket and no key is shown."""

from __future__ import annotations

import secrets
from collections import deque
from itertools import islice
from typing import Any, Protocol

from msgspec import Struct

from chatmarks.control.noted import Noted, told
from chatmarks.control.refused import Refused
from chatmarks.errors import shown

CALLS_DEFAULT = 1000
BYTES_MAX = 32 << 20
"""Of all requests and answers together; the oldest calls go when there are more."""

_DIGITS_MAX = 18
PAGE_MAX = 1000


class Filter(Struct, frozen=True):
    """Which calls are asked for; None where anything goes. `since`: Unix seconds."""

    command: str | None = None
    sdkappid: int | None = None
    account: str | None = None
    code: int | None = None
    since: float | None = None

    def takes(self, call: Noted) -> bool:
        """Whether it asks for `call`."""
        return (
            self.command in (None, call.command)
            and self.sdkappid in (None, call.sdkappid)
            and self.account in (None, call.account)
            and self.code in (None, call.code)
            and (self.since is None or call.time >= self.since)
        )


class Kept(Protocol):
    """A call as it is kept."""

    @property
    def bytes(self) -> int:
        """About what it takes."""
        ...

    def noted(self) -> Noted:
        """It, made ready to be shown."""
        ...


class Page(Struct, frozen=True):
    """Calls in the order in which they ended. `next` is the cursor behind them; `lost` tells how many
    behind the cursor that was given are gone; `more` whether others wait that fit the filter."""

    calls: list[dict[str, Any]]
    next: str
    lost: int
    more: bool


class Journal:
    """The last `calls_max` calls, or fewer when they are large."""

    def __init__(self, calls_max: int = CALLS_DEFAULT, bytes_max: int = BYTES_MAX) -> None:
        self._calls_max, self._bytes_max = calls_max, bytes_max
        self._boot = secrets.token_hex(4)
        self._calls: deque[Kept] = deque()
        self._bytes = 0
        self._ended = 0

    def note(self, call: Kept) -> None:
        """Keep a call; the oldest go."""
        self._calls.append(call)
        self._bytes += call.bytes
        self._ended += 1
        while self._calls and (len(self._calls) > self._calls_max or self._bytes > self._bytes_max):
            self._bytes -= self._calls.popleft().bytes

    def clear(self) -> int:
        """Forget all calls; how many. Cursors stay good."""
        gone = len(self._calls)
        self._calls.clear()
        self._bytes = 0
        return gone

    def page(self, wanted: Filter, after: str | None, limit: int) -> Page:
        """The first `limit` calls behind the cursor `after` that fit. Raises `Refused` 400."""
        first = self._ended - len(self._calls)
        start = first if after is None else self._number(after)
        found: list[dict[str, Any]] = []
        number = max(start, first)
        for call in islice(self._calls, number - first, None):
            number += 1
            if wanted.takes(noted := call.noted()):
                found.append(told(noted, f"{self._boot}-{number}"))
                if len(found) == limit:
                    break
        rest = islice(self._calls, number - first, None)
        return Page(
            found,
            f"{self._boot}-{number}",
            max(0, first - start),
            any(wanted.takes(call.noted()) for call in rest),
        )

    def of_request(self, request_id: str) -> Noted | None:
        """The newest call that had this request id."""
        newest = (call.noted() for call in reversed(self._calls))
        return next((call for call in newest if call.request_id == request_id), None)

    @property
    def ended(self) -> int:
        """How many calls were kept since its start."""
        return self._ended

    def newest(self, wanted: Filter, limit: int, since: int = 0) -> list[tuple[str, Noted]]:
        """The last `limit` calls that fit, the newest first, each behind its cursor; of those that
        were kept when `ended` had been `since`."""
        found: list[tuple[str, Noted]] = []
        for number, call in zip(range(self._ended, since, -1), reversed(self._calls), strict=False):
            if wanted.takes(noted := call.noted()):
                found.append((f"{self._boot}-{number}", noted))
                if len(found) == limit:
                    break
        return found

    def at(self, cursor: str) -> Noted | None:
        """The call that `cursor` is behind; None when it is gone. Raises `Refused` 400."""
        place = self._number(cursor) - (self._ended - len(self._calls)) - 1
        return self._calls[place].noted() if 0 <= place < len(self._calls) else None

    def _number(self, cursor: str) -> int:
        boot, _, number = cursor.partition("-")
        if boot != self._boot or not (
            number.isascii() and number.isdigit() and len(number) <= _DIGITS_MAX
        ):
            raise Refused(
                400,
                f"after is {shown(cursor)}; a cursor that this server gave since its start is allowed",
                "after",
            )
        return min(int(number), self._ended)
