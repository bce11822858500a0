"""`POST /v4/openim/sendmsg`: send a message from one account to another.

Document: 1047/34919. The conversation comes to the top of both lists, or of the receiver's alone. The
message itself is checked and not kept.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

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
    unknown_receiver,
    unknown_sender,
)
from chatmarks.errors import Code
from chatmarks.limits import MESSAGE_LIFE_SECONDS_MAX, Profile
from chatmarks.store import Store


class Request(Struct, frozen=True):
    """A message. `From_Account` "" is the administrator who calls. `SyncOtherMachine` 2 keeps it from
    the sender; `MsgLifeTime` in seconds, 0 for those online alone. What is for devices and callbacks
    makes no difference here."""

    To_Account: AccountName
    MsgRandom: int
    MsgBody: list[Element]
    From_Account: AccountName = ""
    SyncOtherMachine: int = SYNC
    MsgLifeTime: int = MESSAGE_LIFE_SECONDS_MAX
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
    """90003, 90008, 90005, 90001, 90006, 90031, 90026, 90002, 90010, 93000."""
    check_receiver(request.To_Account)
    check_sender(request.From_Account)
    check_uint32(request.MsgRandom, "MsgRandom", Code.MESSAGE_RANDOM_WRONG)
    check_uint32(request.MsgSeq, "MsgSeq", Code.MESSAGE_BAD_JSON)
    check_uint32(request.MsgTimeStamp, "MsgTimeStamp", Code.MESSAGE_TIME_WRONG)
    check_sending(request.SyncOtherMachine, request.MsgLifeTime, request.SendMsgControl)
    check_body(request.MsgBody, OPENIM_CODES)


@manages(
    OPENIM,
    document="1047/34919",
    request=Request,
    check=check,
    differences=(
        "A message with the receiver, `MsgSeq` and `MsgRandom` of one of the last five minutes is a repeat,"
        " not one of the same second alone.",
        "`MsgTime` is always the time of the call.",
    ),
)
async def sendmsg(request: Request, call: Call, store: Store) -> Answer:
    """Put the conversation into the receiver's list first, then into the sender's."""
    sender = request.From_Account or call.identifier
    accounts = await known([sender, request.To_Account], call, store)
    if sender not in accounts:
        raise unknown_sender(sender)
    if request.To_Account not in accounts:
        raise unknown_receiver(request.To_Account)
    sent = Sent(sender, request.MsgRandom, request.MsgSeq)
    at = call.now
    if shows(request.MsgLifeTime, request.SendMsgControl):
        syncs = request.SyncOtherMachine == SYNC
        at = await delivered(sent, request.To_Account, call, store, syncs=syncs)
    return Answer(at, sent.wire_key(at))
