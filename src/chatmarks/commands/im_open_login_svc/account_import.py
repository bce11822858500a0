"""`POST /v4/im_open_login_svc/account_import`: make an account.

Document: 1047/34953, 269/1608. `UserID` was called `Identifier` in the old version; both are taken.
Importing an account twice is fine and changes nothing.
"""

from __future__ import annotations

from msgspec import Struct

from chatmarks.book import Account
from chatmarks.command import IM_OPEN_LOGIN, AccountName, Call, is_userid, manages, userid_problem
from chatmarks.commands.im_open_login_svc.account import PROFILE_NOT_KEPT, long_value
from chatmarks.errors import Code, Fail
from chatmarks.limits import Profile
from chatmarks.store import Store


class Request(Struct, frozen=True):
    """`UserID` (or `Identifier`): 1 to 32 bytes of printable ASCII. `Nick`, `FaceUrl`: 500 bytes."""

    UserID: AccountName = ""
    Identifier: AccountName = ""
    Nick: str = ""
    FaceUrl: str = ""


def check(request: Request, _: Profile) -> None:
    """70402, then 40601."""
    userid = request.UserID or request.Identifier
    if not is_userid(userid):
        field = "Identifier" if request.Identifier and not request.UserID else "UserID"
        raise Fail(Code.ACCOUNT_BAD_PARAMETER, f"{field} {userid_problem(userid)}")
    if problem := long_value({"Nick": request.Nick, "FaceUrl": request.FaceUrl}):
        raise Fail(Code.VALUE_TOO_LONG, problem)


@manages(
    IM_OPEN_LOGIN,
    document="1047/34953",
    request=Request,
    check=check,
    differences=(PROFILE_NOT_KEPT,),
)
async def account_import(request: Request, call: Call, store: Store) -> None:
    """Make the account."""
    account = Account(call.sdkappid, request.UserID or request.Identifier)
    await store.create_account(account, told_at=call.told_at)
