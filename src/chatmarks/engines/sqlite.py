"""`sqlite:///path`: books in one file, for one machine and any number of processes on it.

WAL with a full sync at every commit. Reads run on the event loop's thread with a connection of their
own and never wait for the writer; writes go through `group_commit`. Local disks only: WAL needs
shared memory.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import apsw
import msgspec

from chatmarks.book import EMPTY_BOOK, Account
from chatmarks.engines import BadStore
from chatmarks.engines.group_commit import BUSY_SECONDS_MAX, GroupCommit, Refused
from chatmarks.engines.rows import app_of, app_text, book_of, changed_rows, groups_text
from chatmarks.engines.schema import APPLICATION_ID, REVISION, TABLES
from chatmarks.store import App, Busy, Change, ChatGroup, Kept, Returned, UnknownAccount, draw_version

log = logging.getLogger("chatmarks")

_SQLITE_LEAST = (3, 51, 3)
"""The first version without the WAL-reset bug, which can damage a file that several connections use."""

_BUSY_MILLISECONDS = int(1000 * BUSY_SECONDS_MAX)

_POLL_SECONDS = 0.001

_CHECK_SECONDS = 1.0

_TROUBLE_SECONDS = 10.0
"""How long after a fault the store is said not to be ready, whatever went well since."""


class SqliteStore:
    """The store of one file. Made by `open`, on the event loop that will use it."""

    def __init__(self, path: Path) -> None:
        self._reader = _connect(path)
        self._reader.execute("PRAGMA query_only = ON")
        self._writer = GroupCommit(lambda: _connect(path))
        self._checked_at = -_CHECK_SECONDS

    @classmethod
    async def open(cls, name: str, *, create: bool = True) -> SqliteStore:
        """Open the file `name`, made where it is not there if `create`. Raises `BadStore`."""
        found = tuple(map(int, apsw.sqlite_lib_version().split(".")))
        if found < _SQLITE_LEAST:
            raise BadStore(
                f"SQLite {apsw.sqlite_lib_version()} can damage a store that several connections"
                f" use; {'.'.join(map(str, _SQLITE_LEAST))} or newer is required"
            )
        path = Path(name)
        try:
            _make(path, create=create)
            return cls(path)
        except (OSError, apsw.Error) as error:
            raise BadStore(f"store {name!r} cannot be opened: {error}") from error

    async def read(self, account: Account) -> Kept:
        return self._look(lambda: _loaded(self._reader, account))

    async def update(self, account: Account, change: Change[Returned]) -> Returned:
        def work(connection: apsw.Connection) -> Returned:
            try:
                kept = _loaded(connection, account)
                book, answer = change(kept.book)
            except apsw.Error:
                raise
            except Exception as error:
                raise Refused from error
            if book is not kept.book:
                _write(connection, account, kept, Kept(draw_version(), book))
            return answer

        return await self._writer.do(work)

    async def versions(self, accounts: Sequence[Account]) -> list[int | None]:
        statement = "SELECT version FROM account WHERE owner = ?"
        return self._look(
            lambda: [self._reader.execute(statement, (account.owner,)).get for account in accounts]
        )

    async def create_account(self, account: Account) -> bool:
        return await self._writer.do(lambda connection: _create(connection, account))

    async def delete_account(self, account: Account) -> bool:
        def work(connection: apsw.Connection) -> bool:
            # The account row first: from here on no writer finds it.
            connection.execute("DELETE FROM account WHERE owner = ?", (account.owner,))
            existed = bool(connection.changes())
            connection.execute("DELETE FROM conversation WHERE owner = ?", (account.owner,))
            return existed

        return await self._writer.do(work)

    async def known_accounts(self, sdkappid: int, userids: Collection[str]) -> set[str]:
        return self._known("account", "owner", sdkappid, userids)

    async def create_chat_group(self, sdkappid: int, group: ChatGroup) -> ChatGroup | None:
        key = f"{sdkappid}:{group.id}"

        def work(connection: apsw.Connection) -> ChatGroup | None:
            held = connection.execute(
                "SELECT type, name, owner_account FROM chat_group WHERE id = ?", (key,)
            ).fetchone()
            if held is not None:
                return ChatGroup(group.id, *held)
            connection.execute(
                "INSERT INTO chat_group (id, type, name, owner_account) VALUES (?, ?, ?, ?)",
                (key, group.type, group.name, group.owner),
            )
            return None

        return await self._writer.do(work)

    async def delete_chat_group(self, sdkappid: int, group_id: str) -> bool:
        def work(connection: apsw.Connection) -> bool:
            connection.execute("DELETE FROM chat_group WHERE id = ?", (f"{sdkappid}:{group_id}",))
            return bool(connection.changes())

        return await self._writer.do(work)

    async def known_chat_groups(self, sdkappid: int, group_ids: Collection[str]) -> set[str]:
        return self._known("chat_group", "id", sdkappid, group_ids)

    async def app(self, sdkappid: int) -> App | None:
        return self._look(lambda: _app(self._reader, sdkappid))

    async def apps(self) -> list[App]:
        statement = "SELECT content FROM app ORDER BY sdkappid"
        return self._look(lambda: [app_of(text) for (text,) in self._reader.execute(statement)])

    async def change_app(self, sdkappid: int, change: Callable[[App | None], App]) -> App:
        def work(connection: apsw.Connection) -> App:
            try:
                changed = change(_app(connection, sdkappid))
            except apsw.Error:
                raise
            except Exception as error:
                raise Refused from error
            app = msgspec.structs.replace(changed, revision=draw_version())
            connection.execute(
                "INSERT INTO app (sdkappid, revision, content) VALUES (?, ?, ?)"
                " ON CONFLICT (sdkappid)"
                " DO UPDATE SET revision = excluded.revision, content = excluded.content",
                (sdkappid, app.revision, app_text(app)),
            )
            for admin in app.admins:
                _create(connection, Account(sdkappid, admin))
            return app

        return await self._writer.do(work)

    async def check(self) -> None:
        now = time.monotonic()
        self._raise_in_trouble(now)
        # At most one real write a second, however often anyone asks.
        if now - self._checked_at < _CHECK_SECONDS and self._checked_at > self._writer.failed_at:
            return
        await self._writer.do(
            lambda connection: connection.execute(
                "INSERT INTO probe (id, drawn) VALUES (1, ?)"
                " ON CONFLICT (id) DO UPDATE SET drawn = excluded.drawn",
                (draw_version(),),
            )
        )
        # A second turn of the writer: what it does between two, a checkpoint, is over then.
        await self._writer.do(lambda _: None)
        self._raise_in_trouble(now)
        self._checked_at = time.monotonic()

    def _raise_in_trouble(self, now: float) -> None:
        if now - self._writer.failed_at < _TROUBLE_SECONDS:
            raise RuntimeError("a write or a sync failed a moment ago")

    async def close(self) -> None:
        await self._writer.close()
        self._reader.close()

    def _known(self, table: str, column: str, sdkappid: int, ids: Collection[str]) -> set[str]:
        statement = (
            f"SELECT {column} FROM {table}"  # noqa: S608 - names of ours
            f" WHERE {column} IN (SELECT value FROM json_each(?))"
        )
        keys = msgspec.json.encode([f"{sdkappid}:{identity}" for identity in ids]).decode()
        found = self._look(lambda: self._reader.execute(statement, (keys,)).fetchall())
        return {str(key).partition(":")[2] for (key,) in found}

    def _look(self, read: Callable[[], Returned]) -> Returned:
        """Run `read` in one snapshot."""
        try:
            with self._reader:
                found = read()
        except apsw.BusyError as error:
            raise Busy from error
        return found


def _make(path: Path, *, create: bool) -> None:
    """Make the file and its tables, unless another process did or does."""
    if not create and not path.exists():
        raise BadStore(
            f"there is no store {str(path)!r}; chatmarks serve and chatmarks app create make one"
        )
    _make_directory(path.parent)
    try:
        # Only its owner may read it: it can hold secret keys. SQLite's side files get the same mode.
        # Never opened otherwise than by SQLite once it exists: closing would drop SQLite's locks.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        if path.is_dir():
            raise BadStore(f"store {str(path)!r} is a directory") from None
        if path.stat().st_mode & 0o077:
            log.warning("%s can be read by others than its owner; it can hold secret keys", path)
    if _is_empty(path):
        connection = _connect(path)
        connection.execute("BEGIN IMMEDIATE")
        if not _tables(connection):
            connection.execute(TABLES)
            connection.execute("INSERT INTO alembic_version VALUES (?)", (REVISION,))
        connection.execute("COMMIT")
        connection.close()
        _sync_directory(path.parent)


def _make_directory(directory: Path) -> None:
    """Make a directory and those above it, for its owner alone, and durably."""
    if directory.is_dir():
        return
    _make_directory(directory.parent)
    directory.mkdir(mode=0o700, exist_ok=True)
    _sync_directory(directory.parent)


def _is_empty(path: Path) -> bool:
    """Whether the file has no tables yet. Raises `BadStore` when those it has are not ours.

    Looks without changing anything: the file may belong to another program.
    """
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(_BUSY_MILLISECONDS)
    try:
        if not _tables(connection):
            return True
        if connection.execute("PRAGMA application_id").get != APPLICATION_ID:
            raise BadStore(f"store {str(path)!r} is a database of another program")
        found = connection.execute("SELECT version_num FROM alembic_version").get
    finally:
        connection.close()
    if found is None:
        raise BadStore(f"store {str(path)!r} is damaged: no schema is stamped in it")
    if found != REVISION:
        raise BadStore(
            f"store {str(path)!r} has schema {found!r}, this chatmarks knows {REVISION!r};"
            " a newer chatmarks wrote it"
        )
    return False


def _tables(connection: apsw.Connection) -> set[str]:
    return {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_schema")}


def _sync_directory(directory: Path) -> None:
    """Make the file's name as durable as its content."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _connect(path: Path) -> apsw.Connection:
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


