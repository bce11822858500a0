"""Books: an account's groups as folders, its conversations with their marks, watched as they change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from starlette.responses import Response

from chatmarks.book import Account, Book, Entry, Peer
from chatmarks.command import is_userid
from chatmarks.console.calling import app_of
from chatmarks.console.page import Visit, go, number, wrong_userid
from chatmarks.console.streams import Streams
from chatmarks.limits import (
    CONVERSATIONS_PER_ACCOUNT_MAX,
    CUSTOM_MARK_BYTES_MAX,
    GROUPS_PER_ACCOUNT_MAX,
    MARK_BITS,
)
from chatmarks.store import App, Store, UnknownAccount

BITS = {str(bit): bit for bit in range(MARK_BITS)}
"""Marks as fields name them."""

NAMED_MARKS = (0, 1, 2, 3)
"""Star, unread, fold, hide."""

FOUND_MAX = 50
ROWS_MAX = 100
"""Conversations on one page."""


class Row(Struct, frozen=True):
    """A conversation as the page shows it."""

    peer: Peer
    marks: tuple[int, ...]
    custom_mark: str
    groups: tuple[str, ...]
    updated_at: int


class Folder(Struct, frozen=True):
    """A group: its name, its `GroupId`, and how many conversations it has."""

    name: str
    id: int
    count: int


async def books(visit: Visit) -> Response:
    """The accounts of an app whose UserIDs begin so."""
    apps = await visit.console.store.apps()
    text = visit.asked("sdkappid")
    sdkappid = number(text, "sdkappid") if text else (apps[0].sdkappid if apps else None)
    find = visit.asked("find").strip()
    found: list[tuple[str, int, int]] = []
    if sdkappid is not None:
        found = await _accounts(visit.console.store, sdkappid, find)
    return visit.page(
        "books.html",
        apps=apps,
        sdkappid=sdkappid,
        find=find,
        found=found[:FOUND_MAX],
        more=len(found) > FOUND_MAX,
    )


async def _accounts(store: Store, sdkappid: int, begin: str) -> list[tuple[str, int, int]]:
    """The first accounts whose UserIDs begin with `begin`: UserID, and how many groups and
    conversations each has. One more than are shown, where there are more."""
    found = []
    if begin and is_userid(begin):
        try:
            book = (await store.read(Account(sdkappid, begin))).book
            found.append((begin, len(book.groups), len(book.entries)))
        except UnknownAccount:
            pass
    for whole in await store.wholes(f"{sdkappid}:{begin}", FOUND_MAX + 1):
        if not whole.key.startswith(f"{sdkappid}:{begin}"):
            break
        book = whole.kept.book
        found.append((whole.account.userid, len(book.groups), len(book.entries)))
    return found


async def book(visit: Visit) -> Response:
    """One account's book, of which the URL may ask for a group, a mark and a text."""
    app, account = await _whose(visit, visit.asked)
    return await page(visit, app, account)


async def page(visit: Visit, app: App, account: Account, **told: Any) -> Response:
    """The page of a book; `told` is what became of a change."""
    try:
        kept = await visit.console.store.read(account)
    except UnknownAccount:
        return visit.page("no_book.html", 404, app=app, account=account.userid, **({"done": ()} | told))
    rows = list(
        _rows(kept.book, visit.asked("group"), BITS.get(visit.asked("mark")), visit.asked("text"))
    )
    start = int(visit.asked("start")) if visit.asked("start").isdecimal() else 0
    return visit.page(
        "book.html",
        app=app,
        account=account.userid,
        folders=folders(kept.book),
        total=len(kept.book.entries),
        ungrouped=sum(not entry.groups for entry in kept.book.entries.values()),
        rows=rows[start : start + ROWS_MAX],
        fitting=len(rows),
        start=start,
        next=start + ROWS_MAX if start + ROWS_MAX < len(rows) else None,
        asked={name: visit.asked(name) for name in ("group", "mark", "text")},
        named_marks=NAMED_MARKS,
        most_groups=GROUPS_PER_ACCOUNT_MAX,
        most=CONVERSATIONS_PER_ACCOUNT_MAX,
        custom_bytes=CUSTOM_MARK_BYTES_MAX,
        **({"done": ()} | told),
    )


def folders(found: Book) -> list[Folder]:
    """The groups of a book, by ascending id."""
    return [
        Folder(name, number, sum(entry.groups >> number & 1 for entry in found.entries.values()))
        for name, number in sorted(found.groups.items(), key=lambda group: group[1])
    ]


def _rows(found: Book, group: str, bit: int | None, text: str) -> Iterator[Row]:
    """The conversations that fit, the one that changed last first."""
    wanted = found.groups.get(group)
    if group and wanted is None:
        return
    newest = sorted(found.entries.items(), key=lambda item: -item[1].updated_at)
    for peer, entry in newest:
        if wanted is not None and not entry.groups >> wanted & 1:
            continue
        if bit is not None and not entry.marks >> bit & 1:
            continue
        if text and text not in entry.custom_mark and text not in peer.id:
            continue
        yield row_of(found, peer, entry)


def row_of(found: Book, peer: Peer, entry: Entry) -> Row:
    """A conversation of a book as a row."""
    names = {number: name for name, number in found.groups.items()}
    return Row(
        peer,
        tuple(bit for bit in range(MARK_BITS) if entry.marks >> bit & 1),
        entry.custom_mark,
        tuple(names[number] for number in entry.group_ids),
        entry.updated_at,
    )


async def _whose(visit: Visit, said: Any) -> tuple[App, Account]:
    """The app, and the account, that a URL or a form names. Raises `Refused`."""
    app = await app_of(visit.console, number(said("sdkappid"), "sdkappid"))
    userid = said("account")
    if not is_userid(userid):
        raise wrong_userid("account", userid)
    return app, Account(app.sdkappid, userid)


async def whose_form(visit: Visit) -> tuple[App, Account]:
    """The app and the account that a form names. Raises `Refused`."""
    return await _whose(visit, visit.field)


def back(visit: Visit, account: Account) -> Response:
    """The way back to a book, as it was looked at."""
    asked = {name: visit.field(f"asked_{name}") for name in ("group", "mark", "text")}
    return go("/books/account", sdkappid=account.sdkappid, account=account.userid, **asked)


class Watch:
    """Tells pages when the books that they show change."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    async def stream(self, visit: Visit) -> Response:
        """An event whenever the book is another one."""
        _, account = await _whose(visit, visit.asked)
        store = visit.console.store
        seen: list[int | None] = await store.versions([account])

        async def news() -> str | None:
            now = await store.versions([account])
            if now == seen:
                return None
            seen[:] = now
            return ""

        return self._streams.of(visit, "change", news)
