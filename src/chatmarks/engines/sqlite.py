"""`sqlite:///path`: books in one file, for one machine and any number of processes on it.

WAL with a full sync at every commit. Reads run on the event loop's thread with a connection of their
own and never wait for the writer; writes go through `group_commit`. Local disks only: WAL needs
shared memory.
"""

from __future__ import annotations

import asyncio
import time
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

import apsw
import msgspec

from chatmarks.book import Account, Entry, Peer
from chatmarks.cache import BookCache
from chatmarks.engines import BadStore, book_rows, chat_groups, event_rows, lists, whole_rows
from chatmarks.engines.book_writes import BookWrites
from chatmarks.engines.file import connect, make
from chatmarks.engines.group_commit import GroupCommit, Refused
from chatmarks.engines.rows import app_of, app_text
from chatmarks.event import Event, EventKind, Told, change_of
from chatmarks.store import (
    App,
    AppChatGroup,
    Busy,
    Change,
    ChatGroup,
    Kept,
    Listing,
    Membership,
    Message,
    Pinning,
    Posted,
    Returned,
    Totals,
    UnknownAccount,
    Whole,
    draw_version,
)

_CHECK_SECONDS = 1.0

_LISTS_SHARE = 4
"""Of what books may take, lists may take so much less, beside them."""

_TROUBLE_SECONDS = 10.0
"""How long after a fault the store is said not to be ready, whatever went well since."""


