"""`POST /v4/recentcontact/search_contact_group`: the groups and marks of given conversations.

Document: 1047/53442. At most 300 conversations; the answer keeps their order, repeats what was asked
twice and leaves out what has no data. `GroupItem` holds just the groups that the answer names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias, cast

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

_MANY = 16
"""From how many items on it pays to remember what was found."""


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
    if len(request.ContactItem) < _MANY:
        records, named = _looked_up(request, book)
    else:
        records, named = _found_before(request, book) or _remembered(request, book)
    return Answer(listed(records), group_items(book, named))


_Records: TypeAlias = tuple[Sequence[bytes], int]
"""Records as JSON, and the groups that they name as bits."""


def _looked_up(request: Request, book: Book) -> _Records:
    """An item that is found has nothing wrong; the others are checked."""
    records, named = [], 0
    find = cast("Mapping[tuple[object, object], Entry]", book.entries).get
    for item in request.ContactItem:
        kind = TYPES.get(item.Type)
        # A plain tuple finds what a Peer finds, and is made five times as fast.
        entry = find((kind, item.To_Account if kind == 1 else item.ToGroupId))
        if entry is not None:
            named |= entry.groups
            records.append(entry.__dict__.get("record") or ready_record(peer_of(item), entry))
    if len(records) < len(request.ContactItem):
        check_contacts(request.ContactItem, "ContactItem")
    return records, named


class _Found(NamedTuple):
    """What was found in a book until now, of conversations with accounts: their records by UserID, and
    the UserIDs in each group.

    Two tables of which one has nothing but bytes: 300 records lie all over the memory, and what a
    search takes is for the most part to fetch them.
    """

    records: dict[object, bytes]
    members: defaultdict[int, set[object]]


def _found_before(request: Request, book: Book) -> _Records | None:
    """The same where each item is an account that was found before in this very book; else None.
    Without a line of Python for each."""
    found: _Found | None = book.__dict__.get("found")
    items = request.ContactItem
    if found is None or [item.Type for item in items].count(1) < len(items):
        return None
    names = [item.To_Account for item in items]
    records = [*map(found.records.get, names)]
    if not all(records):
        return None
    named = sum(1 << group for group, some in found.members.items() if not some.isdisjoint(names))
    return cast("list[bytes]", records), named


def _remembered(request: Request, book: Book) -> _Records:
    """What is looked up, to be found before by the next who asks."""
    answer = _looked_up(request, book)
    found: _Found = book.__dict__.setdefault("found", _Found({}, defaultdict(set)))
    for item in request.ContactItem:
        peer = peer_of(item)
        entry = book.entries.get(peer)
        if entry is not None and item.Type == 1:
            found.records[peer.id] = ready_record(peer, entry)
            for group in entry.group_ids:
                found.members[group].add(peer.id)
    return answer
