"""Changes of a book, made with the commands that clients have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from starlette.responses import Response

from chatmarks.book import Account, Book, Peer, PeerType
from chatmarks.commands import COMMANDS
from chatmarks.console.books import BITS, back, page, row_of, whose_form
from chatmarks.console.calling import Done, call, query_of, ticket_for
from chatmarks.console.page import Unfit, Visit, wrong
from chatmarks.console.trying import note_call
from chatmarks.limits import MARK_BITS
from chatmarks.store import App

MARK = "recentcontact/mark_contact"
UPDATE = "recentcontact/update_contact_group"
CREATE = "recentcontact/create_contact_group"
DELETE = "recentcontact/del_contact_group"
IMPORT = "im_open_login_svc/account_import"
ADD, TAKE_OUT = 1, 2
"""`ContactOptType`."""


async def change(visit: Visit) -> Response:
    """Do what the form asks for, call by call, up to the first that is refused; then show the book."""
    app, account = await whose_form(visit)
    calls = _calls(visit, await _book(visit, account))
    if not app.admins:
        raise Unfit(409, "error.no_admin", sdkappid=app.sdkappid)
    for command, fields in calls:
        done = await _made(visit, app, command, {"From_Account": account.userid} | fields)
        if any(reason["decided"] != "ok" for reason in done.why):
            return await page(visit, app, account, done=[(command, done)])
    return back(visit, account)


async def add_account(visit: Visit) -> Response:
    """Import an account."""
    app, account = await whose_form(visit)
    done = await _made(visit, app, IMPORT, {"UserID": account.userid})
    if done.code:
        return await page(visit, app, account, done=[(IMPORT, done)])
    return back(visit, account)


async def _made(visit: Visit, app: App, command: str, fields: dict[str, Any]) -> Done:
    """Make one call as the app's first administrator."""
    admin = app.admins[0]
    query = query_of(app.sdkappid, admin, ticket_for(visit.console, app, admin))
    body = msgspec.json.encode(fields).decode()
    done = await call(visit, command, query, body)
    note_call(visit, COMMANDS[command], app, body, done)
    return done


async def _book(visit: Visit, account: Account) -> Book:
    return (await visit.console.store.read(account)).book


def _calls(visit: Visit, book: Book) -> Iterator[tuple[str, dict[str, Any]]]:
    """The calls that a form asks for: command, and its fields but for whose they are."""
    what, group = visit.field("do"), visit.field("group")
    if what == "create":
        yield CREATE, {"GroupContactItem": [{"GroupName": group}]}
    elif what == "delete":
        yield DELETE, {"GroupName": [group]}
    elif what == "rename":
        update = {"UpdateGroupType": 1, "OldGroupName": group, "NewGroupName": visit.field("name")}
        yield UPDATE, {"UpdateType": 1, "UpdateGroup": update}
    elif what == "save":
        yield from _conversation(visit, book)
    else:
        raise wrong("do", what, "create, rename, delete, save")


def _conversation(visit: Visit, book: Book) -> Iterator[tuple[str, dict[str, Any]]]:
    """The calls that let a conversation be as the form has it."""
    peer = _peer(visit)
    entry = book.entries.get(peer)
    row = row_of(book, peer, entry) if entry else None
    had = set(row.marks) if row else set()
    wanted = {*_bits(",".join(visit.every("mark"))), *_bits(visit.field("own"))}
    item: dict[str, Any] = {"OptType": 3, "ContactItem": _item(peer)}
    item |= {"SetMark": sorted(wanted - had), "ClearMark": sorted(had - wanted)}
    text = visit.field("custom")
    if text != (row.custom_mark if row else ""):
        item["CustomMark"] = text
    groups = set(visit.every("in_group"))
    was_in = set(row.groups) if row else set()
    # What is taken away comes first, so that it makes room.
    for name in sorted(was_in - groups):
        yield UPDATE, _moved(name, TAKE_OUT, peer)
    if had != wanted or "CustomMark" in item:
        yield MARK, {"MarkItem": [item]}
    for name in sorted(groups - was_in):
        yield UPDATE, _moved(name, ADD, peer)


def _moved(group: str, how: int, peer: Peer) -> dict[str, Any]:
    change = {"ContactOptType": how, "ContactItem": _item(peer)}
    update = {"UpdateGroupType": 2, "OldGroupName": group, "ContactUpdateItem": [change]}
    return {"UpdateType": 1, "UpdateGroup": update}


def _peer(visit: Visit) -> Peer:
    kind = visit.field("type")
    if kind not in ("1", "2"):
        raise wrong("type", kind, "1, 2")
    return Peer(PeerType(int(kind)), visit.field("peer"))


def _item(peer: Peer) -> dict[str, Any]:
    name = "To_Account" if peer.type == PeerType.ACCOUNT else "ToGroupId"
    return {"Type": int(peer.type), name: peer.id}


def _bits(text: str) -> Iterator[int]:
    """The bits that a field names, with commas between. Raises `Refused`."""
    for part in filter(None, (part.strip() for part in text.split(","))):
        if part not in BITS:
            raise wrong("mark", part, f"0-{MARK_BITS - 1}")
        yield BITS[part]
