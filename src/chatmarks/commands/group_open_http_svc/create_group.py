"""`POST /v4/group_open_http_svc/create_group`: make a chat group.

Document: 1047/34895. Without `GroupId` an id is generated; one that an app chooses may not look like
a generated one. Here a chat group is something that conversations point at, and nothing more.
"""

from __future__ import annotations

from msgspec import Struct

from chatmarks.book import Account
from chatmarks.command import GROUP_OPEN_HTTP, AccountName, Call, is_userid, manages, userid_problem
from chatmarks.errors import Code, Fail, shown
from chatmarks.limits import (
    CHAT_GROUP_FACE_URL_BYTES_MAX,
    CHAT_GROUP_ID_BYTES_MAX,
    CHAT_GROUP_ID_GENERATED_PREFIX,
    CHAT_GROUP_INTRODUCTION_BYTES_MAX,
    CHAT_GROUP_MEMBERS_PER_CREATE_MAX,
    CHAT_GROUP_NAME_BYTES_MAX,
    CHAT_GROUP_NOTIFICATION_BYTES_MAX,
    CHAT_GROUP_TYPES,
    Profile,
)
from chatmarks.store import ChatGroup, Store


class Member(Struct, frozen=True):
    """An account to begin with. `Role` is `Admin` or left out."""

    Member_Account: AccountName
    Role: str = ""


class Request(Struct, frozen=True):
    """`Type` and `Name` are required. Sizes in bytes stand in `limits.py`."""

    Type: str
    Name: str
    GroupId: str = ""
    Owner_Account: AccountName = ""
    Introduction: str = ""
    Notification: str = ""
    FaceUrl: str = ""
    MemberList: list[Member] = []


class Answer(Struct, frozen=True):
    """The id of the new chat group."""

    GroupId: str


def check(request: Request, _: Profile) -> None:
    """10004, 10005."""
    if request.Type not in CHAT_GROUP_TYPES:
        allowed = ", ".join(CHAT_GROUP_TYPES)
        raise _bad(f"Type is {shown(request.Type)}; {allowed} are allowed")
    if not request.Name:
        raise _bad("Name is empty; a name is required")
    for field, text, limit in (
        ("Name", request.Name, CHAT_GROUP_NAME_BYTES_MAX),
        ("Introduction", request.Introduction, CHAT_GROUP_INTRODUCTION_BYTES_MAX),
        ("Notification", request.Notification, CHAT_GROUP_NOTIFICATION_BYTES_MAX),
        ("FaceUrl", request.FaceUrl, CHAT_GROUP_FACE_URL_BYTES_MAX),
    ):
        if (size := len(text.encode())) > limit:
            raise _bad(f"{field} has {size} bytes; at most {limit} are allowed")
        if "\0" in text:
            raise _bad(f"{field} holds the character U+0000, which is not allowed")
    _check_id(request.GroupId)
    if request.Owner_Account and not is_userid(request.Owner_Account):
        raise _bad(f"Owner_Account {userid_problem(request.Owner_Account)}")
    _check_members(request.MemberList)


def _check_id(group_id: str) -> None:
    if len(group_id.encode()) > CHAT_GROUP_ID_BYTES_MAX:
        raise _bad(
            f"GroupId has {len(group_id.encode())} bytes; at most {CHAT_GROUP_ID_BYTES_MAX} are allowed"
        )
    if group_id and not (group_id.isascii() and group_id.isprintable()):
        raise _bad("GroupId holds characters other than printable ASCII")
    if group_id.startswith(CHAT_GROUP_ID_GENERATED_PREFIX):
        raise _bad(f"GroupId starts with {CHAT_GROUP_ID_GENERATED_PREFIX}, as generated ids do")


def _check_members(members: list[Member]) -> None:
    if len(members) > CHAT_GROUP_MEMBERS_PER_CREATE_MAX:
        raise Fail(
            Code.CHAT_GROUP_TOO_MANY_ACCOUNTS,
            f"MemberList has {len(members)} accounts;"
            f" at most {CHAT_GROUP_MEMBERS_PER_CREATE_MAX} are allowed",
        )
    for number, member in enumerate(members):
        if not is_userid(member.Member_Account):
            problem = userid_problem(member.Member_Account)
            raise _bad(f"MemberList[{number}].Member_Account {problem}")


def _bad(info: str) -> Fail:
    return Fail(Code.CHAT_GROUP_BAD_PARAMETER, info)


@manages(
    GROUP_OPEN_HTTP,
    document="1047/34895",
    request=Request,
    check=check,
    differences=(
        "Members and the texts but the name are checked and not kept; other fields are ignored.",
        "`Name` may have 100 bytes.",
    ),
)
async def create_group(request: Request, call: Call, store: Store) -> Answer:
    """Make the chat group."""
    owner = request.Owner_Account
    if owner:
        if call.profile.unknown_account == "lenient":
            await store.create_account(Account(call.sdkappid, owner))
        elif not await store.known_accounts(call.sdkappid, [owner]):
            raise _bad(f"Owner_Account {owner} was never imported")
    while True:
        group_id = request.GroupId or CHAT_GROUP_ID_GENERATED_PREFIX + call.draw_id()
        group = ChatGroup(group_id, request.Type, request.Name, owner)
        holder = await store.create_chat_group(call.sdkappid, group)
        if holder is None:
            return Answer(group_id)
        if request.GroupId:
            mine = holder.owner == owner
            raise Fail(
                Code.CHAT_GROUP_ID_OWN if mine else Code.CHAT_GROUP_ID_TAKEN,
                f"GroupId {group_id} is used by {'this' if mine else 'another'} owner already",
            )
