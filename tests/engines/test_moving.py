"""Whole accounts, chat groups and apps go into every engine and come out as they were, and a store
becomes exactly what another one is."""

from __future__ import annotations

import asyncio
import random
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence

import pytest
from msgspec.structs import replace

from chatmarks.book import EMPTY_BOOK, Account, Book, Edit, Entry, Peer, PeerType
from chatmarks.engines import open_store
from chatmarks.moving import (
    ACCOUNTS,
    BATCH,
    ROWS_MAX,
    CannotCopy,
    begin,
    compare,
    copy,
    finish,
    records,
)
from chatmarks.soundness import Problem
from chatmarks.store import (
    UNFINISHED_COPY_FROM,
    UNFINISHED_COPY_RUN,
    App,
    AppChatGroup,
    ChatGroup,
    Kept,
    Membership,
    Recent,
    Store,
    Superseded,
    Totals,
    Whole,
    draw_version,
)
from harness import AWKWARD, NOW
from nasty import Fate, NastyStore

SDKAPPID = 1400000000
ALICE = Account(SDKAPPID, "alice")
BOB = Account(SDKAPPID, "bob")
ROOM = ChatGroup("room", "Public", "a room", "alice", NOW, 5)
ALL_BITS = (1 << 64) - 1
HIGHEST = 2**63 - 1
TEXTS = list(AWKWARD.values())


@pytest.fixture
async def model() -> AsyncIterator[Store]:
    """A second store, in memory."""
    opened = await open_store("memory:")
    yield opened
    await opened.close()


def whole(account: Account, *marks: int, version: int = 7, text: str = "") -> Whole:
    """An account with a group and a conversation for each of `marks`."""
    entries = {
        Peer(PeerType.ACCOUNT, f"peer{position}"): Entry(position, bits, text, 2, NOW)
        for position, bits in enumerate(marks)
    }
    return Whole(account, Kept(version, Book({f"work{text}": 1}, entries, len(marks))))


def numbered(count: int) -> list[Whole]:
    return [whole(Account(SDKAPPID, f"user{n:05}"), n + 1, version=n + 1) for n in range(count)]


async def all_wholes(store: Store, page: int = 3) -> list[Whole]:
    found: list[Whole] = []
    while more := await store.wholes(found[-1].key if found else "", page):
        assert len(more) <= page
        found += more
    return found


async def put_one(store: Store, put: Whole) -> Whole:
    await store.put_wholes([put])
    (found,) = await store.wholes("", 10)
    return found


# Whole accounts.


async def test_an_empty_store_has_no_accounts_chat_groups_and_apps(store: Store) -> None:
    assert await store.wholes("", 5) == []
    assert await store.all_chat_groups("", 5) == []
    assert await store.totals() == Totals(0, 0, 0)


async def test_accounts_come_by_the_bytes_of_their_keys_page_after_page(store: Store) -> None:
    userids = [
        "a",
        "A",
        "_",
        "Z",
        "~",
        " ",
        "0",
        "10",
        "9",
        "a b",
        "é",
        "z",
        "字",
        "\uffff",
        "\U0001d4b3",
    ]
    accounts = [Account(sdkappid, userid) for sdkappid in (7, 70, 8, 1) for userid in userids]
    random.Random(1).shuffle(accounts)
    for account in accounts:
        await store.create_account(account)
    expected = sorted((account.owner for account in accounts), key=str.encode)
    for page in (1, 7, 1000):
        assert [found.key for found in await all_wholes(store, page)] == expected


async def test_a_page_begins_after_a_key_that_is_there_or_not(store: Store) -> None:
    for userid in ("a", "c", "e"):
        await store.create_account(Account(SDKAPPID, userid))
    for after, expected in (("c", ["e"]), ("b", ["c", "e"]), ("e", []), ("z", []), ("", list("ace"))):
        found = await store.wholes(f"{SDKAPPID}:{after}", 5)
        assert [page.account.userid for page in found] == expected


