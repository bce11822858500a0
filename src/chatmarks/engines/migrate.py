"""Brings a store of an older schema up. Loaded only where there is one, or on request."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import apsw
import asyncpg
from msgspec import Struct

from chatmarks.engines import BadStore, file_of, is_postgres, shown
from chatmarks.engines.backup import copy_beside
from chatmarks.engines.file import connect, run, snapshot, stamp_of
from chatmarks.engines.migrations import NOTHING, Dialect, revisions, upgrade_script
from chatmarks.engines.schema import REVISION
from chatmarks.partial import sync_directory

log = logging.getLogger("chatmarks")

_WAIT_SECONDS_MAX = 600.0
"""How long to wait for another process that migrates: it copies the whole file."""

_POLL_SECONDS = 0.05


class Upgrade(Struct, frozen=True):
    """From which schema a store is brought to which, by what SQL. `copy`: where it is kept as it was.
    `since` and `until` are the same, and `script` is empty, where nothing is to be done."""

    since: str
    until: str
    script: str
    copy: Path | None = None


def planned(since: str, dialect: Dialect, where: str) -> Upgrade:
    """What there is to do for the store `where`, whose stamp is `since`.

    Raises `BadStore` for a stamp that this program does not know.
    """
    if since not in (REVISION, NOTHING, *revisions()):
        raise BadStore(
            f"store {where!r} has schema {since!r}, this chatmarks knows {REVISION!r} and older ones;"
            " a newer chatmarks wrote it"
        )
    script = "" if since == REVISION else upgrade_script(dialect, since, REVISION)
    return Upgrade(since, REVISION, script)


async def migrate(url: str, *, dry_run: bool) -> Upgrade:
    """Bring the store at `url` up, or only tell how with `dry_run`.

    Raises `BadStore`, also for `memory:`, and `Busy`.
    """
    if is_postgres(url):
        return await _migrate_database(url, dry_run=dry_run)
    path = file_of(url)
    if not path.is_file():
        raise BadStore(f"there is no store {str(path)!r}")
    try:
        return _plan(path) if dry_run else migrate_file(path)
    except (OSError, apsw.Error) as error:
        raise BadStore(f"store {str(path)!r} cannot be migrated: {error}") from error


def migrate_file(path: Path) -> Upgrade:
    """Bring the store in `path` up, with a copy kept beside it. One transaction: a process that is
    killed leaves it as it was, and of several that start at once one does it.

    Raises `BadStore`, and what SQLite raises.
    """
    # First a look, which changes nothing: the file may not be ours to change.
    _plan(path)
    connection = connect(path)
    try:
        _begin(connection, path)
        # Read under the lock: another process may have done it while this one waited.
        upgrade = planned(stamp_of(connection, path), "sqlite", str(path))
        if not upgrade.script:
            return upgrade
        copy = copy_beside(path, f"schema-{upgrade.since}")
        try:
            run(connection, upgrade.script)
            connection.execute("COMMIT")
        except BaseException:
            # The store is as it was, so this is one too many; a service would start again and again.
            copy.unlink()
            raise
    finally:
        # Rolls back what was not committed.
        connection.close()
    sync_directory(path.parent)
    log.warning(
        "store %s had schema %s and has %s now; as it was, it is kept in %s",
        path,
        upgrade.since,
        upgrade.until,
        copy,
    )
    return Upgrade(upgrade.since, upgrade.until, upgrade.script, copy)


async def _migrate_database(url: str, *, dry_run: bool) -> Upgrade:
    """Bring a database up in one transaction, so that it is done whole or not at all."""
    from chatmarks.engines.database import connected, stamp_of

    connections = await connected(url)
    try:
        upgrade = planned(await stamp_of(connections, url) or NOTHING, "postgresql", shown(url))
        if dry_run or not upgrade.script:
            return upgrade

        async def work(connection: Any) -> None:
            async with connection.transaction():
                await connection.execute(upgrade.script)

        await connections.change(work, until=time.monotonic() + _WAIT_SECONDS_MAX)
    except asyncpg.PostgresError as error:
        # Another process may have been first; then there is nothing left to do.
        if await stamp_of(connections, url) != REVISION:
            raise BadStore(f"store {shown(url)} cannot be migrated: {error}") from error
    finally:
        await connections.close()
    return upgrade


def migrate_copy(file: Path) -> None:
    """Bring up a file that nobody else has, without keeping another copy. Raises `BadStore`."""
    connection = apsw.Connection(str(file))
    try:
        upgrade = planned(stamp_of(connection, file), "sqlite", str(file))
        with connection:
            run(connection, upgrade.script)
    finally:
        connection.close()


def _plan(path: Path) -> Upgrade:
    with snapshot(path, older_too=True) as connection:
        return planned(stamp_of(connection, path), "sqlite", str(path))


def _begin(connection: apsw.Connection, path: Path) -> None:
    """Take the lock of writers, however long another process copies."""
    until = time.monotonic() + _WAIT_SECONDS_MAX
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except apsw.BusyError:
            if time.monotonic() > until:
                raise BadStore(f"store {str(path)!r} is locked by another process") from None
            time.sleep(_POLL_SECONDS)
        else:
            return
