"""Makes one store a copy of another, and compares the two.

Both walk through the two stores side by side, by ascending keys, a page of each in memory. A copy is
a comparison that mends what it finds: so one that broke off goes on where it was, and a later one
brings over what changed in the meantime. The keys of messages stay behind: after a copy the repeat of
a message of the last five minutes is a new message.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from chatmarks.book import Peer
from chatmarks.soundness import Problem, on_one_line
from chatmarks.store import (
    UNFINISHED_COPY_FROM,
    UNFINISHED_COPY_RUN,
    App,
    AppChatGroup,
    Store,
    Superseded,
    Whole,
)

Record = TypeVar("Record")
Key = TypeVar("Key")

Advance: TypeAlias = Callable[[int, int], None]
"""Told how much is done, and of how much."""

BATCH = 200
"""Records in a page, and in a transaction, at most."""

ROWS_MAX = 10_000
"""About how many rows they may have: books differ in size by the thousand, and 200 full ones would take
hundreds of megabytes."""

_PAGE_FIRST = 10


class CannotCopy(Exception):
    """The target may not be written over; the text says what it is."""


class Copied(Struct, frozen=True):
    """What was written and deleted, in accounts, chat groups and apps, by their tables' names."""

    written: Mapping[str, int]
    deleted: Mapping[str, int]


class Part(Struct, Generic[Record], frozen=True):
    """One kind of what a store has: how a page of it is read and put, what its key is, how many rows
    it takes, and how two of one key differ."""

    table: str
    page: Callable[[Store, str, int], Awaitable[Sequence[Record]]]
    put: Callable[[Store, Sequence[Record], Sequence[str], str | None], Awaitable[object]]
    key: Callable[[Record], str]
    rows: Callable[[Record], int]
    differences: Callable[[Record, Record], Iterator[Problem]]


class _AccountRow(Struct, frozen=True):
    """What an account has beside conversations, memberships and its list."""

    version: int
    groups: Mapping[str, int]
    next_position: int


async def begin(target: Store, source_url: str) -> str:
    """Mark `target` as a copy of `source_url` that is not finished; the token of this run, and from now
    on no other one may write. Raises `CannotCopy` unless it is empty, or marked so already, and
    `Superseded` when another run begins at the same time."""
    await _is_marked(target, source_url)
    run = secrets.token_hex(16)
    await target.write_property(UNFINISHED_COPY_RUN, run)
    try:
        # Looked at again: until the token was there, another run may have finished.
        if not await _is_marked(target, source_url):
            await target.write_property(UNFINISHED_COPY_FROM, source_url, run=run)
    except CannotCopy:
        await _forget(target, run)
        raise
    return run


async def _is_marked(target: Store, source_url: str) -> bool:
    """Whether `target` is marked as a copy of `source_url`, or else empty. Raises `CannotCopy`."""
    mark = await target.read_property(UNFINISHED_COPY_FROM)
    if mark == source_url:
        return True
    if mark is not None:
        raise CannotCopy(f"is an unfinished copy of {mark!r}, not of {source_url!r}")
    there = msgspec.structs.asdict(await target.totals())
    if any(there.values()):
        counted = ", ".join(f"{name.replace('_', ' ')}: {count}" for name, count in there.items())
        raise CannotCopy(f"is not empty, it has {counted}; a copy is made in an empty store")
    return False


async def finish(target: Store, run: str) -> None:
    """Take the mark of `begin` away. Raises `Superseded`, and leaves it, if `run` is not the last."""
    await target.write_property(UNFINISHED_COPY_FROM, None, run=run)
    await _forget(target, run)


async def _forget(target: Store, run: str) -> None:
    """Drop the token of a run, if it is still there."""
    with suppress(Superseded):
        await target.write_property(UNFINISHED_COPY_RUN, None, run=run)


