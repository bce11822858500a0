"""`POST /v4/im_open_login_svc/account_delete`: delete up to 100 accounts with all that they own.

Document: 1047/34955. Each account has a result of its own; `ActionStatus` stays OK.
"""

from __future__ import annotations

from asyncio import gather
from collections import defaultdict
from collections.abc import Sequence

from msgspec import Struct

from chatmarks.book import Account
from chatmarks.command import IM_OPEN_LOGIN, AccountName, Call, manages
from chatmarks.commands.im_open_login_svc.account import check_account_count
from chatmarks.errors import Code
from chatmarks.limits import Profile
from chatmarks.store import Store


class Deletion(Struct, frozen=True):
    """An account to delete."""

    UserID: AccountName


class Request(Struct, frozen=True):
    """1 to 100 accounts."""

    DeleteItem: list[Deletion]


class Result(Struct, frozen=True):
    """How deleting one account went."""

    ResultCode: int
    ResultInfo: str
    UserID: AccountName

    @property
    def failed(self) -> bool:
        """Whether this account was not deleted."""
        return self.ResultCode != 0


class Answer(Struct, frozen=True):
    """The results in the order of the request."""

    ResultItem: list[Result]


def check(request: Request, _: Profile) -> None:
    """70402."""
    check_account_count(request.DeleteItem, "DeleteItem")


def items(request: Request) -> Sequence[str]:
    """The accounts."""
    return [item.UserID for item in request.DeleteItem]


@manages(
    IM_OPEN_LOGIN,
    document="1047/34955",
    request=Request,
    check=check,
    rate=100,
    items=items,
    differences=("The account of an administrator of the app is not deleted: 70402 in its result.",),
)
async def account_delete(request: Request, call: Call, store: Store) -> Answer:
    """Delete the accounts, each in a transaction of its own."""
    app = await store.app(call.sdkappid)
    assert app is not None

    async def delete(position: int, userid: str) -> Result:
        if failed := call.failing.get(position):
            return Result(failed.code, failed.info, userid)
        if userid in app.admins:
            info = "UserID is an administrator of the app"
            return Result(Code.ACCOUNT_BAD_PARAMETER, info, userid)
        if await store.delete_account(Account(call.sdkappid, userid), told_at=call.told_at):
            return Result(Code.OK, "", userid)
        return Result(Code.ACCOUNT_UNKNOWN, "Err_TLS_PT_Open_Login_Account_Not_Exist", userid)

    async def delete_in_turn(positions: Sequence[int]) -> None:
        for position in positions:
            results[position] = await delete(position, userids[position])

    userids = items(request)
    results: dict[int, Result] = {}
    positions: defaultdict[str, list[int]] = defaultdict(list)
    for position, userid in enumerate(userids):
        positions[userid].append(position)
    # At once, so that they can share a sync; but one that is named twice in the order of the request.
    await gather(*map(delete_in_turn, positions.values()))
    return Answer([results[position] for position in range(len(userids))])
