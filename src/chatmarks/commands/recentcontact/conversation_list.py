"""What the commands on the conversation list share: what a list shows, and the places in it.

A conversation keeps its place as long as it is in the list, whatever comes to it: that is what makes
pages hang together. The time of its newest message decides nothing but the order within a page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from zlib import crc32

from chatmarks.book import Peer, PeerType
from chatmarks.store import Conversation, Listing


class Place(NamedTuple):
    """Where a conversation is in the list: when it came there, in Unix seconds, and 31 bits drawn
    from who it is with. Lists go from the highest place down; several conversations can share
    one."""

    begun_at: int
    drawn: int


def place_of(conversation: Conversation) -> Place:
    """The place of a conversation, the same on every engine and in every process."""
    peer = conversation.peer
    return Place(conversation.begun_at, crc32(peer.id.encode(), peer.type) & 0x7FFFFFFF)


def shown_in(listing: Listing, room: int, *, with_empty: bool) -> Sequence[Conversation]:
    """The conversations that a list shows, in no particular order: all pinned ones, and as many of
    those with the newest messages as there is `room` for. `with_empty`: also chat groups without any
    message."""
    listed: Sequence[Conversation] = listing.conversations
    if not with_empty:
        listed = [conversation for conversation in listed if not conversation.is_empty]
    if len(listed) <= room:
        return listed
    # The rest of the key decides between those of one second, the same way in every call.
    listed = sorted(listed, key=lambda each: (each.pinned_at == 0, -each.last_at, each.peer))
    pinned = sum(each.pinned_at > 0 for each in listed)
    return listed[: max(room, pinned)]


def page_below(
    conversations: Sequence[Conversation], after: Place | None, size: int
) -> tuple[Sequence[Conversation], Place | None]:
    """The first `size` conversations below the place `after`, or from the highest on, and the place
    of the last of them; None for that where no conversation is left.

    Conversations that share a place are never divided, so a page can be longer.
    """
    if after is None and len(conversations) <= size:
        return conversations, None
    placed = [(place_of(each), each) for each in conversations]
    if after is not None:
        placed = [pair for pair in placed if pair[0] < after]
    if len(placed) <= size:
        return [each for _, each in placed], None
    placed.sort(key=lambda pair: (pair[0], pair[1].peer), reverse=True)
    end = placed[size - 1][0]
    page = [each for place, each in placed if place >= end]
    return page, end if len(page) < len(placed) else None


def in_order(page: Iterable[Conversation]) -> list[Conversation]:
    """The conversations of a page in the order that the real service has: the pinned ones first,
    then by ascending time of the newest message."""
    return sorted(page, key=lambda each: (not each.pinned_at, each.last_at, each.peer))


def is_account(peer: Peer) -> bool:
    """Whether a conversation is one-to-one."""
    return peer.type == PeerType.ACCOUNT
