from __future__ import annotations

from itertools import pairwise
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatmarks.book import (
    EMPTY_BOOK,
    Account,
    Book,
    Edit,
    Entry,
    Flaw,
    Peer,
    PeerType,
    account_of,
    problems_of,
)
from chatmarks.limits import Pooling

NOW = 1_700_000_000
FRIEND = Peer(PeerType.ACCOUNT, "friend")
ROOM = Peer(PeerType.CHAT_GROUP, "room")


def people(count: int, first: int = 0) -> list[Peer]:
    return [Peer(PeerType.ACCOUNT, f"p{number}") for number in range(first, first + count)]


def edited(book: Book, *edits: Edit, now: int = NOW, pooling: Pooling = "shared") -> Book:
    """`book` after `edits` that all have room."""
    after, done = book.with_edits(edits, now, pooling)
    assert done == [True] * len(edits)
    return after


def grouped(*names: str) -> Book:
    book = EMPTY_BOOK
    for name in names:
        book = book.with_group(name)
    return book


FULL = edited(EMPTY_BOOK, *(Edit(peer, set_marks=1) for peer in people(1000)))


def test_an_owner_is_the_app_and_the_userid() -> None:
    assert Account(1400000000, "user:1").owner == "1400000000:user:1"


@pytest.mark.parametrize(
    ("groups", "ids"), [(0, []), (0b10, [1]), (0b1010, [1, 3]), (1 << 20 | 1 << 2, [2, 20])]
)
def test_bits_of_groups_are_ids_in_ascending_order(groups: int, ids: list[int]) -> None:
    assert Entry(0, 0, "", groups, NOW).group_ids == ids


@pytest.mark.parametrize(
    ("entry", "empty"),
    [
        (Entry(5, 0, "", 0, NOW), True),
        (Entry(0, 1, "", 0, 0), False),
        (Entry(0, 0, "a", 0, 0), False),
        (Entry(0, 0, "", 2, 0), False),
    ],
)
def test_an_entry_is_empty_without_marks_text_and_groups(entry: Entry, *, empty: bool) -> None:
    assert entry.is_empty is empty


@pytest.mark.parametrize(
    ("edit", "adds"),
    [
        (Edit(FRIEND), False),
        (Edit(FRIEND, clear_marks=1, leave=2, custom_mark=""), False),
        (Edit(FRIEND, set_marks=1), True),
        (Edit(FRIEND, custom_mark="a"), True),
        (Edit(FRIEND, join=2), True),
        (Edit(FRIEND, set_marks=1, clear_marks=1), True),
    ],
)
def test_an_edit_adds_when_it_can_bring_data(edit: Edit, *, adds: bool) -> None:
    assert edit.adds is adds


@pytest.mark.parametrize(
    ("edit", "entry"),
    [
        (Edit(FRIEND, set_marks=0b100), Entry(7, 0b111, "old", 0b10, NOW)),
        (Edit(FRIEND, clear_marks=0b101), Entry(7, 0b10, "old", 0b10, NOW)),
        (Edit(FRIEND, set_marks=0b101, clear_marks=0b111), Entry(7, 0b101, "old", 0b10, NOW)),
        (Edit(FRIEND, custom_mark="new"), Entry(7, 0b11, "new", 0b10, NOW)),
        (Edit(FRIEND, custom_mark=""), Entry(7, 0b11, "", 0b10, NOW)),
        (Edit(FRIEND, join=0b100), Entry(7, 0b11, "old", 0b110, NOW)),
        (Edit(FRIEND, leave=0b10), Entry(7, 0b11, "old", 0, NOW)),
        (Edit(FRIEND, join=0b110, leave=0b10), Entry(7, 0b11, "old", 0b110, NOW)),
        (Edit(FRIEND, set_marks=1 << 63), Entry(7, 1 << 63 | 0b11, "old", 0b10, NOW)),
    ],
)
def test_an_edit_clears_before_it_sets_and_leaves_before_it_joins(edit: Edit, entry: Entry) -> None:
    assert edit.applied_to(Entry(7, 0b11, "old", 0b10, 5), NOW) == entry


