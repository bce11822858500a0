"""`POST /v4/openim/batchsendmsg`: send a message from one account to up to 500.

Document: 1047/34920. Each receiver is a conversation and a transaction of its own.
"""

from __future__ import annotations

from asyncio import gather
from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from chatmarks.command import OPENIM, AccountName, Call, manages
from chatmarks.commands.group_open_http_svc.chat_group import known
from chatmarks.commands.message_body import OPENIM_CODES, Element, check_body
from chatmarks.commands.openim.message import (
    SYNC,
    Sent,
    check_receiver,
    check_sender,
    check_sending,
    check_uint32,
    delivered,
    shows,
    unknown_sender,
)
from chatmarks.errors import Code, Fail
from chatmarks.limits import MESSAGE_LIFE_SECONDS_MAX, MESSAGE_RECEIVERS_MAX, Profile
from chatmarks.store import Store


class Request(Struct, frozen=True):
    """As for `sendmsg`, to 1 to 500 UserIDs."""

    To_Account: list[AccountName]
    MsgRandom: int
    MsgBody: list[Element]
    From_Account: AccountName = ""
    SyncOtherMachine: int = SYNC
    MsgLifeTime: int = MESSAGE_LIFE_SECONDS_MAX
    MsgSeq: int | None = None
    SendMsgControl: list[str] = []
    CloudCustomData: str = ""
    OfflinePushInfo: dict[str, Any] = {}


class Failed(Struct, frozen=True):
    """An account that the message did not reach, and why: 70107, no such account."""

    To_Account: AccountName
    ErrorCode: int


class Answer(Struct, frozen=True):
    """`MsgKey` of all of them; `ErrorList`, left out where there is none, in the order of the request."""

    MsgKey: str
    ErrorList: list[Failed] | UnsetType = UNSET


def check(request: Request, _: Profile) -> None:
    """90003, 90011, 90008, 90005, 90001, 90031, 90026, 90002, 90010, 93000."""
    receivers = request.To_Account
    if not receivers:
        raise Fail(Code.MESSAGE_RECEIVER_WRONG, "To_Account is empty; 1 account at least is required")
    if len(receivers) > MESSAGE_RECEIVERS_MAX:
        raise Fail(
            Code.MESSAGE_TOO_MANY_RECEIVERS,
            f"To_Account has {len(receivers)} accounts; at most {MESSAGE_RECEIVERS_MAX} are allowed",
        )
    for number, userid in enumerate(receivers):
        check_receiver(userid, f"To_Account[{number}]")
    check_sender(request.From_Account)
    check_uint32(request.MsgRandom, "MsgRandom", Code.MESSAGE_RANDOM_WRONG)
    check_uint32(request.MsgSeq, "MsgSeq", Code.MESSAGE_BAD_JSON)
    check_sending(request.SyncOtherMachine, request.MsgLifeTime, request.SendMsgControl)
    check_body(request.MsgBody, OPENIM_CODES)


def items(request: Request) -> Sequence[str]:
    """The receivers."""
    return request.To_Account


@manages(
    OPENIM,
    document="1047/34920",
    request=Request,
    check=check,
    items=items,
    differences=(
        "`ActionStatus` is OK and `ErrorCode` 0 also where no receiver exists.",
        "Repeats are known for five minutes, for each receiver.",
    ),
)
async def batchsendmsg(request: Request, call: Call, store: Store) -> Answer:
    """Send to each receiver, all at once, so that they can share a sync."""
    sender = request.From_Account or call.identifier
    sent = Sent(sender, request.MsgRandom, request.MsgSeq)
    asked = request.To_Account
    going = [userid for position, userid in enumerate(asked) if position not in call.failing]
    accounts = await known([sender, *going], call, store)
    if sender not in accounts:
        raise unknown_sender(sender)
    reached = {userid: call.now for userid in going if userid in accounts}
    if shows(request.MsgLifeTime, request.SendMsgControl):
        syncs = request.SyncOtherMachine == SYNC
        times = await gather(*(_reached(sent, userid, call, store, syncs=syncs) for userid in reached))
        pairs = zip(reached, times, strict=True)
        reached = {userid: at for userid, at in pairs if at is not None}
    failed = [
        Failed(
            userid, call.failing[position].code if position in call.failing else Code.ACCOUNT_UNKNOWN
        )
        for position, userid in enumerate(asked)
        if position in call.failing or userid not in reached
    ]
    at = min(reached.values(), default=call.now)
    return Answer(sent.wire_key(at), failed or UNSET)


async def _reached(sent: Sent, receiver: str, call: Call, store: Store, *, syncs: bool) -> int | None:
    """The time of the message; None where the receiver is gone meanwhile."""
    try:
        return await delivered(sent, receiver, call, store, syncs=syncs)
    except Fail as fail:
        if fail.code is Code.MESSAGE_RECEIVER_UNKNOWN:
            return None
        raise
