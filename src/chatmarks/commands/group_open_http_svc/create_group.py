"""`POST /v4/group_open_http_svc/create_group`: make a chat group.

Document: 1047/34895. Without `GroupId` an id is generated; one that an app chooses may not look like
a generated one. Owner and members are kept; they join first, so that a call that breaks off made no
chat group.
"""

from __future__ import annotations

from msgspec import Struct

from chatmarks.command import GROUP_OPEN_HTTP, AccountName, Call, is_userid, manages, userid_problem
from chatmarks.commands.group_open_http_svc.chat_group import (
    Member,
    bad,
    check_accounts,
    joined,
    known,
    named,
)
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
        raise bad(f"Type is {shown(request.Type)}; {allowed} are allowed")
    if not request.Name:
        raise bad("Name is empty; a name is required")
    for field, text, limit in (
        ("Name", request.Name, CHAT_GROUP_NAME_BYTES_MAX),
        ("Introduction", request.Introduction, CHAT_GROUP_INTRODUCTION_BYTES_MAX),
        ("Notification", request.Notification, CHAT_GROUP_NOTIFICATION_BYTES_MAX),
        ("FaceUrl", request.FaceUrl, CHAT_GROUP_FACE_URL_BYTES_MAX),
    ):
        if (size := len(text.encode())) > limit:
            raise bad(f"{field} has {size} bytes; at most {limit} are allowed")
        if "\0" in text:
            raise bad(f"{field} holds the character U+0000, which is not allowed")
    _check_id(request.GroupId)
    if request.Owner_Account and not is_userid(request.Owner_Account):
        raise bad(f"Owner_Account {userid_problem(request.Owner_Account)}")
    check_accounts(named(request.MemberList), "MemberList", CHAT_GROUP_MEMBERS_PER_CREATE_MAX)
    for number, member in enumerate(request.MemberList):
        if member.Role not in ("", "Admin"):
            role = shown(member.Role)
            raise bad(f"MemberList[{number}].Role is {role}; Admin is allowed, or nothing")


def _check_id(group_id: str) -> None:
    if len(group_id.encode()) > CHAT_GROUP_ID_BYTES_MAX:
        raise bad(
            f"GroupId has {len(group_id.encode())} bytes; at most {CHAT_GROUP_ID_BYTES_MAX} are allowed"
        )
    if group_id and not (group_id.isascii() and group_id.isprintable()):
        raise bad("GroupId holds characters other than printable ASCII")
    if group_id.startswith(CHAT_GROUP_ID_GENERATED_PREFIX):
        raise bad(f"GroupId starts with {CHAT_GROUP_ID_GENERATED_PREFIX}, as generated ids do")


@manages(
    GROUP_OPEN_HTTP,
    document="1047/34895",
    request=Request,
    check=check,
    differences=(
        "The texts but the name are checked and not kept; other fields are ignored.",
        "An account of `MemberList` that was never imported does not become a member.",
        "`Name` may have 100 bytes.",
    ),
)
async def create_group(request: Request, call: Call, store: Store) -> Answer:
    """Make the chat group."""
    owner = request.Owner_Account
    roles = {member.Member_Account: member.Role or "Member" for member in request.MemberList}
    if owner:
        roles[owner] = "Owner"
    accounts = await known(roles, call, store) if roles else set()
    if owner and owner not in accounts:
        raise bad(f"Owner_Account {owner} was never imported")
    roles = {userid: role for userid, role in roles.items() if userid in accounts}
    while True:
        group_id = request.GroupId or CHAT_GROUP_ID_GENERATED_PREFIX + call.draw_id()
        holder = (await store.chat_groups(call.sdkappid, [group_id])).get(group_id)
        if holder is None:
            group = ChatGroup(group_id, request.Type, request.Name, owner, call.now)
            await joined(roles, group, call, store)
            holder = await store.create_chat_group(call.sdkappid, group)
        if holder is None:
            return Answer(group_id)
        if request.GroupId:
            mine = holder.owner == owner
            raise Fail(
                Code.CHAT_GROUP_ID_OWN if mine else Code.CHAT_GROUP_ID_TAKEN,
                f"GroupId {group_id} is used by {'this' if mine else 'another'} owner already",
            )