def _loaded(connection: apsw.Connection, account: Account) -> Kept:
    row = connection.execute(
        "SELECT version, next_position, contact_groups FROM account WHERE owner = ?",
        (account.owner,),
    ).fetchone()
    if row is None:
        raise UnknownAccount(account)
    version, next_position, groups = row
    rows: Any = connection.execute(
        "SELECT peer_type, peer_id, position, standard_mark, custom_mark, contact_groups, updated_at"
        " FROM conversation WHERE owner = ? ORDER BY position",
        (account.owner,),
    )
    return Kept(version, book_of(next_position, groups, rows))


def _create(connection: apsw.Connection, account: Account) -> bool:
    connection.execute(
        "INSERT INTO account (owner, version, next_position, contact_groups) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (owner) DO NOTHING",
        (account.owner, draw_version(), EMPTY_BOOK.next_position, groups_text(EMPTY_BOOK)),
    )
    return bool(connection.changes())


def _write(connection: apsw.Connection, account: Account, before: Kept, after: Kept) -> None:
    connection.execute(
        "UPDATE account SET version = ?, next_position = ?, contact_groups = ?"
        " WHERE owner = ? AND version = ?",
        (
            after.version,
            after.book.next_position,
            groups_text(after.book),
            account.owner,
            before.version,
        ),
    )
    # The account row first, and exactly one: whoever lost it must not write conversations.
    if connection.changes() != 1:
        raise RuntimeError(f"the account row of {account.owner} changed inside a transaction")
    written, deleted = changed_rows(before.book, after.book)
    connection.executemany(
        "DELETE FROM conversation WHERE owner = ? AND peer_type = ? AND peer_id = ?",
        ((account.owner, *key) for key in deleted),
    )
    connection.executemany(
        "INSERT INTO conversation (owner, peer_type, peer_id, position, standard_mark, custom_mark,"
        " contact_groups, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (owner, peer_type, peer_id) DO UPDATE SET position = excluded.position,"
        " standard_mark = excluded.standard_mark, custom_mark = excluded.custom_mark,"
        " contact_groups = excluded.contact_groups, updated_at = excluded.updated_at",
        ((account.owner, *row) for row in written),
    )


def _app(connection: apsw.Connection, sdkappid: int) -> App | None:
    text = connection.execute("SELECT content FROM app WHERE sdkappid = ?", (sdkappid,)).get
    return None if text is None else app_of(text)