async def test_a_whole_is_what_was_written_call_by_call(store: Store) -> None:
    await store.create_account(ALICE)
    edit = Edit(Peer(PeerType.CHAT_GROUP, "@TGS#1"), set_marks=1 << 63, custom_mark="x", join=2)
    await store.update(
        ALICE, lambda book: (book.with_group("work").with_edits([edit], NOW, "shared")[0], None)
    )
    await store.create_chat_group(SDKAPPID, ROOM)
    gone = replace(ROOM, incarnation=6)
    await store.join(ALICE, ROOM, Membership("Owner", NOW))
    await store.join(ALICE, gone, Membership("Member", NOW + 1))
    (found,) = await store.wholes("", 5)
    assert found.account == ALICE
    assert found.kept == await store.read(ALICE)
    assert dict(found.memberships) == {
        ("room", 5): Membership("Owner", NOW),
        ("room", 6): Membership("Member", NOW + 1),
    }
    assert not found.recents


@pytest.mark.parametrize("text", AWKWARD.values(), ids=AWKWARD)
async def test_awkward_text_is_put_and_comes_back_as_it_was(store: Store, text: str) -> None:
    book = Book(
        {text: 1, f"{text}2": 20},
        {
            Peer(PeerType.ACCOUNT, text): Entry(0, 1, text, 2, NOW),
            Peer(PeerType.CHAT_GROUP, text): Entry(1, 0, text, 0, NOW),
        },
        2,
    )
    memberships = {(text, 3): Membership("Admin", NOW, 4, NOW)}
    recents = {text: Recent(NOW, NOW + 1, NOW + 2)}
    put = Whole(Account(SDKAPPID, text), Kept(9, book), memberships, recents)
    assert await put_one(store, put) == put


@pytest.mark.parametrize("marks", [1, 1 << 62, 1 << 63, (1 << 63) + 1, ALL_BITS])
async def test_all_64_marks_are_put_and_come_back(store: Store, marks: int) -> None:
    put = whole(ALICE, marks)
    assert await put_one(store, put) == put
    assert (await store.read(ALICE)).book == put.kept.book


async def test_the_highest_numbers_are_put_and_come_back(store: Store) -> None:
    entry = Entry(HIGHEST - 1, ALL_BITS, "", 1 << 20, HIGHEST)
    book = Book({"x": 20}, {Peer(PeerType.ACCOUNT, "x"): entry}, HIGHEST)
    memberships = {("room", HIGHEST): Membership("Member", HIGHEST, HIGHEST, HIGHEST)}
    recents = {"x": Recent(HIGHEST, HIGHEST, HIGHEST)}
    put = Whole(Account(HIGHEST, "x"), Kept(HIGHEST, book), memberships, recents)
    assert await put_one(store, put) == put


async def test_the_order_of_groups_and_conversations_is_put_too(store: Store) -> None:
    entries = {
        Peer(PeerType.ACCOUNT, peer_id): Entry(position, 1, "", 0, NOW)
        for position, peer_id in ((3, "z"), (4, "a"), (9, "m"))
    }
    put = Whole(ALICE, Kept(1, Book({"z": 2, "a": 1}, entries, 10)))
    found = await put_one(store, put)
    assert list(found.kept.book.groups) == ["z", "a"]
    assert list(found.kept.book.entries) == list(entries)


async def test_an_account_that_was_put_has_the_version_that_was_put_and_is_worked_with(
    store: Store,
) -> None:
    await store.put_wholes([whole(ALICE, 1, version=77)])
    assert await store.versions([ALICE]) == [77]
    assert await store.known_accounts(SDKAPPID, ["alice"]) == {"alice"}
    assert await store.create_account(ALICE) is False
    edit = Edit(Peer(PeerType.ACCOUNT, "new"), set_marks=1)
    await store.update(ALICE, lambda book: (book.with_edits([edit], NOW, "shared")[0], None))
    after = await store.read(ALICE)
    assert after.version != 77
    assert [peer.id for peer in after.book.entries] == ["peer0", "new"]
    assert await store.delete_account(ALICE) is True
    assert await store.wholes("", 5) == []


