"""`POST /v4/im_open_login_svc/account_check`: which of up to 100 accounts exist.

Document: 1047/34956.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from chatmarks.command import IM_OPEN_LOGIN, AccountName, Call, manages
from chatmarks.commands.im_open_login_svc.account import check_account_count
from chatmarks.limits import Profile
from chatmarks.store import Store


class Candidate(Struct, frozen=True):
    """An account to look for."""

    UserID: AccountName


class Request(Struct, frozen=True):
    """1 to 100 accounts."""

    CheckItem: list[Candidate]


class Result(Struct, frozen=True):
    """`AccountStatus` is `Imported` or `NotImported`, and "" where `ResultCode` is not 0."""

    UserID: AccountName
    ResultCode: int
    ResultInfo: str
    AccountStatus: str

    @property
    def failed(self) -> bool:
        """Whether this account could not be looked for."""
        return self.ResultCode != 0


class Answer(Struct, frozen=True):
    """The accounts in the order of the request."""

    ResultItem: list[Result]


def check(request: Request, _: Profile) -> None:
    """70402."""
    check_account_count(request.CheckItem, "CheckItem")


def items(request: Request) -> Sequence[str]:
    """The accounts."""
    return [item.UserID for item in request.CheckItem]


@manages(IM_OPEN_LOGIN, document="1047/34956", request=Request, check=check, rate=100, items=items)
async def account_check(request: Request, call: Call, store: Store) -> Answer:
    """Look for the accounts."""
    userids = items(request)
    known = await store.known_accounts(call.sdkappid, userids)
    results = []
    for position, userid in enumerate(userids):
        if failed := call.failing.get(position):
            results.append(Result(userid, failed.code, failed.info, ""))
        else:
            results.append(Result(userid, 0, "", "Imported" if userid in known else "NotImported"))
    return Answer(results)