async def copy(source: Store, target: Store, advance: Advance, run: str | None = None) -> Copied:
    """Make `target` have what `source` has, and nothing else. Raises `Superseded` at the first batch
    for which `run`, of `begin`, is not the last."""
    written: dict[str, int] = {}
    deleted: dict[str, int] = {}
    progress = _Progress(advance, await _size(source))
    for part in _PARTS:
        batch = _Batch(part, target, run)
        async for key, ours, theirs in _pairs(part, source, target):
            progress.step(is_counted=ours is not None)
            if ours is None:
                await batch.delete(key)
            elif ours != theirs:
                await batch.write(ours)
        await batch.end()
        written[part.table], deleted[part.table] = batch.written, batch.deleted
    progress.end()
    return Copied(written, deleted)


async def compare(
    source: Store, target: Store, found: Callable[[Problem], None], advance: Advance
) -> dict[str, int]:
    """Tell `found` each difference between the two stores; how many were compared of each table.

    Servers may go on. What they write meanwhile may be found or not.
    """
    compared: dict[str, int] = {}
    progress = _Progress(advance, await _size(source))
    for part in _PARTS:
        compared[part.table] = 0
        async for key, ours, theirs in _pairs(part, source, target):
            progress.step(is_counted=ours is not None)
            compared[part.table] += 1
            if ours is None or theirs is None:
                found(Problem(part.table, on_one_line(key.encode()), "", _told(ours, theirs)))
            elif ours != theirs:
                for difference in part.differences(ours, theirs):
                    found(difference)
    progress.end()
    return compared


class _Batch(Generic[Record]):
    """Gathers what is to be put into `target`, and puts it when it is enough."""

    def __init__(self, part: Part[Record], target: Store, run: str | None) -> None:
        self._part, self._target, self._run = part, target, run
        self._changed: list[Record] = []
        self._gone: list[str] = []
        self._rows = 0
        self.written = self.deleted = 0

    async def write(self, record: Record) -> None:
        self._changed.append(record)
        self._rows += self._part.rows(record)
        await self._put_enough()

    async def delete(self, key: str) -> None:
        self._gone.append(key)
        await self._put_enough()

    async def _put_enough(self) -> None:
        if len(self._changed) + len(self._gone) == BATCH or self._rows >= ROWS_MAX:
            await self.end()

    async def end(self) -> None:
        """Put what was gathered."""
        await self._part.put(self._target, self._changed, self._gone, self._run)
        self.written += len(self._changed)
        self.deleted += len(self._gone)
        self._changed, self._gone, self._rows = [], [], 0


class _Progress:
    """Counts what was passed of `total`, and tells of it now and then."""

    def __init__(self, advance: Advance, total: int) -> None:
        self._advance, self._total, self._done = advance, total, 0

    def step(self, *, is_counted: bool) -> None:
        self._done += is_counted
        if self._done % BATCH == 0:
            self._advance(min(self._done, self._total), self._total)

    def end(self) -> None:
        self._advance(self._total, self._total)


async def _size(store: Store) -> int:
    totals = await store.totals()
    return totals.accounts + totals.chat_groups + totals.apps


async def _pairs(
    part: Part[Record], source: Store, target: Store
) -> AsyncIterator[tuple[str, Record | None, Record | None]]:
    """Each key that either store has, ascending, with what each of them has there."""
    left, right = records(part, source), records(part, target)
    ours, theirs = await anext(left, None), await anext(right, None)
    while ours or theirs:
        if theirs is None or (ours and ours[0] < theirs[0]):
            assert ours
            yield *ours, None
            ours = await anext(left, None)
        elif ours is None or theirs[0] < ours[0]:
            yield theirs[0], None, theirs[1]
            theirs = await anext(right, None)
        else:
            yield *ours, theirs[1]
            ours, theirs = await anext(left, None), await anext(right, None)


