"""Whole accounts, chat groups and apps, read and put on one connection to PostgreSQL.

A batch takes a handful of statements, whatever is in it: rows go as arrays, one for each column.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from chatmarks.engines import statements as sql
from chatmarks.engines.connections import Connection
from chatmarks.engines.postgres_events import begin, drop, tell
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
from chatmarks.event import Event, EventKind
from chatmarks.store import UNFINISHED_COPY_RUN, App, AppChatGroup, Superseded, Totals, Whole

ROWS_OF_ACCOUNTS = (
    sql.DELETE_CONVERSATIONS,
    sql.DELETE_MEMBERSHIPS,
    sql.DELETE_RECENTS,
    sql.DELETE_SENT,
)
"""What deletes all that an account has beside its own row."""

SECONDS_MAX = 120.0
"""How long a batch may take: nobody waits for an answer."""


async def totals(connection: Connection, sdkappid: int | None) -> Totals:
    """How many there are, of one app or of all."""
    between = bounds(sdkappid)
    return Totals(
        await connection.fetchval(sql.COUNT_ACCOUNTS, *between),
        await connection.fetchval(sql.COUNT_ALL_CHAT_GROUPS, *between),
        await connection.fetchval(sql.COUNT_APPS, sdkappid),
    )


async def wholes(connection: Connection, after: str, limit: int) -> list[Whole]:
    """The accounts whose key comes after `after`."""
    # One snapshot for all.
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        accounts = await connection.fetch(sql.PAGE_OF_ACCOUNTS, after, limit)
        if not accounts:
            return []
        between = after, accounts[-1][0]
        conversations = await connection.fetch(sql.PAGE_OF_CONVERSATIONS, *between)
        memberships = await connection.fetch(sql.PAGE_OF_MEMBERSHIPS, *between)
        recents = await connection.fetch(sql.PAGE_OF_RECENTS, *between)
    return wholes_of(accounts, conversations, memberships, recents)


async def put_wholes(
    connection: Connection,
    given: Sequence[Whole],
    gone: Collection[str],
    *,
    only_new: bool,
    run: str | None,
    told_at: Mapping[int, int],
) -> set[str]:
    """Make accounts be exactly so; the keys of those that were left alone."""
    async with connection.transaction():
        await _hold_run(connection, run)
        # The account rows first, and always in the same order: from here on no writer has them. The
        # others in statements of their own, which see what those wrote that had them before.
        ordered = sorted(given, key=lambda whole: whole.key)
        put = sql.PUT_NEW_ACCOUNTS if only_new else sql.PUT_ACCOUNTS
        taken = await connection.fetch(put, *_columns(account_rows(ordered), 4))
        deleted = await connection.fetch(sql.DELETE_ACCOUNTS, list(gone))
        keys = {owner for (owner,) in taken}
        # Only of rows that are held: an account that was not there may be there by now. One by one: of
        # a list of owners a planner without statistics, as after a beginning, thinks that it has most
        # of the table, and reads all of it for each batch.
        old = [*map(tuple, deleted), *((key,) for key in keys)]
        for statement in ROWS_OF_ACCOUNTS:
            await connection.executemany(statement, old)
        new = [whole for whole in given if whole.key in keys]
        await connection.execute(sql.PUT_CONVERSATIONS, *_columns(conversation_rows(new), 8))
        await connection.execute(sql.PUT_MEMBERSHIPS, *_columns(membership_rows(new), 7))
        await connection.execute(sql.PUT_RECENTS, *_columns(recent_rows(new), 5))
        told = [(key, EventKind.REPLACED) for key in sorted(keys)]
        told += [(owner, EventKind.DELETED) for (owner,) in deleted]
        for key, kind in told:
            sdkappid, _, userid = key.partition(":")
            if int(sdkappid) in told_at:
                await tell(connection, key, Event(userid, told_at[int(sdkappid)], kind))
    return {whole.key for whole in given} - keys


async def chat_groups(connection: Connection, after: str, limit: int) -> list[AppChatGroup]:
    """The chat groups whose key comes after `after`."""
    rows = await connection.fetch(sql.PAGE_OF_CHAT_GROUPS, after, limit)
    return [app_chat_group_of(row) for row in rows]


async def put_chat_groups(
    connection: Connection, groups: Sequence[AppChatGroup], gone: Collection[str], *, run: str | None
) -> None:
    """Make chat groups be exactly so."""
    rows = [chat_group_row(put.sdkappid, put.group) for put in groups]
    async with connection.transaction():
        await _hold_run(connection, run)
        await connection.execute(sql.DELETE_CHAT_GROUPS, list(gone))
        await connection.execute(sql.PUT_CHAT_GROUPS, *_columns(rows, 11))


async def put_apps(
    connection: Connection, apps: Sequence[App], gone: Collection[int], *, run: str | None
) -> None:
    """Make apps be exactly so."""
    rows = [(app.sdkappid, app.revision, app_text(app)) for app in apps]
    async with connection.transaction():
        await _hold_run(connection, run)
        await connection.execute(sql.DELETE_APPS, list(gone))
        for sdkappid in gone:
            await drop(connection, sdkappid)
        for app in apps:
            if app.feed and not (await connection.fetchrow(sql.EVENT_BOUNDS, app.sdkappid))["newest"]:
                await begin(connection, app.sdkappid, int(time.time()))
        await connection.execute(sql.PUT_APPS, *_columns(rows, 3))


async def write_property(
    connection: Connection, name: str, value: str | None, *, run: str | None
) -> None:
    """Set a property, or drop it with None."""
    async with connection.transaction():
        await _hold_run(connection, run)
        if value is None:
            await connection.execute(sql.DROP_PROPERTY, name)
        else:
            await connection.execute(sql.SET_PROPERTY, name, value)


async def _hold_run(connection: Connection, run: str | None) -> None:
    """Let no other run of a copy begin until the transaction ends. Raises `Superseded` if one has."""
    if run is None:
        return
    if await connection.fetchval(sql.HOLD_PROPERTY, UNFINISHED_COPY_RUN) != run:
        raise Superseded


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[Sequence[Any]]:
    """The rows turned into columns, of which there are `width` even without a row."""
    return list(zip(*rows, strict=True)) or [()] * width