async def test_putting_an_account_replaces_all_that_it_had(store: Store) -> None:
    await store.create_chat_group(SDKAPPID, ROOM)
    before = replace(whole(ALICE, 1, 2, 3), memberships={("room", 5): Membership("Member", NOW)})
    await store.put_wholes([before, whole(BOB, 9)])
    assert list(await store.members(SDKAPPID, ROOM)) == ["alice"]
    after = whole(ALICE, 8, version=8)
    await store.put_wholes([after])
    assert await all_wholes(store) == [after, whole(BOB, 9)]
    assert await store.members(SDKAPPID, ROOM) == {}
    assert await store.join(ALICE, ROOM, Membership("Member", NOW)) is True


async def test_memberships_that_were_put_count(store: Store) -> None:
    await store.create_chat_group(SDKAPPID, ROOM)
    member = Membership("Admin", NOW)
    await store.put_wholes([replace(whole(ALICE), memberships={("room", 5): member})])
    assert await store.members(SDKAPPID, ROOM) == {"alice": member}
    assert await store.join(ALICE, ROOM, member) is False
    assert await store.leave(ALICE, ROOM) is True
    (found,) = await store.wholes("", 5)
    assert not found.memberships


async def test_accounts_that_are_gone_are_deleted_with_all_they_had(store: Store) -> None:
    await store.create_chat_group(SDKAPPID, ROOM)
    put = replace(whole(ALICE, 1), memberships={("room", 5): Membership("Member", NOW)})
    await store.put_wholes([put, whole(BOB, 2)])
    await store.put_wholes([], [ALICE.owner, f"{SDKAPPID}:nobody"])
    assert await all_wholes(store) == [whole(BOB, 2)]
    assert await store.members(SDKAPPID, ROOM) == {}
    await store.create_account(ALICE)
    assert (await store.read(ALICE)).book == EMPTY_BOOK


async def test_putting_only_new_accounts_leaves_the_others_alone_and_names_them(store: Store) -> None:
    await store.put_wholes([whole(ALICE, 1)])
    put = [whole(ALICE, 2, 3, version=8), whole(BOB, 4)]
    assert await store.put_wholes(put, only_new=True) == {ALICE.owner}
    assert await all_wholes(store) == [whole(ALICE, 1), whole(BOB, 4)]
    assert await store.put_wholes(put) == set()
    assert await all_wholes(store) == put


async def test_of_a_creation_and_a_put_of_only_new_accounts_one_wins(store: Store) -> None:
    for number in range(20):
        account = Account(SDKAPPID, f"user{number}")
        created, left = await asyncio.gather(
            store.create_account(account), store.put_wholes([whole(account, 1)], only_new=True)
        )
        assert created == (account.owner in left)
        assert bool((await store.read(account)).book.entries) == (not created)


async def test_a_thousand_accounts_are_put_at_once(store: Store) -> None:
    put = numbered(1000)
    await store.put_wholes(put)
    assert await all_wholes(store, 400) == put
    await store.put_wholes([], [gone.key for gone in put[1:]])
    assert await all_wholes(store) == put[:1]


async def test_an_update_beside_a_put_is_done_before_or_after_it(store: Store) -> None:
    edit = Edit(Peer(PeerType.ACCOUNT, "new"), set_marks=1)
    for number in range(20):
        await store.put_wholes([whole(ALICE, 1)])
        put = whole(ALICE, 2, 4, version=1000 + number)
        await asyncio.gather(
            store.update(ALICE, lambda book: (book.with_edits([edit], NOW, "shared")[0], None)),
            store.put_wholes([put]),
        )
        found = (await store.read(ALICE)).book.entries
        assert found.items() >= put.kept.book.entries.items()


