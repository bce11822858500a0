"""Books as rows: what is written and deleted turns the rows of one book into those of another."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from chatmarks.book import EMPTY_BOOK, Book
from chatmarks.engines.rows import ConversationRow, changed_rows, row_of
from test_book import Move, moved, moves

Rows = dict[tuple[int, str], ConversationRow]


def rows_of(book: Book) -> Rows:
    rows = (row_of(peer, entry) for peer, entry in book.entries.items())
    return {(row[0], row[1]): row for row in rows}


def brought(rows: Rows, before: Book, after: Book) -> Rows:
    """`rows` after what an engine does."""
    written, deleted = changed_rows(before, after)
    assert len({row[:2] for row in written}) == len(written)
    rows = {key: row for key, row in rows.items() if key not in deleted}
    return rows | {(row[0], row[1]): row for row in written}


@settings(deadline=None, max_examples=200)
@given(st.lists(moves, max_size=10), st.lists(moves, min_size=1, max_size=3))
def test_what_is_written_and_deleted_makes_the_rows_of_the_book_after_any_moves(
    first: list[Move], then: list[Move]
) -> None:
    before = EMPTY_BOOK
    for move in first:
        before = moved(before, move)
    after = before
    for move in then:
        after = moved(after, move)
    assert brought(rows_of(before), before, after) == rows_of(after)
    # And from another book than the one that it was made of.
    assert brought({}, EMPTY_BOOK, after) == rows_of(after)


@settings(deadline=None, max_examples=100)
@given(st.lists(moves, max_size=12))
def test_rows_follow_every_move_of_a_book(sequence: list[Move]) -> None:
    book, rows = EMPTY_BOOK, Rows()
    for move in sequence:
        after = moved(book, move)
        rows = brought(rows, book, after)
        assert rows == rows_of(after)
        book = after
