"""Chat groups and their members as rows, in statements of SQL on one connection.

A membership lies with its owner, the account. It is found from the chat group through an index; a
row of an earlier chat group of the same id has another incarnation and is never found again.
"""

from __future__ import annotations

from collections.abc import Collection

import apsw
import msgspec
from msgspec.structs import astuple

from chatmarks.book import Account
from chatmarks.engines.rows import chat_group_of, chat_group_row, key_of
from chatmarks.store import ChatGroup, Membership, UnknownAccount

COLUMNS = "id, type, name, owner_account, created_at, incarnation, message_seq, shown_seq, shown_at"


def found(
    connection: apsw.Connection, sdkappid: int, group_ids: Collection[str]
) -> dict[str, ChatGroup]:
    """Those of `group_ids` that are chat groups of the app, by id."""
    keys = msgspec.json.encode([key_of(sdkappid, group_id) for group_id in group_ids]).decode()
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM chat_group WHERE id IN (SELECT value FROM json_each(?))",  # noqa: S608 - names of ours
        (keys,),
    )
    groups = map(chat_group_of, rows)
    return {group.id: group for group in groups}


def listed(
    connection: apsw.Connection, sdkappid: int, kind: str, after: int, limit: int
) -> tuple[int, list[ChatGroup]]:
    """The number of chat groups of an app, and a page of them."""
    count = connection.execute(
        "SELECT count(*) FROM chat_group WHERE sdkappid = ?1 AND (?2 = '' OR type = ?2)",
        (sdkappid, kind),
    ).get
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM chat_group"  # noqa: S608 - names of ours
        " WHERE sdkappid = ?1 AND place > ?3 AND (?2 = '' OR type = ?2) ORDER BY place, id LIMIT ?4",
        (sdkappid, kind, after, limit),
    )
    return int(count), [chat_group_of(row) for row in rows]


def create(connection: apsw.Connection, sdkappid: int, group: ChatGroup) -> ChatGroup | None:
    """Keep `group`, or return the holder of its id."""
    holder = found(connection, sdkappid, [group.id]).get(group.id)
    if holder is None:
        connection.execute(
            f"INSERT INTO chat_group ({COLUMNS}, sdkappid, place)"  # noqa: S608 - names of ours
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            chat_group_row(sdkappid, group),
        )
    return holder


def delete(connection: apsw.Connection, sdkappid: int, group_id: str) -> bool:
    """Forget a chat group; its members' rows stay and count for nothing."""
    key = (key_of(sdkappid, group_id),)
    connection.execute("DELETE FROM chat_group WHERE id = ?", key)
    existed = bool(connection.changes())
    connection.execute("DELETE FROM sent WHERE owner = ? AND kind = 2", key)
    return existed


def join(
    connection: apsw.Connection, account: Account, group: ChatGroup, membership: Membership
) -> bool:
    """Write a membership. Raises `UnknownAccount` before anything is written."""
    # The account row first: a deleted account gets no row that nobody would delete again.
    owner = connection.execute("SELECT 1 FROM account WHERE owner = ?", (account.owner,))
    if owner.get is None:
        raise UnknownAccount(account)
    connection.execute(
        "INSERT INTO membership (owner, chat_group, incarnation, role, joined_at, listed_from,"
        " pinned_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            account.owner,
            key_of(account.sdkappid, group.id),
            group.incarnation,
            *astuple(membership),
        ),
    )
    return bool(connection.changes())


def leave(connection: apsw.Connection, account: Account, group: ChatGroup) -> bool:
    """Delete a membership."""
    connection.execute(
        "DELETE FROM membership WHERE owner = ? AND chat_group = ? AND incarnation = ?",
        (account.owner, key_of(account.sdkappid, group.id), group.incarnation),
    )
    return bool(connection.changes())


def members(connection: apsw.Connection, sdkappid: int, group: ChatGroup) -> dict[str, Membership]:
    """The members of a chat group by UserID."""
    rows = connection.execute(
        "SELECT owner, role, joined_at, listed_from, pinned_at FROM membership"
        " WHERE chat_group = ? AND incarnation = ? ORDER BY joined_at, owner",
        (key_of(sdkappid, group.id), group.incarnation),
    )
    return {str(owner).partition(":")[2]: Membership(*rest) for owner, *rest in rows}