async def test_each_whole_is_of_one_moment_while_it_is_written(store: Store) -> None:
    await store.create_account(ALICE)
    stopped = False

    async def write() -> int:
        written = 0
        while not stopped:
            written += 1
            edits = [
                Edit(Peer(PeerType.ACCOUNT, f"peer{n}"), custom_mark=str(written)) for n in range(3)
            ]
            await store.update(
                ALICE,
                lambda book: (
                    book.with_edits(edits, NOW, "shared")[0],  # noqa: B023 - run at once
                    None,
                ),
            )
            await asyncio.sleep(0)
        return written

    writing = asyncio.create_task(write())
    books: dict[int, set[str]] = {}
    while len(books) < 20:
        (found,) = await store.wholes("", 5)
        texts = {entry.custom_mark for entry in found.kept.book.entries.values()}
        assert len(texts) <= 1
        assert books.setdefault(found.kept.version, texts) == texts
        await asyncio.sleep(0)
    stopped = True
    assert await writing > 0


# Chat groups, apps, totals and properties.


async def test_chat_groups_are_put_as_they_are_and_come_by_the_bytes_of_their_keys(
    store: Store,
) -> None:
    put = [
        AppChatGroup(sdkappid, ChatGroup(group_id, "Public", text, "alice", NOW, HIGHEST))
        for sdkappid in (70, 7, 8)
        for group_id, text in [("B", "x"), ("a", "y"), *((text, text) for text in TEXTS)]
    ]
    await store.put_chat_groups(put)
    found: list[AppChatGroup] = []
    while page := await store.all_chat_groups(found[-1].key if found else "", 4):
        found += page
    assert found == sorted(put, key=lambda group: group.key.encode())
    assert (await store.list_chat_groups(7, "", 0, 100))[0] == len(TEXTS) + 2
    assert (await store.chat_groups(8, ["B"]))["B"].incarnation == HIGHEST


async def test_putting_a_chat_group_replaces_it_and_forgets_those_that_are_gone(store: Store) -> None:
    for group in (ROOM, replace(ROOM, id="hall")):
        await store.create_chat_group(SDKAPPID, group)
    after = replace(ROOM, name="another", incarnation=6)
    gone = [f"{SDKAPPID}:hall", f"{SDKAPPID}:nowhere"]
    await store.put_chat_groups([AppChatGroup(SDKAPPID, after)], gone)
    assert await store.all_chat_groups("", 5) == [AppChatGroup(SDKAPPID, after)]
    count, listed = await store.list_chat_groups(SDKAPPID, "", 0, 5)
    assert (count, listed) == (1, [after])


async def test_apps_are_put_as_they_are_and_make_no_accounts(store: Store) -> None:
    put = App(
        HIGHEST,
        (b"\0key", bytes(range(256))),
        ("boss", "'; --"),
        "documented",
        {"pooling": "split", "calls_per_second": 5, "check_to_account": True},
        ("10.0.0.0/8",),
        enabled=False,
        revision=HIGHEST,
    )
    await store.change_app(7, lambda _: App(7))
    await store.put_apps([put, App(8, revision=3)])
    assert await store.app(HIGHEST) == put
    assert [app.sdkappid for app in await store.apps()] == [7, 8, HIGHEST]
    assert await store.known_accounts(HIGHEST, ["boss"]) == set()
    await store.put_apps([App(8, revision=4)], [7, 9])
    assert await store.apps() == [App(8, revision=4), put]


async def test_totals_are_of_one_app_or_of_all(store: Store) -> None:
    accounts = [(7, "a"), (7, "b"), (70, "c"), (77, "d"), (8, "7:e")]
    await store.put_wholes([whole(Account(*account)) for account in accounts])
    groups = [AppChatGroup(sdkappid, ROOM) for sdkappid in (7, 70)]
    await store.put_chat_groups(groups)
    await store.put_apps([App(sdkappid) for sdkappid in (7, 70, 8, 9)])
    assert await store.totals() == Totals(5, 2, 4)
    assert await store.totals(7) == Totals(2, 1, 1)
    assert await store.totals(8) == Totals(1, 0, 1)
    assert await store.totals(1) == Totals(0, 0, 0)


