"""What an account has, and books that get it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from chatmarks.book import EMPTY_BOOK, Book, Entry, Peer, problems_of
from chatmarks.limits import GROUPS_PER_ACCOUNT_MAX
from chatmarks.remote.content import Content, Filed, Unsound, content_of, replaced
from harness import NOW
from remote.contents import book_of, contents

FRIEND, OTHER, NEW = Peer(1, "friend"), Peer(1, "other"), Peer(2, "@TGS#1")


@given(contents(), contents())
@settings(deadline=None)
def test_a_book_gets_exactly_a_content_and_keeps_the_places_of_what_stays(
    old: Content, new: Content
) -> None:
    before = book_of(old)
    after = replaced(before, new)
    assert content_of(after) == new
    assert problems_of(after) == []
    assert after.next_position >= before.next_position
    for peer, entry in after.entries.items():
        if peer in before.entries:
            assert entry.position == before.entries[peer].position
        else:
            assert entry.position >= before.next_position
    assert replaced(after, new) is after


def test_entries_that_stay_are_the_very_same_objects() -> None:
    before = book_of(Content({}, {FRIEND: Filed(1, timestamp=NOW), OTHER: Filed(2, timestamp=NOW)}))
    wanted = {OTHER: Filed(3, timestamp=NOW), FRIEND: Filed(1, timestamp=NOW), NEW: Filed(4)}
    after = replaced(before, Content({}, wanted))
    assert after.entries[FRIEND] is before.entries[FRIEND]
    assert list(after.entries.values()) == [
        Entry(0, 1, "", 0, NOW),
        Entry(1, 3, "", 0, NOW),
        Entry(2, 4, "", 0, 0),
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (Content({}, {FRIEND: Filed()}), "has no data"),
        (Content({}, {FRIEND: Filed(1 << 64)}), "outside of 64 bits"),
        (Content({}, {FRIEND: Filed(custom_mark="é" * 129)}), "258 bytes; at most 256"),
        (Content({}, {FRIEND: Filed(group_ids=(1,))}), "groups that do not exist"),
        (Content({"a": 1}, {FRIEND: Filed(group_ids=(0,))}), "is in group 0; 1 to 20"),
        (Content({"a": 1}, {FRIEND: Filed(group_ids=(2**31,))}), "is in group 2147483648"),
        (Content({"a": GROUPS_PER_ACCOUNT_MAX + 1}), "id 21; 1 to 20"),
        (Content({"a": 1, "b": 1}), "2 groups share the id 1"),
        (Content({"": 1}), "has 0 bytes"),
        (Content({}, {Peer(1, "é"): Filed(1)}), "printable ASCII"),
        (Content({}, {FRIEND: Filed(1, timestamp=-1)}), "may not be negative"),
    ],
)
def test_what_no_book_may_be_is_told_and_not_made(content: Content, problem: str) -> None:
    with pytest.raises(Unsound, match=problem):
        replaced(EMPTY_BOOK, content)


def test_many_flaws_are_told_by_the_first_three() -> None:
    content = Content({}, {Peer(1, f"user{n}"): Filed(1 << 64) for n in range(5)})
    with pytest.raises(Unsound) as raised:
        replaced(EMPTY_BOOK, content)
    assert str(raised.value).count("outside of 64 bits") == 3
    assert str(raised.value).endswith("; and 2 more")


def test_a_book_that_has_the_content_in_another_order_stays_the_same() -> None:
    entries = {FRIEND: Entry(0, 1, "", 0, NOW), OTHER: Entry(5, 2, "", 0, NOW)}
    book = Book({"a": 1}, entries, 9)
    turned = dict(reversed(list(content_of(book).conversations.items())))
    assert replaced(book, replace(content_of(book), conversations=turned)) is book
