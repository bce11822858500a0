"""Whole accounts, chat groups and apps, read and put in statements of SQL on one connection."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence

import apsw
import msgspec

from chatmarks.engines.chat_groups import COLUMNS
from chatmarks.engines.event_rows import begin, tell_all
from chatmarks.engines.event_rows import bounds as bounds_of_events
from chatmarks.engines.group_commit import Refused
from chatmarks.engines.rows import (
    account_rows,
    app_chat_group_of,
    app_text,
    bounds,
    chat_group_row,
    conversation_rows,
    membership_rows,
    recent_rows,
    wholes_of,
)
from chatmarks.store import UNFINISHED_COPY_RUN, App, AppChatGroup, Superseded, Totals, Whole


def totals(connection: apsw.Connection, sdkappid: int | None) -> Totals:
    """How many there are, of one app or of all."""
    between = bounds(sdkappid)
    accounts = connection.execute("SELECT count(*) FROM account WHERE owner > ? AND owner < ?", between)
    chat_groups = connection.execute("SELECT count(*) FROM chat_group WHERE id > ? AND id < ?", between)
    apps = connection.execute("SELECT count(*) FROM app WHERE ?1 IS NULL OR sdkappid = ?1", (sdkappid,))
    return Totals(accounts.get, chat_groups.get, apps.get)


def wholes(connection: apsw.Connection, after: str, limit: int) -> list[Whole]:
    """The accounts whose key comes after `after`."""
    accounts = connection.execute(
        "SELECT owner, version, next_position, contact_groups FROM account"
        " WHERE owner > ? ORDER BY owner LIMIT ?",
        (after, limit),
    ).fetchall()
    if not accounts:
        return []
    between = after, accounts[-1][0]
    conversations = connection.execute(
        "SELECT owner, peer_type, peer_id, position, standard_mark, custom_mark, contact_groups,"
        " updated_at FROM conversation WHERE owner > ? AND owner <= ? ORDER BY owner, position",
        between,
    )
    memberships = connection.execute(
        "SELECT owner, chat_group, incarnation, role, joined_at, listed_from, pinned_at FROM membership"
        " WHERE owner > ? AND owner <= ?",
        between,
    )
    recents = connection.execute(
        "SELECT owner, userid, begun_at, last_at, pinned_at FROM recent WHERE owner > ? AND owner <= ?",
        between,
    )
    return wholes_of(accounts, conversations, memberships, recents)


def put_wholes(
    connection: apsw.Connection,
    given: Sequence[Whole],
    gone: Collection[str],
    *,
    only_new: bool,
    run: str | None,
    told_at: Mapping[int, int],
) -> set[str]:
    """Make accounts be exactly so; the keys of those that were left alone."""
    _check_run(connection, run)
    deleted = _existing(connection, gone)
    left = _existing(connection, [whole.key for whole in given]) if only_new else set()
    new = [whole for whole in given if whole.key not in left]
    owners = [(key,) for key in (*gone, *(whole.key for whole in new))]
    # The account row first, as ever.
    for table in ("account", "conversation", "membership", "recent"):
        connection.executemany(f"DELETE FROM {table} WHERE owner = ?", owners)  # noqa: S608 - names of ours
    connection.executemany("DELETE FROM sent WHERE owner = ? AND kind = 1", owners)
    connection.executemany(
        "INSERT INTO account (owner, version, next_position, contact_groups) VALUES (?, ?, ?, ?)",
        account_rows(new),
    )
    connection.executemany(
        "INSERT INTO conversation (owner, peer_type, peer_id, position, standard_mark, custom_mark,"
        " contact_groups, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        conversation_rows(new),
    )
    connection.executemany(
        "INSERT INTO membership (owner, chat_group, incarnation, role, joined_at, listed_from,"
        " pinned_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        membership_rows(new),
    )
    connection.executemany(
        "INSERT INTO recent (owner, userid, begun_at, last_at, pinned_at) VALUES (?, ?, ?, ?, ?)",
        recent_rows(new),
    )
    tell_all(connection, [whole.key for whole in new], sorted(deleted), told_at)
    return left


def _existing(connection: apsw.Connection, keys: Iterable[str]) -> set[str]:
    found = connection.execute(
        "SELECT owner FROM account WHERE owner IN (SELECT value FROM json_each(?))",
        (msgspec.json.encode(list(keys)).decode(),),
    )
    return {owner for (owner,) in found}


def chat_groups(connection: apsw.Connection, after: str, limit: int) -> list[AppChatGroup]:
    """The chat groups whose key comes after `after`."""
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM chat_group WHERE id > ? ORDER BY id LIMIT ?",  # noqa: S608 - names of ours
        (after, limit),
    )
    return [app_chat_group_of(row) for row in rows]


def put_chat_groups(
    connection: apsw.Connection,
    groups: Sequence[AppChatGroup],
    gone: Collection[str],
    *,
    run: str | None,
) -> None:
    """Make chat groups be exactly so."""
    _check_run(connection, run)
    keys = [(key,) for key in gone]
    connection.executemany("DELETE FROM chat_group WHERE id = ?", keys)
    connection.executemany("DELETE FROM sent WHERE owner = ? AND kind = 2", keys)
    connection.executemany(
        f"INSERT OR REPLACE INTO chat_group ({COLUMNS}, sdkappid, place)"  # noqa: S608 - names of ours
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (chat_group_row(put.sdkappid, put.group) for put in groups),
    )


def put_apps(
    connection: apsw.Connection, apps: Sequence[App], gone: Collection[int], *, run: str | None
) -> None:
    """Make apps be exactly so."""
    _check_run(connection, run)
    for table in ("app", "event"):
        connection.executemany(
            f"DELETE FROM {table} WHERE sdkappid = ?",  # noqa: S608 - names of ours
            ((sdkappid,) for sdkappid in gone),
        )
    for app in apps:
        if app.feed and not bounds_of_events(connection, app.sdkappid)[1]:
            begin(connection, app.sdkappid, int(time.time()))
    connection.executemany(
        "INSERT OR REPLACE INTO app (sdkappid, revision, content) VALUES (?, ?, ?)",
        ((app.sdkappid, app.revision, app_text(app)) for app in apps),
    )


def read_property(connection: apsw.Connection, name: str) -> str | None:
    """A property of the store."""
    value: str | None = connection.execute("SELECT value FROM property WHERE name = ?", (name,)).get
    return value


def write_property(
    connection: apsw.Connection, name: str, value: str | None, *, run: str | None
) -> None:
    """Set a property, or drop it with None."""
    _check_run(connection, run)
    connection.execute("DELETE FROM property WHERE name = ?", (name,))
    if value is not None:
        connection.execute("INSERT INTO property (name, value) VALUES (?, ?)", (name, value))


def swap_property(
    connection: apsw.Connection, name: str, before: str | None, after: str | None
) -> bool:
    """Set a property to `after` if it is `before`; whether it was."""
    if read_property(connection, name) != before:
        return False
    write_property(connection, name, after, run=None)
    return True


def properties(connection: apsw.Connection, prefix: str) -> dict[str, str]:
    """The properties whose names begin with `prefix`."""
    rows = connection.execute(
        "SELECT name, value FROM property WHERE substr(name, 1, length(?1)) = ?1", (prefix,)
    )
    return {str(name): str(value) for name, value in rows}


def _check_run(connection: apsw.Connection, run: str | None) -> None:
    """Refuse, for `Superseded`, a run of a copy that is not the last one."""
    if run is not None and read_property(connection, UNFINISHED_COPY_RUN) != run:
        raise Refused from Superseded()
