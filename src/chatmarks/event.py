"""What happened to an account, as a feed tells it. Values without I/O.

An event tells what became of what changed, not what was asked for: who applies events in order, or some
of them twice, has what the book has.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from chatmarks.book import Book, Entry, Peer


class EventKind(StrEnum):
    """What happened. `REPLACED`: the account was put as a whole, as by an import; what it has now
    has to be read. `BEGUN`: the feed was switched on, an event of no account, with which it begins."""

    BEGUN = "begun"
    CREATED = "created"
    CHANGED = "changed"
    REPLACED = "replaced"
    DELETED = "deleted"


class GroupChange(Struct, frozen=True):
    """A group that was made (`before` is None), renamed, or deleted (`after` is None)."""

    id: int
    before: str | None
    after: str | None


class Event(Struct, frozen=True):
    """One event of an account. `at`: Unix seconds of the app's clock; `groups` and `entries` are what
    changed, an entry of None is gone."""

    userid: str
    at: int
    kind: EventKind
    groups: tuple[GroupChange, ...] = ()
    entries: Mapping[Peer, Entry | None] = {}


class Told(Struct, frozen=True):
    """An event in the feed of its app. `seq`: its number, from 1 on without gaps; `token`: 63 random
    bits by which it is known again, since after a restore another event may have the number."""

    seq: int
    token: int
    event: Event


def change_of(userid: str, before: Book, after: Book, at: int) -> Event:
    """The event of a book that became another one."""
    old = {number: name for name, number in before.groups.items()}
    new = {number: name for name, number in after.groups.items()}
    groups = tuple(
        GroupChange(number, old.get(number), new.get(number))
        for number in sorted(old.keys() | new.keys())
        if old.get(number) != new.get(number)
    )
    edited = after.edited_since(before)
    peers = {**before.entries, **after.entries} if edited is None else edited
    entries = {
        peer: after.entries.get(peer)
        for peer in peers
        if before.entries.get(peer) is not after.entries.get(peer)
    }
    return Event(userid, at, EventKind.CHANGED, groups, entries)
