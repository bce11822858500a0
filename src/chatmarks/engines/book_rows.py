"""Books as rows, in statements of SQL on one connection to SQLite."""

from __future__ import annotations

from typing import Any

import apsw

from chatmarks.book import EMPTY_BOOK, Account
from chatmarks.engines.rows import book_of, groups_text
from chatmarks.store import Kept, UnknownAccount, draw_version


def version(connection: apsw.Connection, account: Account) -> int | None:
    """The version of a book, None where there is no account."""
    statement = "SELECT version FROM account WHERE owner = ?"
    found: int | None = connection.execute(statement, (account.owner,)).get
    return found


def loaded(connection: apsw.Connection, account: Account) -> Kept:
    """A book. Raises `UnknownAccount`."""
    row = connection.execute(
        "SELECT version, next_position, contact_groups FROM account WHERE owner = ?",
        (account.owner,),
    ).fetchone()
    if row is None:
        raise UnknownAccount(account)
    number, next_position, groups = row
    rows: Any = connection.execute(
        "SELECT peer_type, peer_id, position, standard_mark, custom_mark, contact_groups, updated_at"
        " FROM conversation WHERE owner = ? ORDER BY position",
        (account.owner,),
    )
    return Kept(number, book_of(next_position, groups, rows))


def create(connection: apsw.Connection, account: Account) -> bool:
    """Make an account with an empty book; whether there was none."""
    connection.execute(
        "INSERT INTO account (owner, version, next_position, contact_groups) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (owner) DO NOTHING",
        (account.owner, draw_version(), EMPTY_BOOK.next_position, groups_text(EMPTY_BOOK)),
    )
    return bool(connection.changes())
