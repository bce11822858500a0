"""`POST /v4/recentcontact/search_contact_group`: the groups and marks of given conversations.

Document: 1047/53442. At most 300 conversations; the answer keeps their order, repeats what was asked
twice and leaves out what has no data. `GroupItem` holds just the groups that the answer names.
"""

from __future__ import annotations

from msgspec import Struct

from chatmarks.book import Book
from chatmarks.command import AccountName, Call, reads
from chatmarks.commands.recentcontact.contact import (
    Contact,
    Group,
    Record,
    check_contacts,
    group_items,
    peer_of,
    record_of,
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
    check_contacts(request.ContactItem, "ContactItem")


@reads(document="1047/53442", request=Request, check=check)
def search_contact_group(request: Request, book: Book, _: Call) -> Answer:
    """Look the conversations up."""
    peers = map(peer_of, request.ContactItem)
    found = [(peer, book.entries[peer]) for peer in peers if peer in book.entries]
    named = 0
    for _peer, entry in found:
        named |= entry.groups
    return Answer(
        ContactResultItem=[record_of(peer, entry) for peer, entry in found],
        GroupItem=group_items(book, named),
    )
