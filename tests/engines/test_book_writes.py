"""Changes that share a transaction read and write books as if each were alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from chatmarks.book import Account, Book, Edit, Peer, PeerType
from chatmarks.engines import book_rows
from chatmarks.engines.book_writes import BookWrites
from chatmarks.engines.file import connect, make
from chatmarks.store import Kept, UnknownAccount, draw_version

ALICE, BOB = Account(1400000000, "alice"), Account(1400000000, "bob")
CAROL, DAVE = Peer(PeerType.ACCOUNT, "carol"), Peer(PeerType.ACCOUNT, "dave")
NOW = 1_700_000_000


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[apsw.Connection]:
    make(tmp_path / "books.db", create=True)
    connection = connect(tmp_path / "books.db")
    for account in (ALICE, BOB):
        book_rows.create(connection, account)
    yield connection
    connection.close()


def marked(book: Book, peer: Peer, bits: int) -> Book:
    """The book with exactly these marks on a conversation."""
    return book.with_edits([Edit(peer, set_marks=bits, clear_marks=~bits)], NOW, "shared")[0]


def change(
    writes: BookWrites,
    connection: apsw.Connection,
    peer: Peer,
    bits: int,
    *,
    account: Account = ALICE,
    remembered: Kept | None = None,
) -> Kept:
    before = writes.book(connection, account, remembered)
    after = Kept(draw_version(), marked(before.book, peer, bits))
    writes.add(account, before, after, None)
    return after


def marks_in(connection: apsw.Connection, account: Account = ALICE) -> dict[str, int]:
    entries = book_rows.loaded(connection, account).book.entries
    return {peer.id: entry.marks for peer, entry in entries.items()}


def test_a_change_sees_those_before_it_and_nothing_is_in_the_file_before_it_is_written(
    connection: apsw.Connection,
) -> None:
    writes = BookWrites()
    writes.begin(connection, [ALICE])
    change(writes, connection, CAROL, 1)
    after = change(writes, connection, DAVE, 2)
    assert marks_in(connection) == {}
    writes.write(connection)
    assert marks_in(connection) == {"carol": 1, "dave": 2}
    assert book_rows.version(connection, ALICE) == after.version


def test_a_record_that_comes_and_goes_and_comes_in_one_transaction_is_there(
    connection: apsw.Connection,
) -> None:
    writes = BookWrites()
    writes.begin(connection, [ALICE])
    for bits in (1, 0, 4):
        change(writes, connection, CAROL, bits)
    change(writes, connection, DAVE, 1)
    change(writes, connection, DAVE, 0)
    writes.write(connection)
    assert marks_in(connection) == {"carol": 4}


def test_changes_of_several_accounts_are_written_each_to_its_own(connection: apsw.Connection) -> None:
    writes = BookWrites()
    writes.begin(connection, [ALICE, BOB])
    change(writes, connection, CAROL, 1)
    change(writes, connection, CAROL, 2, account=BOB)
    writes.write(connection)
    assert (marks_in(connection), marks_in(connection, BOB)) == ({"carol": 1}, {"carol": 2})


def test_a_change_after_the_rows_were_written_begins_with_them(connection: apsw.Connection) -> None:
    writes = BookWrites()
    writes.begin(connection, [ALICE])
    change(writes, connection, CAROL, 1)
    writes.write(connection)
    change(writes, connection, DAVE, 2)
    writes.write(connection)
    assert marks_in(connection) == {"carol": 1, "dave": 2}


def test_an_account_that_other_work_deleted_and_made_again_is_looked_up_anew(
    connection: apsw.Connection,
) -> None:
    writes = BookWrites()
    writes.begin(connection, [ALICE])
    old = change(writes, connection, CAROL, 1)
    writes.write(connection)
    for table in ("account", "conversation"):
        connection.execute(f"DELETE FROM {table} WHERE owner = ?", (ALICE.owner,))
    writes.begin(connection, ())
    with pytest.raises(UnknownAccount):
        writes.book(connection, ALICE, old)
    book_rows.create(connection, ALICE)
    writes.begin(connection, ())
    assert writes.book(connection, ALICE, old).book.entries == {}
    change(writes, connection, DAVE, 2, remembered=old)
    writes.write(connection)
    assert marks_in(connection) == {"dave": 2}


def test_what_was_not_written_is_forgotten_by_the_next_transaction(connection: apsw.Connection) -> None:
    writes = BookWrites()
    writes.begin(connection, [ALICE])
    lost = change(writes, connection, CAROL, 1)
    writes.begin(connection, [ALICE])
    assert writes.book(connection, ALICE, lost).book.entries == {}
    writes.write(connection)
    assert marks_in(connection) == {}


def test_nothing_is_written_over_a_row_that_changed_meanwhile(connection: apsw.Connection) -> None:
    writes = BookWrites()
    writes.begin(connection, [ALICE])
    change(writes, connection, CAROL, 1)
    connection.execute("UPDATE account SET version = 1 WHERE owner = ?", (ALICE.owner,))
    with pytest.raises(RuntimeError, match="changed inside a transaction"):
        writes.write(connection)
    assert marks_in(connection) == {}
