"""`POST /v4/openim/batchsendmsg`: a message from one account to up to 500.

Document: 1047/34920, 269/1612. Each receiver is a conversation and a transaction of its own.
"""

from __future__ import annotations

from asyncio import gather
from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from chatmarks.book import Account
from chatmarks.command import OPENIM, AccountName, Call, manages
from chatmarks.commands.message import NOT_KEPT, Element
from chatmarks.commands.openim.one_to_one import (
    REPEATS_DIFFERENCE,
    SENDER_DIFFERENCE,
    Delivery,
    check_live,
    check_receiver,
    delivered,
    known,
    message_key,
    name_of,
    sender_of,
    sender_unknown,
    shows,
)
from chatmarks.errors import Code, Fail
from chatmarks.limits import MESSAGE_LIFE_SECONDS_MAX, MESSAGE_RECEIVERS_MAX, Profile
from chatmarks.store import Store


class Request(Struct, frozen=True):
    """As for `sendmsg`, but to 1 to 500 UserIDs."""

    To_Account: list[AccountName]
    MsgRandom: int
    MsgBody: list[Element]
    From_Account: AccountName = ""
    SyncOtherMachine: int = 1
    MsgLifeTime: int = MESSAGE_LIFE_SECONDS_MAX
    OnlineOnlyFlag: int = 0
    MsgSeq: int | None = None
    SendMsgControl: list[str] = []
    CloudCustomData: str = ""
    OfflinePushInfo: dict[str, Any] = {}


class Failed(Struct, frozen=True):
    """An account that the message did not reach, and why: 70107, there is none of this UserID."""

    To_Account: AccountName
    ErrorCode: int


class Answer(Struct, frozen=True):
    """`MsgKey`, one for all; `ErrorList` in the order of the request, left out where nothing failed."""

    MsgKey: str
    ErrorList: list[Failed] | UnsetType = UNSET


def check(request: Request, _: Profile) -> None:
    """90003, 90011, then as `check_live`."""
    receivers = request.To_Account
    if not receivers:
        raise Fail(Code.MESSAGE_BAD_RECEIVER, "To_Account is empty; 1 account at least is required")
    if len(receivers) > MESSAGE_RECEIVERS_MAX:
        raise Fail(
            Code.MESSAGE_TOO_MANY_RECEIVERS,
            f"To_Account has {len(receivers)} accounts; at most {MESSAGE_RECEIVERS_MAX} are allowed",
        )
    for number, userid in enumerate(receivers):
        check_receiver(userid, f"To_Account[{number}]")
    check_live(request)


def items(request: Request) -> Sequence[str]:
    """The receivers."""
    return request.To_Account


_AT_ONCE = 50


@manages(
    OPENIM,
    document="1047/34920",
    request=Request,
    check=check,
    items=items,
    differences=(
        NOT_KEPT,
        SENDER_DIFFERENCE,
        REPEATS_DIFFERENCE,
        "The call is OK also where no receiver exists; `ErrorList` has them all.",
    ),
)
async def batchsendmsg(request: Request, call: Call, store: Store) -> Answer:
    """Send a message to many accounts."""
    sender = sender_of(request, call)
    asked = [Account(call.sdkappid, userid) for userid in request.To_Account]
    going = [account for position, account in enumerate(asked) if position not in call.failing]
    accounts = await known([sender, *going], call, store)
    if sender.userid not in accounts:
        raise sender_unknown(sender)
    # Once each, and many at once, so that they can share a sync; not all, for the sake of other calls.
    receivers = [account for account in dict.fromkeys(going) if account.userid in accounts]
    reached: dict[Account, int] = {}
    name = name_of(request)
    for begin in range(0, len(receivers), _AT_ONCE):
        some = receivers[begin : begin + _AT_ONCE]
        times = await gather(
            *(_reached(request, name, sender, account, call, store) for account in some)
        )
        reached |= {account: at for account, at in zip(some, times, strict=True) if at is not None}
    failed = [
        Failed(account.userid, call.failing[position].code)
        if position in call.failing
        else Failed(account.userid, Code.ACCOUNT_UNKNOWN)
        for position, account in enumerate(asked)
        if position in call.failing or account not in reached
    ]
    at = min(reached.values(), default=call.now)
    return Answer(message_key(request, sender, at), failed or UNSET)


async def _reached(
    request: Request, name: str, sender: Account, receiver: Account, call: Call, store: Store
) -> int | None:
    """The time of the message; None where the receiver was deleted meanwhile."""
    if not shows(request):
        return call.now
    syncs = request.SyncOtherMachine == 1
    delivery = Delivery(sender, receiver, name, call.now, call.now, syncs)
    try:
        return await delivered(delivery, store)
    except Fail as fail:
        if fail.code is Code.MESSAGE_RECEIVER_UNKNOWN:
            return None
        raise
