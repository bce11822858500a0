"""Conversation lists on PostgreSQL: which statements a call takes.

Messages are one statement, so one way to the database; what people do by hand, pins, may take more.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg

from chatmarks.book import Account, Peer, PeerType
from chatmarks.engines import statements as sql
from chatmarks.engines.connections import Connection, Connections
from chatmarks.engines.list_rows import (
    PinRow,
    Sender,
    conversation_of,
    pinning_of,
    receiver_of,
    sender_of,
    split,
)
from chatmarks.engines.rows import key_of
from chatmarks.store import (
    REPEAT_SECONDS,
    ChatGroup,
    Listing,
    Message,
    Pinning,
    Posted,
    UnknownAccount,
)

FORGET_EVERY = 16
"""Of so many messages one first deletes the keys of its sender that are known no longer."""


async def conversations(connections: Connections, account: Account, limit: int) -> Listing:
    """The conversations in an account's list. Raises `UnknownAccount`."""
    rows = await connections.ask(sql.CONVERSATIONS, account.owner, limit)
    # PostgreSQL need not keep the order of a union.
    listed = tuple(conversation_of(row) for row in rows if row[0])
    if len(listed) == len(rows):
        raise UnknownAccount(account)
    return Listing(listed)


async def confirmed(connections: Connections, sender: Sender, key: str, now: int) -> Posted | None:
    """The message that is known under `key`, once that is committed."""

    async def work(connection: Connection) -> Any:
        return await connection.fetchrow(sql.SENT, *sender, key, now)

    row = await connections.change(work)
    return None if row is None else Posted(row[0], row[1], is_repeat=True)


async def converse(
    connections: Connections, account: Account, userid: str, at: int, key: str | None, now: int
) -> None:
    """Note a message of a one-to-one conversation. Raises `UnknownAccount`."""

    async def work(connection: Connection) -> bool:
        if key is None:
            return bool(await connection.fetchval(sql.CONVERSE, account.owner, userid, at))
        await _forget(connection, sender_of(account), now)
        until = now + REPEAT_SECONDS
        taken = await connection.fetchval(sql.CONVERSE_WITH_KEY, account.owner, userid, at, key, until)
        return bool(taken)

    if not await connections.change(work):
        raise UnknownAccount(account)


async def post(
    connections: Connections, sdkappid: int, group: ChatGroup, message: Message, until: float
) -> Posted | None:
    """Count a message to a chat group. Raises `asyncpg.NotNullViolationError`, and has changed nothing,
    where a message of the same key is counted at the same time."""
    receiver = receiver_of(sdkappid, group)
    head = receiver[0], group.incarnation, message.at, message.shows

    async def work(connection: Connection) -> asyncpg.Record | None:
        if message.key is None:
            return await connection.fetchrow(sql.POST, *head)
        await _forget(connection, receiver, message.now)
        known_until = message.now + REPEAT_SECONDS
        return await connection.fetchrow(
            sql.POST_WITH_KEY, *head, message.key, message.now, known_until
        )

    row = await connections.change(work, until=until)
    return None if row is None else Posted(*row)


async def _forget(connection: Connection, sender: Sender, now: int) -> None:
    """Once in a while, delete the keys that are known no longer: by itself and before the message,
    which does not hang on it."""
    if not random.randrange(FORGET_EVERY):  # noqa: S311 - no secret
        await connection.execute(sql.FORGET_SENT, *sender, now)


async def pin(
    connections: Connections, account: Account, peers: Sequence[Peer], at: int, most: int
) -> Pinning:
    """Pin conversations, all or none. Raises `UnknownAccount`."""

    async def work(connection: Connection) -> Pinning:
        pinning, wanted = pinning_of(await _pin_rows(connection, account, peers), peers, most)
        await _set_pins(connection, account, wanted, at)
        return pinning

    return await connections.change(_holding(account, work))


async def unpin(connections: Connections, account: Account, peers: Sequence[Peer]) -> None:
    """Unpin conversations. Raises `UnknownAccount`."""
    await connections.change(
        _holding(account, lambda connection: _set_pins(connection, account, peers, 0))
    )


async def unlist(connections: Connections, account: Account, peer: Peer) -> bool:
    """Take a conversation off the list. Raises `UnknownAccount`."""

    async def work(connection: Connection) -> bool:
        if peer.type == PeerType.ACCOUNT:
            row = await connection.fetchval(sql.UNLIST_RECENT, account.owner, peer.id)
        else:
            key = key_of(account.sdkappid, peer.id)
            row = await connection.fetchval(sql.UNLIST_MEMBERSHIP, account.owner, key)
        return row is not None

    return await connections.change(_holding(account, work))


def _holding(
    account: Account, work: Callable[[Connection], Awaitable[Any]]
) -> Callable[[Connection], Awaitable[Any]]:
    """Work in a transaction that has the account row to itself. Raises `UnknownAccount`."""

    async def held(connection: Connection) -> Any:
        async with connection.transaction():
            if await connection.fetchval(sql.TAKE_ACCOUNT, account.owner) is None:
                raise UnknownAccount(account)
            return await work(connection)

    return held


async def _pin_rows(connection: Connection, account: Account, peers: Sequence[Peer]) -> list[PinRow]:
    """Those of `peers` that are in the list, and all that are pinned."""
    rows = await connection.fetch(sql.PINS, account.owner, *split(account.sdkappid, peers))
    return [
        (kind, identity.partition(":")[2] if kind == PeerType.CHAT_GROUP else identity, pinned_at)
        for kind, identity, pinned_at in rows
    ]


async def _set_pins(
    connection: Connection, account: Account, peers: Sequence[Peer], pinned_at: int
) -> None:
    """Write the pins of those of `peers` that are in the list."""
    userids, group_keys = split(account.sdkappid, peers)
    if userids:
        await connection.execute(sql.PIN_RECENTS, account.owner, userids, pinned_at)
    if group_keys:
        await connection.execute(sql.PIN_MEMBERSHIPS, account.owner, group_keys, pinned_at)
