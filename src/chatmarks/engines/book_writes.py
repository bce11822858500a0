"""The books that the changes of one transaction read and write.

Changes that are committed together look their versions up at once and write their rows at once. Each of
them sees what those before it made.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apsw
import msgspec

from chatmarks.book import Account
from chatmarks.engines.book_rows import loaded
from chatmarks.engines.event_rows import tell
from chatmarks.engines.rows import ConversationRow, changed_rows, groups_text
from chatmarks.event import Event
from chatmarks.store import Kept, UnknownAccount

_WRITTEN_MAX = 64

_VERSIONS = "SELECT owner, version FROM account WHERE owner IN (SELECT value FROM json_each(?))"

# Only with the version that was read: whoever lost the account row must not write conversations.
_WRITE_ACCOUNT = (
    "UPDATE account SET version = ?, next_position = ?, contact_groups = ?"
    " WHERE owner = ? AND version = ?"
)

_WRITE_CONVERSATION = (
    "INSERT INTO conversation (owner, peer_type, peer_id, position, standard_mark, custom_mark,"
    " contact_groups, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (owner, peer_type, peer_id) DO UPDATE SET position = excluded.position,"
    " standard_mark = excluded.standard_mark, custom_mark = excluded.custom_mark,"
    " contact_groups = excluded.contact_groups, updated_at = excluded.updated_at"
)

_DELETE_CONVERSATION = "DELETE FROM conversation WHERE owner = ? AND peer_type = ? AND peer_id = ?"


class _Written:
    """What changes made of one account: its version before them, its book after them, and the rows of
    conversations, None for those that are gone."""

    __slots__ = ("after", "before_version", "rows")

    def __init__(self, before_version: int) -> None:
        self.before_version = before_version
        self.after: Kept | None = None
        self.rows: dict[tuple[int, str], ConversationRow | None] = {}


class BookWrites:
    """Used on the writer's thread alone, transaction after transaction."""

    def __init__(self) -> None:
        self._versions: dict[Account, int | None] = {}
        """As they are in the file, which nobody else writes meanwhile."""
        self._pending: dict[Account, _Written] = {}
        self._events: list[tuple[int, Event]] = []
        self._last: dict[Account, Kept] = {}
        """What was written lately, perhaps not committed: its version tells. The loop's thread keeps a
        book only after the next transaction began."""

    def begin(self, connection: apsw.Connection, accounts: Iterable[Account]) -> None:
        """Look up what is in the file of `accounts`; forget what was known and not written."""
        self._pending.clear()
        self._events.clear()
        self._versions.clear()
        self._look_up(connection, accounts)

    def _look_up(self, connection: apsw.Connection, accounts: Iterable[Account]) -> None:
        owners = {account.owner: account for account in accounts}
        if owners:
            self._versions.update(dict.fromkeys(owners.values()))
            rows = connection.execute(_VERSIONS, (_text(list(owners)),))
            self._versions.update((owners[owner], version) for owner, version in rows)

    def book(self, connection: apsw.Connection, account: Account, remembered: Kept | None) -> Kept:
        """The book as it is now: the one that an earlier change made, or that was in memory when the
        change came, if it is still in the file; else loaded. Raises `UnknownAccount`."""
        written = self._pending.get(account)
        if written is not None and written.after is not None:
            return written.after
        if account not in self._versions:
            self._look_up(connection, [account])
        version = self._versions[account]
        if version is None:
            raise UnknownAccount(account)
        for kept in (self._last.get(account), remembered):
            if kept is not None and kept.version == version:
                return kept
        return loaded(connection, account)

    def add(self, account: Account, before: Kept, after: Kept, event: Event | None) -> None:
        """Have `after` written in place of `before`, which `book` gave, and `event` told of it."""
        written = self._pending.get(account)
        if written is None:
            written = self._pending[account] = _Written(before.version)
        written.after = after
        rows, deleted = changed_rows(before.book, after.book)
        written.rows.update(((row[0], row[1]), row) for row in rows)
        written.rows.update(dict.fromkeys(deleted))
        if len(self._last) >= _WRITTEN_MAX:
            self._last.clear()
        self._last[account] = after
        if event is not None:
            self._events.append((account.sdkappid, event))

    def write(self, connection: apsw.Connection) -> None:
        """Write the rows of what was added."""
        if not self._pending:
            return
        accounts: list[tuple[int, int, str, str, int]] = []
        conversations: list[tuple[Any, ...]] = []
        gone: list[tuple[str, int, str]] = []
        for account, written in self._pending.items():
            owner, after = account.owner, written.after
            assert after is not None
            book = after.book
            accounts.append(
                (after.version, book.next_position, groups_text(book), owner, written.before_version)
            )
            for key, row in written.rows.items():
                if row is None:
                    gone.append((owner, *key))
                else:
                    conversations.append((owner, *row))
        # The account rows first, and each of them.
        changes = connection.total_changes()
        connection.executemany(_WRITE_ACCOUNT, accounts)
        if connection.total_changes() - changes != len(accounts):
            raise RuntimeError("an account row changed inside a transaction")
        if gone:
            connection.executemany(_DELETE_CONVERSATION, gone)
        connection.executemany(_WRITE_CONVERSATION, conversations)
        if self._events:
            tell(connection, self._events)
            self._events.clear()
        self._versions.update(
            (account, row[0]) for account, row in zip(self._pending, accounts, strict=True)
        )
        self._pending.clear()


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