@pytest.mark.parametrize(
    "edit",
    [
        Edit(FRIEND),
        Edit(FRIEND, set_marks=0b1),
        Edit(FRIEND, clear_marks=0b100),
        Edit(FRIEND, clear_marks=0b1, set_marks=0b1),
        Edit(FRIEND, custom_mark="old"),
        Edit(FRIEND, join=0b10, leave=0b10),
        Edit(FRIEND, leave=0b100),
    ],
)
def test_an_edit_that_changes_nothing_leaves_the_same_entry_and_the_same_book(edit: Edit) -> None:
    entry = Entry(0, 0b11, "old", 0b10, 5)
    assert edit.applied_to(entry, NOW) is entry
    book = Book({"a": 1}, {FRIEND: entry}, 1)
    after, done = book.with_edits([edit, edit], NOW, "shared")
    assert after is book
    assert done == [True, True]


def test_no_edits_and_edits_without_effect_on_nothing_leave_the_same_book() -> None:
    assert EMPTY_BOOK.with_edits([], NOW, "shared") == (EMPTY_BOOK, [])
    after, done = EMPTY_BOOK.with_edits(
        [Edit(FRIEND, clear_marks=1, leave=2, custom_mark="")], NOW, "shared"
    )
    assert after is EMPTY_BOOK
    assert done == [True]


def test_groups_get_the_smallest_free_id_up_to_20() -> None:
    book = grouped(*(f"g{number}" for number in range(1, 21)))
    assert list(book.groups.values()) == list(range(1, 21))
    book = book.without_group("g20").without_group("g3").with_group("new")
    assert book.groups["new"] == 3
    assert book.with_group("newer").groups["newer"] == 20


def test_a_rename_keeps_id_order_and_entries() -> None:
    book = edited(grouped("a", "b", "c"), Edit(FRIEND, join=0b100))
    renamed = book.with_group_renamed("b", "new")
    assert list(renamed.groups.items()) == [("a", 1), ("new", 2), ("c", 3)]
    assert renamed.entries is book.entries
    assert renamed.next_position == book.next_position


def test_a_rename_to_the_same_name_leaves_the_same_book() -> None:
    book = grouped("a")
    assert book.with_group_renamed("a", "a") is book


def test_a_group_that_goes_takes_its_memberships_and_empty_entries_along() -> None:
    other = Peer(PeerType.ACCOUNT, "other")
    book = edited(
        grouped("a", "b"),
        Edit(FRIEND, join=0b10),
        Edit(ROOM, join=0b110),
        Edit(other, set_marks=1),
        now=5,
    )
    after = book.without_group("a")
    assert after.groups == {"b": 2}
    assert after.entries == {ROOM: Entry(1, 0, "", 0b100, 5), other: Entry(2, 1, "", 0, 5)}
    assert after.entries[other] is book.entries[other]
    assert after.next_position == 3


def test_edits_apply_in_order_and_give_positions_in_order() -> None:
    book = edited(
        grouped("a"),
        Edit(ROOM, set_marks=1),
        Edit(FRIEND, join=2),
        Edit(ROOM, clear_marks=1, custom_mark="a"),
    )
    assert list(book.entries.items()) == [
        (ROOM, Entry(0, 0, "a", 0, NOW)),
        (FRIEND, Entry(1, 0, "", 2, NOW)),
    ]
    assert book.next_position == 2


def test_an_edit_leaves_the_other_entries_as_the_same_objects() -> None:
    book = edited(EMPTY_BOOK, Edit(FRIEND, set_marks=1), Edit(ROOM, set_marks=1), now=5)
    after = edited(book, Edit(ROOM, set_marks=2))
    assert after.entries[FRIEND] is book.entries[FRIEND]
    assert after.entries[ROOM] == Entry(1, 3, "", 0, NOW)
    assert book.entries[ROOM] == Entry(1, 1, "", 0, 5)
    assert after.groups is book.groups


def test_an_edited_entry_keeps_its_place_and_one_that_returns_is_the_last() -> None:
    book = edited(EMPTY_BOOK, Edit(FRIEND, set_marks=1), Edit(ROOM, set_marks=1))
    book = edited(book, Edit(FRIEND, set_marks=2))
    assert [entry.position for entry in book.entries.values()] == [0, 1]
    book = edited(book, Edit(FRIEND, clear_marks=3), Edit(FRIEND, set_marks=1))
    assert list(book.entries) == [ROOM, FRIEND]
    assert book.entries[FRIEND].position == 2


