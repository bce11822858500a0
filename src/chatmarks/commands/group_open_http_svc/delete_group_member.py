"""`POST /v4/group_open_http_svc/delete_group_member`: take up to 100 accounts out of a chat group.

Document: 1047/34949. An account that is no member is no error. The owner cannot be taken out, and
nobody out of a chat group for live video.
"""

from __future__ import annotations

from asyncio import gather

from msgspec import Struct

from chatmarks.book import Account
from chatmarks.command import GROUP_OPEN_HTTP, AccountName, Call, manages
from chatmarks.commands.group_open_http_svc.chat_group import (
    bad,
    check_accounts,
    check_group_id,
    existing,
)
from chatmarks.errors import Code, Fail
from chatmarks.limits import CHAT_GROUP_MEMBERS_PER_DELETE_MAX, Profile
from chatmarks.store import Store


class Request(Struct, frozen=True):
    """1 to 100 UserIDs. Nobody is told here, so `Silence` and `Reason` make no difference."""

    GroupId: str
    MemberToDel_Account: list[AccountName]


def check(request: Request, _: Profile) -> None:
    """10015, 10004, 10005."""
    check_group_id(request.GroupId)
    userids = request.MemberToDel_Account
    if not userids:
        raise bad("MemberToDel_Account is empty; 1 account at least is required")
    accounts = {f"MemberToDel_Account[{number}]": userid for number, userid in enumerate(userids)}
    check_accounts(accounts, "MemberToDel_Account", CHAT_GROUP_MEMBERS_PER_DELETE_MAX)


@manages(GROUP_OPEN_HTTP, document="1047/34949", request=Request, check=check)
async def delete_group_member(request: Request, call: Call, store: Store) -> None:
    """Take the accounts out, each in a transaction of its own."""
    group = await existing(request.GroupId, call, store)
    if group.type == "AVChatRoom":
        # 10004 and not 10007 as for adding: document 34949 says so.
        raise bad(f"GroupId {group.id} is of type AVChatRoom, from which nobody can be taken")
    if group.owner in request.MemberToDel_Account:
        raise Fail(
            Code.CHAT_GROUP_NOT_ALLOWED,
            f"MemberToDel_Account holds {group.owner}, the owner, who cannot be taken out",
        )
    accounts = (Account(call.sdkappid, userid) for userid in request.MemberToDel_Account)
    # At once, so that they can share a sync.
    await gather(*(store.leave(account, group) for account in accounts))
