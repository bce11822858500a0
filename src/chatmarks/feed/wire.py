"""Events and cursors as JSON has them: docs/changes.md."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from chatmarks.commands.recentcontact.contact import Contact, Record, item_of, record_of
from chatmarks.errors import Code, Fail, shown
from chatmarks.event import EventKind, GroupChange, Told
from chatmarks.feed.readers import Position, at, following
from chatmarks.store import Store

_CURSOR = re.compile(r"([1-9][0-9]{0,17})-([0-9a-f]{1,16})")


class GroupItem(Struct, frozen=True, omit_defaults=True):
    """One that was made has `GroupName`, one that was deleted `OldGroupName`, a renamed one both."""

    GroupId: int
    GroupName: str | UnsetType = UNSET
    OldGroupName: str | UnsetType = UNSET


class Change(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event. `Change`: `Created`, `Changed`, `Replaced` or `Deleted`; `EventTime`: Unix seconds of
    the app's clock; `ContactItem`: conversations as they are now, `GoneContactItem`: those that have no
    data any more."""

    Cursor: str
    Change: str
    From_Account: str
    EventTime: int
    GroupItem: list[GroupItem] | UnsetType = UNSET
    ContactItem: list[Record] | UnsetType = UNSET
    GoneContactItem: list[Contact] | UnsetType = UNSET


class Page(Struct, frozen=True, kw_only=True):
    """Events, and the cursor behind the last of them. `CompleteFlag` is 1 unless more wait."""

    ChangeItem: list[Change]
    Cursor: str
    CompleteFlag: int


def cursor_of(told: Told | Position) -> str:
    """The cursor behind an event."""
    return f"{told.seq}-{told.token:x}"


def change_of(told: Told) -> Change:
    """An event as JSON has it."""
    event = told.event
    entries = event.entries.items()
    records = [record_of(peer, entry) for peer, entry in entries if entry is not None]
    gone = [item_of(peer) for peer, entry in entries if entry is None]
    return Change(
        Cursor=cursor_of(told),
        Change=_KINDS[event.kind],
        From_Account=event.userid,
        EventTime=event.at,
        GroupItem=[_group_of(each) for each in event.groups] or UNSET,
        ContactItem=records or UNSET,
        GoneContactItem=gone or UNSET,
    )


_KINDS = {kind: kind.value.capitalize() for kind in EventKind}


def _group_of(change: GroupChange) -> GroupItem:
    return GroupItem(
        change.id,
        UNSET if change.after is None else change.after,
        UNSET if change.before is None else change.before,
    )


def encoded(change: Change) -> bytes:
    """The JSON of an event."""
    return msgspec.json.encode(change)


def page_of(found: Sequence[Told], bytes_max: int) -> tuple[list[Told], list[Change]]:
    """The first of `found` that have `bytes_max` bytes of JSON together, at least one; and these, as
    JSON that goes out as it is, without what is no event of an account."""
    taken: list[Told] = []
    pieces: list[bytes] = []
    size = 0
    for told in found:
        piece = b"" if told.event.kind is EventKind.BEGUN else encoded(change_of(told))
        size += len(piece)
        if taken and size > bytes_max:
            break
        taken.append(told)
        if piece:
            pieces.append(piece)
    return taken, cast("list[Change]", Raw(b"[%b]" % b",".join(pieces)))


async def behind(store: Store, sdkappid: int, cursor: str) -> Position:
    """Where a reader with `cursor` goes on: `now`, `oldest`, or one that it was told.

    Raises `Fail` where events are missing between what the reader has and what there is.
    """
    oldest, newest = await store.event_bounds(sdkappid)
    if cursor == "now":
        return await at(store, sdkappid, newest)
    if cursor == "oldest":
        return Position(oldest - 1)
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise Fail(
            Code.BAD_PARAMETER,
            f"since is {shown(cursor)}; now, oldest and the Cursor of an answer are allowed",
        )
    position = Position(int(match[1]), int(match[2], 16))
    if position.seq < oldest:
        raise Fail(Code.BAD_PARAMETER, f"since {cursor} is older than event {oldest}, {_TOO_OLD}")
    await next_of(store, sdkappid, position, 1)
    return position


async def next_of(store: Store, sdkappid: int, position: Position, limit: int) -> list[Told]:
    """The events behind a position. Raises `Fail` where it is none of this feed any more."""
    found = await following(store, sdkappid, position, limit)
    if found is None:
        cursor = f"{position.seq}-{position.token:x}"
        raise Fail(Code.BAD_PARAMETER, f"since {cursor} is no cursor of this feed; {_OTHER_STORE}")
    return found


_TOO_OLD = "the oldest that is kept; read the accounts anew, and go on from a cursor of since=now"
_OTHER_STORE = (
    "the store was restored, copied or made anew: read the accounts anew, and go on from a cursor of"
    " since=now"
)