async def test_a_property_is_written_replaced_and_dropped(store: Store) -> None:
    assert await store.read_property(UNFINISHED_COPY_FROM) is None
    for value in (*AWKWARD.values(), ""):
        await store.write_property(UNFINISHED_COPY_FROM, value)
        assert await store.read_property(UNFINISHED_COPY_FROM) == value
    assert await store.read_property("another") is None
    await store.write_property(UNFINISHED_COPY_FROM, None)
    await store.write_property(UNFINISHED_COPY_FROM, None)
    assert await store.read_property(UNFINISHED_COPY_FROM) is None


# Copies, from and to each engine, with memory at the other end.


async def differences(source: Store, target: Store) -> list[str]:
    found: list[Problem] = []
    await compare(source, target, found.append, lambda _done, _total: None)
    return [difference.line for difference in found]


async def copied(source: Store, target: Store) -> tuple[dict[str, int], dict[str, int]]:
    """What was written and deleted, without what was not."""
    done = await copy(source, target, lambda _done, _total: None)
    return (
        {table: count for table, count in done.written.items() if count},
        {table: count for table, count in done.deleted.items() if count},
    )


async def content(store: Store) -> object:
    return await all_wholes(store, 100), await store.all_chat_groups("", 1000), await store.apps()


def drawn_whole(account: Account, draw: random.Random) -> Whole:
    memberships = {
        (draw.choice(TEXTS), draw.randint(1, 3)): Membership(
            "Member", draw.randint(0, NOW), draw.randint(0, 3), draw.randint(0, NOW)
        )
        for _ in range(draw.randint(0, 3))
    }
    recents = {
        draw.choice(TEXTS): Recent(draw.randint(0, 5), NOW, draw.randint(0, 1))
        for _ in range(draw.randint(0, 3))
    }
    marks = [draw.getrandbits(64) | 1 for _ in range(draw.randint(0, 5))]
    text = draw.choice(TEXTS)
    drawn = whole(account, *marks, version=draw_version(), text=text)
    return replace(drawn, memberships=memberships, recents=recents)


