"""`POST /v4/recentcontact/create_contact_group`: make a group, with its first conversations.

Document: 1047/53437, 269/85791. One group a call. The name is the group's key: a second group of
the same name is refused. The id is the smallest that is free. Conversations that cannot be added
get a code of their own; the group is made all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from chatmarks.book import Book, Edit, Peer
from chatmarks.command import AccountName, Call, writes
from chatmarks.commands.recentcontact.contact import (
    Contact,
    Group,
    apply,
    check_contacts,
    check_count,
    check_edition,
    check_group_name,
    identity_of,
    item_of,
    peer_of,
)
from chatmarks.errors import Code, Fail, shown
from chatmarks.limits import GROUPS_PER_ACCOUNT_MAX, GROUPS_PER_CALL, Profile


class NewGroup(Struct, frozen=True):
    """The group to make. `ContactItem`: at most 100; required until 2026-03, optional since."""

    GroupName: str
    ContactItem: list[Contact] = []


class Request(Struct, frozen=True):
    """`GroupContactItem` holds exactly one element."""

    From_Account: AccountName
    GroupContactItem: list[NewGroup]


class Result(Struct, frozen=True):
    """How adding one conversation went."""

    ContactItem: Contact
    ResultCode: int
    ResultInfo: str

    @property
    def failed(self) -> bool:
        """Whether this conversation was refused."""
        return self.ResultCode != 0


class GroupResult(Struct, frozen=True):
    """The new group, and its conversations in the order of the request."""

    GroupItem: Group
    ResultItem: list[Result]


class Answer(Struct, frozen=True):
    """`GroupResultItem` holds exactly one element."""

    GroupResultItem: list[GroupResult]


def check(request: Request, profile: Profile) -> None:
    """50002, 51006, 51011, 50002, 51013, in this order."""
    count = len(request.GroupContactItem)
    if count != GROUPS_PER_CALL:
        raise Fail(Code.BAD_PARAMETER, f"GroupContactItem has {count} groups; exactly 1 is allowed")
    (wanted,) = request.GroupContactItem
    field = "GroupContactItem[0]"
    check_count(len(wanted.ContactItem), f"{field}.ContactItem", least=0)
    check_group_name(wanted.GroupName, f"{field}.GroupName", profile)
    check_contacts(wanted.ContactItem, f"{field}.ContactItem")
    check_edition(profile)


def brings(request: Request) -> Iterable[Peer]:
    """Every conversation of the new group."""
    return map(peer_of, request.GroupContactItem[0].ContactItem)


def items(request: Request) -> Sequence[str]:
    """What each conversation of the request names."""
    return [identity_of(item) for group in request.GroupContactItem for item in group.ContactItem]


@writes(document="1047/53437", request=Request, check=check, brings=brings, items=items)
def create_contact_group(request: Request, book: Book, call: Call) -> tuple[Book, Answer]:
    """Make the group and add its conversations."""
    (wanted,) = request.GroupContactItem
    if wanted.GroupName in book.groups:
        raise Fail(
            Code.BAD_PARAMETER, f"GroupName {shown(wanted.GroupName)} exists already; names are unique"
        )
    if len(book.groups) >= GROUPS_PER_ACCOUNT_MAX:
        raise Fail(
            Code.GROUPS_FULL,
            f"the account has {len(book.groups)} groups; at most {GROUPS_PER_ACCOUNT_MAX} are allowed",
        )
    book = book.with_group(wanted.GroupName)
    number = book.groups[wanted.GroupName]
    edits = [Edit(peer_of(item), join=1 << number) for item in wanted.ContactItem]
    book, outcomes = apply(edits, book, call)
    results = [
        Result(item_of(edit.peer), outcome.code, outcome.info)
        for edit, outcome in zip(edits, outcomes, strict=True)
    ]
    return book, Answer([GroupResult(Group(wanted.GroupName, number), results)])
