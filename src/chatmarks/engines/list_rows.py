"""Conversation lists as rows, and what is decided on them. The same for every engine of SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from chatmarks.book import Account, Peer, PeerType
from chatmarks.engines.rows import key_of
from chatmarks.store import ChatGroup, Conversation, Pinning

Sender: TypeAlias = tuple[str, int, int]
"""Whose keys of messages: owner, kind (that of a `Peer`), and incarnation, 0 for an account."""

PinRow: TypeAlias = tuple[int, str, int]
"""peer_type, peer_id without the app, pinned_at."""


def sender_of(account: Account) -> Sender:
    """Whose the keys of what an account sends are."""
    return account.owner, int(PeerType.ACCOUNT), 0


def receiver_of(sdkappid: int, group: ChatGroup) -> Sender:
    """Whose the keys of what a chat group gets are."""
    return key_of(sdkappid, group.id), int(PeerType.CHAT_GROUP), group.incarnation


def conversation_of(row: Sequence[Any]) -> Conversation:
    """A conversation of its row: peer_type, the id or key of the peer, begun_at or joined_at, the time
    of the newest message, pinned_at, and shown_seq, which is 1 where there is no chat group."""
    peer_type, peer_id, begun_at, last_at, pinned_at, shown_seq = row
    if peer_type == PeerType.CHAT_GROUP:
        peer_id = peer_id.partition(":")[2]
    return Conversation(
        Peer(peer_type, peer_id),
        begun_at,
        last_at if shown_seq else begun_at,
        pinned_at,
        not shown_seq,
    )


def pinning_of(rows: Iterable[PinRow], peers: Sequence[Peer], most: int) -> tuple[Pinning, list[Peer]]:
    """How pinning goes, and what is to be pinned. `rows`: those of `peers` that are in the list, and
    all that are pinned."""
    listed = {Peer(PeerType(kind), identity): pinned_at for kind, identity, pinned_at in rows}
    absent = tuple(peer for peer in peers if peer not in listed)
    wanted = [peer for peer in dict.fromkeys(peers) if peer in listed and not listed[peer]]
    pinning = Pinning(absent, sum(map(bool, listed.values())) + len(wanted))
    return pinning, [] if absent or pinning.count > most else wanted


def split(sdkappid: int, peers: Iterable[Peer]) -> tuple[list[str], list[str]]:
    """The UserIDs, and the keys of the chat groups."""
    userids: list[str] = []
    group_keys: list[str] = []
    for peer in peers:
        if peer.type == PeerType.ACCOUNT:
            userids.append(peer.id)
        else:
            group_keys.append(key_of(sdkappid, peer.id))
    return userids, group_keys
