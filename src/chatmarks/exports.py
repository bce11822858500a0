"""Writes a store as an export, and takes an export in.

An export is read twice: once to find what is wrong with it, and once to take it in.
"""

from __future__ import annotations

import time
from asyncio import gather
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import IO, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from chatmarks.book import account_of
from chatmarks.export_format import (
    FORMAT,
    AccountLine,
    AppLine,
    ChatGroupLine,
    End,
    Exported,
    Head,
    Item,
    account_line,
    app_line,
    app_of,
    chat_group_line,
    chat_group_of,
    problems_in,
    read_head,
    read_line,
    whole_of,
)
from chatmarks.moving import ACCOUNTS, BATCH, CHAT_GROUPS, Advance, Part, Record, records
from chatmarks.soundness import on_one_line
from chatmarks.store import App, AppChatGroup, Store, draw_version

T = TypeVar("T")

LINE_BYTES_MAX = 64 << 20
"""An account with all that the limits allow takes less."""

_BATCH_BYTES_MAX = 1 << 20
"""The lines of one transaction have little more."""

Found: TypeAlias = Callable[[int, str], None]
"""Told the number of a line, and what is wrong with it."""

_encoder = msgspec.json.Encoder()


class Content(Struct):
    """What an export holds: the numbers of lines by the keys of what is in them."""

    apps: dict[str, int]
    chat_groups: dict[str, int]
    accounts: dict[str, int]

    def of(self, item: Item) -> dict[str, int]:
        """Those of the kind of `item`."""
        if isinstance(item, AppLine):
            return self.apps
        return self.accounts if isinstance(item, AccountLine) else self.chat_groups

    def end(self, lines: int) -> End:
        """What the last line of such an export says."""
        return End(len(self.apps), len(self.chat_groups), len(self.accounts), lines)


class Taken(Struct):
    """How much was taken in. `left`: the keys of what was made meanwhile, and was left alone."""

    apps: int
    chat_groups: int
    accounts: int
    left: list[str]


class _Exists(Exception):
    """There is such an app."""


async def write(
    store: Store, file: IO[bytes], advance: Advance, *, sdkappid: int | None, with_keys: bool
) -> End:
    """Write the store, or one app of it, to `file`; the last line.

    Each account is as it was at one moment. A membership in a chat group that was made after the
    chat groups were written stays out.
    """
    totals = await store.totals(sdkappid)
    total = totals.apps + totals.chat_groups + totals.accounts
    writer = _Writer(file)
    writer.add(Head(FORMAT, int(time.time()), totals.apps, totals.chat_groups, totals.accounts))
    apps = [app for app in await store.apps() if sdkappid in (None, app.sdkappid)]
    for app in apps:
        writer.add(app_line(app, with_keys=with_keys))
    chat_groups: dict[str, Exported] = {}
    async for group in of_app(CHAT_GROUPS, store, sdkappid):
        writer.add(chat_group_line(group))
        chat_groups[group.key] = Exported(group.group.incarnation, group.group.message_seq)
    accounts = 0
    async for whole in of_app(ACCOUNTS, store, sdkappid):
        writer.add(account_line(whole, chat_groups))
        accounts += 1
        if accounts % BATCH == 0:
            advance(min(writer.lines, total), total)
    end = End(len(apps), len(chat_groups), accounts, writer.lines + 1)
    writer.add(end)
    advance(total, total)
    return end


class _Writer:
    """Writes lines and counts them."""

    def __init__(self, file: IO[bytes]) -> None:
        self.lines = 0
        self._file = file

    def add(self, line: Struct) -> None:
        self._file.write(_encoder.encode(line) + b"\n")
        self.lines += 1


async def of_app(part: Part[Record], store: Store, sdkappid: int | None) -> AsyncIterator[Record]:
    """The records of one app, or of all."""
    prefix = "" if sdkappid is None else f"{sdkappid}:"
    async for key, record in records(part, store, prefix):
        if not key.startswith(prefix):
            return
        yield record