def test_a_position_is_never_used_twice() -> None:
    book = edited(EMPTY_BOOK, Edit(FRIEND, set_marks=1))
    book = edited(book, Edit(FRIEND, clear_marks=1))
    assert (book.entries, book.next_position) == ({}, 1)
    assert edited(book, Edit(ROOM, set_marks=1)).entries[ROOM].position == 1


def test_the_1000th_conversation_has_room_and_the_1001st_has_none() -> None:
    newcomers = people(2, first=5000)
    almost = edited(FULL, Edit(people(1)[0], clear_marks=1))
    after, done = almost.with_edits([Edit(peer, set_marks=1) for peer in newcomers], NOW, "shared")
    assert done == [True, False]
    assert newcomers[0] in after.entries
    assert newcomers[1] not in after.entries
    assert len(after.entries) == 1000


def test_a_full_book_that_refuses_everything_is_the_same_book() -> None:
    after, done = FULL.with_edits([Edit(FRIEND, set_marks=1), Edit(FRIEND, join=2)], NOW, "shared")
    assert after is FULL
    assert done == [False, False]


def test_in_a_full_book_entries_can_change_and_what_goes_makes_room() -> None:
    first, second = people(2)
    edits = [
        Edit(first, set_marks=2),
        Edit(FRIEND, set_marks=1),
        Edit(second, clear_marks=1),
        Edit(FRIEND, set_marks=1),
        Edit(FRIEND, set_marks=2),
        Edit(ROOM, set_marks=1),
        Edit(ROOM, clear_marks=1),
    ]
    after, done = FULL.with_edits(edits, NOW, "shared")
    assert done == [True, False, True, True, True, False, True]
    assert after.entries[first].marks == 3
    assert after.entries[FRIEND].marks == 3
    assert (second in after.entries, ROOM in after.entries) == (False, False)


@pytest.mark.parametrize(
    ("pooling", "edit", "room"),
    [
        ("shared", Edit(FRIEND, join=2), False),
        ("split", Edit(FRIEND, join=2), True),
        ("per_group", Edit(FRIEND, join=2), True),
        ("shared", Edit(FRIEND, custom_mark="a"), False),
        ("split", Edit(FRIEND, custom_mark="a"), False),
        ("per_group", Edit(FRIEND, custom_mark="a"), False),
        ("split", Edit(FRIEND, custom_mark="a", join=2), False),
        ("per_group", Edit(FRIEND, set_marks=1, join=2), False),
    ],
)
def test_a_full_pool_of_marks_refuses_what_would_enter_it(
    pooling: Pooling, edit: Edit, *, room: bool
) -> None:
    after, done = FULL.with_edits([edit], NOW, pooling)
    assert done == [room]
    assert (FRIEND in after.entries) is room
    assert (after is FULL) is not room


@pytest.mark.parametrize(
    ("pooling", "join", "room"),
    [
        ("split", 0b10, False),
        ("split", 0b100, False),
        ("per_group", 0b10, False),
        ("per_group", 0b100, True),
        ("per_group", 0b110, False),
    ],
)
def test_a_full_group_is_a_pool_of_its_own_or_fills_that_of_all_groups(
    pooling: Pooling, join: int, *, room: bool
) -> None:
    book = grouped("a", "b")
    book = edited(book, *(Edit(peer, join=0b10) for peer in people(1000)), pooling=pooling)
    after, done = book.with_edits([Edit(FRIEND, join=join)], NOW, pooling)
    assert done == [room]
    assert (FRIEND in after.entries) is room


def test_a_group_that_goes_empties_its_pool() -> None:
    book = edited(
        grouped("a", "b"), *(Edit(peer, join=0b10) for peer in people(1000)), pooling="per_group"
    )
    book = edited(book, Edit(people(1)[0], join=0b100), pooling="per_group").without_group("a")
    book = book.with_group("new")
    assert book.groups["new"] == 1
    edited(book, *(Edit(peer, join=0b10) for peer in people(1000, first=5000)), pooling="per_group")


Plan: TypeAlias = tuple[int, int, int, str | None, list[str], list[str]]
Move: TypeAlias = tuple[str, str, str, list[Plan]]

names = st.sampled_from([f"g{number}" for number in range(22)])
masks = st.integers(0, 3) | st.just(1 << 63)
plans = st.tuples(
    st.integers(0, 7),
    masks,
    masks,
    st.sampled_from([None, "", "a"]),
    st.lists(names, max_size=2),
    st.lists(names, max_size=2),
)
kinds = st.sampled_from(["add", "add", "rename", "delete", "edit", "edit"])
moves = st.tuples(kinds, names, names, st.lists(plans, max_size=6))


