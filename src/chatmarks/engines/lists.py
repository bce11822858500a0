"""Conversation lists, in statements of SQL on one connection to SQLite.

A one-to-one conversation is a row of its owner. A chat group is in the list of a member once the number
of its newest message that shows has come up to the `listed_from` of the membership.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import apsw
import msgspec

from chatmarks.book import Account, Entry, Peer, PeerType
from chatmarks.engines.list_rows import (
    PinRow,
    Sender,
    conversation_of,
    pinning_of,
    receiver_of,
    sender_of,
    split,
)
from chatmarks.engines.rows import bounds, holder_of, key_of
from chatmarks.store import (
    REPEAT_SECONDS,
    ChatGroup,
    Listing,
    Message,
    Pinning,
    Posted,
    UnknownAccount,
)

_SENDER = "owner = ? AND kind = ? AND incarnation = ?"

_LISTED_GROUPS = (
    " FROM membership AS m CROSS JOIN chat_group AS g"
    " ON g.id = m.chat_group AND g.incarnation = m.incarnation"
    " WHERE m.owner = ? AND g.shown_seq >= m.listed_from"
)
"""Crossed, so that SQLite goes from the memberships of the account to their chat groups."""

_PINNED = " INDEXED BY recent_pinned WHERE owner = ?1 AND pinned_at > 0"
"""Without being told, SQLite would look through all conversations of the account."""


CONVERSATION_BYTES = 800
"""What a conversation with a long id takes in a list that is kept, with its ready answer. Measured with
tracemalloc: 690."""


class KeptLists:
    """Lists that were read, as long as nobody commits anything; at most `bytes_max` of them.

    `state` is another number whenever anybody did, and was asked for before the list was read.
    """

    def __init__(self, bytes_max: int) -> None:
        self._conversations_max = bytes_max // CONVERSATION_BYTES
        self._state: int | None = None
        self._lists: dict[tuple[Account, int], Listing] = {}
        self._room = 0

    def find(self, account: Account, limit: int, state: int) -> Listing | None:
        """The list of an account that was read with `limit`."""
        return self._lists.get((account, limit)) if state == self._state else None

    def keep(self, account: Account, limit: int, state: int, found: Listing) -> None:
        """Keep what was just read."""
        size = len(found.conversations) + 1
        if state != self._state or size > self._room:
            self._state, self._room = state, self._conversations_max
            self._lists.clear()
        if size <= self._room:
            self._room -= size
            self._lists[account, limit] = found


def conversations(connection: apsw.Connection, account: Account, limit: int) -> Listing:
    """The conversations in an account's list. Raises `UnknownAccount`."""
    check_account(connection, account)
    owner = account.owner
    columns = "SELECT 1, userid, begun_at, last_at, pinned_at, 1 FROM recent"
    one_to_one = connection.execute(
        f"{columns} WHERE owner = ? ORDER BY last_at DESC, userid LIMIT ?",
        (owner, limit),
    ).fetchall()
    if len(one_to_one) == limit:
        newest = {row[1] for row in one_to_one}
        pinned = connection.execute(f"{columns}{_PINNED}", (owner,))
        one_to_one += [row for row in pinned if row[1] not in newest]
    chat_groups = connection.execute(
        "SELECT 2, m.chat_group, m.joined_at, g.shown_at, m.pinned_at, g.shown_seq" + _LISTED_GROUPS,
        (owner,),
    ).fetchall()
    return Listing(tuple(map(conversation_of, one_to_one + chat_groups)))


def converse(
    connection: apsw.Connection, account: Account, userid: str, at: int, key: str | None, now: int
) -> None:
    """Note a message of a one-to-one conversation. Raises `UnknownAccount` before it writes."""
    check_account(connection, account)
    connection.execute(
        "INSERT INTO recent (owner, userid, begun_at, last_at, pinned_at) VALUES (?1, ?2, ?3, ?3, 0)"
        " ON CONFLICT (owner, userid) DO UPDATE SET last_at = max(last_at, excluded.last_at)",
        (account.owner, userid, at),
    )
    if key is not None:
        _remember(connection, sender_of(account), key, Posted(0, at), now)


def sent_before(connection: apsw.Connection, account: Account, key: str, now: int) -> int | None:
    """The time of the message that was sent under `key`."""
    posted = _remembered(connection, sender_of(account), key, now)
    return None if posted is None else posted.at


def post(
    connection: apsw.Connection, sdkappid: int, group: ChatGroup, message: Message
) -> Posted | None:
    """Count a message to a chat group, or tell the first one of its key."""
    receiver = receiver_of(sdkappid, group)
    is_here = "SELECT 1 FROM chat_group WHERE id = ? AND incarnation = ?"
    if connection.execute(is_here, (receiver[0], group.incarnation)).get is None:
        return None
    if message.key is not None and (
        first := _remembered(connection, receiver, message.key, message.now)
    ):
        return msgspec.structs.replace(first, is_repeat=True)
    shown = ", shown_seq = message_seq + 1, shown_at = max(shown_at, ?2)" if message.shows else ""
    seq = connection.execute(
        f"UPDATE chat_group SET message_seq = message_seq + 1{shown} WHERE id = ?1"  # noqa: S608 - text of ours
        " RETURNING message_seq",
        (receiver[0], message.at) if message.shows else (receiver[0],),
    ).get
    posted = Posted(seq, message.at)
    if message.key is not None:
        _remember(connection, receiver, message.key, posted, message.now)
    return posted


