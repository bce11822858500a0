"""Events as rows, and the statements of SQLite that keep them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import apsw
import msgspec
from msgspec import Struct

from chatmarks.book import Entry, Peer
from chatmarks.engines.rows import entry_of, row_of
from chatmarks.event import Event, EventKind, GroupChange, Told
from chatmarks.store import draw_version

EVENTS_PER_TRIM_MAX = 1000


class _Content(Struct, frozen=True, array_like=True):
    """What a row keeps of an event beside its account and time: rows of conversations, and the keys of
    those that are gone."""

    kind: EventKind
    groups: tuple[GroupChange, ...]
    rows: list[tuple[int, str, int, int, str, int, int]]
    gone: list[tuple[int, str]]


_decoder = msgspec.json.Decoder(_Content)


def content_of(event: Event) -> str:
    """The text that its row has."""
    rows = [row_of(peer, entry) for peer, entry in event.entries.items() if entry is not None]
    gone = [(int(peer.type), peer.id) for peer, entry in event.entries.items() if entry is None]
    return msgspec.json.encode(_Content(event.kind, event.groups, rows, gone)).decode()


def told_of(row: Iterable[Any]) -> Told:
    """The event of a row: seq, token, owner, at, content."""
    seq, token, owner, at, text = row
    content = _decoder.decode(text)
    entries: dict[Peer, Entry | None] = {
        Peer(peer_type, peer_id): entry_of(rest) for peer_type, peer_id, *rest in content.rows
    }
    entries |= dict.fromkeys(Peer(*key) for key in content.gone)
    event = Event(owner.partition(":")[2], at, content.kind, content.groups, entries)
    return Told(seq, token, event)


def tell(connection: apsw.Connection, events: Iterable[tuple[int, Event]]) -> None:
    """Add events, each with its app, behind those that there are."""
    newest: dict[int, int] = {}
    rows = []
    for sdkappid, event in events:
        if sdkappid not in newest:
            newest[sdkappid] = bounds(connection, sdkappid)[1]
        newest[sdkappid] += 1
        owner = f"{sdkappid}:{event.userid}"
        rows.append((sdkappid, newest[sdkappid], draw_version(), owner, event.at, content_of(event)))
    connection.executemany(
        "INSERT INTO event (sdkappid, seq, token, owner, told_at, content) VALUES (?, ?, ?, ?, ?, ?)",
        rows,
    )


def tell_all(
    connection: apsw.Connection,
    put: Iterable[str],
    gone: Iterable[str],
    told_at: Mapping[int, int],
) -> None:
    """Tell of accounts, by their keys, that were put as a whole or are gone, in apps with a feed."""
    kinds = [(key, EventKind.REPLACED) for key in put] + [(key, EventKind.DELETED) for key in gone]
    split = [(int(key.partition(":")[0]), key.partition(":")[2], kind) for key, kind in kinds]
    tell(
        connection,
        [
            (sdkappid, Event(userid, told_at[sdkappid], kind))
            for sdkappid, userid, kind in split
            if sdkappid in told_at
        ],
    )


def events(connection: apsw.Connection, sdkappid: int, after: int, limit: int) -> list[Told]:
    """The events behind the number `after`."""
    rows = connection.execute(
        "SELECT seq, token, owner, told_at, content FROM event"
        " WHERE sdkappid = ? AND seq > ? ORDER BY seq LIMIT ?",
        (sdkappid, after, limit),
    )
    return [told_of(row) for row in rows]


def bounds(connection: apsw.Connection, sdkappid: int) -> tuple[int, int]:
    """The numbers of the oldest and of the newest event; 1 and 0 where there is none."""
    oldest: int | None = connection.execute(
        "SELECT min(seq) FROM event WHERE sdkappid = ?", (sdkappid,)
    ).get
    newest: int | None = connection.execute(
        "SELECT max(seq) FROM event WHERE sdkappid = ?", (sdkappid,)
    ).get
    return (1, 0) if oldest is None or newest is None else (oldest, newest)


def begin(connection: apsw.Connection, sdkappid: int, at: int) -> None:
    """Begin a feed, whose first event says so. Those of before go: what happened since is in none."""
    newest = bounds(connection, sdkappid)[1]
    event = Event("", at, EventKind.BEGUN)
    connection.execute("DELETE FROM event WHERE sdkappid = ?", (sdkappid,))
    connection.execute(
        "INSERT INTO event (sdkappid, seq, token, owner, told_at, content) VALUES (?, ?, ?, ?, ?, ?)",
        (sdkappid, newest + 1, draw_version(), f"{sdkappid}:", at, content_of(event)),
    )


def forget(connection: apsw.Connection, sdkappid: int, before: int) -> int:
    """Forget the oldest events up to one that is not older than `before`, never the newest one, and at
    most `EVENTS_PER_TRIM_MAX`; how many."""
    rows = connection.execute(
        "SELECT seq, told_at FROM event WHERE sdkappid = ? ORDER BY seq LIMIT ?",
        (sdkappid, EVENTS_PER_TRIM_MAX + 1),
    ).fetchall()
    end = kept_from(rows, before)
    connection.execute("DELETE FROM event WHERE sdkappid = ? AND seq < ?", (sdkappid, end))
    return connection.changes()


def kept_from(rows: Sequence[Sequence[Any]], before: int) -> int:
    """The number of the first of the oldest events, each with its time, that stays."""
    return next((seq for seq, at in rows if at >= before), rows[-1][0] if rows else 0)