def bits_of(book: Book, wanted: list[str]) -> int:
    return sum({1 << book.groups[name] for name in wanted if name in book.groups})


def edits_of(book: Book, some: list[Plan]) -> list[Edit]:
    peers = [*people(6), FRIEND, ROOM]
    return [
        Edit(peers[who], on, off, text, bits_of(book, join), bits_of(book, leave))
        for who, on, off, text, join, leave in some
    ]


def moved(book: Book, move: Move) -> Book:
    """`book` after `move`, or as it is where the move is not legal."""
    kind, name, new, some = move
    if kind == "add" and name not in book.groups and len(book.groups) < 20:
        return book.with_group(name)
    if kind == "rename" and name in book.groups and new not in book.groups:
        return book.with_group_renamed(name, new)
    if kind == "delete" and name in book.groups:
        return book.without_group(name)
    if kind == "edit":
        return book.with_edits(edits_of(book, some), NOW, "shared")[0]
    return book


def check_invariants(book: Book) -> None:
    ids = list(book.groups.values())
    assert len(set(ids)) == len(ids)
    assert set(ids) <= set(range(1, 21))
    positions = [entry.position for entry in book.entries.values()]
    assert all(before < after for before, after in pairwise(positions))
    assert not positions or 0 <= positions[0] <= positions[-1] < book.next_position
    assert len(book.entries) <= 1000
    for entry in book.entries.values():
        assert not entry.is_empty
        assert set(entry.group_ids) <= set(ids)
        assert entry.groups & 1 == 0
        assert 0 <= entry.marks < 1 << 64


@settings(deadline=None, max_examples=60)
@given(st.lists(moves, max_size=30))
def test_random_moves_keep_the_invariants(sequence: list[Move]) -> None:
    book = EMPTY_BOOK
    for move in sequence:
        after = moved(book, move)
        check_invariants(after)
        assert after.next_position >= book.next_position
        book = after


@settings(deadline=None, max_examples=20)
@given(st.lists(moves, max_size=12))
def test_random_moves_on_a_full_book_keep_the_invariants(sequence: list[Move]) -> None:
    book = FULL
    for move in sequence:
        book = moved(book, move)
        assert len(book.entries) <= 1000
    check_invariants(book)


@settings(deadline=None, max_examples=60)
@given(st.lists(moves, max_size=15), st.lists(plans, max_size=8))
def test_edits_are_refused_or_done_as_one_after_another_would_be(
    sequence: list[Move], some: list[Plan]
) -> None:
    book = EMPTY_BOOK
    for move in sequence:
        book = moved(book, move)
    edits = edits_of(book, some)
    whole, done = book.with_edits(edits, NOW + 1, "shared")
    one_by_one = book
    for edit in edits:
        one_by_one, (room,) = one_by_one.with_edits([edit], NOW + 1, "shared")
        assert room
    assert done == [True] * len(edits)
    assert whole == one_by_one
    assert list(whole.entries) == list(one_by_one.entries)


@settings(deadline=None, max_examples=60)
@given(st.lists(moves, max_size=15), st.lists(plans, max_size=8))
def test_an_entry_is_the_same_object_exactly_where_nothing_changed(
    sequence: list[Move], some: list[Plan]
) -> None:
    book = EMPTY_BOOK
    for move in sequence:
        book = moved(book, move)
    after, _ = book.with_edits(edits_of(book, some), NOW + 1, "shared")
    for peer, entry in after.entries.items():
        if entry.updated_at == NOW:
            assert entry is book.entries[peer]
        else:
            assert entry.updated_at == NOW + 1
    unchanged = len(after.entries) == len(book.entries) and all(
        after.entries.get(peer) is entry for peer, entry in book.entries.items()
    )
    if after is book:
        assert unchanged
    if unchanged and after.next_position == book.next_position:
        assert after is book


# What no move makes.


def one(entry: Entry, peer: Peer = FRIEND) -> Book:
    return Book({"work": 1}, {peer: entry}, 1)


SOUND = Entry(0, 1, "", 0b10, NOW)


