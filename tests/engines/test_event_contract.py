"""What every engine promises of the feed of an app."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable

import pytest
from msgspec.structs import replace

from chatmarks.book import EMPTY_BOOK, Account, Book, Edit, Entry, Peer, PeerType
from chatmarks.engines import open_store
from chatmarks.event import Event, EventKind, GroupChange, Told
from chatmarks.store import App, Change, Kept, Store, UnknownAccount, Whole, draw_version
from harness import AWKWARD, NOW

SDKAPPID = 1400000000
ALICE = Account(SDKAPPID, "alice")
BOB = Account(SDKAPPID, "bob")
CAROL = Account(1400000001, "carol")


def marking(peer_id: str, marks: int = 1) -> Change[int]:
    edit = Edit(Peer(PeerType.ACCOUNT, peer_id), set_marks=marks)
    return lambda book: (book.with_edits([edit], NOW, "shared")[0], len(book.entries))


def keeping(book: Book) -> Change[None]:
    return lambda _: (book, None)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = await open_store(store_url)
    yield opened
    await opened.close()


async def told(store: Store, after: int = 0, limit: int = 1000) -> list[Event]:
    return [each.event for each in await store.events(SDKAPPID, after, limit)]


async def test_a_feed_has_what_happened_to_an_account_in_its_order(store: Store) -> None:
    await store.create_account(ALICE, told_at=1)
    await store.update(ALICE, lambda book: (book.with_group("work"), None), told_at=2)
    await store.update(
        ALICE,
        lambda book: (
            book.with_edits([Edit(Peer(1, "bob"), set_marks=5, join=2)], 7, "shared")[0],
            None,
        ),
        told_at=3,
    )
    await store.update(ALICE, lambda book: (book.with_group_renamed("work", "home"), None), told_at=4)
    await store.update(ALICE, lambda book: (book.without_group("home"), None), told_at=5)
    await store.update(
        ALICE,
        lambda book: (book.with_edits([Edit(Peer(1, "bob"), clear_marks=5)], 8, "shared")[0], None),
        told_at=6,
    )
    await store.delete_account(ALICE, told_at=7)
    events = await store.events(SDKAPPID, 0, 100)
    assert [each.seq for each in events] == [1, 2, 3, 4, 5, 6, 7]
    assert len({each.token for each in events}) == 7
    bob = Peer(1, "bob")
    assert [each.event for each in events] == [
        Event("alice", 1, EventKind.CREATED),
        Event("alice", 2, EventKind.CHANGED, (GroupChange(1, None, "work"),)),
        Event("alice", 3, EventKind.CHANGED, (), {bob: Entry(0, 5, "", 2, 7)}),
        Event("alice", 4, EventKind.CHANGED, (GroupChange(1, "work", "home"),)),
        Event(
            "alice",
            5,
            EventKind.CHANGED,
            (GroupChange(1, "home", None),),
            {bob: Entry(0, 5, "", 0, 7)},
        ),
        Event("alice", 6, EventKind.CHANGED, (), {bob: None}),
        Event("alice", 7, EventKind.DELETED),
    ]


async def test_what_is_not_to_be_told_and_what_changed_nothing_is_no_event(store: Store) -> None:
    await store.create_account(ALICE)
    assert await store.create_account(ALICE, told_at=1) is False
    await store.update(ALICE, marking("bob"))
    await store.update(ALICE, marking("bob"), told_at=1)
    assert await store.delete_account(BOB, told_at=1) is False
    with pytest.raises(UnknownAccount):
        await store.update(BOB, marking("x"), told_at=1)
    assert await told(store) == []
    assert await store.event_bounds(SDKAPPID) == (1, 0)


async def test_a_change_that_is_refused_is_no_event(store: Store) -> None:
    await store.create_account(ALICE)

    def failing(book: Book) -> tuple[Book, None]:
        raise ValueError(len(book.entries))

    with pytest.raises(ValueError, match="0"):
        await store.update(ALICE, failing, told_at=1)
    assert await told(store) == []


@pytest.mark.parametrize("text", AWKWARD.values(), ids=AWKWARD)
async def test_awkward_texts_come_back_as_they_were(store: Store, text: str) -> None:
    await store.create_account(ALICE)
    book = Book({text[:16]: 1}, {Peer(1, "bob"): Entry(0, 1 << 63, text[:64], 2, NOW)}, 1)
    await store.update(ALICE, keeping(book), told_at=NOW)
    (event,) = await told(store)
    assert event.groups == (GroupChange(1, None, text[:16]),)
    assert event.entries == book.entries


async def test_accounts_that_are_put_or_deleted_as_a_whole_are_told_by_app(store: Store) -> None:
    await store.create_account(BOB)
    wholes = [Whole(account, Kept(draw_version(), EMPTY_BOOK)) for account in (ALICE, CAROL)]
    await store.put_wholes(wholes, [BOB.owner, f"{SDKAPPID}:nobody"], told_at={SDKAPPID: 9})
    events = await told(store)
    assert sorted(events, key=lambda event: event.userid) == [
        Event("alice", 9, EventKind.REPLACED),
        Event("bob", 9, EventKind.DELETED),
    ]
    assert await store.events(CAROL.sdkappid, 0, 10) == []
    assert await store.put_wholes(wholes, only_new=True, told_at={SDKAPPID: 9}) == {
        ALICE.owner,
        CAROL.owner,
    }
    assert len(await told(store)) == 2


async def test_pages_of_a_feed_hang_together(store: Store) -> None:
    await store.create_account(ALICE)
    for number in range(10):
        await store.update(ALICE, marking(f"peer{number}"), told_at=number)
    assert [event.at for event in await told(store, 0, 4)] == [0, 1, 2, 3]
    assert [event.at for event in await told(store, 4, 4)] == [4, 5, 6, 7]
    assert [event.at for event in await told(store, 8, 4)] == [8, 9]
    assert await told(store, 10, 4) == []
    assert await store.event_bounds(SDKAPPID) == (1, 10)


async def test_a_reader_beside_many_writers_misses_nothing_and_sees_each_account_in_order(
    store: Store,
) -> None:
    accounts = [Account(SDKAPPID, f"user{n}") for n in range(20)]
    for account in accounts:
        await store.create_account(account)
    chance = random.Random(8)
    seen: list[Told] = []
    done = asyncio.Event()

    async def read() -> None:
        while True:
            ending = done.is_set()
            after = seen[-1].seq if seen else 0
            new = await store.events(SDKAPPID, after, chance.randrange(1, 30))
            seen.extend(new)
            if ending and not new:
                return
            await asyncio.sleep(0.001)

    async def write(account: Account) -> None:
        for number in range(25):
            await store.update(account, marking(f"peer{number}"), told_at=number)

    reading = asyncio.create_task(read())
    await asyncio.gather(*map(write, accounts))
    done.set()
    await reading
    assert [each.seq for each in seen] == list(range(1, 501))
    by_account = defaultdict(list)
    for each in seen:
        by_account[each.event.userid].append(each.event.at)
    assert dict(by_account) == {account.userid: list(range(25)) for account in accounts}
    assert await store.events(SDKAPPID, 0, 1000) == seen


async def test_old_events_are_forgotten_from_the_beginning_and_never_the_newest(store: Store) -> None:
    await store.create_account(ALICE)
    for number, at in enumerate((10, 30, 20, 40)):
        await store.update(ALICE, marking(f"peer{number}"), told_at=at)
    assert await store.forget_events(SDKAPPID, 10) == 0
    assert await store.forget_events(SDKAPPID, 25) == 1
    assert await store.event_bounds(SDKAPPID) == (2, 4)
    assert await store.forget_events(SDKAPPID, 99) == 2
    assert await store.event_bounds(SDKAPPID) == (4, 4)
    await store.update(ALICE, marking("more"), told_at=50)
    assert [event.at for event in await told(store)] == [40, 50]
    assert await store.forget_events(1, 99) == 0


async def test_events_are_there_when_the_store_is_opened_again(store_url: str) -> None:
    if store_url == "memory:":
        return
    first = await open_store(store_url)
    await first.create_account(ALICE, told_at=1)
    events = await first.events(SDKAPPID, 0, 10)
    await first.close()
    second = await open_store(store_url)
    assert await second.events(SDKAPPID, 0, 10) == events
    await second.update(ALICE, marking("bob"), told_at=2)
    assert await second.event_bounds(SDKAPPID) == (1, 2)
    await second.close()


async def test_a_property_is_swapped_only_where_it_is_what_was_thought(store: Store) -> None:
    assert await store.swap_property("x", "a", "b") is False
    assert await store.swap_property("x", None, "a") is True
    assert await store.swap_property("x", None, "b") is False
    assert await store.swap_property("x", "b", "c") is False
    assert await store.swap_property("x", "a", "c") is True
    assert await store.read_property("x") == "c"
    assert await store.swap_property("x", "a", None) is False
    assert await store.swap_property("x", None, None) is False
    assert await store.swap_property("x", "c", None) is True
    assert await store.swap_property("x", None, None) is True
    assert await store.read_property("x") is None


async def test_of_many_who_swap_a_property_at_once_one_does(store: Store) -> None:
    done = await asyncio.gather(*(store.swap_property("x", None, str(n)) for n in range(10)))
    assert sorted(done) == [False] * 9 + [True]
    await store.write_property("x", "same")
    done = await asyncio.gather(*(store.swap_property("x", "same", str(n)) for n in range(10)))
    assert sorted(done) == [False] * 9 + [True]


async def test_properties_are_found_by_the_beginning_of_their_names(store: Store) -> None:
    for name, value in (("a:1", "x"), ("a:2", "y"), ("A:3", "z"), ("b", "w"), ("a%", "v")):
        await store.write_property(name, value)
    assert await store.properties("a:") == {"a:1": "x", "a:2": "y"}
    assert len(await store.properties("")) == 5


async def test_versions_do_not_change_by_events(store: Store) -> None:
    await store.create_account(ALICE, told_at=1)
    before = await store.read(ALICE)
    await store.events(SDKAPPID, 0, 10)
    await store.forget_events(SDKAPPID, 99)
    assert await store.read(ALICE) == before
    assert replace(before, version=0).book == EMPTY_BOOK


# A feed begins when an app gets one.


def with_feed(*admins: str) -> Callable[[App | None], App]:
    return lambda _: App(SDKAPPID, (b"\0key",), admins, feed=True)


def without_feed(*admins: str) -> Callable[[App | None], App]:
    return lambda _: App(SDKAPPID, (b"\0key",), admins)


async def test_a_feed_begins_with_an_event_that_says_so_and_with_its_administrators(
    store: Store,
) -> None:
    await store.change_app(SDKAPPID, with_feed("boss"))
    events = await told(store)
    assert [(event.userid, event.kind) for event in events] == [
        ("", EventKind.BEGUN),
        ("boss", EventKind.CREATED),
    ]
    await store.change_app(SDKAPPID, with_feed("boss", "second"))
    assert [event.userid for event in await told(store)] == ["", "boss", "second"]


async def test_administrators_of_an_app_without_a_feed_are_no_events(store: Store) -> None:
    await store.change_app(SDKAPPID, without_feed("boss"))
    assert await told(store) == []


async def test_a_feed_that_was_off_begins_anew_behind_all_numbers_of_before(store: Store) -> None:
    await store.change_app(SDKAPPID, with_feed("boss"))
    await store.create_account(ALICE, told_at=1)
    before = await store.events(SDKAPPID, 0, 10)
    await store.change_app(SDKAPPID, without_feed("boss"))
    assert await store.events(SDKAPPID, 0, 10) == before
    await store.create_account(BOB)
    await store.change_app(SDKAPPID, with_feed("boss"))
    (begun,) = await store.events(SDKAPPID, 0, 10)
    assert begun.seq == before[-1].seq + 1
    assert begun.event.kind is EventKind.BEGUN


async def test_events_go_with_their_app(store: Store) -> None:
    await store.change_app(SDKAPPID, with_feed("boss"))
    await store.put_apps([], [SDKAPPID])
    assert await store.events(SDKAPPID, 0, 10) == []
    await store.put_apps([App(SDKAPPID, (b"\0key",), ("boss",), feed=True)])
    assert [event.kind for event in await told(store)] == [EventKind.BEGUN]