async def fill(store: Store, draw: random.Random, accounts: int) -> None:
    """Put accounts, chat groups and apps, of which two stores have some in common."""
    owners = [Account(sdkappid, f"user{n}") for sdkappid in (7, 70, 8) for n in range(accounts)]
    wholes = [drawn_whole(owner, draw) for owner in owners]
    await store.put_wholes(draw.sample(wholes, len(wholes) // 2))
    # The same of each store, so that some are equal.
    await store.put_wholes([whole(owner, 1) for owner in owners[::5]])
    groups = [AppChatGroup(7, replace(ROOM, id=f"room{n}", created_at=n // 2)) for n in range(50)]
    await store.put_chat_groups(draw.sample(groups, 25))
    await store.put_apps([App(n, revision=n) for n in draw.sample(range(1, 30), 10)])


@pytest.mark.parametrize("seed", range(3))
async def test_a_copy_makes_of_any_store_what_the_other_one_is(
    store: Store, model: Store, seed: int
) -> None:
    draw = random.Random(seed)
    for source, target in ((store, model), (model, store)):
        await fill(source, draw, BATCH)
        await fill(target, draw, BATCH)
        assert await differences(source, target)
        await copied(source, target)
        assert await content(source) == await content(target)
        assert await differences(source, target) == []
        assert await copied(source, target) == ({}, {})


@pytest.mark.parametrize("count", [0, 1, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH])
async def test_a_copy_writes_every_account_of_whatever_number_of_pages(
    store: Store, model: Store, count: int
) -> None:
    await model.put_wholes(numbered(count))
    told: list[tuple[int, int]] = []
    done = await copy(model, store, lambda *progress: told.append(progress))
    assert done.written.get("account", 0) == count
    assert told[-1] == (count, count)
    assert await content(store) == await content(model)


async def test_of_large_books_few_are_read_at_a_time_and_of_small_ones_many(store: Store) -> None:
    sizes: list[int] = []

    async def page(source: Store, after: str, limit: int) -> list[Whole]:
        found = await source.wholes(after, limit)
        sizes.append(len(found))
        return found

    part = replace(ACCOUNTS, page=page)
    large = [whole(Account(7, f"large{n:02}"), *[1] * 999) for n in range(30)]
    await store.put_wholes(large[:15])
    await store.put_wholes(large[15:])
    assert [found async for _, found in records(part, store)] == large
    assert max(sizes) * 1000 <= ROWS_MAX
    sizes.clear()
    small = numbered(3 * BATCH)
    await store.put_wholes(small, [gone.key for gone in large])
    assert [found async for _, found in records(part, store)] == small
    assert max(sizes) == BATCH


async def test_a_copy_that_broke_off_goes_on_with_what_is_missing(store: Store, model: Store) -> None:
    put = numbered(3 * BATCH)
    await model.put_wholes(put)
    await store.put_wholes(put[:BATCH])
    assert await copied(model, store) == ({"account": 2 * BATCH}, {})


async def test_what_the_source_no_longer_has_goes_from_the_copy(store: Store, model: Store) -> None:
    await store.put_wholes(numbered(BATCH + 1))
    await store.put_chat_groups([AppChatGroup(7, ROOM)])
    await store.put_apps([App(7)])
    deleted = {"account": BATCH + 1, "chat_group": 1, "app": 1}
    assert await copied(model, store) == ({}, deleted)
    assert await store.totals() == Totals(0, 0, 0)


KEPT_ALICE = replace(
    whole(ALICE, 1, 2, text="x"),
    memberships={("room", 5): Membership("Member", NOW)},
    recents={"bob": Recent(NOW, NOW)},
)
A = f"{SDKAPPID}:alice"
PEER = Peer(PeerType.ACCOUNT, "peer0")
OTHER = Peer(PeerType.CHAT_GROUP, "o\n")


def altered(**changes: object) -> Whole:
    return replace(KEPT_ALICE, kept=replace(KEPT_ALICE.kept, **changes))


def with_entries(**changes: object) -> Whole:
    entries = dict(KEPT_ALICE.kept.book.entries)
    entries[PEER] = replace(entries[PEER], **changes)
    return altered(book=replace(KEPT_ALICE.kept.book, entries=entries))


OTHER_BOOK = replace(KEPT_ALICE.kept.book, groups={"play": 1}, next_position=9)
MORE_ENTRIES = {**KEPT_ALICE.kept.book.entries, OTHER: Entry(2, 1, "", 0, NOW)}
FEWER_ENTRIES = {PEER: KEPT_ALICE.kept.book.entries[PEER]}


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        (altered(version=8), [f"account {A}: is another in the copy: version"]),
        (altered(book=OTHER_BOOK), [f"account {A}: is another in the copy: groups, next position"]),
        (
            with_entries(marks=ALL_BITS),
            [f"conversation {A} 1:peer0: is another in the copy: marks"],
        ),
        (
            with_entries(custom_mark="X", groups=0, updated_at=NOW + 1),
            [
                f"conversation {A} 1:peer0: is another in the copy: custom mark, groups, updated at",
            ],
        ),
        (
            altered(book=replace(KEPT_ALICE.kept.book, entries=MORE_ENTRIES)),
            [f"conversation {A} 2:o\\n: is only in the copy"],
        ),
        (
            altered(book=replace(KEPT_ALICE.kept.book, entries=FEWER_ENTRIES)),
            [f"conversation {A} 1:peer1: is not in the copy"],
        ),
        (
            replace(KEPT_ALICE, memberships={("room", 5): Membership("Admin", NOW)}),
            [f"membership {A} room (5): is another in the copy: role"],
        ),
        (
            replace(KEPT_ALICE, memberships={("room", 6): Membership("Member", NOW)}),
            [
                f"membership {A} room (5): is not in the copy",
                f"membership {A} room (6): is only in the copy",
            ],
        ),
        (
            replace(KEPT_ALICE, memberships={("room", 5): Membership("Member", NOW, 2, NOW)}),
            [f"membership {A} room (5): is another in the copy: listed from, pinned at"],
        ),
        (
            replace(KEPT_ALICE, recents={"bob": Recent(NOW, NOW + 1, NOW)}),
            [f"recent {A} bob: is another in the copy: last at, pinned at"],
        ),
        (
            replace(KEPT_ALICE, recents={"o": Recent(NOW, NOW)}),
            [f"recent {A} bob: is not in the copy", f"recent {A} o: is only in the copy"],
        ),
        (
            whole(BOB),
            [f"account {A}: is not in the copy", f"account {SDKAPPID}:bob: is only in the copy"],
        ),
    ],
)
async def test_a_comparison_tells_what_differs_in_an_account_and_a_copy_mends_it(
    store: Store, model: Store, theirs: Whole, expected: list[str]
) -> None:
    await model.put_wholes([KEPT_ALICE])
    await store.put_wholes([theirs])
    assert await differences(model, store) == expected
    await copied(model, store)
    assert await differences(model, store) == []
    assert await all_wholes(store) == [KEPT_ALICE]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda store: store.put_chat_groups([AppChatGroup(7, replace(ROOM, name="b", owner=""))]),
            "chat_group 7:room: is another in the copy: name, owner",
        ),
        (
            lambda store: store.put_chat_groups(
                [AppChatGroup(7, replace(ROOM, message_seq=3, shown_seq=2, shown_at=NOW))]
            ),
            "chat_group 7:room: is another in the copy: message seq, shown seq, shown at",
        ),
        (
            lambda store: store.put_chat_groups([], ["7:room"]),
            "chat_group 7:room: is not in the copy",
        ),
        (
            lambda store: store.put_chat_groups([AppChatGroup(8, ROOM)]),
            "chat_group 8:room: is only in the copy",
        ),
        (
            lambda store: store.put_apps([App(7, (b"\0key",), revision=4)]),
            "app 7: is another in the copy: sealed keys, revision",
        ),
        (lambda store: store.put_apps([], [7]), "app 7: is not in the copy"),
        (lambda store: store.put_apps([App(9)]), "app 9: is only in the copy"),
    ],
)
async def test_a_comparison_tells_what_differs_in_chat_groups_and_apps_and_a_copy_mends_it(
    store: Store, model: Store, change: Callable[[Store], asyncio.Future[None]], expected: str
) -> None:
    for filled in (store, model):
        await filled.put_chat_groups([AppChatGroup(7, ROOM)])
        await filled.put_apps([App(7, (b"\0yek",), revision=3)])
    await change(store)
    assert await differences(model, store) == [expected]
    await copied(model, store)
    assert await differences(model, store) == []


