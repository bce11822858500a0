"""What `store.py` promises of conversation lists, kept by every engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest
from msgspec.structs import replace

from chatmarks.book import Account, Edit, Entry, Peer, PeerType
from chatmarks.engines import open_store
from chatmarks.store import (
    REPEAT_SECONDS,
    ChatGroup,
    Conversation,
    Listing,
    Membership,
    Message,
    Pinning,
    Posted,
    Recent,
    Store,
    UnknownAccount,
    Whole,
)
from harness import AWKWARD, NOW

SDKAPPID = 1400000000
OTHER_SDKAPPID = 1400000001
ALICE = Account(SDKAPPID, "alice")
BOB = Account(SDKAPPID, "bob")
NOBODY = Account(SDKAPPID, "nobody")
ROOM = ChatGroup("room", "Public", "Room", "", NOW)
ALL = 1000

awkward = pytest.mark.parametrize("text", AWKWARD.values(), ids=AWKWARD)


def with_account(userid: str) -> Peer:
    return Peer(PeerType.ACCOUNT, userid)


def with_group(group_id: str = "room") -> Peer:
    return Peer(PeerType.CHAT_GROUP, group_id)


def message(at: int = NOW, key: str | None = None, *, shows: bool = True) -> Message:
    return Message(at, at, key, shows=shows)


async def listed(store: Store, account: Account = ALICE, limit: int = ALL) -> set[Conversation]:
    found = (await store.conversations(account, limit)).conversations
    assert len(found) == len(set(found))
    return set(found)


async def peers(store: Store, account: Account = ALICE, limit: int = ALL) -> set[Peer]:
    return {conversation.peer for conversation in await listed(store, account, limit)}


async def group_in(store: Store, group_id: str = "room", sdkappid: int = SDKAPPID) -> ChatGroup:
    return (await store.chat_groups(sdkappid, [group_id]))[group_id]


async def make_room(store: Store, group: ChatGroup = ROOM, *members: Account) -> None:
    await store.create_chat_group(SDKAPPID, group)
    for member in members or (ALICE,):
        await store.join(member, group, Membership("Member", NOW))


async def talk(store: Store, userids: Iterable[str], account: Account = ALICE) -> None:
    for number, userid in enumerate(userids):
        await store.converse(account, userid, NOW + number)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = await open_store(store_url)
    for account in (ALICE, BOB):
        await opened.create_account(account)
    yield opened
    await opened.close()


# One-to-one conversations.


async def test_a_fresh_account_has_an_empty_list(store: Store) -> None:
    assert await store.conversations(ALICE, ALL) == Listing(())


async def test_no_call_of_lists_knows_an_account_that_does_not_exist(store: Store) -> None:
    calls = [
        store.conversations(NOBODY, ALL),
        store.converse(NOBODY, "x", NOW),
        store.converse(NOBODY, "x", NOW, key="k", now=NOW),
        store.pin(NOBODY, [with_account("x")], NOW, 50),
        store.unpin(NOBODY, [with_account("x")]),
        store.unlist(NOBODY, with_account("x")),
        store.unlist(NOBODY, with_group()),
    ]
    for call in calls:
        with pytest.raises(UnknownAccount):
            await call
    assert await store.sent_before(NOBODY, "k", NOW) is None
    await store.create_account(NOBODY)
    assert await store.conversations(NOBODY, ALL) == Listing(())


async def test_a_conversation_begins_with_its_first_message_and_keeps_its_beginning(
    store: Store,
) -> None:
    await store.converse(ALICE, "bob", NOW)
    await store.converse(ALICE, "bob", NOW + 9)
    assert await listed(store) == {Conversation(with_account("bob"), NOW, NOW + 9)}
    assert await listed(store, BOB) == set()


async def test_an_older_message_changes_nothing(store: Store) -> None:
    await store.converse(ALICE, "bob", NOW)
    await store.converse(ALICE, "bob", NOW - 9)
    assert await listed(store) == {Conversation(with_account("bob"), NOW, NOW)}


async def test_a_list_has_the_newest_conversations_and_of_one_second_the_first_by_userid(
    store: Store,
) -> None:
    await talk(store, ["a", "b"])
    await store.converse(ALICE, "c", NOW + 1)
    assert {peer.id for peer in await peers(store, limit=2)} == {"b", "c"}
    assert {peer.id for peer in await peers(store, limit=1)} == {"b"}
    assert await peers(store, limit=0) == set()


async def test_a_limit_counts_neither_pinned_conversations_out_nor_chat_groups(store: Store) -> None:
    await make_room(store)
    await talk(store, ["old", "new"])
    await store.pin(ALICE, [with_account("old")], NOW, 50)
    assert await peers(store, limit=1) == {with_account("old"), with_account("new"), with_group()}
    assert await peers(store, limit=0) == {with_account("old"), with_group()}


async def test_no_version_changes_with_a_list(store: Store) -> None:
    before = await store.versions([ALICE])
    await make_room(store)
    await store.converse(ALICE, "bob", NOW, key="k", now=NOW)
    await store.post(SDKAPPID, ROOM, message())
    await store.pin(ALICE, [with_account("bob"), with_group()], NOW, 50)
    await store.unpin(ALICE, [with_account("bob")])
    await store.unlist(ALICE, with_account("bob"))
    await store.unlist(ALICE, with_group())
    assert await store.versions([ALICE]) == before


async def test_five_hundred_conversations_come_whole(store: Store) -> None:
    recents = {f"user{number}": Recent(NOW, NOW + number) for number in range(600)}
    whole = (await store.wholes("", 1))[0]
    await store.put_wholes([replace(whole, recents=recents)])
    assert len(await peers(store, limit=500)) == 500


# Keys of messages.


async def test_a_key_is_known_for_five_minutes(store: Store) -> None:
    assert await store.sent_before(ALICE, "k", NOW) is None
    await store.converse(ALICE, "bob", NOW - 7, key="k", now=NOW)
    assert await store.sent_before(ALICE, "k", NOW) == NOW - 7
    assert await store.sent_before(ALICE, "k", NOW + REPEAT_SECONDS) == NOW - 7
    assert await store.sent_before(ALICE, "k", NOW + REPEAT_SECONDS + 1) is None


async def test_a_key_that_is_known_no_longer_can_be_used_again(store: Store) -> None:
    later = NOW + REPEAT_SECONDS + 1
    for now in (NOW, later):
        await store.converse(ALICE, "bob", now, key="k", now=now)
    assert await store.sent_before(ALICE, "k", later) == later


async def test_keys_of_different_accounts_and_apps_stay_apart(store: Store) -> None:
    elsewhere = Account(OTHER_SDKAPPID, "alice")
    await store.create_account(elsewhere)
    await store.converse(ALICE, "bob", NOW, key="k", now=NOW)
    assert await store.sent_before(BOB, "k", NOW) is None
    assert await store.sent_before(elsewhere, "k", NOW) is None
    assert await store.conversations(elsewhere, ALL) == Listing(())


async def test_many_old_keys_leave_the_new_ones_alone(store: Store) -> None:
    await make_room(store)
    for number in range(40):
        now = NOW + 20 * number
        await store.converse(ALICE, "bob", now, key=f"k{number}", now=now)
        await store.post(SDKAPPID, ROOM, message(now, f"k{number}"))
    for number in range(40):
        is_known = 20 * (39 - number) <= REPEAT_SECONDS
        assert (await store.sent_before(ALICE, f"k{number}", NOW + 20 * 39) is not None) is is_known
        again = await store.post(SDKAPPID, ROOM, message(NOW + 20 * 39, f"k{number}"))
        assert again is not None
        assert again.is_repeat is is_known


# Chat groups.


async def test_messages_are_numbered_and_the_newest_time_shows(store: Store) -> None:
    await make_room(store)
    assert await store.post(SDKAPPID, ROOM, message(NOW + 5)) == Posted(1, NOW + 5)
    assert await store.post(SDKAPPID, ROOM, message(NOW + 3)) == Posted(2, NOW + 3)
    assert await listed(store) == {Conversation(with_group(), NOW, NOW + 5)}
    room = await group_in(store)
    assert (room.message_seq, room.shown_seq, room.shown_at) == (2, 2, NOW + 5)


async def test_a_message_that_does_not_show_counts_and_changes_no_list(store: Store) -> None:
    await make_room(store)
    await store.post(SDKAPPID, ROOM, message(NOW + 1))
    assert await store.post(SDKAPPID, ROOM, message(NOW + 9, shows=False)) == Posted(2, NOW + 9)
    assert await listed(store) == {Conversation(with_group(), NOW, NOW + 1)}
    room = await group_in(store)
    assert (room.message_seq, room.shown_seq, room.shown_at) == (2, 1, NOW + 1)


async def test_a_chat_group_without_a_message_is_empty_and_has_the_time_of_joining(
    store: Store,
) -> None:
    await make_room(store)
    assert await listed(store) == {Conversation(with_group(), NOW, NOW, is_empty=True)}
    await store.post(SDKAPPID, ROOM, message(NOW + 9, shows=False))
    assert await listed(store) == {Conversation(with_group(), NOW, NOW, is_empty=True)}


async def test_a_message_reaches_every_member_and_nobody_else(store: Store) -> None:
    await make_room(store, ROOM, ALICE, BOB)
    outsider = Account(SDKAPPID, "outsider")
    await store.create_account(outsider)
    await store.post(SDKAPPID, ROOM, message(NOW + 1))
    for account in (ALICE, BOB):
        assert await listed(store, account) == {Conversation(with_group(), NOW, NOW + 1)}
    assert await listed(store, outsider) == set()


async def test_a_repeat_is_told_the_first_message_and_counted_no_second_time(store: Store) -> None:
    await make_room(store)
    first = await store.post(SDKAPPID, ROOM, message(NOW, "k"))
    await store.post(SDKAPPID, ROOM, message(NOW + 1, "other"))
    before = await group_in(store)
    again = await store.post(SDKAPPID, ROOM, message(NOW + REPEAT_SECONDS, "k"))
    assert first == Posted(1, NOW)
    assert again == Posted(1, NOW, is_repeat=True)
    assert await group_in(store) == before
    late = await store.post(SDKAPPID, ROOM, message(NOW + REPEAT_SECONDS + 1, "k"))
    assert late == Posted(3, NOW + REPEAT_SECONDS + 1)


async def test_a_posted_message_is_known_by_its_key_for_as_long_as_repeats_are(store: Store) -> None:
    await make_room(store)
    assert await store.posted_before(SDKAPPID, ROOM, "k", NOW) is None
    await store.post(SDKAPPID, ROOM, message(NOW, "k"))
    for now, known in ((NOW + REPEAT_SECONDS, True), (NOW + REPEAT_SECONDS + 1, False)):
        found = await store.posted_before(SDKAPPID, ROOM, "k", now)
        assert found == (Posted(1, NOW, is_repeat=True) if known else None)
    assert await store.posted_before(SDKAPPID + 1, ROOM, "k", NOW) is None
    await store.delete_chat_group(SDKAPPID, "room")
    again = ChatGroup("room", "Public", "a room", "")
    await store.create_chat_group(SDKAPPID, again)
    assert await store.posted_before(SDKAPPID, again, "k", NOW) is None


async def test_of_many_messages_of_one_key_at_once_one_is_counted(store_url: str) -> None:
    stores = [await open_store(store_url) for _ in range(1 if store_url == "memory:" else 3)]
    await stores[0].create_account(ALICE)
    await make_room(stores[0])
    for key in ("k", "l", "m"):
        posted = await asyncio.gather(
            *(store.post(SDKAPPID, ROOM, message(NOW, key)) for store in stores * 4)
        )
        assert sum(one is not None and not one.is_repeat for one in posted) == 1
        assert len({one and one.seq for one in posted}) == 1
    assert (await group_in(stores[0])).message_seq == 3
    for store in stores:
        await store.close()


async def test_of_many_messages_at_once_each_gets_a_number_of_its_own(store_url: str) -> None:
    stores = [await open_store(store_url) for _ in range(1 if store_url == "memory:" else 2)]
    await stores[0].create_account(ALICE)
    await make_room(stores[0])
    posted = await asyncio.gather(
        *(
            store.post(SDKAPPID, ROOM, message(NOW, f"{number}-{of}" if number % 2 else None))
            for number in range(20)
            for of, store in enumerate(stores)
        )
    )
    numbers = sorted(one.seq for one in posted if one)
    assert numbers == [*range(1, 20 * len(stores) + 1)]
    for store in stores:
        await store.close()


async def test_no_message_comes_to_a_chat_group_that_is_gone_or_another_incarnation(
    store: Store,
) -> None:
    assert await store.post(SDKAPPID, ROOM, message()) is None
    await make_room(store)
    other = ChatGroup("room", "Public", "Room", "", NOW)
    for key in (None, "k"):
        assert await store.post(SDKAPPID, other, message(NOW, key)) is None
        assert await store.post(OTHER_SDKAPPID, ROOM, message(NOW, key)) is None
    assert (await group_in(store)).message_seq == 0
    await store.delete_chat_group(SDKAPPID, "room")
    assert await store.post(SDKAPPID, ROOM, message(NOW, "k")) is None


async def test_a_chat_group_made_again_begins_afresh(store: Store) -> None:
    await make_room(store)
    await store.post(SDKAPPID, ROOM, message(NOW, "k"))
    await store.pin(ALICE, [with_group()], NOW, 50)
    await store.delete_chat_group(SDKAPPID, "room")
    assert await listed(store) == set()
    again = ChatGroup("room", "Public", "Room", "", NOW)
    await store.create_chat_group(SDKAPPID, again)
    assert await listed(store) == set()
    assert await store.pin(ALICE, [with_group()], NOW, 50) == Pinning((with_group(),), 0)
    await store.join(ALICE, again, Membership("Member", NOW + 7))
    assert await listed(store) == {Conversation(with_group(), NOW + 7, NOW + 7, is_empty=True)}
    assert await store.post(SDKAPPID, again, message(NOW + 8, "k")) == Posted(1, NOW + 8)


async def test_who_leaves_a_chat_group_has_it_in_the_list_no_longer(store: Store) -> None:
    await make_room(store, ROOM, ALICE, BOB)
    await store.post(SDKAPPID, ROOM, message())
    await store.leave(ALICE, ROOM)
    assert await listed(store) == set()
    assert await peers(store, BOB) == {with_group()}


async def test_an_account_and_a_chat_group_of_one_id_are_two_conversations_and_two_senders(
    store: Store,
) -> None:
    group = replace(ROOM, id="alice")
    await make_room(store, group)
    await store.converse(ALICE, "alice", NOW, key="k", now=NOW)
    assert await store.post(SDKAPPID, group, message(NOW, "k")) == Posted(1, NOW)
    assert await peers(store) == {with_account("alice"), with_group("alice")}
    await store.delete_chat_group(SDKAPPID, "alice")
    assert await store.sent_before(ALICE, "k", NOW) == NOW
    await store.create_chat_group(SDKAPPID, group)
    await store.post(SDKAPPID, group, message(NOW, "l"))
    await store.delete_account(ALICE)
    again = await store.post(SDKAPPID, group, message(NOW, "l"))
    assert again is not None
    assert again.is_repeat


# Taking off the list.


async def test_a_conversation_taken_off_comes_back_with_its_next_message_as_a_new_one(
    store: Store,
) -> None:
    await talk(store, ["bob"])
    await store.pin(ALICE, [with_account("bob")], NOW, 50)
    assert await store.unlist(ALICE, with_account("bob")) is True
    assert await store.unlist(ALICE, with_account("bob")) is False
    assert await listed(store) == set()
    await store.converse(ALICE, "bob", NOW + 9)
    assert await listed(store) == {Conversation(with_account("bob"), NOW + 9, NOW + 9)}


async def test_a_chat_group_taken_off_comes_back_with_the_next_message_that_shows(
    store: Store,
) -> None:
    await make_room(store, ROOM, ALICE, BOB)
    await store.post(SDKAPPID, ROOM, message())
    await store.pin(ALICE, [with_group()], NOW, 50)
    assert await store.unlist(ALICE, with_group()) is True
    assert await store.unlist(ALICE, with_group()) is False
    await store.post(SDKAPPID, ROOM, message(NOW + 1, shows=False))
    assert await listed(store) == set()
    assert await peers(store, BOB) == {with_group()}
    await store.post(SDKAPPID, ROOM, message(NOW + 2))
    assert await listed(store) == {Conversation(with_group(), NOW, NOW + 2)}


async def test_an_empty_chat_group_can_be_taken_off(store: Store) -> None:
    await make_room(store)
    assert await store.unlist(ALICE, with_group()) is True
    assert await listed(store) == set()


async def test_what_was_never_in_the_list_cannot_be_taken_off(store: Store) -> None:
    await store.create_chat_group(SDKAPPID, ROOM)
    for peer in (with_account("bob"), with_group(), with_group("nowhere")):
        assert await store.unlist(ALICE, peer) is False


# Pins.


async def test_pinned_is_what_was_pinned_and_from_when(store: Store) -> None:
    await make_room(store)
    await talk(store, ["bob", "carol"])
    assert await store.pin(ALICE, [with_account("bob"), with_group()], NOW + 5, 50) == Pinning((), 2)
    assert await store.pin(ALICE, [with_account("bob")], NOW + 8, 50) == Pinning((), 2)
    assert await listed(store) == {
        Conversation(with_account("bob"), NOW, NOW, NOW + 5),
        Conversation(with_account("carol"), NOW + 1, NOW + 1),
        Conversation(with_group(), NOW, NOW, NOW + 5, is_empty=True),
    }
    await store.unpin(ALICE, [with_account("bob"), with_account("nobody"), with_group("nowhere")])
    pinned = {one.peer for one in await listed(store) if one.pinned_at}
    assert pinned == {with_group()}
    await store.unpin(ALICE, [with_group()])
    assert not any(one.pinned_at for one in await listed(store))


async def test_one_conversation_that_is_not_in_the_list_keeps_all_from_being_pinned(
    store: Store,
) -> None:
    await talk(store, ["bob"])
    given = [with_account("bob"), with_account("nobody"), with_group("nowhere")]
    assert await store.pin(ALICE, given, NOW, 50) == Pinning(tuple(given[1:]), 1)
    assert not any(one.pinned_at for one in await listed(store))


async def test_as_many_as_allowed_are_pinned_and_not_one_more(store: Store) -> None:
    await make_room(store)
    await talk(store, ["a", "b", "c"])
    given = [with_account("a"), with_account("b"), with_group()]
    assert await store.pin(ALICE, given, NOW, 2) == Pinning((), 3)
    assert not any(one.pinned_at for one in await listed(store))
    assert await store.pin(ALICE, given[:2], NOW, 2) == Pinning((), 2)
    assert await store.pin(ALICE, given[1:], NOW, 2) == Pinning((), 3)
    assert await store.pin(ALICE, [given[1], given[1]], NOW, 2) == Pinning((), 2)
    assert {one.peer for one in await listed(store) if one.pinned_at} == set(given[:2])


async def test_pins_of_several_at_once_stay_within_what_is_allowed(store_url: str) -> None:
    stores = [await open_store(store_url) for _ in range(1 if store_url == "memory:" else 2)]
    await stores[0].create_account(ALICE)
    names = [f"user{number}" for number in range(12)]
    await talk(stores[0], names)
    await asyncio.gather(
        *(
            stores[number % len(stores)].pin(ALICE, [with_account(name)], NOW, 5)
            for number, name in enumerate(names)
        )
    )
    assert sum(bool(one.pinned_at) for one in await listed(stores[0])) == 5
    for store in stores:
        await store.close()


# Deleted accounts, other writers, other texts.


async def test_an_account_made_again_has_nothing_of_its_list(store: Store) -> None:
    await make_room(store)
    await store.converse(ALICE, "bob", NOW, key="k", now=NOW)
    await store.delete_account(ALICE)
    await store.create_account(ALICE)
    assert await listed(store) == set()
    assert await store.sent_before(ALICE, "k", NOW) is None


async def test_a_delete_among_messages_and_pins_is_final(store: Store) -> None:
    await make_room(store)
    await store.converse(ALICE, "user0", NOW)

    async def write(number: int) -> None:
        peer = with_account(f"user{number % 3}")
        try:
            await store.converse(ALICE, peer.id, NOW, key=f"k{number}", now=NOW)
            await store.pin(ALICE, [peer], NOW, 50)
            await store.unlist(ALICE, with_group())
        except UnknownAccount:
            return

    await asyncio.gather(*map(write, range(6)), store.delete_account(ALICE), *map(write, range(6)))
    with pytest.raises(UnknownAccount):
        await store.conversations(ALICE, ALL)
    await store.create_account(ALICE)
    assert await listed(store) == set()
    assert (await store.wholes("", 1))[0].recents == {}
    assert [await store.sent_before(ALICE, f"k{number}", NOW) for number in range(6)] == [None] * 6


async def test_messages_beside_a_put_of_the_whole_account_come_before_or_after_it(
    store: Store,
) -> None:
    (whole, _) = await store.wholes("", 2)
    for number in range(20):
        put = replace(whole, recents={"bob": Recent(NOW, NOW + number)})
        await asyncio.gather(
            store.converse(ALICE, "bob", NOW + 100, key=f"k{number}", now=NOW),
            store.put_wholes([put]),
            store.converse(ALICE, f"user{number}", NOW),
        )
        recents = (await store.wholes("", 1))[0].recents
        assert recents["bob"] in (Recent(NOW, NOW + number), Recent(NOW, NOW + 100))
        assert set(recents) <= {"bob", f"user{number}"}


async def test_two_writers_lose_no_message(store_url: str) -> None:
    stores = [await open_store(store_url) for _ in range(1 if store_url == "memory:" else 2)]
    await stores[0].create_account(ALICE)
    await asyncio.gather(
        *(
            store.converse(ALICE, f"user{number % 5}", NOW + number)
            for number in range(20)
            for store in stores
        )
    )
    found = {one.peer.id: one.last_at for one in await listed(stores[-1])}
    assert found == {f"user{number}": NOW + 15 + number for number in range(5)}
    for store in stores:
        await store.close()


async def test_a_list_is_there_when_the_store_is_opened_again(store_url: str) -> None:
    if store_url == "memory:":
        return
    store = await open_store(store_url)
    await store.create_account(ALICE)
    await make_room(store)
    await store.converse(ALICE, "bob", NOW, key="k", now=NOW)
    await store.post(SDKAPPID, ROOM, message(NOW, "k"))
    await store.pin(ALICE, [with_account("bob"), with_group()], NOW, 50)
    before = await listed(store)
    await store.close()
    store = await open_store(store_url)
    assert await listed(store) == before
    assert await store.sent_before(ALICE, "k", NOW) == NOW
    assert await store.post(SDKAPPID, ROOM, message(NOW, "k")) == Posted(1, NOW, is_repeat=True)
    await store.close()


@awkward
async def test_awkward_ids_and_keys_are_kept_in_lists(store: Store, text: str) -> None:
    group = ChatGroup(text, "Public", "Room", "", NOW)
    await make_room(store, group)
    await store.converse(ALICE, text, NOW, key=text, now=NOW)
    assert await store.post(SDKAPPID, group, message(NOW, text)) == Posted(1, NOW)
    again = await store.post(SDKAPPID, group, message(NOW, text))
    assert again == Posted(1, NOW, is_repeat=True)
    given = [with_account(text), with_group(text)]
    assert await peers(store) == set(given)
    assert await store.sent_before(ALICE, text, NOW) == NOW
    assert await store.pin(ALICE, given, NOW, 2) == Pinning((), 2)
    for peer in given:
        assert await store.unlist(ALICE, peer) is True
    assert await peers(store) == set()


# Who has data of a conversation.


async def note(store: Store, account: Account, peer: Peer, text: str) -> Entry:
    await store.create_account(account)
    edit = Edit(peer, custom_mark=text)
    await store.update(account, lambda book: (book.with_edits([edit], NOW, "shared")[0], None))
    return (await store.read(account)).book.entries[peer]


async def test_holders_come_by_userid_byte_by_byte_and_page_by_page(store: Store) -> None:
    userids = ["b", "a", "Z", "é", "a:b", "😀", "￿", "aa"]
    found = {
        userid: await note(store, Account(SDKAPPID, userid), with_group(), userid) for userid in userids
    }
    ordered = sorted(found.items(), key=lambda item: item[0].encode())
    assert await store.holders(SDKAPPID, with_group(), "", ALL) == ordered
    after, walked = "", []
    while page := await store.holders(SDKAPPID, with_group(), after, 3):
        walked += page
        after = page[-1][0]
    assert walked == ordered


async def test_holders_are_of_one_conversation_and_one_app(store: Store) -> None:
    await note(store, Account(OTHER_SDKAPPID, "alice"), with_account("x"), "elsewhere")
    await note(store, BOB, with_group("x"), "a chat group")
    entry = await note(store, ALICE, with_account("x"), "here")
    await store.converse(BOB, "x", NOW)
    assert await store.holders(SDKAPPID, with_account("x"), "", ALL) == [("alice", entry)]
    assert await store.holders(SDKAPPID, with_account("nobody"), "", ALL) == []
    await store.delete_account(ALICE)
    assert await store.holders(SDKAPPID, with_account("x"), "", ALL) == []


# Whole accounts.


async def test_whole_accounts_and_chat_groups_have_their_lists(store: Store) -> None:
    await make_room(store)
    await store.post(SDKAPPID, ROOM, message(NOW + 2))
    await store.unlist(ALICE, with_group())
    await store.post(SDKAPPID, ROOM, message(NOW + 3))
    await talk(store, ["bob", "carol"])
    await store.pin(ALICE, [with_account("bob"), with_group()], NOW + 5, 50)
    whole = (await store.wholes("", 1))[0]
    assert whole.recents == {
        "bob": Recent(NOW, NOW, NOW + 5),
        "carol": Recent(NOW + 1, NOW + 1),
    }
    assert whole.memberships == {
        ("room", ROOM.incarnation): Membership("Member", NOW, 2, NOW + 5),
    }
    (kept,) = await store.all_chat_groups("", ALL)
    assert kept.group == replace(ROOM, message_seq=2, shown_seq=2, shown_at=NOW + 3)
    before = await listed(store)
    await store.put_wholes([Whole(ALICE, whole.kept)], gone=[BOB.owner])
    assert await listed(store) == set()
    await store.put_chat_groups([], gone=[kept.key])
    await store.put_chat_groups([kept])
    await store.put_wholes([whole])
    assert await listed(store) == before
    assert (await store.wholes("", ALL)) == [whole]
