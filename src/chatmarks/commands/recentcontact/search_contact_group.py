"""`POST /v4/recentcontact/search_contact_group`: the groups and marks of given conversations.

Document: 1047/53442. At most 300 conversations; the answer keeps their order, repeats what was asked
twice and leaves out what has no data. `GroupItem` holds just the groups that the answer names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

from msgspec import Struct

from chatmarks.book import Book, Entry
from chatmarks.command import AccountName, Call, reads
from chatmarks.commands.recentcontact.contact import (
    TYPES,
    Contact,
    Group,
    Record,
    check_contacts,
    group_items,
    listed,
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


class _Found(NamedTuple):
    """What was found in a book until now, of conversations with accounts: their records as JSON by
    UserID, and the UserIDs in each group.

    Two tables of which one has nothing but bytes: 300 records lie all over the memory, and what a
    search takes is for the most part to fetch them.
    """

    records: dict[object, bytes]
    members: defaultdict[int, set[object]]


@reads(document="1047/53442", request=Request, check=check)
def search_contact_group(request: Request, book: Book, _: Call) -> Answer:
    """Look the conversations up."""
    found: _Found | None = book.__dict__.get("found")
    if found is None:
        found = book.__dict__["found"] = _Found({}, defaultdict(set))
    records, named = _found_before(request, found) or _looked_up(request, book, found)
    return Answer(listed(records), group_items(book, named) if named else [])


def _found_before(request: Request, found: _Found) -> tuple[Sequence[bytes], int] | None:
    """The records, and the groups that they name as bits, where each item is an account that was found
    before in this very book; else None. Without a line of Python for each."""
    items = request.ContactItem
    if [item.Type for item in items].count(1) < len(items):
        return None
    names = [item.To_Account for item in items]
    records = [*map(found.records.get, names)]
    if not all(records):
        return None
    named = sum(1 << group for group, some in found.members.items() if not some.isdisjoint(names))
    return cast("list[bytes]", records), named


def _looked_up(request: Request, book: Book, found: _Found) -> tuple[Sequence[bytes], int]:
    """The same for any items. One that is found has nothing wrong; the others are checked."""
    records: list[bytes] = []
    named = 0
    find = cast("Mapping[tuple[object, object], Entry]", book.entries).get
    for item in request.ContactItem:
        kind = TYPES.get(item.Type)
        # A plain tuple finds what a Peer finds, and is made five times as fast.
        entry = find((kind, item.To_Account if kind == 1 else item.ToGroupId))
        if entry is None:
            continue
        named |= entry.groups
        record = ready_record(peer_of(item), entry)
        records.append(record)
        if kind == 1:
            found.records[item.To_Account] = record
            for group in entry.group_ids:
                found.members[group].add(item.To_Account)
    if len(records) < len(request.ContactItem):
        check_contacts(request.ContactItem, "ContactItem")
    return records, named