SOURCE = "sqlite:////a.db"


async def test_a_copy_begins_in_an_empty_store_alone_and_goes_on_in_its_own(store: Store) -> None:
    first = await begin(store, SOURCE)
    await store.put_wholes([whole(ALICE)])
    run = await begin(store, SOURCE)
    assert run != first
    with pytest.raises(CannotCopy, match=r"an unfinished copy of 'sqlite:////a\.db', not of"):
        await begin(store, "sqlite:////b.db")
    await finish(store, run)
    with pytest.raises(CannotCopy, match="is not empty, it has accounts: 1, chat groups: 0, apps: 0"):
        await begin(store, SOURCE)
    assert await store.read_property(UNFINISHED_COPY_FROM) is None
    assert await store.read_property(UNFINISHED_COPY_RUN) is None


# Several runs of one copy.


class Wrapper(NastyStore):
    """A store that passes all on, for one that does something else in a call."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner, 0, [Fate.PLAIN])


def ignored(_done: int, _total: int) -> None:
    """Progress that nobody looks at."""


class Slow(Wrapper):
    """A store whose first page of accounts is handed out at a sign."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.waits, self.sign = asyncio.Event(), asyncio.Event()

    async def wholes(self, after: str, limit: int) -> list[Whole]:
        self.waits.set()
        await self.sign.wait()
        return await super().wholes(after, limit)


