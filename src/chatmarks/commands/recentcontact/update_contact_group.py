"""`POST /v4/recentcontact/update_contact_group`: rename a group, or change its conversations.

Document: 1047/53439, 269/85793. `OldGroupName` names the group in both cases and is only looked up:
one that no group has is 51009, however long. Adding a member and removing what is none succeed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import UNSET, Struct, UnsetType

from chatmarks.book import Book, Edit, Peer
from chatmarks.command import AccountName, Call, writes
from chatmarks.commands.recentcontact.contact import (
    Contact,
    apply,
    check_count,
    check_edition,
    check_group_name,
    contact_problem,
    identity_of,
    item_of,
    peer_of,
)
from chatmarks.errors import Code, Fail, shown
from chatmarks.limits import Profile

ONE_GROUP = 1
"""The only `UpdateType` that the documents give."""

RENAME, CHANGE_MEMBERS = 1, 2
"""`UpdateGroupType`."""

ADD, REMOVE = 1, 2
"""`ContactOptType`."""


class ContactUpdate(Struct, frozen=True):
    """One change: `ContactOptType` 1 adds the conversation, 2 removes it."""

    ContactOptType: int
    ContactItem: Contact


class GroupUpdate(Struct, frozen=True):
    """`NewGroupName` is for a rename (1), `ContactUpdateItem` (1 to 100) for a change (2)."""

    UpdateGroupType: int
    OldGroupName: str
    NewGroupName: str = ""
    ContactUpdateItem: list[ContactUpdate] | UnsetType = UNSET


class Request(Struct, frozen=True):
    """`UpdateType` is 1."""

    From_Account: AccountName
    UpdateType: int
    UpdateGroup: GroupUpdate


class ContactResult(Struct, frozen=True):
    """How one change went."""

    ContactOptType: int
    ContactItem: Contact
    ResultCode: int
    ResultInfo: str

    @property
    def failed(self) -> bool:
        """Whether this change was refused."""
        return self.ResultCode != 0


class GroupUpdateResult(Struct, frozen=True):
    """`GroupName` is the name now, `OldGroupName` the one before."""

    UpdateGroupType: int
    GroupName: str
    GroupId: int
    OldGroupName: str
    ContactResultItem: list[ContactResult]


class Answer(Struct, frozen=True):
    """The group as it is now, and the changes in the order of the request (none in a rename)."""

    UpdateType: int
    UpdateGroupResult: GroupUpdateResult


def check(request: Request, profile: Profile) -> None:
    """50002, 51006, 51011, 50002, 51013, in this order."""
    wanted = request.UpdateGroup
    field = "UpdateGroup.ContactUpdateItem"
    if wanted.UpdateGroupType == CHANGE_MEMBERS:
        if wanted.ContactUpdateItem is UNSET:
            raise Fail(Code.BAD_PARAMETER, f"{field} is missing; UpdateGroupType 2 requires it")
        check_count(len(wanted.ContactUpdateItem), field)
    elif wanted.UpdateGroupType == RENAME:
        check_group_name(wanted.NewGroupName, "UpdateGroup.NewGroupName", profile)
    else:
        raise Fail(
            Code.BAD_PARAMETER,
            f"UpdateGroup.UpdateGroupType is {wanted.UpdateGroupType};"
            " 1 (rename) and 2 (change conversations) are allowed",
        )
    if request.UpdateType != ONE_GROUP:
        raise Fail(Code.BAD_PARAMETER, f"UpdateType is {request.UpdateType}; only 1 is allowed")
    for number, item in enumerate(_changes(wanted)):
        if problem := _problem(item):
            raise Fail(Code.BAD_PARAMETER, f"{field}[{number}].{problem}")
    check_edition(profile)


def _problem(item: ContactUpdate) -> str | None:
    if item.ContactOptType not in (ADD, REMOVE):
        return f"ContactOptType is {item.ContactOptType}; 1 (add) and 2 (remove) are allowed"
    if problem := contact_problem(item.ContactItem):
        return f"ContactItem.{problem}"
    return None


def _changes(wanted: GroupUpdate) -> Sequence[ContactUpdate]:
    """The changes to members; a rename has none, whatever it lists."""
    if wanted.UpdateGroupType == RENAME:
        return ()
    assert wanted.ContactUpdateItem is not UNSET
    return wanted.ContactUpdateItem


def brings(request: Request) -> Iterable[Peer]:
    """The conversations to add."""
    changes = _changes(request.UpdateGroup)
    return (peer_of(item.ContactItem) for item in changes if item.ContactOptType == ADD)


def items(request: Request) -> Sequence[str]:
    """What each conversation of the request names."""
    wanted = request.UpdateGroup
    if wanted.UpdateGroupType != CHANGE_MEMBERS:
        return ()
    return [identity_of(item.ContactItem) for item in wanted.ContactUpdateItem or ()]


@writes(document="1047/53439", request=Request, check=check, brings=brings, items=items)
def update_contact_group(request: Request, book: Book, call: Call) -> tuple[Book, Answer]:
    """Rename the group, or change its conversations."""
    wanted = request.UpdateGroup
    number = book.groups.get(wanted.OldGroupName)
    if number is None:
        raise Fail(Code.GROUP_NOT_FOUND, f"OldGroupName {shown(wanted.OldGroupName)}: no such group")
    name = wanted.OldGroupName
    results: list[ContactResult] = []
    if wanted.UpdateGroupType == RENAME:
        name = wanted.NewGroupName
        if name != wanted.OldGroupName and name in book.groups:
            raise Fail(
                Code.BAD_PARAMETER, f"NewGroupName {shown(name)} exists already; names are unique"
            )
        book = book.with_group_renamed(wanted.OldGroupName, name)
    else:
        book, results = _changed(_changes(wanted), 1 << number, book, call)
    return book, Answer(
        request.UpdateType,
        GroupUpdateResult(wanted.UpdateGroupType, name, number, wanted.OldGroupName, results),
    )


def _changed(
    items: Sequence[ContactUpdate], bit: int, book: Book, call: Call
) -> tuple[Book, list[ContactResult]]:
    edits = [
        Edit(
            peer_of(item.ContactItem),
            join=bit if item.ContactOptType == ADD else 0,
            leave=bit if item.ContactOptType == REMOVE else 0,
        )
        for item in items
    ]
    book, outcomes = apply(edits, book, call)
    return book, [
        ContactResult(item.ContactOptType, item_of(edit.peer), outcome.code, outcome.info)
        for item, edit, outcome in zip(items, edits, outcomes, strict=True)
    ]