def posted_before(
    connection: apsw.Connection, sdkappid: int, group: ChatGroup, key: str, now: int
) -> Posted | None:
    """The message that was posted under `key`."""
    first = _remembered(connection, receiver_of(sdkappid, group), key, now)
    return first and msgspec.structs.replace(first, is_repeat=True)


def pin(
    connection: apsw.Connection, account: Account, peers: Sequence[Peer], at: int, most: int
) -> Pinning:
    """Pin conversations, all or none. Raises `UnknownAccount` before anything is written."""
    check_account(connection, account)
    pinning, wanted = pinning_of(_pin_rows(connection, account, peers), peers, most)
    _set_pins(connection, account, wanted, at)
    return pinning


def unpin(connection: apsw.Connection, account: Account, peers: Sequence[Peer]) -> None:
    """Unpin conversations. Raises `UnknownAccount` before anything is written."""
    check_account(connection, account)
    _set_pins(connection, account, peers, 0)


def unlist(connection: apsw.Connection, account: Account, peer: Peer) -> bool:
    """Take a conversation off the list. Raises `UnknownAccount` before anything is written."""
    check_account(connection, account)
    if peer.type == PeerType.ACCOUNT:
        connection.execute(
            "DELETE FROM recent WHERE owner = ? AND userid = ?", (account.owner, peer.id)
        )
    else:
        connection.execute(
            "UPDATE membership SET listed_from = g.message_seq + 1, pinned_at = 0 FROM chat_group AS g"
            " WHERE membership.owner = ?1 AND membership.chat_group = ?2 AND g.id = ?2"
            " AND g.incarnation = membership.incarnation AND g.shown_seq >= listed_from",
            (account.owner, key_of(account.sdkappid, peer.id)),
        )
    return bool(connection.changes())


HOLDERS = (
    "SELECT owner, position, standard_mark, custom_mark, contact_groups, updated_at FROM conversation"
    " WHERE peer_type = ? AND peer_id = ? AND owner > ? AND owner < ? ORDER BY owner LIMIT ?"
)


def holders(
    connection: apsw.Connection, sdkappid: int, peer: Peer, after: str, limit: int
) -> list[tuple[str, Entry]]:
    """Who has data of a conversation, behind the UserID `after`."""
    rows = connection.execute(HOLDERS, (int(peer.type), peer.id, *_behind(sdkappid, after), limit))
    return [holder_of(row) for row in rows]


def _behind(sdkappid: int, after: str) -> tuple[str, str]:
    first, end = bounds(sdkappid)
    return first + after, end


def check_account(connection: apsw.Connection, account: Account) -> None:
    """Raise `UnknownAccount` unless there is this account: a deleted one gets no row that nobody would
    delete again."""
    owner = connection.execute("SELECT 1 FROM account WHERE owner = ?", (account.owner,))
    if owner.get is None:
        raise UnknownAccount(account)


def _pin_rows(connection: apsw.Connection, account: Account, peers: Collection[Peer]) -> list[PinRow]:
    """Those of `peers` that are in the list, and all that are pinned."""
    userids, group_keys = map(_json, split(account.sdkappid, peers))
    one_to_one: list[Any] = connection.execute(
        "SELECT 1, userid, pinned_at FROM recent"  # noqa: S608 - text of ours
        " WHERE owner = ?1 AND userid IN (SELECT value FROM json_each(?2))"
        f" UNION SELECT 1, userid, pinned_at FROM recent{_PINNED}",
        (account.owner, userids),
    ).fetchall()
    chat_groups = connection.execute(
        f"SELECT m.chat_group, m.pinned_at{_LISTED_GROUPS}"  # noqa: S608 - text of ours
        " AND (m.pinned_at > 0 OR m.chat_group IN (SELECT value FROM json_each(?)))",
        (account.owner, group_keys),
    )
    return one_to_one + [(2, str(key).partition(":")[2], pinned_at) for key, pinned_at in chat_groups]


def _set_pins(
    connection: apsw.Connection, account: Account, peers: Collection[Peer], pinned_at: int
) -> None:
    """Write the pins of those of `peers` that are in the list."""
    userids, group_keys = split(account.sdkappid, peers)
    connection.executemany(
        "UPDATE recent SET pinned_at = ? WHERE owner = ? AND userid = ?",
        ((pinned_at, account.owner, userid) for userid in userids),
    )
    connection.executemany(
        "UPDATE membership SET pinned_at = ?1 FROM chat_group AS g"
        " WHERE membership.owner = ?2 AND membership.chat_group = ?3 AND g.id = ?3"
        " AND g.incarnation = membership.incarnation AND g.shown_seq >= listed_from",
        ((pinned_at, account.owner, key) for key in group_keys),
    )


def _json(texts: Sequence[str]) -> str:
    return msgspec.json.encode(texts).decode()


def _remember(connection: apsw.Connection, sender: Sender, key: str, posted: Posted, now: int) -> None:
    connection.execute(f"DELETE FROM sent WHERE {_SENDER} AND known_until < ?", (*sender, now))  # noqa: S608 - text of ours
    connection.execute(
        "INSERT OR REPLACE INTO sent (owner, kind, incarnation, message_key, seq, sent_at, known_until)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*sender, key, posted.seq, posted.at, now + REPEAT_SECONDS),
    )


def _remembered(connection: apsw.Connection, sender: Sender, key: str, now: int) -> Posted | None:
    row = connection.execute(
        f"SELECT seq, sent_at FROM sent WHERE {_SENDER} AND message_key = ? AND known_until >= ?",  # noqa: S608 - text of ours
        (*sender, key, now),
    ).fetchone()
    return None if row is None else Posted(*row)
