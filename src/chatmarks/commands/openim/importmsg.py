"""`POST /v4/openim/importmsg`: a message from one account to another that was sent elsewhere.

Document: 1047/35014, 269/2568. The conversation comes into both lists with the time of the message. A
repeat, in either direction, changes nothing, since an older or equal time does not.
"""

from __future__ import annotations

from msgspec import Struct

from chatmarks.book import Account
from chatmarks.command import OPENIM, AccountName, Call, manages
from chatmarks.commands.message import NOT_KEPT, Element, number_problem
from chatmarks.commands.openim.one_to_one import (
    check_message,
    check_receiver,
    known,
    receiver_unknown,
    sender_unknown,
)
from chatmarks.errors import Code, Fail
from chatmarks.limits import Profile
from chatmarks.store import Store, UnknownAccount

_KINDS = (1, 2, 5)


class Request(Struct, frozen=True):
    """`SyncFromOldSystem`: 1 or 5 for a message of today, 2 for one of the past, which is the same for
    lists. `MsgTimeStamp`: when it was sent, in Unix seconds."""

    SyncFromOldSystem: int
    From_Account: AccountName
    To_Account: AccountName
    MsgRandom: int
    MsgTimeStamp: int
    MsgBody: list[Element]
    MsgSeq: int | None = None
    CloudCustomData: str = ""


def check(request: Request, _: Profile) -> None:
    """90030, 90008, 90003, 90006, then as `check_message`."""
    if request.SyncFromOldSystem not in _KINDS:
        raise Fail(
            Code.MESSAGE_BAD_IMPORT_KIND,
            f"SyncFromOldSystem is {request.SyncFromOldSystem}; 1, 2 and 5 are allowed",
        )
    if not request.From_Account:
        raise Fail(Code.MESSAGE_SENDER_UNKNOWN, "From_Account is empty; the sender is required")
    check_receiver(request.To_Account, "To_Account")
    if problem := number_problem(request.MsgTimeStamp, "MsgTimeStamp"):
        raise Fail(Code.MESSAGE_BAD_TIME, problem)
    check_message(request)


@manages(
    OPENIM,
    document="1047/35014",
    request=Request,
    check=check,
    differences=(
        NOT_KEPT,
        "Messages may come in any order; the newest time counts.",
    ),
)
async def importmsg(request: Request, call: Call, store: Store) -> None:
    """Import a message: into the receiver's list, then into the sender's."""
    sender = Account(call.sdkappid, request.From_Account)
    receiver = Account(call.sdkappid, request.To_Account)
    accounts = await known([sender, receiver], call, store)
    if sender.userid not in accounts:
        raise sender_unknown(sender)
    if receiver.userid not in accounts:
        raise receiver_unknown(receiver)
    try:
        await store.converse(receiver, sender.userid, request.MsgTimeStamp)
    except UnknownAccount:
        raise receiver_unknown(receiver) from None
    try:
        await store.converse(sender, receiver.userid, request.MsgTimeStamp)
    except UnknownAccount:
        raise sender_unknown(sender) from None
