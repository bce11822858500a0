"""Stores and servers that accounts are moved between."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from click.testing import Result

from chatmarks.book import Account, Book, Entry, Peer, PeerType
from chatmarks.engines import open_store
from chatmarks.remote.content import Content, content_of
from chatmarks.store import AppChatGroup, ChatGroup, Kept, Membership, Whole
from harness import KEY, NOW, SDKAPPID

APP = ("--app", str(SDKAPPID))
ROOM = "@TGS#room"
FRIEND = Peer(PeerType.ACCOUNT.value, "friend")
BOOK = Book(
    {"late": 3, "early": 1},
    {
        FRIEND: Entry(2, 1 << 63 | 1, "é", 0b1010, NOW),
        Peer(PeerType.CHAT_GROUP.value, ROOM): Entry(5, 0, "", 0b10, NOW + 7),
    },
    6,
)
EMPTY = Book({}, {}, 0)


def fill(folder: Path, name: str, books: Mapping[str, Book], *, rooms: Sequence[str] = (ROOM,)) -> str:
    """The URL of a store with accounts that have `books`, and chat groups."""
    url = f"sqlite:///{folder}/{name}.db"

    async def filled() -> None:
        store = await open_store(url)
        joined = {(ROOM, 5): Membership("Member", NOW)}
        await store.put_wholes(
            [
                Whole(Account(SDKAPPID, userid), Kept(number, book), joined)
                for number, (userid, book) in enumerate(books.items(), 1)
            ]
        )
        await store.put_chat_groups(
            [AppChatGroup(SDKAPPID, ChatGroup(room, "Public", room, "", NOW, 5)) for room in rooms]
        )
        await store.close()

    asyncio.run(filled())
    return url


def wholes_of(url: str) -> dict[str, Whole]:
    """The accounts of a store by UserID."""

    async def read() -> list[Whole]:
        store = await open_store(url, create=False)
        try:
            return await store.wholes("", 1000)
        finally:
            await store.close()

    return {whole.account.userid: whole for whole in asyncio.run(read())}


def contents_of(url: str) -> dict[str, Content]:
    """What they have."""
    return {userid: content_of(whole.kept.book) for userid, whole in wholes_of(url).items()}


def property_of(url: str, name: str, value: str | None = None) -> str | None:
    """A property of a store, after it was set to `value` where one is given."""

    async def read() -> str | None:
        store = await open_store(url, create=False)
        try:
            if value is not None:
                await store.write_property(name, value)
            return await store.read_property(name)
        finally:
            await store.close()

    return asyncio.run(read())


def refused(result: Result) -> list[str]:
    """The lines of a refusal."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr, result.stderr
    assert KEY not in result.output
    lines: list[str] = result.stderr.splitlines()
    return lines
