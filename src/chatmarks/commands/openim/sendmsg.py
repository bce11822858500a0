"""`POST /v4/openim/sendmsg`: a message from one account to another.

Document: 1047/34919, 269/2282. The conversation comes into the receiver's list and, with
`SyncOtherMachine` 1, into the sender's.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from chatmarks.book import Account
from chatmarks.command import OPENIM, AccountName, Call, manages
from chatmarks.commands.message import NO_MESSAGE_ID, NOT_KEPT, Element, number_problem
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
    receiver_unknown,
    sender_of,
    sender_unknown,
    shows,
)
from chatmarks.errors import Code, Fail
from chatmarks.limits import MESSAGE_LIFE_SECONDS_MAX, Profile
from chatmarks.store import Store


class Request(Struct, frozen=True):
    """`From_Account`: who sends; left out, the administrator who calls. `SyncOtherMachine` 2: not in
    the sender's list. `MsgLifeTime` in seconds; 0, as `OnlineOnlyFlag` 1: only for who is online.
    What is left makes no difference."""

    To_Account: AccountName
    MsgRandom: int
    MsgBody: list[Element]
    From_Account: AccountName = ""
    SyncOtherMachine: int = 1
    MsgLifeTime: int = MESSAGE_LIFE_SECONDS_MAX
    OnlineOnlyFlag: int = 0
    MsgSeq: int | None = None
    MsgTimeStamp: int | None = None
    SendMsgControl: list[str] = []
    ForbidCallbackControl: list[str] = []
    CloudCustomData: str = ""
    OfflinePushInfo: dict[str, Any] = {}


class Answer(Struct, frozen=True):
    """`MsgTime` in Unix seconds, and `MsgKey`: number, random number and time, with `_` between."""

    MsgTime: int
    MsgKey: str


def check(request: Request, _: Profile) -> None:
    """90003, 90006, then as `check_live`."""
    check_receiver(request.To_Account, "To_Account")
    if problem := number_problem(request.MsgTimeStamp, "MsgTimeStamp"):
        raise Fail(Code.MESSAGE_BAD_TIME, problem)
    check_live(request)


@manages(
    OPENIM,
    document="1047/34919",
    request=Request,
    check=check,
    differences=(
        NOT_KEPT,
        SENDER_DIFFERENCE,
        REPEATS_DIFFERENCE,
        NO_MESSAGE_ID,
        "`MsgTime` is the time of the call, whatever `MsgTimeStamp` says.",
    ),
)
async def sendmsg(request: Request, call: Call, store: Store) -> Answer:
    """Send a message to an account."""
    sender = sender_of(request, call)
    receiver = Account(call.sdkappid, request.To_Account)
    accounts = await known([sender, receiver], call, store)
    if sender.userid not in accounts:
        raise sender_unknown(sender)
    if receiver.userid not in accounts:
        raise receiver_unknown(receiver)
    at = call.now
    if shows(request):
        syncs = request.SyncOtherMachine == 1
        at = await delivered(Delivery(sender, receiver, name_of(request), at, call.now, syncs), store)
    return Answer(at, message_key(request, sender, at))
