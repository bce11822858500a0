"""Every promise of `store.py`, kept by every engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from msgspec.structs import replace

from chatmarks.book import EMPTY_BOOK, Account, Book, Edit, Entry, Peer, PeerType
from chatmarks.cache import CACHE_BYTES
from chatmarks.engines import open_store
from chatmarks.store import App, Change, ChatGroup, Kept, Membership, Store, UnknownAccount
from harness import AWKWARD, NOW

SDKAPPID = 1400000000
OTHER_SDKAPPID = 1400000001
ALICE = Account(SDKAPPID, "alice")
BOB = Account(SDKAPPID, "bob")
NOBODY = Account(SDKAPPID, "nobody")

awkward = pytest.mark.parametrize("text", AWKWARD.values(), ids=AWKWARD)


class OwnError(Exception):
    """What a change raises here; no engine knows it."""


def marking(peer_id: str, marks: int = 1) -> Change[int]:
    """A change that marks a conversation and answers how many there were before."""
    edit = Edit(Peer(PeerType.ACCOUNT, peer_id), set_marks=marks)
    return lambda book: (book.with_edits([edit], NOW, "shared")[0], len(book.entries))


def keeping(book: Book) -> Change[None]:
    """A change that puts `book` in the place of whatever there is."""
    return lambda _: (book, None)


def replacing(app: App) -> Callable[[App | None], App]:
    """A change that puts `app` in the place of whatever there is."""
    return lambda _: app


def failing(book: Book) -> tuple[Book, None]:
    raise OwnError(len(book.entries))


async def peer_ids(store: Store, account: Account) -> list[str]:
    return [peer.id for peer in (await store.read(account)).book.entries]


async def version(store: Store, account: Account) -> int:
    return (await store.read(account)).version


@pytest.fixture(params=["with a cache", "without"])
async def store(store_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    cache_bytes = CACHE_BYTES if request.param == "with a cache" else 0
    opened = await open_store(store_url, cache_bytes=cache_bytes)
    yield opened
    await opened.close()


# Accounts.


async def test_an_account_that_was_never_created_is_unknown(store: Store) -> None:
    with pytest.raises(UnknownAccount):
        await store.read(NOBODY)
    with pytest.raises(UnknownAccount):
        await store.update(NOBODY, marking("x"))
    assert await store.versions([NOBODY]) == [None]
    assert await store.known_accounts(SDKAPPID, ["nobody"]) == set()
    assert await store.delete_account(NOBODY) is False


async def test_a_change_of_an_unknown_account_is_not_run_and_makes_no_account(store: Store) -> None:
    runs: list[Book] = []

    def change(book: Book) -> tuple[Book, None]:
        runs.append(book)
        return book, None

    with pytest.raises(UnknownAccount):
        await store.update(NOBODY, change)
    assert runs == []
    assert await store.create_account(NOBODY) is True


async def test_a_new_account_has_an_empty_book(store: Store) -> None:
    assert await store.create_account(ALICE) is True
    assert (await store.read(ALICE)).book == EMPTY_BOOK


async def test_creating_an_account_again_changes_nothing(store: Store) -> None:
    await store.create_account(ALICE)
    await store.update(ALICE, marking("x"))
    before = await store.read(ALICE)
    assert await store.create_account(ALICE) is False
    assert await store.read(ALICE) == before


async def test_of_many_who_create_an_account_at_once_one_is_told_that_it_is_new(store: Store) -> None:
    answers = await asyncio.gather(*(store.create_account(ALICE) for _ in range(20)))
    assert sorted(answers) == [False] * 19 + [True]


async def test_a_deleted_account_is_unknown(store: Store) -> None:
    await store.create_account(ALICE)
    await store.update(ALICE, marking("x"))
    assert await store.delete_account(ALICE) is True
    assert await store.delete_account(ALICE) is False
    with pytest.raises(UnknownAccount):
        await store.read(ALICE)
    assert await store.versions([ALICE]) == [None]
    assert await store.known_accounts(SDKAPPID, ["alice"]) == set()


async def test_an_account_created_again_finds_nothing_of_its_past(store: Store) -> None:
    await store.create_account(ALICE)
    await store.update(ALICE, lambda book: (book.with_group("work"), None))
    await store.update(ALICE, marking("x"))
    await store.delete_account(ALICE)
    await store.create_account(ALICE)
    assert (await store.read(ALICE)).book == EMPTY_BOOK


async def test_known_accounts_are_those_of_the_asked_that_exist_in_the_app(store: Store) -> None:
    for account in (ALICE, BOB, Account(OTHER_SDKAPPID, "carol")):
        await store.create_account(account)
    asked = ["alice", "carol", "dave", "alice"]
    assert await store.known_accounts(SDKAPPID, asked) == {"alice"}
    assert await store.known_accounts(OTHER_SDKAPPID, asked) == {"carol"}
    assert await store.known_accounts(SDKAPPID, []) == set()


async def test_a_thousand_accounts_can_be_looked_for_at_once(store: Store) -> None:
    await store.create_account(ALICE)
    asked = {f"user{number}" for number in range(1000)} | {"alice"}
    assert await store.known_accounts(SDKAPPID, asked) == {"alice"}


@pytest.mark.parametrize("pattern", ["a%", "%", "_lice", "*", "alice*", "ALICE", "alice ", ""])
async def test_an_id_is_no_pattern(store: Store, pattern: str) -> None:
    await store.create_account(ALICE)
    assert await store.known_accounts(SDKAPPID, [pattern]) == set()
    assert await store.delete_account(Account(SDKAPPID, pattern)) is False
    assert await store.known_accounts(SDKAPPID, ["alice"]) == {"alice"}


# Books.


async def test_an_update_answers_what_its_change_answers(store: Store) -> None:
    await store.create_account(ALICE)
    assert await store.update(ALICE, lambda book: (book.with_group("work"), "done")) == "done"
    assert await store.update(ALICE, lambda book: (book, list(book.groups))) == ["work"]


async def test_a_book_comes_back_as_it_was_written(store: Store) -> None:
    written = Book(
        {"work": 3, "friends": 1, "": 20},
        {
            Peer(PeerType.ACCOUNT, "x"): Entry(0, 5, "text", 0b1010, NOW),
            Peer(PeerType.CHAT_GROUP, "x"): Entry(7, 0, "", 1 << 20, NOW + 1),
            Peer(PeerType.CHAT_GROUP, "@TGS#1"): Entry(2**31 - 2, 1, "", 0, 2**40),
        },
        2**31 - 1,
    )
    await store.create_account(ALICE)
    await store.update(ALICE, keeping(written))
    read = (await store.read(ALICE)).book
    assert read == written
    assert list(read.entries) == list(written.entries)


async def test_a_change_sees_the_book_that_a_read_sees(store: Store) -> None:
    await store.create_account(ALICE)
    await store.update(ALICE, marking("x"))
    seen = await store.update(ALICE, lambda book: (book, book))
    assert seen == (await store.read(ALICE)).book


async def test_conversations_keep_their_order_when_they_are_edited(store: Store) -> None:
    await store.create_account(ALICE)
    for peer_id in ("c", "a", "b", "c"):
        await store.update(ALICE, marking(peer_id))
    await store.update(ALICE, marking("c", 1 << 40))
    assert await peer_ids(store, ALICE) == ["c", "a", "b"]


async def test_a_position_is_never_used_twice(store: Store) -> None:
    await store.create_account(ALICE)
    last = Peer(PeerType.ACCOUNT, "b")
    for peer_id in ("a", "b"):
        await store.update(ALICE, marking(peer_id))
    clearing = Edit(last, clear_marks=1)
    await store.update(ALICE, lambda book: (book.with_edits([clearing], NOW, "shared")[0], None))
    assert await peer_ids(store, ALICE) == ["a"]
    await store.update(ALICE, marking("b"))
    book = (await store.read(ALICE)).book
    assert (book.entries[last].position, book.next_position) == (2, 3)


async def test_a_conversation_dropped_and_made_again_in_one_change_goes_to_the_end(
    store: Store,
) -> None:
    await store.create_account(ALICE)
    for peer_id in ("a", "b"):
        await store.update(ALICE, marking(peer_id))
    peer = Peer(PeerType.ACCOUNT, "a")
    edits = [Edit(peer, clear_marks=1), Edit(peer, custom_mark="again")]
    await store.update(ALICE, lambda book: (book.with_edits(edits, NOW, "shared")[0], None))
    book = (await store.read(ALICE)).book
    assert list(book.entries) == [Peer(PeerType.ACCOUNT, "b"), peer]
    assert book.entries[peer] == Entry(2, 0, "again", 0, NOW)


async def test_an_account_and_a_chat_group_of_the_same_id_are_two_conversations(store: Store) -> None:
    person, room = Peer(PeerType.ACCOUNT, "x"), Peer(PeerType.CHAT_GROUP, "x")
    edits = [Edit(person, set_marks=1), Edit(room, set_marks=2)]
    await store.create_account(ALICE)
    await store.update(ALICE, lambda book: (book.with_edits(edits, NOW, "shared")[0], None))
    clearing = [Edit(person, clear_marks=1)]
    await store.update(ALICE, lambda book: (book.with_edits(clearing, NOW, "shared")[0], None))
    assert (await store.read(ALICE)).book.entries == {room: Entry(1, 2, "", 0, NOW)}


async def test_groups_are_renamed_and_deleted_with_their_memberships(store: Store) -> None:
    peer = Peer(PeerType.ACCOUNT, "x")
    await store.create_account(ALICE)
    await store.update(ALICE, lambda book: (book.with_group("one").with_group("two"), None))
    joining = [Edit(peer, join=0b110)]
    await store.update(ALICE, lambda book: (book.with_edits(joining, NOW, "shared")[0], None))
    await store.update(ALICE, lambda book: (book.with_group_renamed("two", "second"), None))
    await store.update(ALICE, lambda book: (book.without_group("one"), None))
    book = (await store.read(ALICE)).book
    assert book.groups == {"second": 2}
    assert book.entries == {peer: Entry(0, 0, "", 0b100, NOW)}


async def test_a_thousand_conversations_in_one_change_are_kept(store: Store) -> None:
    peers = [Peer(PeerType.ACCOUNT, f"user{number}") for number in range(1000)]
    edits = [Edit(peer, set_marks=1) for peer in peers]
    await store.create_account(ALICE)
    await store.update(ALICE, lambda book: (book.with_edits(edits, NOW, "shared")[0], None))
    assert list((await store.read(ALICE)).book.entries) == peers


@pytest.mark.parametrize(
    "marks", [1, 1 << 31, 1 << 32, 1 << 62, 2**63 - 1, 1 << 63, (1 << 63) + 1, 2**64 - 1]
)
async def test_all_64_bits_of_a_mark_are_kept(store: Store, marks: int) -> None:
    await store.create_account(ALICE)
    await store.update(ALICE, marking("x", marks))
    (entry,) = (await store.read(ALICE)).book.entries.values()
    assert entry.marks == marks


# Versions.


async def test_a_version_is_a_positive_number_of_63_bits_and_that_of_the_book(store: Store) -> None:
    await store.create_account(ALICE)
    for number in range(20):
        await store.update(ALICE, marking(f"user{number}"))
        found = await version(store, ALICE)
        assert 0 < found < 2**63
        assert await store.versions([ALICE]) == [found]


async def test_versions_come_in_the_order_of_the_accounts_asked_for(store: Store) -> None:
    for account in (ALICE, BOB):
        await store.create_account(account)
    alice, bob = await version(store, ALICE), await version(store, BOB)
    assert alice != bob
    assert await store.versions([BOB, NOBODY, ALICE, BOB]) == [bob, None, alice, bob]
    assert await store.versions([]) == []


async def test_no_version_comes_back_after_writes_deletes_and_creates(store: Store) -> None:
    seen: list[int] = []
    for _ in range(10):
        await store.create_account(ALICE)
        seen.append(await version(store, ALICE))
        for number in range(4):
            await store.update(ALICE, marking(f"user{number}"))
            seen.append(await version(store, ALICE))
        await store.delete_account(ALICE)
    assert len(set(seen)) == len(seen) == 50


async def test_versions_are_drawn_and_not_counted(store: Store) -> None:
    await store.create_account(ALICE)
    seen = [await version(store, ALICE)]
    for number in range(30):
        await store.update(ALICE, marking(f"user{number}"))
        seen.append(await version(store, ALICE))
    assert seen != sorted(seen)
    assert max(seen) > 2**58


async def test_the_same_book_written_twice_gets_two_versions(store: Store) -> None:
    await store.create_account(ALICE)
    await store.update(ALICE, keeping(Book({"work": 1}, {}, 0)))
    first = await store.read(ALICE)
    await store.update(ALICE, keeping(Book({}, {}, 0)))
    await store.update(ALICE, keeping(Book({"work": 1}, {}, 0)))
    second = await store.read(ALICE)
    assert first.book == second.book
    assert first.version != second.version


async def test_a_change_that_returns_its_book_keeps_the_version(store: Store) -> None:
    await store.create_account(ALICE)
    await store.update(ALICE, marking("x"))
    before = await store.read(ALICE)
    assert await store.update(ALICE, lambda book: (book, "nothing to do")) == "nothing to do"
    assert await store.update(ALICE, marking("x")) == 1
    assert await store.read(ALICE) == before


async def test_a_change_of_one_account_leaves_the_version_of_another(store: Store) -> None:
    for account in (ALICE, BOB):
        await store.create_account(account)
    before = await store.read(BOB)
    await store.update(ALICE, marking("x"))
    await store.delete_account(ALICE)
    assert await store.read(BOB) == before


# A change that raises.


async def test_a_change_that_raises_leaves_no_trace(store: Store) -> None:
    await store.create_account(ALICE)
    await store.update(ALICE, marking("x"))
    before = await store.read(ALICE)
    with pytest.raises(OwnError, match="1"):
        await store.update(ALICE, failing)
    assert await store.read(ALICE) == before
    assert await store.update(ALICE, marking("y")) == 1


async def test_only_the_caller_of_a_raising_change_hears_of_it(store: Store) -> None:
    for account in (ALICE, BOB):
        await store.create_account(account)
    answers = await asyncio.gather(
        store.update(ALICE, marking("x")),
        store.update(ALICE, failing),
        store.update(BOB, marking("x")),
        store.update(NOBODY, marking("x")),
        store.update(ALICE, marking("y")),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [int, OwnError, int, UnknownAccount, int]
    assert await peer_ids(store, ALICE) == ["x", "y"]
    assert await peer_ids(store, BOB) == ["x"]


# Many at once.


async def test_changes_of_one_account_happen_one_after_another(store: Store) -> None:
    await store.create_account(ALICE)
    answers = await asyncio.gather(
        *(store.update(ALICE, marking(f"user{number}")) for number in range(100))
    )
    assert sorted(answers) == list(range(100))
    assert set(await peer_ids(store, ALICE)) == {f"user{number}" for number in range(100)}


async def test_writers_of_different_accounts_lose_nothing(store: Store) -> None:
    accounts = [Account(SDKAPPID, f"owner{number}") for number in range(20)]
    await asyncio.gather(*map(store.create_account, accounts))
    await asyncio.gather(
        *(
            store.update(account, marking(f"{account.userid} {number}"))
            for number in range(5)
            for account in accounts
        )
    )
    for account in accounts:
        assert set(await peer_ids(store, account)) == {f"{account.userid} {n}" for n in range(5)}


async def test_what_an_update_answered_is_in_the_next_read(store: Store) -> None:
    await store.create_account(ALICE)

    async def write_and_read(number: int) -> None:
        await store.update(ALICE, marking(f"user{number}"))
        assert f"user{number}" in await peer_ids(store, ALICE)

    await asyncio.gather(*map(write_and_read, range(30)))


async def test_a_delete_among_eight_writers_is_final(store: Store) -> None:
    await store.create_account(ALICE)
    refused: list[int] = []
    begun = asyncio.Event()

    async def write(writer: int) -> None:
        try:
            for number in range(50):
                if await store.update(ALICE, marking(f"{writer} {number}")) == 40:
                    begun.set()
                await asyncio.sleep(0)
        except UnknownAccount:
            refused.append(writer)

    async def delete() -> None:
        await begun.wait()
        assert await store.delete_account(ALICE) is True

    await asyncio.gather(delete(), *map(write, range(8)))
    assert sorted(refused) == list(range(8))
    assert await store.versions([ALICE]) == [None]
    await store.create_account(ALICE)
    assert (await store.read(ALICE)).book == EMPTY_BOOK


# Awkward ids and texts.


@awkward
async def test_awkward_texts_are_kept_in_books(store: Store, text: str) -> None:
    book = Book(
        {text: 1, "x" + text: 2},
        {
            Peer(PeerType.ACCOUNT, text): Entry(0, 0, text, 0b10, NOW),
            Peer(PeerType.CHAT_GROUP, text): Entry(1, 1, text + "x", 0b100, NOW),
        },
        2,
    )
    await store.create_account(ALICE)
    await store.update(ALICE, keeping(book))
    assert (await store.read(ALICE)).book == book
    await store.update(ALICE, lambda book: (book.without_group(text), None))
    left = (await store.read(ALICE)).book
    assert left.groups == {"x" + text: 2}
    assert [entry.groups for entry in left.entries.values()] == [0, 0b100]


@awkward
async def test_awkward_ids_are_kept_for_accounts(store: Store, text: str) -> None:
    account = Account(SDKAPPID, text)
    assert await store.create_account(account) is True
    await store.update(account, marking("x"))
    assert await peer_ids(store, account) == ["x"]
    assert await store.known_accounts(SDKAPPID, [text, "x" + text, text + "x"]) == {text}
    assert await store.delete_account(account) is True
    assert await store.known_accounts(SDKAPPID, [text]) == set()


@awkward
async def test_awkward_texts_are_kept_for_chat_groups(store: Store, text: str) -> None:
    group = ChatGroup(text, "Public", text, text)
    assert await store.create_chat_group(SDKAPPID, group) is None
    other = ChatGroup(text, "Private", "other", "other")
    assert await store.create_chat_group(SDKAPPID, other) == group
    assert await store.known_chat_groups(SDKAPPID, [text, text + "x"]) == {text}
    assert await store.delete_chat_group(SDKAPPID, text) is True


@awkward
async def test_awkward_texts_are_kept_in_apps(store: Store, text: str) -> None:
    app = App(SDKAPPID, (text.encode(),), (text,), text, {text: text}, (text,))
    changed = await store.change_app(SDKAPPID, lambda _: app)
    assert await store.app(SDKAPPID) == changed == replace(app, revision=changed.revision)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("a", "ab"),
        ("a", "a:"),
        ("a", ":a"),
        ("a", "a:1:b"),
        ("a%", "ab"),
        ("a_", "ab"),
        ("a", "A"),
        ("a", "a "),
        ("1", "01"),
        ("1", "1.0"),
        ("é", "e\u0301"),
        ("", ":"),
    ],
)
async def test_accounts_with_similar_ids_stay_apart(store: Store, one: str, two: str) -> None:
    first, second = Account(SDKAPPID, one), Account(SDKAPPID, two)
    for account in (first, second):
        assert await store.create_account(account) is True
        await store.update(account, marking(f"peer of {account.userid}"))
    assert await peer_ids(store, first) == [f"peer of {one}"]
    before = await store.read(second)
    await store.delete_account(first)
    assert await store.read(second) == before
    assert await store.known_accounts(SDKAPPID, [one, two]) == {two}


async def test_group_names_and_peers_differ_by_every_character(store: Store) -> None:
    similar = ["a", "A", "a ", " a", "é", "e\u0301", "1", "01", "\uff41"]
    book = Book(
        {name: number for number, name in enumerate(similar, 1)},
        {Peer(PeerType.ACCOUNT, name): Entry(n, n + 1, name, 0, NOW) for n, name in enumerate(similar)},
        len(similar),
    )
    await store.create_account(ALICE)
    await store.update(ALICE, keeping(book))
    assert (await store.read(ALICE)).book == book


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (Account(1, "alice"), Account(2, "alice")),
        (Account(1, "2:alice"), Account(12, "alice")),
        (Account(1, "1:alice"), Account(1, "alice")),
    ],
)
async def test_apps_with_the_same_userids_stay_apart(store: Store, one: Account, two: Account) -> None:
    for account in (one, two):
        assert await store.create_account(account) is True
    await store.update(one, marking("x"))
    assert (await store.read(two)).book == EMPTY_BOOK
    await store.delete_account(two)
    assert await peer_ids(store, one) == ["x"]
    assert await store.known_accounts(two.sdkappid, [two.userid]) == set()
    assert await store.known_accounts(one.sdkappid, [one.userid]) == {one.userid}


# Chat groups.

ROOM = ChatGroup("room", "Public", "a room", "alice")


async def test_a_chat_group_is_known_from_its_creation_to_its_deletion(store: Store) -> None:
    assert await store.known_chat_groups(SDKAPPID, ["room"]) == set()
    assert await store.create_chat_group(SDKAPPID, ROOM) is None
    assert await store.known_chat_groups(SDKAPPID, ["room", "hall", "roo%", "ROOM"]) == {"room"}
    assert await store.known_chat_groups(SDKAPPID, []) == set()
    assert await store.delete_chat_group(SDKAPPID, "room") is True
    assert await store.delete_chat_group(SDKAPPID, "room") is False
    assert await store.known_chat_groups(SDKAPPID, ["room"]) == set()


async def test_a_chat_group_whose_id_is_taken_is_not_made_and_its_holder_returned(
    store: Store,
) -> None:
    await store.create_chat_group(SDKAPPID, ROOM)
    other = ChatGroup("room", "Private", "another room", "")
    assert await store.create_chat_group(SDKAPPID, other) == ROOM
    assert await store.create_chat_group(SDKAPPID, other) == ROOM


async def test_the_very_same_chat_group_cannot_be_made_twice(store: Store) -> None:
    assert await store.create_chat_group(SDKAPPID, ROOM) is None
    assert await store.create_chat_group(SDKAPPID, ROOM) == ROOM


async def test_the_id_of_a_deleted_chat_group_is_free(store: Store) -> None:
    await store.create_chat_group(SDKAPPID, ROOM)
    await store.delete_chat_group(SDKAPPID, "room")
    other = ChatGroup("room", "Private", "another room", "bob")
    assert await store.create_chat_group(SDKAPPID, other) is None
    assert await store.create_chat_group(SDKAPPID, ROOM) == other


async def test_apps_with_the_same_chat_group_ids_stay_apart(store: Store) -> None:
    await store.create_chat_group(SDKAPPID, ROOM)
    assert await store.known_chat_groups(OTHER_SDKAPPID, ["room"]) == set()
    assert await store.delete_chat_group(OTHER_SDKAPPID, "room") is False
    assert await store.create_chat_group(OTHER_SDKAPPID, ROOM) is None
    await store.delete_chat_group(OTHER_SDKAPPID, "room")
    assert await store.known_chat_groups(SDKAPPID, ["room"]) == {"room"}


async def test_of_many_who_make_a_chat_group_at_once_one_gets_it(store: Store) -> None:
    groups = [ChatGroup("room", "Public", "a room", f"owner{number}") for number in range(10)]
    holders = await asyncio.gather(*(store.create_chat_group(SDKAPPID, group) for group in groups))
    winner = groups[holders.index(None)]
    assert [holder for holder in holders if holder is not None] == [winner] * 9


async def test_a_chat_group_is_no_account_and_an_account_no_chat_group(store: Store) -> None:
    await store.create_chat_group(SDKAPPID, ROOM)
    await store.create_account(ALICE)
    assert await store.known_accounts(SDKAPPID, ["room"]) == set()
    assert await store.known_chat_groups(SDKAPPID, ["alice"]) == set()


async def test_chat_groups_come_back_as_they_were_written(store: Store) -> None:
    hall = ChatGroup("a:b", "Private", "👩‍👧 '\"", "", 2**40, 2**63 - 1)
    for group in (ROOM, hall):
        await store.create_chat_group(SDKAPPID, group)
    asked = ["room", "a:b", "a", "ROOM", "roo_"]
    assert await store.chat_groups(SDKAPPID, asked) == {"room": ROOM, "a:b": hall}
    assert await store.chat_groups(OTHER_SDKAPPID, asked) == {}
    assert await store.chat_groups(SDKAPPID, []) == {}


async def test_a_chat_group_made_again_is_another_incarnation() -> None:
    made = [ChatGroup("room", "Public", "a room", "alice").incarnation for _ in range(50)]
    assert len(set(made)) == 50
    assert all(0 < incarnation < 2**63 for incarnation in made)


async def test_chat_groups_are_listed_by_place_and_from_any_place_on(store: Store) -> None:
    groups = [ChatGroup(f"g{number}", "Public", "", "") for number in range(25)]
    for group in groups:
        await store.create_chat_group(SDKAPPID, group)
    groups.sort(key=lambda group: group.place)
    assert await store.list_chat_groups(SDKAPPID, "", 0, 100) == (25, groups)
    assert await store.list_chat_groups(SDKAPPID, "", 0, 10) == (25, groups[:10])
    assert await store.list_chat_groups(SDKAPPID, "", groups[9].place, 10) == (25, groups[10:20])
    assert await store.list_chat_groups(SDKAPPID, "", groups[9].place - 1, 1) == (25, groups[9:10])
    assert await store.list_chat_groups(SDKAPPID, "", groups[24].place, 10) == (25, [])
    assert await store.list_chat_groups(OTHER_SDKAPPID, "", 0, 10) == (0, [])


async def test_a_list_can_hold_one_type_only(store: Store) -> None:
    public = [ChatGroup(f"public{number}", "Public", "", "") for number in range(3)]
    private = [ChatGroup(f"private{number}", "Private", "", "") for number in range(2)]
    for group in (*public, *private):
        await store.create_chat_group(SDKAPPID, group)
    private.sort(key=lambda group: group.place)
    assert await store.list_chat_groups(SDKAPPID, "Private", 0, 10) == (2, private)
    assert await store.list_chat_groups(SDKAPPID, "Private", private[0].place, 10) == (2, private[1:])
    assert await store.list_chat_groups(SDKAPPID, "private", 0, 10) == (0, [])
    assert (await store.list_chat_groups(SDKAPPID, "", 0, 10))[0] == 5


def test_a_place_is_positive_and_survives_a_double() -> None:
    places = [ChatGroup(f"g{number}", "", "", "").place for number in range(1000)]
    assert len(set(places)) == 1000
    assert all(0 < place < 2**53 for place in places)
    assert places[7] == ChatGroup("g7", "Public", "another", "bob").place


# Members.

MEMBER = Membership("Member", NOW)


async def test_a_member_is_one_from_joining_to_leaving(store: Store) -> None:
    await store.create_account(ALICE)
    await store.create_chat_group(SDKAPPID, ROOM)
    assert await store.members(SDKAPPID, ROOM) == {}
    assert await store.join(ALICE, ROOM, Membership("Admin", NOW)) is True
    assert await store.join(ALICE, ROOM, MEMBER) is False
    assert await store.members(SDKAPPID, ROOM) == {"alice": Membership("Admin", NOW)}
    assert await store.leave(BOB, ROOM) is False
    assert await store.leave(ALICE, ROOM) is True
    assert await store.leave(ALICE, ROOM) is False
    assert await store.members(SDKAPPID, ROOM) == {}


async def test_who_is_no_account_cannot_join(store: Store) -> None:
    await store.create_chat_group(SDKAPPID, ROOM)
    with pytest.raises(UnknownAccount):
        await store.join(NOBODY, ROOM, MEMBER)
    assert await store.members(SDKAPPID, ROOM) == {}
    assert await store.leave(NOBODY, ROOM) is False


async def test_members_come_in_the_order_of_joining_and_then_of_ids(store: Store) -> None:
    for userid, joined_at in (("c", 5), ("b", 7), ("a", 7), ("d", 6), ("B", 7)):
        account = Account(SDKAPPID, userid)
        await store.create_account(account)
        await store.join(account, ROOM, Membership("Member", joined_at))
    assert list(await store.members(SDKAPPID, ROOM)) == ["c", "d", "B", "a", "b"]


async def test_no_membership_outlives_its_chat_group(store: Store) -> None:
    await store.create_account(ALICE)
    await store.create_account(BOB)
    await store.create_chat_group(SDKAPPID, ROOM)
    await store.join(ALICE, ROOM, MEMBER)
    await store.delete_chat_group(SDKAPPID, "room")
    again = ChatGroup("room", "Public", "a room", "alice")
    await store.create_chat_group(SDKAPPID, again)
    assert (await store.chat_groups(SDKAPPID, ["room"]))["room"] == again
    assert await store.members(SDKAPPID, again) == {}
    assert await store.leave(ALICE, again) is False
    await store.join(BOB, again, MEMBER)
    assert await store.members(SDKAPPID, again) == {"bob": MEMBER}
    assert await store.join(ALICE, again, MEMBER) is True
    assert set(await store.members(SDKAPPID, again)) == {"alice", "bob"}


async def test_who_joins_one_incarnation_stays_a_member_of_another(store: Store) -> None:
    await store.create_account(ALICE)
    await store.create_chat_group(SDKAPPID, ROOM)
    await store.join(ALICE, ROOM, MEMBER)
    await store.join(ALICE, ChatGroup("room", "Public", "never made", "bob"), MEMBER)
    assert await store.members(SDKAPPID, ROOM) == {"alice": MEMBER}


async def test_a_deleted_account_is_no_member_also_when_it_is_made_again(store: Store) -> None:
    other = ChatGroup("hall", "Public", "a hall", "")
    for account in (ALICE, BOB):
        await store.create_account(account)
        for group in (ROOM, other):
            await store.join(account, group, MEMBER)
    await store.leave(ALICE, other)
    await store.delete_account(ALICE)
    assert await store.members(SDKAPPID, ROOM) == {"bob": MEMBER}
    await store.create_account(ALICE)
    assert await store.members(SDKAPPID, ROOM) == {"bob": MEMBER}
    assert await store.join(ALICE, ROOM, MEMBER) is True


async def test_members_of_other_chat_groups_and_apps_stay_apart(store: Store) -> None:
    other_alice = Account(OTHER_SDKAPPID, "alice")
    hall = ChatGroup("room2", "Public", "", "", 0, ROOM.incarnation)
    for account in (ALICE, BOB, other_alice):
        await store.create_account(account)
    await store.join(ALICE, ROOM, MEMBER)
    await store.join(BOB, hall, MEMBER)
    assert await store.members(OTHER_SDKAPPID, ROOM) == {}
    await store.join(other_alice, ROOM, MEMBER)
    await store.leave(other_alice, ROOM)
    assert await store.members(SDKAPPID, ROOM) == {"alice": MEMBER}
    assert await store.members(SDKAPPID, hall) == {"bob": MEMBER}


async def test_joining_and_leaving_change_no_version(store: Store) -> None:
    await store.create_account(ALICE)
    await store.update(ALICE, marking("x"))
    before = await store.read(ALICE)
    await store.join(ALICE, ROOM, MEMBER)
    assert await store.read(ALICE) == before
    await store.leave(ALICE, ROOM)
    assert await store.read(ALICE) == before


async def test_of_many_who_make_an_account_join_at_once_one_is_told_that_it_is_new(
    store: Store,
) -> None:
    await store.create_account(ALICE)
    answers = await asyncio.gather(*(store.join(ALICE, ROOM, MEMBER) for _ in range(10)))
    assert sorted(answers) == [False] * 9 + [True]


@awkward
async def test_awkward_ids_roles_and_names_of_chat_groups_are_kept(store: Store, text: str) -> None:
    account, group = Account(SDKAPPID, text), ChatGroup(text, text, text, text, NOW)
    membership = Membership(text, NOW)
    await store.create_account(account)
    await store.create_chat_group(SDKAPPID, group)
    await store.join(account, group, membership)
    assert await store.chat_groups(SDKAPPID, [text]) == {text: group}
    assert await store.list_chat_groups(SDKAPPID, text, 0, 1) == (1, [group])
    assert await store.members(SDKAPPID, group) == {text: membership}
    assert await store.leave(account, group) is True


# Apps.


async def test_an_app_comes_back_as_it_was_written(store: Store) -> None:
    app = App(
        SDKAPPID,
        (bytes(range(256)), b""),
        ("administrator", "second"),
        "documented",
        {"get_page_size": 3, "check_to_account": True, "pooling": "split"},
        ("127.0.0.1/32", "::1/128"),
        enabled=False,
    )
    written = await store.change_app(SDKAPPID, lambda _: app)
    read = await store.app(SDKAPPID)
    assert read == written == replace(app, revision=written.revision)
    assert read.overrides["check_to_account"] is True


async def test_there_is_no_app_before_one_is_made(store: Store) -> None:
    assert await store.app(SDKAPPID) is None
    assert await store.apps() == []


async def test_a_change_of_an_app_gets_the_app_as_it_is(store: Store) -> None:
    seen: list[App | None] = []

    def change(app: App | None) -> App:
        seen.append(app)
        return replace(app, profile="documented") if app else App(SDKAPPID)

    first = await store.change_app(SDKAPPID, change)
    second = await store.change_app(SDKAPPID, change)
    assert seen == [None, first]
    assert second.profile == "documented"
    assert await store.app(SDKAPPID) == second


async def test_every_change_of_an_app_brings_another_revision(store: Store) -> None:
    revisions = [
        (await store.change_app(SDKAPPID, lambda app: replace(app or App(SDKAPPID)))).revision
        for _ in range(30)
    ]
    assert len(set(revisions)) == 30
    assert all(0 < revision < 2**63 for revision in revisions)
    assert revisions != sorted(revisions)


async def test_a_raising_change_keeps_the_old_app(store: Store) -> None:
    def refusing(app: App | None) -> App:
        raise OwnError(app)

    with pytest.raises(OwnError):
        await store.change_app(SDKAPPID, refusing)
    assert await store.app(SDKAPPID) is None
    kept = await store.change_app(SDKAPPID, lambda _: App(SDKAPPID, admins=("administrator",)))
    with pytest.raises(OwnError):
        await store.change_app(SDKAPPID, refusing)
    assert await store.app(SDKAPPID) == kept


async def test_the_admins_of_an_app_become_accounts_of_that_app(store: Store) -> None:
    await store.change_app(SDKAPPID, lambda _: App(SDKAPPID, admins=("first", "second")))
    asked = ["first", "second", "third"]
    assert await store.known_accounts(SDKAPPID, asked) == {"first", "second"}
    assert await store.known_accounts(OTHER_SDKAPPID, asked) == set()
    assert (await store.read(Account(SDKAPPID, "first"))).book == EMPTY_BOOK


async def test_an_account_that_becomes_admin_keeps_its_book(store: Store) -> None:
    await store.create_account(ALICE)
    await store.update(ALICE, marking("x"))
    before: Kept = await store.read(ALICE)
    await store.change_app(SDKAPPID, lambda _: App(SDKAPPID, admins=("alice",)))
    assert await store.read(ALICE) == before
    await store.change_app(SDKAPPID, lambda _: App(SDKAPPID))
    assert await store.read(ALICE) == before


async def test_apps_come_by_ascending_sdkappid(store: Store) -> None:
    for sdkappid in (1400000000, 2, 10, 2**62):
        await store.change_app(sdkappid, replacing(App(sdkappid)))
    assert [app.sdkappid for app in await store.apps()] == [2, 10, 1400000000, 2**62]


async def test_changes_of_one_app_at_once_lose_nothing(store: Store) -> None:
    async def add(admin: str) -> None:
        def adding(app: App | None) -> App:
            assert app is not None
            return replace(app, admins=(*app.admins, admin))

        await store.change_app(SDKAPPID, adding)

    await store.change_app(SDKAPPID, replacing(App(SDKAPPID)))
    await asyncio.gather(*(add(f"admin{number}") for number in range(20)))
    app = await store.app(SDKAPPID)
    assert app is not None
    assert sorted(app.admins) == sorted(f"admin{number}" for number in range(20))


async def test_a_good_store_passes_its_check_as_often_as_asked(store: Store) -> None:
    await store.create_account(ALICE)
    before = await store.read(ALICE)
    for _ in range(3):
        await store.check()
    assert await store.read(ALICE) == before


async def test_an_app_that_a_change_leaves_as_it_was_keeps_its_revision(store: Store) -> None:
    made = await store.change_app(7, lambda _: App(7, (b"\0key",), ("boss",)))

    def leave(app: App | None) -> App:
        assert app is not None
        return app

    assert await store.change_app(7, leave) == made
    assert await store.app(7) == made