def check(file: IO[bytes], size: int, found: Found, advance: Advance) -> Content:
    """Tell `found` what is wrong with the export of `size` bytes in `file`; what it holds."""
    content = Content({}, {}, {})
    if problem := _head_problem(file.readline(LINE_BYTES_MAX)):
        found(1, problem)
        return content
    number = 1
    end: End | None = None
    all_read = True
    for number, text in _numbered(file):
        if end is not None:
            found(number, "comes after the last line")
        try:
            line = read_line(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            all_read = False
            found(number, str(error).replace("`", ""))
            continue
        if not isinstance(line, End):
            for problem in _item_problems(line, number, content):
                found(number, f"{on_one_line(line.name.encode())}: {problem}")
        elif all_read and line != content.end(number):
            found(number, f"counts {_counted(line)}; there are {_counted(content.end(number))}")
        end = line if isinstance(line, End) else end
        if number % BATCH == 0:
            advance(file.tell(), size)
    if end is None:
        found(number, "is the last one, and does not say so; the export was cut off")
    return content


def _head_problem(text: bytes) -> str | None:
    try:
        head = read_head(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "is not the first line of an export"
    if head.chatmarks_export != FORMAT:
        return f"the export has format {head.chatmarks_export}; this chatmarks reads {FORMAT}"
    return None


def _item_problems(item: Item, number: int, content: Content) -> Iterator[str]:
    lines = content.of(item)
    if item.key in lines:
        yield f"line {lines[item.key]} has it already"
    lines[item.key] = number
    yield from problems_in(item, content.chat_groups)


def _counted(end: End) -> str:
    return (
        f"apps: {end.Apps}, chat groups: {end.ChatGroups}, accounts: {end.Accounts}, lines: {end.Lines}"
    )


def _numbered(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines behind the first one, and their numbers."""
    return enumerate(iter(lambda: file.readline(LINE_BYTES_MAX), b""), 2)


async def tell_existing(store: Store, content: Content, found: Found) -> None:
    """Tell `found` of each line whose app, chat group or account the store has."""
    for sdkappid, number in content.apps.items():
        if await store.app(int(sdkappid)) is not None:
            found(number, f"app {sdkappid} exists")
    for keys in _batches(content.chat_groups):
        ids: defaultdict[int, list[str]] = defaultdict(list)
        for key in keys:
            sdkappid, _, group_id = key.partition(":")
            ids[int(sdkappid)].append(group_id)
        for app, group_ids in ids.items():
            for group_id in await store.known_chat_groups(app, group_ids):
                key = f"{app}:{group_id}"
                found(content.chat_groups[key], f"chat group {key} exists")
    for keys in _batches(content.accounts):
        accounts = [account for account in map(account_of, keys) if account]
        for account, version in zip(accounts, await store.versions(accounts), strict=True):
            if version is not None:
                found(content.accounts[account.owner], f"account {account.owner} exists")


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    waiting = iter(items)
    while batch := list(islice(waiting, BATCH)):
        yield batch


async def take_in(
    store: Store, file: IO[bytes], content: Content, advance: Advance, *, replacing: bool
) -> Taken:
    """Put an export that was checked into the store. Versions, revisions and incarnations are drawn
    anew. Without `replacing`, what exists is left alone.

    An account goes in whole or not at all; when this breaks off, some are in.
    """
    taken = Taken(0, 0, 0, [])
    total = content.end(0)
    advanced = 0
    incarnations: dict[str, int] = {}
    told_at = {app.sdkappid: int(time.time()) for app in await store.apps() if app.feed}
    apps: list[AppLine] = []
    file.readline(LINE_BYTES_MAX)
    for batch in _batches_of_lines(file):
        items = map(read_line, batch)
        groups, wholes = [], []
        for item in items:
            if isinstance(item, AppLine):
                apps.append(item)
            elif isinstance(item, ChatGroupLine):
                incarnations[item.key] = draw_version()
                groups.append(chat_group_of(item, incarnations[item.key]))
            elif isinstance(item, AccountLine):
                wholes.append(whole_of(item, incarnations))
        left = await _put_chat_groups(store, groups, replacing=replacing)
        taken.chat_groups += len(groups) - len(left)
        taken.left += left
        left = sorted(await store.put_wholes(wholes, only_new=not replacing, told_at=told_at))
        taken.accounts += len(wholes) - len(left)
        taken.left += left
        advanced += len(batch)
        advance(advanced, total.Apps + total.ChatGroups + total.Accounts + 1)
    # Last, since a server answers the calls of an app that is there. Their administrators become
    # accounts, if they are none yet.
    for line in apps:
        with_keys = line.SealedKeys is not UNSET
        if await _put_app(store, app_of(line), with_keys=with_keys, replacing=replacing):
            taken.apps += 1
        else:
            taken.left.append(line.key)
    return taken


def _batches_of_lines(file: IO[bytes]) -> Iterator[list[bytes]]:
    """The lines behind the first one, few at a time where they are long."""
    batch: list[bytes] = []
    size = 0
    for _, text in _numbered(file):
        batch.append(text)
        size += len(text)
        if len(batch) == BATCH or size >= _BATCH_BYTES_MAX:
            yield batch
            batch, size = [], 0
    yield batch


async def _put_chat_groups(
    store: Store, groups: Sequence[AppChatGroup], *, replacing: bool
) -> list[str]:
    """Put chat groups; the keys of those that were left alone."""
    if replacing:
        await store.put_chat_groups(groups)
        return []
    made = [store.create_chat_group(put.sdkappid, put.group) for put in groups]
    return [put.key for put, holder in zip(groups, await gather(*made), strict=True) if holder]


async def _put_app(store: Store, app: App, *, with_keys: bool, replacing: bool) -> bool:
    """Put an app, which keeps the keys that it has where the export tells none; whether it was put."""

    def change(before: App | None) -> App:
        if before is not None and not replacing:
            raise _Exists
        if before is None:
            return app
        return replace(
            app,
            sealed_keys=app.sealed_keys if with_keys else before.sealed_keys,
            webhook=before.webhook,
            sealed_webhook_token=before.sealed_webhook_token,
        )

    try:
        await store.change_app(app.sdkappid, change)
    except _Exists:
        return False
    return True
