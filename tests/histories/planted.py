"""Faults that an engine could have, to be planted on purpose: whoever proves that there are none must
find each of them.

Each is planted into the embedded store: for the rest of the process, or by `planted` for a block.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import apsw

from chatmarks.book import Account
from chatmarks.engines import book_rows
from chatmarks.engines.book_writes import BookWrites
from chatmarks.engines.group_commit import GroupCommit
from chatmarks.engines.sqlite import SqliteStore
from chatmarks.store import Kept

_EARLY_SECONDS = 0.002
_STALE_SECONDS = 0.05


def answer_before_commit() -> None:
    """Whoever changes a book gets the answer when its work is done, a while before its commit."""
    do = GroupCommit._do

    def hasty(self: Any, unit: Any, connection: apsw.Connection) -> None:
        do(self, unit, connection)
        if unit.changes is not None:
            self._loop.call_soon_threadsafe(unit.settle)
            time.sleep(_EARLY_SECONDS)

    _plant(GroupCommit, "_do", hasty)


def check_before_arrival() -> None:
    """A book in memory is held against a look at the store that was taken before the call came."""

    def late(self: Any) -> int:
        if self._state_now is None:
            self._state_now = self._data_version()
            self._loop.call_later(_STALE_SECONDS, self._forget_state)
        return int(self._state_now)

    _plant(SqliteStore, "_state", late)


def marker_after_commit() -> None:
    """Servers tell one another of changes by a file that grows with each, and look at nothing else."""
    update = SqliteStore.update
    opened = SqliteStore.open.__func__  # type: ignore[attr-defined] # a class method is

    async def opening(cls: Any, name: str, *arguments: Any, **more: Any) -> Any:
        store = await opened(cls, name, *arguments, **more)
        store.marker = Path(f"{name}.marker")
        store.marker.touch()
        return store

    async def telling(self: Any, account: Account, *arguments: Any, **more: Any) -> Any:
        answer = await update(self, account, *arguments, **more)
        _lengthen(self.marker)
        return answer

    def believed(self: Any, account: Account) -> Kept:
        marker = os.stat(self.marker).st_size  # noqa: PTH116 - it is asked at each call
        found = self._books.get(account)
        if found is not None and found.state == marker:
            return found.kept  # type: ignore[no-any-return] # what a book's memory has
        began = self._books.begin_load()
        try:
            kept = self._look(lambda: book_rows.loaded(self._reader, account))
        except BaseException:
            self._books.drop(account)
            raise
        self._books.put_loaded(account, kept, began, state=marker, checked_at=0.0)
        return kept  # type: ignore[no-any-return] # what was loaded

    _plant(SqliteStore, "open", classmethod(opening))
    _plant(SqliteStore, "update", telling)
    _plant(SqliteStore, "read_at_once", believed)
    for name in ("create_account", "delete_account"):
        _plant(SqliteStore, name, _told_of(getattr(SqliteStore, name)))


def counted_version() -> None:
    """The version of a book counts its changes, from 1 when its account is created."""
    add = BookWrites.add

    def counting(self: Any, account: Account, before: Kept, after: Kept, event: Any) -> None:
        add(self, account, before, Kept(before.version + 1, after.book), event)

    _plant(BookWrites, "add", counting)
    _plant(book_rows, "draw_version", lambda: 1)


def row_of_another() -> None:
    """Of changes that are committed together two write their conversations to one another's account."""
    write = BookWrites.write

    def confused(self: Any, connection: apsw.Connection) -> None:
        several = [written for written in self._pending.values() if written.rows]
        if len(several) > 1:
            several[0].rows, several[1].rows = several[1].rows, several[0].rows
        write(self, connection)

    _plant(BookWrites, "write", confused)


FAULTS: Mapping[str, Callable[[], None]] = {
    "answer-before-commit": answer_before_commit,
    "check-before-arrival": check_before_arrival,
    "marker-after-commit": marker_after_commit,
    "counted-version": counted_version,
    "row-of-another": row_of_another,
}

_UNDO: list[tuple[Any, str, Any]] = []


@contextlib.contextmanager
def planted(name: str) -> Generator[None, None, None]:
    """A fault for a block."""
    FAULTS[name]()
    try:
        yield
    finally:
        while _UNDO:
            setattr(*_UNDO.pop())


def _plant(place: Any, name: str, value: Any) -> None:
    _UNDO.append((place, name, vars(place)[name]))
    setattr(place, name, value)


def _told_of(method: Any) -> Any:
    async def telling(self: Any, *arguments: Any, **more: Any) -> Any:
        answer = await method(self, *arguments, **more)
        _lengthen(self.marker)
        return answer

    return telling


def _lengthen(marker: Path) -> None:
    with marker.open("ab") as file:
        file.write(b".")
