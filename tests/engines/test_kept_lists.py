"""Lists that SQLite's engine keeps in memory are never older than the call."""

from __future__ import annotations

from pathlib import Path

from chatmarks.book import Account, Peer, PeerType
from chatmarks.cache import BookCache
from chatmarks.engines.lists import CONVERSATION_BYTES, KeptLists
from chatmarks.engines.sqlite import SqliteStore
from chatmarks.store import ChatGroup, Conversation, Listing, Membership, Message

ALICE, BOB = Account(1400000000, "alice"), Account(1400000000, "bob")
NOW = 1_700_000_000


async def opened(path: Path, books: BookCache | None = None) -> SqliteStore:
    return await SqliteStore.open(str(path), books or BookCache())


def listing(*userids: str) -> Listing:
    peers = [Peer(PeerType.ACCOUNT, userid) for userid in userids]
    return Listing(tuple(Conversation(peer, NOW, NOW) for peer in peers))


async def test_a_list_that_nobody_changed_is_handed_out_again(tmp_path: Path) -> None:
    store = await opened(tmp_path / "books.db")
    await store.create_account(ALICE)
    await store.converse(ALICE, "bob", NOW)
    assert await store.conversations(ALICE, 10) is await store.conversations(ALICE, 10)
    await store.close()


async def test_a_list_is_read_anew_after_a_commit_of_this_or_another_server(tmp_path: Path) -> None:
    store, other = [await opened(tmp_path / "books.db") for _ in range(2)]
    await store.create_account(ALICE)
    room = ChatGroup("room", "Public", "a room", "")
    await store.create_chat_group(ALICE.sdkappid, room)
    await store.join(ALICE, room, Membership("Member", NOW))
    for writer in (store, other):
        for step in range(3):
            before = await store.conversations(ALICE, 10)
            match step:
                case 0:
                    await writer.converse(ALICE, "bob", NOW)
                case 1:
                    await writer.post(ALICE.sdkappid, room, Message(NOW + 1, NOW + 1, None))
                case 2:
                    await writer.unlist(ALICE, Peer(PeerType.ACCOUNT, "bob"))
            after = await store.conversations(ALICE, 10)
            assert after is not before
            assert set(after.conversations) == set((await other.conversations(ALICE, 10)).conversations)
    await store.close()
    await other.close()


async def test_no_list_is_kept_where_no_book_is(tmp_path: Path) -> None:
    store = await opened(tmp_path / "books.db", BookCache(0))
    await store.create_account(ALICE)
    await store.converse(ALICE, "bob", NOW)
    assert await store.conversations(ALICE, 10) is not await store.conversations(ALICE, 10)
    await store.close()


def test_lists_leave_memory_where_there_is_no_room_for_one_more() -> None:
    kept = KeptLists(4 * CONVERSATION_BYTES)
    kept.keep(ALICE, 10, 1, listing("bob"))
    assert kept.find(ALICE, 10, 1) == listing("bob")
    assert kept.find(ALICE, 20, 1) is None
    kept.keep(BOB, 10, 1, listing("alice", "carol"))
    assert kept.find(ALICE, 10, 1) is None
    assert kept.find(BOB, 10, 1) == listing("alice", "carol")
    assert kept.find(BOB, 10, 2) is None


def test_a_list_that_is_too_long_is_not_kept() -> None:
    kept = KeptLists(4 * CONVERSATION_BYTES)
    kept.keep(ALICE, 10, 1, listing("a", "b", "c", "d"))
    assert kept.find(ALICE, 10, 1) is None
