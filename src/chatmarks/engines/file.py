"""The file of an embedded store: made, recognized and opened."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from chatmarks.engines import BadStore
from chatmarks.engines.group_commit import BUSY_SECONDS_MAX
from chatmarks.engines.schema import APPLICATION_ID, REVISION, tables
from chatmarks.partial import sync_directory
from chatmarks.store import Busy

log = logging.getLogger("chatmarks")

_SQLITE_LEAST = (3, 51, 3)
"""The first version without the WAL-reset bug, which can damage a file that several connections use."""

_BUSY_MILLISECONDS = int(1000 * BUSY_SECONDS_MAX)

_POLL_SECONDS = 0.001


def make(path: Path, *, create: bool) -> None:
    """Make the file and its tables, unless another process did or does; bring up older ones.

    Raises `BadStore` where there is none and none is to be made, or where it is not ours.
    """
    if tuple(map(int, apsw.sqlite_lib_version().split("."))) < _SQLITE_LEAST:
        raise BadStore(
            f"SQLite {apsw.sqlite_lib_version()} can damage a store that several connections use;"
            f" {'.'.join(map(str, _SQLITE_LEAST))} or newer is required"
        )
    if not create and not path.exists():
        raise BadStore(
            f"there is no store {str(path)!r}; chatmarks serve and chatmarks app create make one"
        )
    make_directory(path.parent)
    try:
        # Only its owner may read it: it can hold secret keys. SQLite's side files get the same mode.
        # Never opened otherwise than by SQLite once it exists: closing would drop SQLite's locks.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        if path.is_dir():
            raise BadStore(f"store {str(path)!r} is a directory") from None
        if path.stat().st_mode & 0o077:
            log.warning("%s can be read by others than its owner; it can hold secret keys", path)
    revision = _revision(path)
    if revision is None:
        connection = connect(path)
        connection.execute("BEGIN IMMEDIATE")
        if not _tables(connection):
            run(connection, tables())
        connection.execute("COMMIT")
        connection.close()
        sync_directory(path.parent)
    elif revision != REVISION:
        # Imported here: a start that has nothing to migrate must not pay for the tool.
        from chatmarks.engines.migrate import migrate_file

        migrate_file(path)


def run(connection: apsw.Connection, script: str) -> None:
    """Run all statements of `script`. It would rest at the first one that returns a row."""
    for _ in connection.execute(script):
        pass


def make_directory(directory: Path) -> None:
    """Make a directory and those above it, for its owner alone, and durably."""
    if directory.is_dir():
        return
    make_directory(directory.parent)
    directory.mkdir(mode=0o700, exist_ok=True)
    sync_directory(directory.parent)


def _revision(path: Path) -> str | None:
    """The revision of the file's tables, None without any. Raises `BadStore` when they are not ours.

    Looks without changing anything: the file may belong to another program.
    """
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(_BUSY_MILLISECONDS)
    try:
        if not _tables(connection):
            return None
        check_owner(connection, path)
        return stamp_of(connection, path)
    finally:
        connection.close()


def check_owner(connection: apsw.Connection, path: Path) -> None:
    """Raise `BadStore` when the tables in the file are not of a store."""
    if connection.execute("PRAGMA application_id").get != APPLICATION_ID:
        raise BadStore(f"store {str(path)!r} is a database of another program")


def stamp_of(connection: apsw.Connection, path: Path) -> str:
    """The revision that is stamped in a store. Raises `BadStore` where that is not exactly one."""
    found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    if not found:
        raise BadStore(f"store {str(path)!r} is damaged: no schema is stamped in it")
    if len(found) > 1:
        raise BadStore(f"store {str(path)!r} is damaged: several schemas are stamped in it")
    return str(found[0][0])


def _check_schema(connection: apsw.Connection, path: Path, *, older_too: bool) -> None:
    found = stamp_of(connection, path)
    if found == REVISION:
        return
    from chatmarks.engines.migrate import planned

    planned(found, "sqlite", str(path))
    if not older_too:
        raise BadStore(
            f"store {str(path)!r} has schema {found!r}, this chatmarks needs {REVISION!r};"
            f" chatmarks migrate --store sqlite:///{path} brings it up"
        )


@contextmanager
def snapshot(path: Path, *, tidy: bool = True, older_too: bool = False) -> Iterator[apsw.Connection]:
    """A connection to the store in `path`, in one snapshot that lasts as long as the block; with
    `older_too` also to one of an older schema.

    Changes no row. Who closes a store last folds the log into the file; without `tidy` not even
    that is done. Raises `BadStore` where no store is, `Busy`, and in the block what SQLite raises.
    """
    if not path.is_file():
        raise BadStore(f"there is no store {str(path)!r}")
    flags = apsw.SQLITE_OPEN_READWRITE if tidy else apsw.SQLITE_OPEN_READONLY
    connection = None
    try:
        connection = apsw.Connection(str(path), flags=flags)
        connection.set_busy_timeout(_BUSY_MILLISECONDS)
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
        check_owner(connection, path)
        _check_schema(connection, path, older_too=older_too)
    except apsw.Error as error:
        if connection is not None:
            connection.close()
        if isinstance(error, apsw.BusyError):
            raise Busy from error
        raise BadStore(f"store {str(path)!r} cannot be read: {error}") from error
    except BadStore:
        assert connection is not None
        connection.close()
        raise
    try:
        yield connection
    finally:
        connection.close()


def _tables(connection: apsw.Connection) -> set[str]:
    return {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_schema")}


def connect(path: Path) -> apsw.Connection:
    """A connection that syncs at every commit. Raises `BadStore` and what SQLite raises."""
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(_BUSY_MILLISECONDS)
    # Two processes that start at once: the change to WAL does not wait for a lock by itself.
    until = time.monotonic() + BUSY_SECONDS_MAX
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").get
            break
        except apsw.BusyError:
            if time.monotonic() > until:
                raise
            time.sleep(_POLL_SECONDS)
    if mode != "wal":
        raise BadStore(f"store {str(path)!r} is on a file system that cannot share memory for WAL")
    connection.execute("PRAGMA synchronous = FULL")
    if sys.platform == "darwin":
        connection.execute("PRAGMA fullfsync = ON")
        connection.execute("PRAGMA checkpoint_fullfsync = ON")
    return connection
