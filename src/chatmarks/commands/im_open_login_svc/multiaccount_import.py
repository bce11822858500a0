"""`POST /v4/im_open_login_svc/multiaccount_import`: make up to 100 accounts.

Document: 1047/34954. The old form names them in `Accounts`, the new one in `AccountList`; both are
taken, also together. An account that cannot be made is named in `FailAccounts`; the others are made.
"""

from __future__ import annotations

from asyncio import gather
from collections.abc import Sequence

from msgspec import Struct

from chatmarks.book import Account
from chatmarks.command import IM_OPEN_LOGIN, AccountName, Call, is_userid, manages
from chatmarks.commands.im_open_login_svc.account import (
    PROFILE_NOT_KEPT,
    check_account_count,
    long_value,
)
from chatmarks.limits import Profile
from chatmarks.store import Store


class NewAccount(Struct, frozen=True):
    """One account. `UserID`: 1 to 32 bytes of printable ASCII. `Nick`, `FaceUrl`: 500 bytes."""

    UserID: AccountName = ""
    Nick: str = ""
    FaceUrl: str = ""


class Request(Struct, frozen=True):
    """1 to 100 accounts in all."""

    Accounts: list[AccountName] = []
    AccountList: list[NewAccount] = []


class Answer(Struct, frozen=True):
    """The UserIDs that were not imported, in the order of the request."""

    FailAccounts: list[str]


def check(request: Request, _: Profile) -> None:
    """70402."""
    check_account_count([*request.Accounts, *request.AccountList], "AccountList and Accounts")


def items(request: Request) -> Sequence[str]:
    """The accounts: those of `Accounts`, then those of `AccountList`."""
    return [*request.Accounts, *(new.UserID for new in request.AccountList)]


@manages(
    IM_OPEN_LOGIN,
    document="1047/34954",
    request=Request,
    check=check,
    rate=100,
    items=items,
    differences=(PROFILE_NOT_KEPT,),
)
async def multiaccount_import(request: Request, call: Call, store: Store) -> Answer:
    """Make the accounts, each in a transaction of its own."""
    good: list[str] = []
    failed: list[str] = []
    for position, new in enumerate([*map(NewAccount, request.Accounts), *request.AccountList]):
        fine = is_userid(new.UserID) and not long_value({"Nick": new.Nick, "FaceUrl": new.FaceUrl})
        fine = fine and position not in call.failing
        (good if fine else failed).append(new.UserID)
    # At once, so that they can share a sync.
    accounts = [Account(call.sdkappid, userid) for userid in good]
    await gather(*(store.create_account(each, told_at=call.told_at) for each in accounts))
    return Answer(failed)
