"""`POST /v4/recentcontact/search_contact_group`: the groups and marks of given conversations.

Document: 1047/53442. At most 300 conversations; the answer keeps their order, repeats what was asked
twice and leaves out what has no data. `GroupItem` holds just the groups that the answer names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from typing import TypeAlias, cast

from msgspec import Raw, Struct

from chatmarks.book import Book, Entry
from chatmarks.command import AccountName, Call, reads
from chatmarks.commands.recentcontact.contact import (
    TYPES,
    Contact,
    Group,
    Record,
    check_contacts,
    group_items,
    peer_of,
    ready_record,
)
from chatmarks.errors import Code, Fail
from chatmarks.limits import CONVERSATIONS_PER_SEARCH_MAX, Profile


class Request(Struct, frozen=True):
    """`ContactItem` holds 1 to 300 elements."""

    From_Account: AccountName
    ContactItem: list[Contact]


class Answer(Struct, frozen=True):
    """What was found, and its groups by ascending `GroupId`."""

    ContactResultItem: list[Record]
    GroupItem: list[Group]


def check(request: Request, _: Profile) -> None:
    """50002."""
    count = len(request.ContactItem)
    if not 1 <= count <= CONVERSATIONS_PER_SEARCH_MAX:
        raise Fail(
            Code.BAD_PARAMETER,
            f"ContactItem has {count} conversations; 1 to {CONVERSATIONS_PER_SEARCH_MAX} are allowed",
        )


@reads(document="1047/53442", request=Request, check=check)
def search_contact_group(request: Request, book: Book, _: Call) -> Answer:
    """Look the conversations up."""
    records, named = _found_before(request, book) or _found(request, book)
    # Records that are written already go out as they are.
    return Answer(cast("list[Record]", records), group_items(book, named) if named else [])


_Found: TypeAlias = tuple[Sequence[Raw], int]
"""Records, and the groups that they name as bits."""


def _found_before(request: Request, book: Book) -> _Found | None:
    """What is found where each item is an account that was found before in this very book, else None.

    Without a line of Python for each: a search of 300 is for the most part this.
    """
    items = request.ContactItem
    if [item.Type for item in items].count(1) < len(items):
        return None
    found = [*map(_table(book).get, [item.To_Account for item in items])]
    if not all(found):
        return None
    records, groups = zip(*found, strict=True)
    return records, reduce(or_, {*groups})


def _found(request: Request, book: Book) -> _Found:
    """An item that is found has nothing wrong; the others are checked."""
    records, named, table = [], 0, _table(book)
    find = cast("Mapping[tuple[object, object], Entry]", book.entries).get
    for item in request.ContactItem:
        kind = TYPES.get(item.Type)
        # A plain tuple finds what a Peer finds, and is made five times as fast.
        entry = find((kind, item.To_Account if kind == 1 else item.ToGroupId))
        if entry is not None:
            named |= entry.groups
            record = ready_record(peer_of(item), entry)
            records.append(record)
            if kind == 1:
                table[item.To_Account] = record, entry.groups
    if len(records) < len(request.ContactItem):
        check_contacts(request.ContactItem, "ContactItem")
    return records, named


def _table(book: Book) -> dict[object, tuple[Raw, int]]:
    """Records of accounts, with their groups as bits, that were found in this book."""
    table: dict[object, tuple[Raw, int]] = book.__dict__.setdefault("found", {})
    return table
