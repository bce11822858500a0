"""`POST /v4/recentcontact/del_contact_group`: delete a group.

Document: 1047/53441. One group a call, although `GroupName` is a list. The name is only looked up.
The group's conversations lose their membership, and are dropped where that was all they had.
"""

from __future__ import annotations

from msgspec import Struct

from chatmarks.book import Book
from chatmarks.command import AccountName, Call, writes
from chatmarks.commands.recentcontact.contact import Group, check_edition
from chatmarks.errors import Code, Fail, shown
from chatmarks.limits import GROUPS_PER_CALL, Profile


class Request(Struct, frozen=True):
    """`GroupName` holds exactly one name."""

    From_Account: AccountName
    GroupName: list[str]


class Answer(Struct, frozen=True):
    """The group that is gone."""

    GroupItem: list[Group]


def check(request: Request, profile: Profile) -> None:
    """50002, then 51013."""
    count = len(request.GroupName)
    if count != GROUPS_PER_CALL:
        raise Fail(Code.BAD_PARAMETER, f"GroupName has {count} names; exactly 1 is allowed")
    check_edition(profile)


@writes(document="1047/53441", request=Request, check=check)
def del_contact_group(request: Request, book: Book, _: Call) -> tuple[Book, Answer]:
    """Delete the group."""
    (name,) = request.GroupName
    number = book.groups.get(name)
    if number is None:
        raise Fail(Code.GROUP_NOT_FOUND, f"GroupName {shown(name)}: no such group")
    return book.without_group(name), Answer([Group(name, number)])
