"""`POST /v4/group_open_http_svc/add_group_member`: add up to 300 accounts to a chat group.

Document: 1047/34921. Each account has a result of its own. A chat group for live video takes nobody
in this way, and one that would become too full takes none of the call.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from chatmarks.command import GROUP_OPEN_HTTP, AccountName, Call, manages
from chatmarks.commands.group_open_http_svc.chat_group import (
    Member,
    bad,
    check_accounts,
    check_group_id,
    existing,
    joined,
    known,
    named,
)
from chatmarks.errors import Code, Fail
from chatmarks.limits import CHAT_GROUP_MEMBERS_MAX, CHAT_GROUP_MEMBERS_PER_ADD_MAX, Profile
from chatmarks.store import Store

_FAILED, _ADDED, _MEMBER_ALREADY = 0, 1, 2


class Request(Struct, frozen=True):
    """1 to 300 accounts. Nobody is told here, so `Silence` makes no difference."""

    GroupId: str
    MemberList: list[Member]


class Result(Struct, frozen=True):
    """How it went: 0 no such account, 1 added, 2 a member already."""

    Member_Account: AccountName
    Result: int

    @property
    def failed(self) -> bool:
        """Whether this account is no member afterwards."""
        return self.Result == _FAILED


class Answer(Struct, frozen=True):
    """The results in the order of the request."""

    MemberList: list[Result]


def check(request: Request, _: Profile) -> None:
    """10015, 10004, 10005."""
    check_group_id(request.GroupId)
    if not request.MemberList:
        raise bad("MemberList is empty; 1 account at least is required")
    check_accounts(named(request.MemberList), "MemberList", CHAT_GROUP_MEMBERS_PER_ADD_MAX)


def items(request: Request) -> Sequence[str]:
    """The accounts."""
    return [member.Member_Account for member in request.MemberList]


@manages(
    GROUP_OPEN_HTTP,
    document="1047/34921",
    request=Request,
    check=check,
    items=items,
    differences=(
        "Every chat group takes 6,000 members; calls that come together are each counted alone.",
        "`Result` is never 3, since nobody is asked.",
        "An account that was never imported has `Result` 0; when none was, the call is 10019.",
    ),
)
async def add_group_member(request: Request, call: Call, store: Store) -> Answer:
    """Add the accounts, each in a transaction of its own."""
    group = await existing(request.GroupId, call, store)
    if group.type == "AVChatRoom":
        raise Fail(
            Code.CHAT_GROUP_NOT_ALLOWED,
            f"GroupId {group.id} is of type AVChatRoom, to which nobody can be added",
        )
    asked = items(request)
    going = [userid for position, userid in enumerate(asked) if position not in call.failing]
    accounts = await known(going, call, store)
    if going and not accounts:
        raise Fail(
            Code.CHAT_GROUP_ACCOUNT_UNKNOWN, "MemberList holds no account that was ever imported"
        )
    members = await store.members(call.sdkappid, group)
    new = accounts - members.keys()
    if new and len(members) + len(new) > CHAT_GROUP_MEMBERS_MAX:
        raise Fail(
            Code.CHAT_GROUP_FULL,
            f"GroupId {group.id} has {len(members)} members and would get {len(new)} more;"
            f" at most {CHAT_GROUP_MEMBERS_MAX} are allowed",
        )
    # Those who are members already, too: that they are must be as durable as if they joined now.
    roles = {userid: "Member" for userid in going if userid in accounts}
    was_added = await joined(roles, group, call, store)
    results: list[Result] = []
    for position, userid in enumerate(asked):
        if position in call.failing:
            results.append(Result(userid, _FAILED))
            continue
        added = was_added.get(userid, False if userid in accounts else None)
        code = _FAILED if added is None else _ADDED if added else _MEMBER_ALREADY
        results.append(Result(userid, code))
        if added:
            # A second mention finds a member.
            was_added[userid] = False
    return Answer(results)
