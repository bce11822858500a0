"""What belongs to one app in a store: made, emptied, dropped, and put from an export."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import IO

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from chatmarks import exports
from chatmarks.book import Account
from chatmarks.control.refused import Refused
from chatmarks.declared import DeclaredApp, app_problem
from chatmarks.export_format import AccountLine, ChatGroupLine, read_line
from chatmarks.exports import LINE_BYTES_MAX, Content
from chatmarks.moving import ACCOUNTS, BATCH, CHAT_GROUPS
from chatmarks.seal import Seal
from chatmarks.store import App, Store

_KEY_BYTES = 32
_FIRST_DRAWN, _LAST_DRAWN = 1_500_000_001, 1_999_999_999
"""Ten digits as real ones have, and below 2**31 for clients that count in 32 bits."""

_PROBLEMS_TOLD_MAX = 20
_PROBLEMS_COUNTED_MAX = 1000
"""What has so many is read no further: a seed of nothing but line ends has 64 million."""

_encoder = msgspec.json.Encoder()


class NewApp(Struct, frozen=True, forbid_unknown_fields=True):
    """An app to make. What is left out is chosen by the server; the first of `admins` is the one that
    is told back as `identifier`."""

    sdkappid: int | None = None
    admins: tuple[str, ...] = ("administrator",)
    key: str = field(default_factory=lambda: secrets.token_hex(_KEY_BYTES))
    profile: str = "default"
    overrides: dict[str, str | int | bool] = {}


class MadeApp(Struct, frozen=True):
    """An app that was made, with all that a client needs to call."""

    sdkappid: int
    identifier: str
    key: str


class Emptied(Struct, frozen=True):
    """How much was deleted."""

    accounts: int
    chat_groups: int


class Put(Struct, frozen=True):
    """How much was put."""

    accounts: int
    chat_groups: int


class _Enough(Exception):
    """There are problems enough."""


class _Taken(Exception):
    """There is such an app."""


async def make_app(store: Store, seal: Seal, wanted: NewApp) -> MadeApp:
    """Make an app. Raises `Refused` 400, and 409 when there is one of its SDKAppID."""
    drawn = wanted.sdkappid is None
    while True:
        sdkappid = wanted.sdkappid
        if sdkappid is None:
            span = _LAST_DRAWN - _FIRST_DRAWN + 1
            sdkappid = _FIRST_DRAWN + secrets.randbelow(span)
        problem = app_problem(
            DeclaredApp(sdkappid, wanted.admins, (wanted.key,), wanted.profile, wanted.overrides)
        )
        if problem:
            raise Refused(400, problem)
        sealed = seal.seal(sdkappid, wanted.key)
        app = App(sdkappid, (sealed,), wanted.admins, wanted.profile, wanted.overrides)
        try:
            await store.change_app(sdkappid, _unless_there(app))
        except _Taken as error:
            if drawn:
                continue
            raise Refused(409, f"sdkappid {sdkappid}: there is such an app", "sdkappid") from error
        return MadeApp(sdkappid, wanted.admins[0], wanted.key)


def _unless_there(app: App) -> Callable[[App | None], App]:
    def change(before: App | None) -> App:
        if before is not None:
            raise _Taken
        return app

    return change


async def empty(store: Store, app: App) -> Emptied:
    """Delete all accounts and chat groups of an app, but for the administrators, whose books are
    empty afterwards.

    Chat groups go first, then accounts, a batch at a time; one that broke off is repeated.
    """
    sdkappid = app.sdkappid
    groups = [group.key async for group in exports.of_app(CHAT_GROUPS, store, sdkappid)]
    for start in range(0, len(groups), BATCH):
        await store.put_chat_groups([], groups[start : start + BATCH])
    accounts = [whole.key async for whole in exports.of_app(ACCOUNTS, store, sdkappid)]
    told_at = {sdkappid: int(time.time())} if app.feed else {}
    for start in range(0, len(accounts), BATCH):
        await store.put_wholes([], accounts[start : start + BATCH], told_at=told_at)
    await make_admins(store, app)
    return Emptied(len(accounts), len(groups))


async def make_admins(store: Store, app: App) -> None:
    """See to it that the administrators of an app are accounts."""
    told_at = int(time.time()) if app.feed else None
    for admin in app.admins:
        await store.create_account(Account(app.sdkappid, admin), told_at=told_at)


async def drop(store: Store, app: App) -> Emptied:
    """Delete an app with all that is in it. The app goes first: nobody is let in to the rest."""
    await store.put_apps([], [app.sdkappid])
    return await empty(store, replace(app, admins=()))


def checked(file: IO[bytes], what: str, status: int = 400) -> Content:
    """What the export `file` of one app holds. Raises `Refused` with `status`, which calls it `what`
    and names the lines that are wrong."""
    size = file.seek(0, 2)
    file.seek(0)
    problems: list[str] = []
    count = 0

    def found(number: int, problem: str) -> None:
        nonlocal count
        count += 1
        if len(problems) < _PROBLEMS_TOLD_MAX:
            problems.append(f"line {number}: {problem}")
        if count == _PROBLEMS_COUNTED_MAX:
            raise _Enough

    content = Content({}, {}, {})
    with suppress(_Enough):
        content = exports.check(file, size, found, _tell_nobody)
    if count:
        counted = f"{count} or more" if count == _PROBLEMS_COUNTED_MAX else count
        told = "; ".join(problems)
        raise Refused(status, f"{what} is no sound export, problems: {counted}; {told}")
    keys = (*content.apps, *content.chat_groups, *content.accounts)
    apps = {key.partition(":")[0] for key in keys}
    if len(apps) > 1:
        named = ", ".join(sorted(apps)[:_PROBLEMS_TOLD_MAX])
        raise Refused(status, f"{what} has lines of the apps {named}; of one app are allowed")
    return content


def for_app(source: IO[bytes], target: IO[bytes], sdkappid: int) -> None:
    """Write the chat groups and accounts of the sound export `source` to `target` as those of an app.
    An app itself is left out: its keys, administrators and profile stay as they are."""
    source.seek(0)
    target.write(source.readline(LINE_BYTES_MAX))
    while text := source.readline(LINE_BYTES_MAX):
        line = read_line(text)
        if isinstance(line, ChatGroupLine | AccountLine):
            target.write(_encoder.encode(replace(line, SdkAppid=str(sdkappid))) + b"\n")
    target.seek(0)


def content_for(content: Content, sdkappid: int) -> Content:
    """What is left of `content` after `for_app`; its lines are still numbered as in the source."""

    def moved(lines: dict[str, int]) -> dict[str, int]:
        return {f"{sdkappid}:{key.partition(':')[2]}": number for key, number in lines.items()}

    return Content({}, moved(content.chat_groups), moved(content.accounts))


async def put(store: Store, app: App, file: IO[bytes], content: Content) -> Put:
    """Put chat groups and accounts from `for_app`, in place of those that are there.

    An account goes in whole or not at all; when this breaks off, some are in, and it is repeated.
    """
    file.seek(0)
    taken = await exports.take_in(store, file, content, _tell_nobody, replacing=True)
    await make_admins(store, app)
    return Put(taken.accounts, taken.chat_groups)


def _tell_nobody(done: int, total: int) -> None:
    """How far it is, which nobody asked."""
