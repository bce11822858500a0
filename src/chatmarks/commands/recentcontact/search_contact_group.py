"""`POST /v4/recentcontact/search_contact_group`: the groups and marks of given conversations.

Document: 1047/53442. At most 300 conversations; the answer keeps their order, repeats what was asked
twice and leaves out what has no data. `GroupItem` holds just the groups that the answer names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

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
    """Look the conversations up. An item that is found has nothing wrong; the others are checked."""
    records, named = [], 0
    find = cast("Mapping[tuple[object, object], Entry]", book.entries).get
    kinds = TYPES.get
    for item in request.ContactItem:
        kind = kinds(item.Type)
        # A plain tuple finds what a Peer finds, and is made five times as fast.
        entry = find((kind, item.To_Account if kind == 1 else item.ToGroupId))
        if entry is not None:
            named |= entry.groups
            records.append(entry.__dict__.get("record") or ready_record(peer_of(item), entry))
    if len(records) < len(request.ContactItem):
        check_contacts(request.ContactItem, "ContactItem")
    # Records that are written already go out as they are.
    return Answer(cast("list[Record]", records), group_items(book, named) if named else [])
