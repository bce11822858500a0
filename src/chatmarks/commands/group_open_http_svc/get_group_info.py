"""`POST /v4/group_open_http_svc/get_group_info`: what is known of up to 50 chat groups.

Document: 1047/34961. Each chat group has a code of its own; `ErrorCode` of the call stays 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Struct, UnsetType

from chatmarks.command import GROUP_OPEN_HTTP, AccountName, Call, manages
from chatmarks.commands.group_open_http_svc.chat_group import bad, group_id_problem
from chatmarks.errors import Code, Fail
from chatmarks.limits import (
    CHAT_GROUP_ANSWER_BYTES_MAX,
    CHAT_GROUP_MEMBERS_MAX,
    CHAT_GROUPS_PER_INFO_MAX,
    Profile,
)
from chatmarks.store import ChatGroup, Store


class Request(Struct, frozen=True):
    """1 to 50 ids."""

    GroupIdList: list[str]


class Member(Struct, frozen=True):
    """A member. `Role`: `Owner`, `Admin` or `Member`. `JoinTime`: Unix seconds."""

    Member_Account: AccountName
    Role: str
    JoinTime: int


class Info(Struct, frozen=True):
    """A chat group, or why there is none: 10010 no such one, 10015 not the form of an id.

    `CreateTime`: Unix seconds. The members come in the order in which they joined.
    """

    GroupId: str
    ErrorCode: int
    ErrorInfo: str
    Type: str | UnsetType = UNSET
    Name: str | UnsetType = UNSET
    Appid: int | UnsetType = UNSET
    Owner_Account: str | UnsetType = UNSET
    CreateTime: int | UnsetType = UNSET
    MemberNum: int | UnsetType = UNSET
    MaxMemberNum: int | UnsetType = UNSET
    MemberList: list[Member] | UnsetType = UNSET

    @property
    def failed(self) -> bool:
        """Whether there is no such chat group."""
        return self.ErrorCode != 0


class Answer(Struct, frozen=True):
    """The chat groups in the order of the request."""

    GroupInfo: list[Info]


def check(request: Request, _: Profile) -> None:
    """10004."""
    if not 1 <= (count := len(request.GroupIdList)) <= CHAT_GROUPS_PER_INFO_MAX:
        raise bad(f"GroupIdList has {count} ids; 1 to {CHAT_GROUPS_PER_INFO_MAX} are allowed")


def items(request: Request) -> Sequence[str]:
    """The chat groups."""
    return request.GroupIdList


@manages(
    GROUP_OPEN_HTTP,
    document="1047/34961",
    request=Request,
    check=check,
    items=items,
    differences=(
        "`ResponseFilter` is ignored: all that is kept is answered, and other fields are left out.",
        "A chat group that does not exist is 10010 in its item, an id of a wrong form 10015.",
    ),
)
async def get_group_info(request: Request, call: Call, store: Store) -> Answer:
    """Describe the chat groups. Raises `Fail` 10018."""
    sound = [group_id for group_id in request.GroupIdList if not group_id_problem(group_id)]
    groups = await store.chat_groups(call.sdkappid, sound)
    infos: list[Info] = []
    size = 0
    for position, group_id in enumerate(request.GroupIdList):
        if failed := call.failing.get(position):
            info = Info(group_id, failed.code, failed.info)
        elif problem := group_id_problem(group_id):
            info = Info(group_id, Code.CHAT_GROUP_BAD_ID, problem)
        elif group := groups.get(group_id):
            info = await _described(group, call, store)
        else:
            problem = f"GroupId {group_id} does not exist or was disbanded"
            info = Info(group_id, Code.CHAT_GROUP_NOT_FOUND, problem)
        # Added up as it grows: 50 chat groups can have 300,000 members.
        size += len(msgspec.json.encode(info))
        if size > CHAT_GROUP_ANSWER_BYTES_MAX:
            raise Fail(
                Code.CHAT_GROUP_ANSWER_TOO_LONG,
                f"the answer would have more than {CHAT_GROUP_ANSWER_BYTES_MAX} bytes;"
                " ask for fewer chat groups in one call",
            )
        infos.append(info)
    return Answer(infos)


async def _described(group: ChatGroup, call: Call, store: Store) -> Info:
    members = [
        Member(userid, membership.role, membership.joined_at)
        for userid, membership in (await store.members(call.sdkappid, group)).items()
    ]
    return Info(
        group.id,
        Code.OK,
        "",
        group.type,
        group.name,
        call.sdkappid,
        group.owner,
        group.created_at,
        len(members),
        CHAT_GROUP_MEMBERS_MAX,
        members,
    )