async def test_a_run_writes_nothing_into_a_store_that_another_run_finished(
    store: Store, model: Store
) -> None:
    await model.put_wholes([whole(ALICE, 1)])
    older, newer = await begin(store, SOURCE), await begin(store, SOURCE)
    slow = Slow(store)
    copying = asyncio.create_task(copy(model, slow, ignored, older))
    await slow.waits.wait()
    await copy(model, store, ignored, newer)
    await finish(store, newer)
    edit = Edit(Peer(PeerType.ACCOUNT, "served"), set_marks=1)
    await store.update(ALICE, lambda book: (book.with_edits([edit], NOW, "shared")[0], None))
    await store.create_account(BOB)
    served = await content(store)
    slow.sign.set()
    with pytest.raises(Superseded):
        await copying
    with pytest.raises(Superseded):
        await finish(store, older)
    assert await content(store) == served


async def test_a_newer_run_stops_an_older_one_at_its_next_batch(store: Store, model: Store) -> None:
    await model.put_wholes(numbered(3 * BATCH))
    older = await begin(store, SOURCE)

    class Interrupting(Wrapper):
        async def put_wholes(
            self,
            wholes: Sequence[Whole],
            gone: Collection[str] = (),
            *,
            only_new: bool = False,
            run: str | None = None,
            told_at: Mapping[int, int] = types.MappingProxyType({}),
        ) -> set[str]:
            left = await super().put_wholes(wholes, gone, only_new=only_new, run=run, told_at=told_at)
            newer.append(await begin(store, SOURCE))
            return left

    newer: list[str] = []
    with pytest.raises(Superseded):
        await copy(model, Interrupting(store), ignored, older)
    assert (await store.totals()).accounts == BATCH
    done = await copy(model, store, ignored, newer[0])
    assert done.written["account"] == 2 * BATCH
    await finish(store, newer[0])
    assert await differences(model, store) == []


async def test_the_end_of_a_superseded_run_leaves_the_mark(store: Store) -> None:
    older, newer = await begin(store, SOURCE), await begin(store, SOURCE)
    with pytest.raises(Superseded):
        await finish(store, older)
    assert await store.read_property(UNFINISHED_COPY_FROM) == SOURCE
    await finish(store, newer)
    assert await store.read_property(UNFINISHED_COPY_FROM) is None


@pytest.mark.parametrize(
    "put",
    [
        lambda store, run: store.put_wholes([whole(ALICE)], [BOB.owner], run=run),
        lambda store, run: store.put_chat_groups([AppChatGroup(7, ROOM)], ["8:room"], run=run),
        lambda store, run: store.put_apps([App(7)], [8], run=run),
    ],
    ids=["accounts", "chat groups", "apps"],
)
async def test_nothing_is_put_for_a_run_that_is_not_the_last(
    store: Store, put: Callable[[Store, str], Awaitable[object]]
) -> None:
    await store.put_wholes([whole(BOB, 1)])
    await store.put_chat_groups([AppChatGroup(8, ROOM)])
    await store.put_apps([App(8)])
    before = await content(store)
    for last in (None, "another"):
        await store.write_property(UNFINISHED_COPY_RUN, last)
        with pytest.raises(Superseded):
            await put(store, "this")
        assert await content(store) == before
    await store.write_property(UNFINISHED_COPY_RUN, "this")
    await put(store, "this")
    assert await content(store) != before


@pytest.mark.parametrize("marked", [False, True])
async def test_a_copy_does_not_begin_in_a_store_that_another_run_finished_meanwhile(
    store: Store, *, marked: bool
) -> None:
    first = await begin(store, SOURCE) if marked else ""

    class Late(Wrapper):
        async def write_property(self, name: str, value: str | None, *, run: str | None = None) -> None:
            if not await store.wholes("", 1):
                other = first or await begin(store, SOURCE)
                await store.put_wholes([whole(ALICE)], run=other)
                await finish(store, other)
            await super().write_property(name, value, run=run)

    with pytest.raises(CannotCopy, match="is not empty"):
        await begin(Late(store), SOURCE)
    for name in (UNFINISHED_COPY_FROM, UNFINISHED_COPY_RUN):
        assert await store.read_property(name) is None