async def records(
    part: Part[Record], store: Store, after: str = ""
) -> AsyncIterator[tuple[str, Record]]:
    """What a store has of one kind behind the key `after`, by ascending key, and the keys."""
    limit = _PAGE_FIRST
    while page := await part.page(store, after, limit):
        for record in page:
            yield part.key(record), record
        after = part.key(page[-1])
        # As many as the rows of this page let expect, and not many more at once.
        fitting = ROWS_MAX * len(page) // sum(map(part.rows, page))
        limit = max(1, min(BATCH, 2 * limit, fitting))


def _whole_differences(ours: Whole, theirs: Whole) -> Iterator[Problem]:
    owner = on_one_line(ours.key.encode())
    rows = [
        _AccountRow(whole.kept.version, whole.kept.book.groups, whole.kept.book.next_position)
        for whole in (ours, theirs)
    ]
    if rows[0] != rows[1]:
        yield Problem("account", owner, "", _told(*rows))
    entries = ours.kept.book.entries, theirs.kept.book.entries
    yield from _row_differences("conversation", owner, *entries, _conversation)
    yield from _row_differences(
        "membership", owner, ours.memberships, theirs.memberships, lambda key: f"{key[0]} ({key[1]})"
    )
    yield from _row_differences("recent", owner, ours.recents, theirs.recents, str)


def _row_differences(
    table: str,
    owner: str,
    ours: Mapping[Key, Struct],
    theirs: Mapping[Key, Struct],
    name: Callable[[Key], str],
) -> Iterator[Problem]:
    for key in {**ours, **theirs}:
        pair = ours.get(key), theirs.get(key)
        if pair[0] != pair[1]:
            yield Problem(table, owner, on_one_line(name(key).encode()), _told(*pair))


def _conversation(peer: Peer) -> str:
    return f"{peer.type}:{peer.id}"


def _chat_group_differences(ours: AppChatGroup, theirs: AppChatGroup) -> Iterator[Problem]:
    owner = on_one_line(ours.key.encode())
    yield Problem("chat_group", owner, "", _told(ours.group, theirs.group))


def _app_differences(ours: App, theirs: App) -> Iterator[Problem]:
    yield Problem("app", str(ours.sdkappid), "", _told(ours, theirs))


def _told(ours: object, theirs: object) -> str:
    """How two that are not equal differ. Names fields and shows no value: some are secret."""
    if theirs is None:
        return "is not in the copy"
    if ours is None:
        return "is only in the copy"
    assert isinstance(ours, Struct)
    names = [
        name.replace("_", " ")
        for name in ours.__struct_fields__
        if getattr(ours, name) != getattr(theirs, name)
    ]
    return f"is another in the copy: {', '.join(names)}"


async def _apps_page(store: Store, after: str, _: int) -> list[App]:
    """All apps at once, as there are few, in the order of their keys."""
    return [] if after else sorted(await store.apps(), key=_app_key)


def _app_key(app: App) -> str:
    return str(app.sdkappid)


ACCOUNTS = Part[Whole](
    "account",
    lambda store, after, limit: store.wholes(after, limit),
    lambda store, wholes, gone, run: store.put_wholes(wholes, gone, run=run),
    lambda whole: whole.key,
    lambda whole: 1 + len(whole.kept.book.entries) + len(whole.memberships) + len(whole.recents),
    _whole_differences,
)
CHAT_GROUPS = Part[AppChatGroup](
    "chat_group",
    lambda store, after, limit: store.all_chat_groups(after, limit),
    lambda store, groups, gone, run: store.put_chat_groups(groups, gone, run=run),
    lambda group: group.key,
    lambda _: 1,
    _chat_group_differences,
)
APPS = Part[App](
    "app",
    _apps_page,
    lambda store, apps, gone, run: store.put_apps(apps, list(map(int, gone)), run=run),
    _app_key,
    lambda _: 1,
    _app_differences,
)

_PARTS: tuple[Part[Any], ...] = (ACCOUNTS, CHAT_GROUPS, APPS)
