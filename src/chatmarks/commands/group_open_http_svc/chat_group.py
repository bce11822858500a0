"""What the commands on chat groups share: checks of ids and accounts, and how accounts join."""

from __future__ import annotations

from asyncio import gather
from collections.abc import Collection, Mapping

from msgspec import Struct

from chatmarks.book import Account
from chatmarks.command import AccountName, Call, is_userid, userid_problem
from chatmarks.errors import Code, Fail
from chatmarks.limits import TO_GROUP_ID_BYTES_MAX
from chatmarks.store import ChatGroup, Membership, Store, UnknownAccount


class Member(Struct, frozen=True):
    """An account of a request. `Role` is `Admin` or left out, and only looked at on creation."""

    Member_Account: AccountName
    Role: str = ""


def bad(info: str) -> Fail:
    """The refusal of a wrong parameter."""
    return Fail(Code.CHAT_GROUP_BAD_PARAMETER, info)


def group_id_problem(group_id: str) -> str | None:
    """Why `group_id` cannot be that of a chat group, as a sentence; None when it can."""
    size = len(group_id.encode())
    if not 1 <= size <= TO_GROUP_ID_BYTES_MAX:
        return f"GroupId has {size} bytes; 1 to {TO_GROUP_ID_BYTES_MAX} are allowed"
    if not (group_id.isascii() and group_id.isprintable()):
        return "GroupId holds characters other than printable ASCII"
    return None


def check_group_id(group_id: str) -> None:
    """10015."""
    if problem := group_id_problem(group_id):
        raise Fail(Code.CHAT_GROUP_BAD_ID, problem)


def check_accounts(accounts: Mapping[str, str], field: str, most: int) -> None:
    """10005, 10004. `accounts`: the name of each entry of the list `field`, and its UserID."""
    if len(accounts) > most:
        raise Fail(
            Code.CHAT_GROUP_TOO_MANY_ACCOUNTS,
            f"{field} has {len(accounts)} accounts; at most {most} are allowed",
        )
    for name, userid in accounts.items():
        if not is_userid(userid):
            raise bad(f"{name} {userid_problem(userid)}")


def named(members: list[Member]) -> dict[str, str]:
    """The accounts of a `MemberList`, as `check_accounts` wants them."""
    return {
        f"MemberList[{number}].Member_Account": member.Member_Account
        for number, member in enumerate(members)
    }


async def existing(group_id: str, call: Call, store: Store) -> ChatGroup:
    """The chat group. Raises `Fail` 10010."""
    group = (await store.chat_groups(call.sdkappid, [group_id])).get(group_id)
    if group is None:
        raise Fail(Code.CHAT_GROUP_NOT_FOUND, f"GroupId {group_id} does not exist or was disbanded")
    return group


async def known(userids: Collection[str], call: Call, store: Store) -> set[str]:
    """Those of `userids` that are accounts; all of them, made now, where the profile is lenient."""
    if call.profile.unknown_account == "lenient":
        accounts = (Account(call.sdkappid, userid) for userid in set(userids))
        await gather(*map(store.create_account, accounts))
        return set(userids)
    return await store.known_accounts(call.sdkappid, userids)


async def joined(
    roles: Mapping[str, str], group: ChatGroup, call: Call, store: Store
) -> dict[str, bool | None]:
    """Let accounts join, each in a transaction of its own; `roles` by UserID.

    True for one that is new, False for one that was there, None for one that is no account.
    """

    async def join(userid: str, role: str) -> bool | None:
        try:
            return await store.join(Account(call.sdkappid, userid), group, Membership(role, call.now))
        except UnknownAccount:
            return None

    # At once, so that they can share a sync.
    answers = await gather(*(join(*item) for item in roles.items()))
    return dict(zip(roles, answers, strict=True))
