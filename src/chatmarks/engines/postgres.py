"""`postgresql://…`: books in a PostgreSQL database, for any number of processes and machines.

A change reads the book, runs, and writes the changed rows in one transaction that takes the account
row only as it was read; who lost it begins again. Within a process changes of one account wait for each
other. What is sent is in `statements`, how in `connections`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

import asyncpg
import msgspec
from msgspec.structs import astuple

from chatmarks.book import EMPTY_BOOK, Account, Entry, Peer
from chatmarks.cache import BookCache
from chatmarks.engines import postgres_events, postgres_lists, postgres_whole
from chatmarks.engines import statements as sql
from chatmarks.engines.connections import CHANGE_SECONDS_MAX, Connection, Connections
from chatmarks.engines.database import connected, examine
from chatmarks.engines.event_rows import content_of
from chatmarks.engines.list_rows import receiver_of, sender_of
from chatmarks.engines.rows import (
    app_of,
    app_text,
    book_of,
    bounds,
    changed_rows,
    chat_group_of,
    chat_group_row,
    groups_text,
    holder_of,
    key_of,
)
from chatmarks.engines.version_check import VersionCheck
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
_BACK_OFF_SECONDS = 0.002

_TURN_RESERVE_SECONDS = 1.2
"""What must be left when a change gets its turn: one that is begun too late ends as an unknown outcome,
and while it lasts it keeps others from being done in time."""


class PostgresStore:
    """The store of one database. Made by `open`, on the event loop that will use it."""

    def __init__(self, connections: Connections, books: BookCache) -> None:
        self._connections = connections
        self._books = books
        self._checks = VersionCheck(self.versions)
        self._numbering = postgres_events.Numbering(connections)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._checked_at = -_CHECK_SECONDS
        self._conflicts = 0

    @classmethod
    async def open(cls, url: str, books: BookCache) -> PostgresStore:
        """Open the database at `url`. Raises `BadStore` where it cannot be worked with."""
        connections = await connected(url)
        try:
            await examine(connections, url)
        except BaseException:
            await connections.close()
            raise
        return cls(connections, books)

    def read_at_once(self, account: Account) -> Kept | None:
        found = self._books.get(account)
        if found is None or not self._books.is_fresh(found):
            return None
        self._books.hits += 1
        return found.kept

    async def read(self, account: Account) -> Kept:
        kept = self.read_at_once(account)
        if kept is not None:
            return kept
        found = self._books.get(account)
        if found is not None:
            began_at = self._books.now()
            if await self._checks.version(account) == found.kept.version:
                self._books.hits += 1
                found.checked_at = began_at
                return found.kept
        return await self._load(account)

    async def _load(self, account: Account, until: float | None = None) -> Kept:
        """The book as its rows are, which is kept."""
        began_at = self._books.now()
        began = self._books.begin_load()
        try:
            kept = await self._rows(account, until)
        except UnknownAccount:
            self._books.drop(account)
            raise
        self._books.put_loaded(account, kept, began, state=None, checked_at=began_at)
        return kept

    async def _rows(self, account: Account, until: float | None) -> Kept:
        first: Any = None
        rows: list[Any] = []
        for row in await self._connections.ask(sql.BOOK, account.owner, until=until):
            # PostgreSQL need not keep the order of a union.
            if row[0]:
                rows.append(row)
            else:
                first = row
        if first is None:
            raise UnknownAccount(account)
        rows.sort(key=lambda row: row[2])
        return Kept(first[3], book_of(first[2], first[1], rows))

    async def update(
        self, account: Account, change: Change[Returned], *, told_at: int | None = None
    ) -> Returned:
        until = time.monotonic() + CHANGE_SECONDS_MAX
        async with self._turn(account.owner, until):
            remembered = self._books.get(account)
            loaded = remembered is None
            kept = await self._load(account, until) if remembered is None else remembered.kept
            while True:
                began_at = self._books.now()
                try:
                    book, answer = change(kept.book)
                except Exception:
                    # Whatever is refused must be refused on a book that is true.
                    if loaded or await self._checks.version(account) == kept.version:
                        raise
                else:
                    after = Kept(kept.version if book is kept.book else draw_version(), book)
                    if await self._write(account, kept, after, until, told_at):
                        # Kept only here, after the commit.
                        self._books.put_changed(account, after, checked_at=began_at)
                        return answer
                    await self._pause(until)
                kept, loaded = await self._load(account, until), True

    async def _write(
        self, account: Account, before: Kept, after: Kept, until: float, told_at: int | None
    ) -> bool:
        """Write what changed, if the account row is as it was read; whether it was.

        Where nothing changed, the row is written as it is: what was read may be the change of a call
        that was answered 50005 and is repeated now, and on no standby yet, or a server that is leader
        no longer may have been read. Only a commit tells.
        """
        book = after.book
        if book is before.book:
            confirming = _fetching(sql.CONFIRM, account.owner, before.version)
            return bool(await self._connections.change(confirming, until=until))
        written, deleted = changed_rows(before.book, book)
        columns = list(zip(*written, strict=True)) or [()] * 7
        head = (account.owner, before.version, after.version, book.next_position, groups_text(book))
        write, arguments = sql.WRITE_BOOK, [*head, *columns]
        if told_at is not None:
            event = change_of(account.userid, before.book, book, told_at)
            write = sql.WRITE_BOOK_AND_TELL
            arguments += [draw_version(), told_at, content_of(event)]

        async def work(connection: Connection) -> bool:
            if not deleted:
                return bool(await connection.fetchval(write, *arguments))
            async with connection.transaction():
                taken = bool(await connection.fetchval(write, *arguments))
                if taken:
                    keys = [(account.owner, *key) for key in deleted]
                    await connection.executemany(sql.DELETE_CONVERSATION, keys)
                return taken

        return await self._connections.change(work, until=until)

    async def versions(self, accounts: Sequence[Account]) -> list[int | None]:
        rows = await self._connections.ask(sql.VERSIONS, [account.owner for account in accounts])
        found: dict[str, int] = dict(rows)
        return [found.get(account.owner) for account in accounts]

    async def create_account(self, account: Account, *, told_at: int | None = None) -> bool:
        async def work(connection: Connection) -> bool:
            if told_at is None:
                return bool(await connection.fetchval(sql.CREATE_ACCOUNT, *_fresh(account)))
            async with connection.transaction():
                created = bool(await connection.fetchval(sql.CREATE_ACCOUNT, *_fresh(account)))
                if created:
                    event = Event(account.userid, told_at, EventKind.CREATED)
                    await postgres_events.tell(connection, account.owner, event)
                return created

        return await self._connections.change(work)

    async def delete_account(self, account: Account, *, told_at: int | None = None) -> bool:
        async def work(connection: Connection) -> bool:
            async with connection.transaction():
                # The account row first: from here on no writer finds it. Each in a statement of its
                # own, which sees what those wrote that had the row before.
                existed = await connection.fetchval(sql.DELETE_ACCOUNT, account.owner) is not None
                if not existed:
                    # Something to commit: what took it away may be on no standby yet. Nothing else:
                    # an account may be there by now, of which this one holds nothing.
                    await connection.execute(sql.PROBE, draw_version())
                    return False
                for statement in postgres_whole.ROWS_OF_ACCOUNTS:
                    await connection.execute(statement, account.owner)
                if told_at is not None:
                    event = Event(account.userid, told_at, EventKind.DELETED)
                    await postgres_events.tell(connection, account.owner, event)
                return True

        existed = await self._connections.change(work)
        self._books.drop_deleted(account)
        return existed

    async def known_accounts(self, sdkappid: int, userids: Collection[str]) -> set[str]:
        owners = [Account(sdkappid, userid).owner for userid in userids]
        rows = await self._connections.ask(sql.VERSIONS, owners)
        return {str(owner).partition(":")[2] for owner, _ in rows}

    async def create_chat_group(self, sdkappid: int, group: ChatGroup) -> ChatGroup | None:
        row = chat_group_row(sdkappid, group)
        until = time.monotonic() + CHANGE_SECONDS_MAX
        while not await self._connections.change(_fetching(sql.CREATE_CHAT_GROUP, *row)):
            if holder := (await self.chat_groups(sdkappid, [group.id])).get(group.id):
                return holder
            # Its holder went away in between.
            await self._pause(until)
        return None

    async def delete_chat_group(self, sdkappid: int, group_id: str) -> bool:
        work = _fetching(sql.DELETE_CHAT_GROUP, key_of(sdkappid, group_id))
        return bool(await self._connections.change(work))

    async def known_chat_groups(self, sdkappid: int, group_ids: Collection[str]) -> set[str]:
        return set(await self.chat_groups(sdkappid, group_ids))

    async def chat_groups(self, sdkappid: int, group_ids: Collection[str]) -> dict[str, ChatGroup]:
        keys = [key_of(sdkappid, group_id) for group_id in group_ids]
        groups = map(chat_group_of, await self._connections.ask(sql.CHAT_GROUPS, keys))
        return {group.id: group for group in groups}

    async def list_chat_groups(
        self, sdkappid: int, kind: str, after: int, limit: int
    ) -> tuple[int, list[ChatGroup]]:
        ((count,),) = await self._connections.ask(sql.COUNT_CHAT_GROUPS, sdkappid, kind)
        rows = await self._connections.ask(sql.LIST_CHAT_GROUPS, sdkappid, kind, after, limit)
        return int(count), [chat_group_of(row) for row in rows]

    async def join(self, account: Account, group: ChatGroup, membership: Membership) -> bool:
        work = _fetching(
            sql.JOIN,
            account.owner,
            key_of(account.sdkappid, group.id),
            group.incarnation,
            *astuple(membership),
        )
        ((accounts, joined),) = await self._connections.change(work)
        if not accounts:
            raise UnknownAccount(account)
        return bool(joined)

    async def leave(self, account: Account, group: ChatGroup) -> bool:
        key = key_of(account.sdkappid, group.id)
        work = _fetching(sql.LEAVE, account.owner, key, group.incarnation)
        return bool(await self._connections.change(work))

    async def members(self, sdkappid: int, group: ChatGroup) -> dict[str, Membership]:
        rows = await self._connections.ask(sql.MEMBERS, key_of(sdkappid, group.id), group.incarnation)
        # Sorted here: 6,000 at most, and by characters as all engines do it.
        ordered = sorted(rows, key=lambda row: (row[2], row[0]))
        return {owner.partition(":")[2]: Membership(*rest) for owner, *rest in ordered}

    async def conversations(self, account: Account, limit: int) -> Listing:
        return await postgres_lists.conversations(self._connections, account, limit)

    async def converse(
        self, account: Account, userid: str, at: int, *, key: str | None = None, now: int = 0
    ) -> None:
        await postgres_lists.converse(self._connections, account, userid, at, key, now)

    async def sent_before(self, account: Account, key: str, now: int) -> int | None:
        first = await postgres_lists.confirmed(self._connections, sender_of(account), key, now)
        return None if first is None else first.at

    async def post(self, sdkappid: int, group: ChatGroup, message: Message) -> Posted | None:
        until = time.monotonic() + CHANGE_SECONDS_MAX
        while True:
            try:
                return await postgres_lists.post(self._connections, sdkappid, group, message, until)
            except asyncpg.NotNullViolationError:
                await self._pause(until)

    async def posted_before(self, sdkappid: int, group: ChatGroup, key: str, now: int) -> Posted | None:
        receiver = receiver_of(sdkappid, group)
        return await postgres_lists.confirmed(self._connections, receiver, key, now)

    async def pin(self, account: Account, peers: Sequence[Peer], at: int, most: int) -> Pinning:
        return await postgres_lists.pin(self._connections, account, peers, at, most)

    async def unpin(self, account: Account, peers: Sequence[Peer]) -> None:
        await postgres_lists.unpin(self._connections, account, peers)

    async def unlist(self, account: Account, peer: Peer) -> bool:
        return await postgres_lists.unlist(self._connections, account, peer)

    async def holders(
        self, sdkappid: int, peer: Peer, after: str, limit: int
    ) -> list[tuple[str, Entry]]:
        first, end = bounds(sdkappid)
        place = int(peer.type), peer.id, first + after, end
        rows = await self._connections.ask(sql.HOLDERS, *place, limit)
        return [holder_of(row) for row in rows]

    async def events(self, sdkappid: int, after: int, limit: int) -> list[Told]:
        await self._numbering.number(sdkappid)
        return await postgres_events.events(self._connections, sdkappid, after, limit)

    async def event_bounds(self, sdkappid: int) -> tuple[int, int]:
        await self._numbering.number(sdkappid)
        return await postgres_events.bounds(self._connections, sdkappid)

    async def forget_events(self, sdkappid: int, before: int) -> int:
        await self._numbering.number(sdkappid)
        return await self._move(postgres_events.forget, sdkappid, before)

    async def app(self, sdkappid: int) -> App | None:
        rows = await self._connections.ask(sql.APP, sdkappid)
        return app_of(rows[0][0]) if rows else None

    async def apps(self) -> list[App]:
        return [app_of(text) for (text,) in await self._connections.ask(sql.APPS)]

    async def change_app(self, sdkappid: int, change: Callable[[App | None], App]) -> App:
        until = time.monotonic() + CHANGE_SECONDS_MAX
        while True:
            before = await self.app(sdkappid)
            changed = change(before)
            if changed is before:
                return changed
            app = msgspec.structs.replace(changed, revision=draw_version())
            if await self._connections.change(_replacing(sdkappid, before, app)):
                return app
            await self._pause(until)

    async def totals(self, sdkappid: int | None = None) -> Totals:
        return await self._move(postgres_whole.totals, sdkappid)

    async def wholes(self, after: str, limit: int) -> list[Whole]:
        return await self._move(postgres_whole.wholes, after, limit)

    async def put_wholes(
        self,
        wholes: Sequence[Whole],
        gone: Collection[str] = (),
        *,
        only_new: bool = False,
        run: str | None = None,
        told_at: Mapping[int, int] = types.MappingProxyType({}),
    ) -> set[str]:
        work = partial(postgres_whole.put_wholes, only_new=only_new, run=run, told_at=told_at)
        return await self._move(work, wholes, gone)

    async def all_chat_groups(self, after: str, limit: int) -> list[AppChatGroup]:
        return await self._move(postgres_whole.chat_groups, after, limit)

    async def put_chat_groups(
        self, groups: Sequence[AppChatGroup], gone: Collection[str] = (), *, run: str | None = None
    ) -> None:
        await self._move(partial(postgres_whole.put_chat_groups, run=run), groups, gone)

    async def put_apps(
        self, apps: Sequence[App], gone: Collection[int] = (), *, run: str | None = None
    ) -> None:
        await self._move(partial(postgres_whole.put_apps, run=run), apps, gone)

    async def read_property(self, name: str) -> str | None:
        return next(iter(await self._connections.ask(sql.PROPERTY, name)), (None,))[0]

    async def write_property(self, name: str, value: str | None, *, run: str | None = None) -> None:
        await self._move(partial(postgres_whole.write_property, run=run), name, value)

    async def swap_property(self, name: str, before: str | None, after: str | None) -> bool:
        if before is None:
            held = await self.read_property(name) if after is None else None
            if after is None:
                return held is None
            work = _fetching(sql.ADD_PROPERTY, name, after)
        elif after is None:
            work = _fetching(sql.TAKE_PROPERTY, name, before)
        else:
            work = _fetching(sql.SWAP_PROPERTY, name, before, after)
        return bool(await self._connections.change(work))

    async def properties(self, prefix: str) -> dict[str, str]:
        return dict(await self._connections.ask(sql.PROPERTIES, prefix))

    async def _move(self, work: Callable[..., Awaitable[Returned]], *arguments: object) -> Returned:
        """Run work on whole accounts, which may take its time."""
        try:
            return await self._connections.change(
                lambda connection: work(connection, *arguments),
                until=time.monotonic() + postgres_whole.SECONDS_MAX,
            )
        except asyncpg.DataError as error:
            raise ValueError(f"PostgreSQL cannot keep it: {error}") from error

    async def check(self) -> None:
        # At most one real write a second, however often anyone asks.
        if time.monotonic() - self._checked_at < _CHECK_SECONDS:
            return
        await self._connections.change(_fetching(sql.PROBE, draw_version()))
        self._checked_at = time.monotonic()

    def counts(self) -> Mapping[str, tuple[str, float]]:
        connections = self._connections
        return self._books.counts() | {
            "commits": ("Transactions committed.", connections.commits),
            "commit_seconds": ("Time spent in them.", connections.seconds),
            "conflicts": ("Changes that began again, as another process was first.", self._conflicts),
            "repeats": ("Transactions that the database had repeated.", connections.repeats),
            "faults": ("Calls that failed at the connection.", connections.faults),
        }

    async def close(self) -> None:
        await self._connections.close()

    @contextlib.asynccontextmanager
    async def _turn(self, owner: str, until: float) -> AsyncIterator[None]:
        """One change of an account at a time in this process. Raises `Busy`."""
        # It lasts as long as anyone holds or wants it.
        lock = self._turns.setdefault(owner, asyncio.Lock())
        try:
            async with asyncio.timeout(until - _TURN_RESERVE_SECONDS - time.monotonic()):
                await lock.acquire()
        except TimeoutError as error:
            raise Busy from error
        try:
            yield
        finally:
            lock.release()

    async def _pause(self, until: float) -> None:
        """Let another process finish. Raises `Busy` when there is no time left."""
        self._conflicts += 1
        if time.monotonic() > until:
            raise Busy
        await asyncio.sleep(random.uniform(0, _BACK_OFF_SECONDS))  # noqa: S311 - no secret


def _fetching(statement: str, *arguments: object) -> Callable[[Connection], Any]:
    return lambda connection: connection.fetch(statement, *arguments)


def _replacing(sdkappid: int, before: App | None, app: App) -> Callable[[Connection], Any]:
    """Work that puts `app` in the place of `before`, with its administrators as accounts; False when
    somebody else was first."""

    async def work(connection: Connection) -> bool:
        async with connection.transaction():
            if before is None:
                rows = await connection.fetch(sql.CREATE_APP, sdkappid, app.revision, app_text(app))
            else:
                rows = await connection.fetch(
                    sql.CHANGE_APP, sdkappid, before.revision, app.revision, app_text(app)
                )
            if rows:
                at = int(time.time())
                if app.feed and not (before and before.feed):
                    await postgres_events.begin(connection, sdkappid, at)
                for admin in app.admins:
                    account = Account(sdkappid, admin)
                    created = await connection.fetchval(sql.CREATE_ACCOUNT, *_fresh(account))
                    if created and app.feed:
                        event = Event(admin, at, EventKind.CREATED)
                        await postgres_events.tell(connection, account.owner, event)
            return bool(rows)

    return work


def _fresh(account: Account) -> tuple[str, int, int, str]:
    """The row of an account that has nothing yet."""
    return account.owner, draw_version(), EMPTY_BOOK.next_position, groups_text(EMPTY_BOOK)