class SqliteStore:
    """The store of one file. Made by `open`, on the event loop that will use it."""

    def __init__(self, path: Path, books: BookCache) -> None:
        self._books = books
        self._loop = asyncio.get_running_loop()
        self._state_now: int | None = None
        self._lists = lists.KeptLists(books.bytes_max // _LISTS_SHARE)
        self._reader = connect(path)
        self._reader.execute("PRAGMA query_only = ON")
        self._writes = BookWrites()
        self._writer = GroupCommit(lambda: connect(path), self._writes)
        self._checked_at = -_CHECK_SECONDS

    @classmethod
    async def open(cls, name: str, books: BookCache, *, create: bool = True) -> SqliteStore:
        """Open the file `name`, made where it is not there if `create`. Raises `BadStore`."""
        path = Path(name)
        try:
            make(path, create=create)
            return cls(path, books)
        except (OSError, apsw.Error) as error:
            raise BadStore(f"store {name!r} cannot be opened: {error}") from error

    async def read(self, account: Account) -> Kept:
        return self.read_at_once(account)

    def read_at_once(self, account: Account) -> Kept:
        books = self._books
        found = books.get(account)
        if found is not None and books.is_fresh(found):
            books.hits += 1
            return found.kept
        began_at = books.now()
        # Before the rows are looked at: a commit in between makes the next look compare again.
        state = self._state()
        if found is not None and (found.state == state or self._version(account) == found.kept.version):
            books.hits += 1
            found.state, found.checked_at = state, began_at
            return found.kept
        began = books.begin_load()
        try:
            kept = self._look(lambda: book_rows.loaded(self._reader, account))
        except UnknownAccount:
            books.drop(account)
            raise
        books.put_loaded(account, kept, began, state=state, checked_at=began_at)
        return kept

    async def update(
        self, account: Account, change: Change[Returned], *, told_at: int | None = None
    ) -> Returned:
        remembered = self._books.get(account)
        in_memory = None if remembered is None else remembered.kept
        began_at = self._books.now()

        def work(connection: apsw.Connection) -> tuple[Kept, Returned]:
            try:
                kept = self._writes.book(connection, account, in_memory)
                book, answer = change(kept.book)
            except apsw.Error:
                raise
            except Exception as error:
                raise Refused from error
            if book is kept.book:
                return kept, answer
            after = Kept(draw_version(), book)
            event = None if told_at is None else change_of(account.userid, kept.book, book, told_at)
            self._writes.add(account, kept, after, event)
            return after, answer

        # Kept only here, after the commit.
        after, answer = await self._writer.do(work, changes=account)
        self._books.put_changed(account, after, checked_at=began_at)
        return answer

    async def versions(self, accounts: Sequence[Account]) -> list[int | None]:
        return self._look(lambda: [book_rows.version(self._reader, account) for account in accounts])

    async def create_account(self, account: Account, *, told_at: int | None = None) -> bool:
        def work(connection: apsw.Connection) -> bool:
            created = book_rows.create(connection, account)
            if created and told_at is not None:
                event = Event(account.userid, told_at, EventKind.CREATED)
                event_rows.tell(connection, [(account.sdkappid, event)])
            return created

        return await self._writer.do(work)

    async def delete_account(self, account: Account, *, told_at: int | None = None) -> bool:
        def work(connection: apsw.Connection) -> bool:
            # The account row first: from here on no writer finds it.
            connection.execute("DELETE FROM account WHERE owner = ?", (account.owner,))
            existed = bool(connection.changes())
            connection.execute("DELETE FROM conversation WHERE owner = ?", (account.owner,))
            connection.execute("DELETE FROM membership WHERE owner = ?", (account.owner,))
            connection.execute("DELETE FROM recent WHERE owner = ?", (account.owner,))
            connection.execute("DELETE FROM sent WHERE owner = ? AND kind = 1", (account.owner,))
            if existed and told_at is not None:
                event = Event(account.userid, told_at, EventKind.DELETED)
                event_rows.tell(connection, [(account.sdkappid, event)])
            return existed

        existed = await self._writer.do(work)
        self._books.drop_deleted(account)
        return existed

    async def known_accounts(self, sdkappid: int, userids: Collection[str]) -> set[str]:
        return self._known("account", "owner", sdkappid, userids)

    async def create_chat_group(self, sdkappid: int, group: ChatGroup) -> ChatGroup | None:
        return await self._writer.do(lambda connection: chat_groups.create(connection, sdkappid, group))

    async def delete_chat_group(self, sdkappid: int, group_id: str) -> bool:
        return await self._writer.do(
            lambda connection: chat_groups.delete(connection, sdkappid, group_id)
        )

    async def known_chat_groups(self, sdkappid: int, group_ids: Collection[str]) -> set[str]:
        return self._known("chat_group", "id", sdkappid, group_ids)

    async def chat_groups(self, sdkappid: int, group_ids: Collection[str]) -> dict[str, ChatGroup]:
        return self._look(lambda: chat_groups.found(self._reader, sdkappid, group_ids))

    async def list_chat_groups(
        self, sdkappid: int, kind: str, after: int, limit: int
    ) -> tuple[int, list[ChatGroup]]:
        return self._look(lambda: chat_groups.listed(self._reader, sdkappid, kind, after, limit))

    async def join(self, account: Account, group: ChatGroup, membership: Membership) -> bool:
        return await self._do(chat_groups.join, account, group, membership)

    async def leave(self, account: Account, group: ChatGroup) -> bool:
        return await self._writer.do(lambda connection: chat_groups.leave(connection, account, group))

    async def members(self, sdkappid: int, group: ChatGroup) -> dict[str, Membership]:
        return self._look(lambda: chat_groups.members(self._reader, sdkappid, group))

    async def conversations(self, account: Account, limit: int) -> Listing:
        state = self._state()
        found = self._lists.find(account, limit, state)
        if found is None:
            found = self._look(lambda: lists.conversations(self._reader, account, limit))
            self._lists.keep(account, limit, state, found)
        return found

    async def converse(
        self, account: Account, userid: str, at: int, *, key: str | None = None, now: int = 0
    ) -> None:
        await self._do(lists.converse, account, userid, at, key, now)

    async def sent_before(self, account: Account, key: str, now: int) -> int | None:
        return self._look(lambda: lists.sent_before(self._reader, account, key, now))

    async def post(self, sdkappid: int, group: ChatGroup, message: Message) -> Posted | None:
        return await self._do(lists.post, sdkappid, group, message)

    async def posted_before(self, sdkappid: int, group: ChatGroup, key: str, now: int) -> Posted | None:
        return self._look(lambda: lists.posted_before(self._reader, sdkappid, group, key, now))

    async def pin(self, account: Account, peers: Sequence[Peer], at: int, most: int) -> Pinning:
        return await self._do(lists.pin, account, peers, at, most)

    async def unpin(self, account: Account, peers: Sequence[Peer]) -> None:
        await self._do(lists.unpin, account, peers)

    async def unlist(self, account: Account, peer: Peer) -> bool:
        return await self._do(lists.unlist, account, peer)

    async def holders(
        self, sdkappid: int, peer: Peer, after: str, limit: int
    ) -> list[tuple[str, Entry]]:
        return self._look(lambda: lists.holders(self._reader, sdkappid, peer, after, limit))

    async def events(self, sdkappid: int, after: int, limit: int) -> list[Told]:
        return self._look(lambda: event_rows.events(self._reader, sdkappid, after, limit))

    async def event_bounds(self, sdkappid: int) -> tuple[int, int]:
        return self._look(lambda: event_rows.bounds(self._reader, sdkappid))

    async def forget_events(self, sdkappid: int, before: int) -> int:
        return await self._writer.do(partial(event_rows.forget, sdkappid=sdkappid, before=before))

    async def app(self, sdkappid: int) -> App | None:
        return self._look(lambda: _app(self._reader, sdkappid))

    async def apps(self) -> list[App]:
        statement = "SELECT content FROM app ORDER BY sdkappid"
        return self._look(lambda: [app_of(text) for (text,) in self._reader.execute(statement)])

    async def change_app(self, sdkappid: int, change: Callable[[App | None], App]) -> App:
        def work(connection: apsw.Connection) -> App:
            try:
                before = _app(connection, sdkappid)
                changed = change(before)
            except apsw.Error:
                raise
            except Exception as error:
                raise Refused from error
            if changed is before:
                return changed
            app = msgspec.structs.replace(changed, revision=draw_version())
            connection.execute(
                "INSERT INTO app (sdkappid, revision, content) VALUES (?, ?, ?)"
                " ON CONFLICT (sdkappid)"
                " DO UPDATE SET revision = excluded.revision, content = excluded.content",
                (sdkappid, app.revision, app_text(app)),
            )
            at = int(time.time())
            if app.feed and not (before and before.feed):
                event_rows.begin(connection, sdkappid, at)
            created = [
                Event(admin, at, EventKind.CREATED)
                for admin in app.admins
                if book_rows.create(connection, Account(sdkappid, admin))
            ]
            if app.feed:
                event_rows.tell(connection, [(sdkappid, event) for event in created])
            return app

        return await self._writer.do(work)

    async def totals(self, sdkappid: int | None = None) -> Totals:
        return self._look(lambda: whole_rows.totals(self._reader, sdkappid))

    async def wholes(self, after: str, limit: int) -> list[Whole]:
        return self._look(lambda: whole_rows.wholes(self._reader, after, limit))

    async def put_wholes(
        self,
        wholes: Sequence[Whole],
        gone: Collection[str] = (),
        *,
        only_new: bool = False,
        run: str | None = None,
        told_at: Mapping[int, int] = types.MappingProxyType({}),
    ) -> set[str]:
        work = partial(whole_rows.put_wholes, given=wholes, gone=gone, only_new=only_new, run=run)
        return await self._writer.do(partial(work, told_at=told_at))

    async def all_chat_groups(self, after: str, limit: int) -> list[AppChatGroup]:
        return self._look(lambda: whole_rows.chat_groups(self._reader, after, limit))

    async def put_chat_groups(
        self, groups: Sequence[AppChatGroup], gone: Collection[str] = (), *, run: str | None = None
    ) -> None:
        await self._writer.do(partial(whole_rows.put_chat_groups, groups=groups, gone=gone, run=run))

    async def put_apps(
        self, apps: Sequence[App], gone: Collection[int] = (), *, run: str | None = None
    ) -> None:
        await self._writer.do(partial(whole_rows.put_apps, apps=apps, gone=gone, run=run))

    async def read_property(self, name: str) -> str | None:
        return self._look(lambda: whole_rows.read_property(self._reader, name))

    async def write_property(self, name: str, value: str | None, *, run: str | None = None) -> None:
        await self._writer.do(partial(whole_rows.write_property, name=name, value=value, run=run))

    async def swap_property(self, name: str, before: str | None, after: str | None) -> bool:
        work = partial(whole_rows.swap_property, name=name, before=before, after=after)
        return await self._writer.do(work)

    async def properties(self, prefix: str) -> dict[str, str]:
        return self._look(lambda: whole_rows.properties(self._reader, prefix))

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

    def counts(self) -> Mapping[str, tuple[str, float]]:
        writer = self._writer
        return self._books.counts() | {
            "commits": ("Transactions committed.", writer.commits),
            "updates": ("Units of work in them; several share a commit.", writer.units),
            "commit_seconds": ("Time spent in them, from lock to sync.", writer.seconds),
            "faults": ("Failed writes, syncs and checkpoints.", writer.faults),
        }

    async def close(self) -> None:
        await self._writer.close()
        self._reader.close()

    def _state(self) -> int:
        """Another number whenever any process committed anything.

        Asked once for all calls whose turn comes before the loop looks at its sockets again: all of
        them had come when it was asked. A task asks for itself: it may have been begun before, to
        read the rest of a call that came only afterwards.
        """
        if asyncio.current_task() is not None:
            return self._data_version()
        if self._state_now is None:
            self._state_now = self._data_version()
            self._loop.call_soon(self._forget_state)
        return self._state_now

    def _data_version(self) -> int:
        try:
            return int(self._reader.execute("PRAGMA data_version").get)
        except apsw.BusyError as error:
            raise Busy from error

    def _forget_state(self) -> None:
        self._state_now = None

    def _version(self, account: Account) -> int | None:
        return self._look(lambda: book_rows.version(self._reader, account))

    def _known(self, table: str, column: str, sdkappid: int, ids: Collection[str]) -> set[str]:
        statement = (
            f"SELECT {column} FROM {table}"  # noqa: S608 - names of ours
            f" WHERE {column} IN (SELECT value FROM json_each(?))"
        )
        keys = msgspec.json.encode([f"{sdkappid}:{identity}" for identity in ids]).decode()
        found = self._look(lambda: self._reader.execute(statement, (keys,)).fetchall())
        return {str(key).partition(":")[2] for (key,) in found}

    async def _do(self, work: Callable[..., Returned], *arguments: object) -> Returned:
        """Run work of the writer, which raises `UnknownAccount` before it writes."""

        def refusing(connection: apsw.Connection) -> Returned:
            try:
                return work(connection, *arguments)
            except UnknownAccount as error:
                raise Refused from error

        return await self._writer.do(refusing)

    def _look(self, read: Callable[[], Returned]) -> Returned:
        """Run `read` in one snapshot."""
        try:
            with self._reader:
                found = read()
        except apsw.BusyError as error:
            raise Busy from error
        return found


def _app(connection: apsw.Connection, sdkappid: int) -> App | None:
    text = connection.execute("SELECT content FROM app WHERE sdkappid = ?", (sdkappid,)).get
    return None if text is None else app_of(text)
