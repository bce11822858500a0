"""Books kept in memory, so that a question need not load them again.

An engine may use a kept book only after it compared the version with that in the store, in a check
that began after the call came: what is kept can be old, what is answered cannot. `max_stale_ms` of
more than 0 loosens just that: a book is then used without a check for as long after its last one.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from chatmarks.book import Account
from chatmarks.store import Kept

CACHE_BYTES = 256 * 2**20
"""How much a process keeps unless told."""

ENTRY_BYTES = 4000
"""What a conversation can take in memory: ids and text of the greatest size and of the characters that
take most, and its ready answer. Measured with tracemalloc; a short one takes 1,000."""

_BOOK_BYTES = 14_000
"""What is in a book beside its conversations: names of 20 groups, the same as JSON with every character
escaped, and the places in tables."""


class Remembered:
    """A kept book, what the store's state was when it was last compared, and when that began."""

    __slots__ = ("checked_at", "kept", "state")

    def __init__(self, kept: Kept, state: int | None, checked_at: float) -> None:
        self.kept = kept
        self.state = state
        self.checked_at = checked_at


class BookCache:
    """Books by account, at most `bytes_max` of them; the least recently used leave first.

    Used on one thread. `hits`, `loads` and `evictions` count since the beginning, `size` is what the
    books take at most, in bytes.
    """

    def __init__(
        self,
        bytes_max: int = CACHE_BYTES,
        *,
        max_stale_ms: int = 0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bytes_max = bytes_max
        self._stale_seconds_max = max_stale_ms / 1000
        self._books: OrderedDict[Account, Remembered] = OrderedDict()
        self.now = monotonic
        self.size = 0
        self.hits = self.loads = self.evictions = 0
        self._own_changes = 0

    def get(self, account: Account) -> Remembered | None:
        """What is kept of an account, which counts as used."""
        found = self._books.get(account)
        if found is not None:
            self._books.move_to_end(account)
        return found

    def is_fresh(self, remembered: Remembered) -> bool:
        """Whether a book may be used without a check."""
        return (
            self._stale_seconds_max > 0 and self.now() - remembered.checked_at < self._stale_seconds_max
        )

    def begin_load(self) -> int:
        """To be called before a book is loaded; what it returns is handed to `put_loaded`."""
        self.loads += 1
        return self._own_changes

    def put_loaded(
        self, account: Account, kept: Kept, began: int, *, state: int | None, checked_at: float
    ) -> None:
        """Keep a book that was loaded. Where books may be used without a check, one that was loaded
        while this process itself changed something is not: it could be the one before the change."""
        if not self._stale_seconds_max or began == self._own_changes:
            self._put(account, kept, state, checked_at)

    def put_changed(self, account: Account, kept: Kept, *, checked_at: float) -> None:
        """Keep a book that this process committed."""
        self._own_changes += 1
        self._put(account, kept, None, checked_at)

    def drop_deleted(self, account: Account) -> None:
        """Forget an account that this process deleted."""
        self._own_changes += 1
        self.drop(account)

    def _put(self, account: Account, kept: Kept, state: int | None, checked_at: float) -> None:
        self.drop(account)
        size = _size(kept)
        if size > self.bytes_max:
            return
        self._books[account] = Remembered(kept, state, checked_at)
        self.size += size
        while self.size > self.bytes_max:
            _, oldest = self._books.popitem(last=False)
            self.size -= _size(oldest.kept)
            self.evictions += 1

    def drop(self, account: Account) -> None:
        """Forget an account."""
        before = self._books.pop(account, None)
        if before is not None:
            self.size -= _size(before.kept)

    def counts(self) -> dict[str, tuple[str, float]]:
        """For the metrics: name, meaning and number."""
        return {
            "cache_hits": ("Books that were in memory and still true.", self.hits),
            "cache_loads": ("Books that were loaded.", self.loads),
            "cache_evictions": ("Books that left memory to make room.", self.evictions),
        }


def _size(kept: Kept) -> int:
    """The most that a book can take: its true size would have to be counted at every write."""
    return _BOOK_BYTES + ENTRY_BYTES * len(kept.book.entries)