def test_a_full_book_at_every_limit_has_no_problem() -> None:
    names = {f"{number:02}" + "字" * 20 + "é": number for number in range(1, 21)}
    top = Entry(0, (1 << 64) - 1, "x" * 256, 0x1FFFFE, 0)
    peers = {Peer(1, "~" * 32): top, Peer(2, " " * 128): Entry(7, 0, "x", 0, NOW)}
    assert {len(name.encode()) for name in names} == {64}
    assert problems_of(Book(names, peers, 8)) == []
    assert problems_of(EMPTY_BOOK) == []
    assert problems_of(FULL) == []


@pytest.mark.parametrize(
    ("book", "text"),
    [
        (one(Entry(0, 1 << 64, "", 0, NOW)), "has marks outside of 64 bits"),
        (one(Entry(0, -1, "", 0, NOW)), "has marks outside of 64 bits"),
        (
            one(Entry(0, 1, "é" * 129, 0, NOW)),
            "has a custom mark of 258 bytes; at most 256 are allowed",
        ),
        (
            one(Entry(0, 1, "", 0b110, NOW)),
            "is in groups that do not exist: bits 0x6, there are 0x2",
        ),
        (one(Entry(0, 0, "", 0, NOW)), "has no data; such a record is not kept"),
        (one(Entry(1, 1, "", 0, NOW)), "has position 1; 0 to below 1 are allowed"),
        (one(Entry(-1, 1, "", 0, NOW)), "has position -1; 0 to below 1 are allowed"),
    ],
)
def test_a_record_that_no_move_makes_is_one_problem_of_its_conversation(book: Book, text: str) -> None:
    assert problems_of(book) == [Flaw(FRIEND, text)]


@pytest.mark.parametrize(
    ("groups", "texts"),
    [
        ({"work": 1, "": 2}, ["the name of group 2 has 0 bytes; 1 to 64 are allowed"]),
        ({"work": 1, "é" * 33: 2}, ["the name of group 2 has 66 bytes; 1 to 64 are allowed"]),
        ({"work": 1, "also": 1}, ["2 groups share the id 1"]),
        ({"work": 1, "more": 21}, ["a group has the id 21; 1 to 20 are allowed"]),
        ({"work": 1, "less": 0}, ["a group has the id 0; 1 to 20 are allowed"]),
        ({"work": 1, "less": -1}, ["a group has the id -1; 1 to 20 are allowed"]),
    ],
)
def test_groups_that_no_move_makes_are_problems_of_the_book(
    groups: dict[str, int], texts: list[str]
) -> None:
    assert problems_of(Book(groups, {FRIEND: SOUND}, 1)) == [Flaw(None, text) for text in texts]


def test_positions_out_of_order_or_shared_are_problems() -> None:
    swapped = {FRIEND: Entry(1, 1, "", 0, NOW), ROOM: Entry(0, 1, "", 0, NOW)}
    (flaw,) = problems_of(Book({}, swapped, 2))
    assert flaw == Flaw(None, "the conversations are not in the order of their positions")
    shared = {FRIEND: Entry(0, 1, "", 0, NOW), ROOM: Entry(0, 1, "", 0, NOW)}
    text = "shares its position 0 with another conversation"
    assert problems_of(Book({}, shared, 2)) == [Flaw(FRIEND, text), Flaw(ROOM, text)]


@pytest.mark.parametrize(
    "peer",
    [Peer(0, "x"), Peer(3, "x"), Peer(1, ""), Peer(1, "x" * 33), Peer(1, "é"), Peer(2, "x" * 129)],
)
def test_a_peer_that_no_call_can_name_is_a_problem(peer: Peer) -> None:
    (flaw,) = problems_of(one(SOUND, peer))
    assert flaw.peer == peer


@pytest.mark.parametrize("userid", ["a", "a:b", "x" * 32, " "])
@pytest.mark.parametrize("sdkappid", [1, 1400000000, 2**63 - 1])
def test_the_account_of_an_owner_is_the_one_that_has_it(sdkappid: int, userid: str) -> None:
    account = Account(sdkappid, userid)
    assert account_of(account.owner) == account


@pytest.mark.parametrize(
    "owner",
    [
        *("", "1", ":a", "1:", "0:a", "01:a", "-1:a", "+1:a", "1_0:a", "٣:a", "1:" + "x" * 33, "1:é"),
        *(f"{2**63}:a", "9" * 5000 + ":a", " 1:a", "1:a\n"),
    ],
)
def test_what_is_no_owner_has_no_account(owner: str) -> None:
    assert account_of(owner) is None
