"""Copies of an embedded store: taken while servers write, and put in the place of a store.

Whatever is written is written beside, synced, and renamed when it is whole: there is never half a
file under the name that was asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain, count
from pathlib import Path

import apsw
import msgspec

from chatmarks.engines import BadStore
from chatmarks.engines.file import check_owner, make_directory, snapshot
from chatmarks.engines.rows import app_of, app_text
from chatmarks.engines.verify import Advance, Found, examine
from chatmarks.partial import beside, sync, sync_directory
from chatmarks.soundness import Problem
from chatmarks.store import FEED_READER, draw_version

_PAGES_PER_STEP = 256

_SIDES = ("-wal", "-shm", "-journal")


def backup(path: Path, file: Path, *, force: bool, advance: Advance) -> int:
    """Copy the store in `path` as it is at one moment after the call to `file`; its size in bytes.

    Raises `BadStore`, also where `file` exists and not `force`, and `Busy`.
    """
    _check_place(path, file, force=force)
    try:
        with _beside(file) as partial:
            with snapshot(path, older_too=True) as source:
                _copy(source, partial, advance)
            _check_place(path, file, force=force)
            partial.replace(file)
            sync_directory(file.parent)
        return file.stat().st_size
    except (OSError, apsw.Error) as error:
        raise BadStore(f"backup {str(file)!r} cannot be written: {_reason(error)}") from error


def copy_beside(path: Path, suffix: str) -> Path:
    """Copy the store in `path`, of whatever schema, to a new file beside it; that file.

    Raises what the system and SQLite raise.
    """
    names = (f"{path.name}.{suffix}{number}" for number in chain([""], (f"-{n}" for n in count(2))))
    file = next(place for name in names if not (place := path.with_name(name)).exists())
    with _beside(file) as partial:
        with snapshot(path, older_too=True) as source:
            _copy(source, partial, lambda _done, _total: None)
        # Unlike a rename this replaces nothing.
        os.link(partial, file)
        sync_directory(file.parent)
    return file


def restore(file: Path, path: Path, *, force: bool, found: Found, advance: Advance) -> dict[str, int]:
    """Put the backup in `file` in the place of the store in `path`; how many rows each table has.

    Nothing is changed unless the whole backup is sound: `found` is told what is not. Every version
    and revision is drawn anew, so that none which was seen before the restore speaks of another
    book. Raises `BadStore`, also where `path` exists and not `force` or is in use, and `Busy`.
    """
    if not file.is_file():
        raise BadStore(f"there is no backup {str(file)!r}")
    if path.exists() and path.samefile(file):
        raise BadStore(f"backup {str(file)!r} is the store itself")
    try:
        make_directory(path.parent)
        with ExitStack() as held:
            is_new = not path.exists()
            if is_new:
                _check_sides(path, force=force)
            elif force:
                held.callback(_locked(path).close)
            else:
                raise BadStore(f"store {str(path)!r} exists; --force replaces it")
            with _beside(path) as partial:
                counts = _sound_copy(file, partial, found, advance)
                _put(partial, path, is_new=is_new)
            return counts
    except (OSError, apsw.Error) as error:
        raise BadStore(f"store {str(path)!r} cannot be restored: {_reason(error)}") from error


def _reason(error: OSError | apsw.Error) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _check_place(path: Path, file: Path, *, force: bool) -> None:
    if file.is_dir():
        raise BadStore(f"backup {str(file)!r} is a directory; a file is required")
    if not file.exists():
        return
    if path.exists() and path.samefile(file):
        raise BadStore(f"backup {str(file)!r} is the store itself")
    if not force:
        raise BadStore(f"backup {str(file)!r} exists; --force replaces it")
    _check_sides(file, force=False)


def _check_sides(file: Path, *, force: bool) -> None:
    """Refuse a place with a log beside it: SQLite would take it for that of the new file."""
    for side in _sides(file):
        if side.exists() and not force:
            raise BadStore(f"{str(side)!r} is in the way; it belongs to a store of that name")


def _sides(file: Path) -> list[Path]:
    return [file.with_name(file.name + suffix) for suffix in _SIDES]


@contextmanager
def _beside(file: Path) -> Iterator[Path]:
    """An empty file beside `file`, which goes with all that SQLite leaves beside it."""
    with beside(file) as partial:
        try:
            yield partial
        finally:
            for side in _sides(partial):
                side.unlink(missing_ok=True)


def _copy(source: apsw.Connection, partial: Path, advance: Advance) -> None:
    """Copy page by page. `source` is in a snapshot, so no writer makes the copy begin again."""
    target = apsw.Connection(str(partial))
    try:
        # It is synced once, when it is whole.
        target.execute("PRAGMA synchronous = OFF")
        with target.backup("main", source, "main") as copying:
            while not copying.done:
                copying.step(_PAGES_PER_STEP)
                advance(copying.page_count - copying.remaining, copying.page_count)
        # One file that says nothing of a log, so that it can be read from anywhere.
        target.execute("PRAGMA journal_mode = DELETE")
    finally:
        target.close()
    sync(partial)


def _sound_copy(file: Path, partial: Path, found: Found, advance: Advance) -> dict[str, int]:
    """Make `partial` a copy of the backup with new versions. Raises `BadStore` for a damaged one."""
    problems = 0

    def note(problem: Problem) -> None:
        nonlocal problems
        problems += 1
        found(problem)

    try:
        with snapshot(file, tidy=False, older_too=True) as source:
            _copy(source, partial, advance)
        # Imported here: the migration keeps a copy, which is made above.
        from chatmarks.engines.migrate import migrate_copy

        migrate_copy(partial)
    except apsw.Error as error:
        raise BadStore(f"backup {str(file)!r} cannot be copied: {error}") from error
    with snapshot(partial) as copied:
        counts = examine(copied, note, advance)
    if problems:
        raise BadStore(
            f"backup {str(file)!r} is damaged, problems: {problems}; the store was left as it was"
        )
    _renew(partial)
    return counts


def _renew(partial: Path) -> None:
    """Draw every version and revision anew."""
    connection = apsw.Connection(str(partial))
    try:
        connection.create_scalar_function("draw_version", lambda *_: draw_version(), 0)
        with connection:
            connection.execute("UPDATE account SET version = draw_version()")
            connection.execute("UPDATE event SET token = draw_version()")
            connection.execute(
                "UPDATE property SET value = json_set(value, '$.holder', '', '$.until', 0)"
                " WHERE substr(name, 1, length(?1)) = ?1",
                (FEED_READER,),
            )
            for sdkappid, text in connection.execute("SELECT sdkappid, content FROM app").fetchall():
                app = msgspec.structs.replace(app_of(str(text)), revision=draw_version())
                connection.execute(
                    "UPDATE app SET revision = ?, content = ? WHERE sdkappid = ?",
                    (app.revision, app_text(app), sdkappid),
                )
    finally:
        connection.close()
    sync(partial)


def _locked(path: Path) -> apsw.Connection:
    """A connection that has the store to itself until it is closed, its log folded into the file.

    Every connection of a server holds a lock for as long as it lives, so a store that any other
    process has open cannot be had. One that waits for this lock finds its file moved and gives up.
    """
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        if connection.execute("SELECT count(*) FROM sqlite_schema").get:
            check_owner(connection, path)
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("BEGIN EXCLUSIVE")
    except BaseException as error:
        connection.close()
        if isinstance(error, apsw.BusyError):
            raise BadStore(
                f"store {str(path)!r} is open in another process; stop its servers first"
            ) from error
        if isinstance(error, apsw.NotADBError | apsw.CorruptError):
            raise BadStore(
                f"store {str(path)!r} is no sound SQLite file;"
                " move it, and its -wal and -shm, away first"
            ) from error
        raise
    return connection


def _put(partial: Path, path: Path, *, is_new: bool) -> None:
    """Give the file its name. Logs of an old one, which are folded, go first: beside the new file
    SQLite would take them for its own."""
    for side in _sides(path):
        side.unlink(missing_ok=True)
    sync_directory(path.parent)
    if is_new:
        # Unlike a rename this fails where a server made a store in the meantime.
        os.link(partial, path)
    else:
        partial.replace(path)
    sync_directory(path.parent)
