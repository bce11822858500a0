"""`POST /v4/group_open_http_svc/send_group_msg`: a message to a chat group.

Document: 1047/34959, 269/1629. However many members there are, it is one write: their lists look the
time of the newest message up. Who sends need not be a member (1047/33526).
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from chatmarks.command import GROUP_OPEN_HTTP, AccountName, Call, manages
from chatmarks.commands.group_open_http_svc.chat_group import bad, check_group_id, existing, known
from chatmarks.commands.group_open_http_svc.chat_message import (
    SENDER_DIFFERENCE,
    check_body,
    check_flag,
    check_random,
    check_sender,
    sender_unknown,
)
from chatmarks.commands.message import NO_MESSAGE_ID, NOT_KEPT, Element, size_problem
from chatmarks.errors import Code, Fail
from chatmarks.limits import Profile
from chatmarks.store import ChatGroup, Message, Posted, Store

PRIORITIES = ("High", "Normal", "Low")


class Request(Struct, frozen=True):
    """`Random`: the same one within five minutes is a repeat. `From_Account`: who sends; left out, the
    administrator who calls. `OnlineOnlyFlag` 1: only for who is online. What is left makes no
    difference."""

    GroupId: str
    Random: int
    MsgBody: list[Element]
    From_Account: AccountName = ""
    MsgPriority: str = "Normal"
    OnlineOnlyFlag: int = 0
    SendMsgControl: list[str] = []
    ForbidCallbackControl: list[str] = []
    CloudCustomData: str = ""
    OfflinePushInfo: dict[str, Any] = {}


class Answer(Struct, frozen=True):
    """`MsgTime` in Unix seconds; `MsgSeq`: the number of the message in its chat group, from 1."""

    MsgTime: int
    MsgSeq: int


def check(request: Request, _: Profile) -> None:
    """10015, 10004, 80002."""
    check_group_id(request.GroupId)
    check_random(request.Random, "Random")
    if request.From_Account:
        check_sender(request.From_Account, "From_Account")
    if request.MsgPriority not in PRIORITIES:
        raise bad(f"MsgPriority is none of {', '.join(PRIORITIES)}")
    check_flag(request.OnlineOnlyFlag, "OnlineOnlyFlag")
    if request.OnlineOnlyFlag and request.SendMsgControl:
        raise bad("SendMsgControl is not allowed beside OnlineOnlyFlag 1")
    check_body(request.MsgBody, "MsgBody")
    if problem := size_problem(request.MsgBody, request.CloudCustomData, "MsgBody"):
        raise Fail(Code.CHAT_GROUP_MESSAGE_TOO_LONG, problem)


@manages(
    GROUP_OPEN_HTTP,
    document="1047/34959",
    request=Request,
    check=check,
    differences=(
        NOT_KEPT,
        SENDER_DIFFERENCE,
        NO_MESSAGE_ID,
        "A repeat is told by `Random` alone, whatever the message says, and answered as the first.",
        "A message with `OnlineOnlyFlag` 1 has no number; `MsgSeq` is that of the newest one.",
    ),
)
async def send_group_msg(request: Request, call: Call, store: Store) -> Answer:
    """Send a message to a chat group."""
    group = await existing(request.GroupId, call, store)
    sender = request.From_Account or call.caller
    if sender not in await known([sender], call, store):
        raise sender_unknown(sender, "From_Account")
    if request.OnlineOnlyFlag:
        # Only messages that are kept are numbered: document 33526.
        return Answer(call.now, group.message_seq)
    shows = "NoLastMsg" not in request.SendMsgControl
    message = Message(call.now, call.now, str(request.Random), shows)
    posted = await post(group, message, call, store)
    return Answer(posted.at, posted.seq)


async def post(group: ChatGroup, message: Message, call: Call, store: Store) -> Posted:
    """Count a message. Raises `Fail` 10010 where the chat group was disbanded meanwhile."""
    posted = await store.post(call.sdkappid, group, message)
    if posted is None:
        raise Fail(Code.CHAT_GROUP_NOT_FOUND, f"GroupId {group.id} was disbanded")
    return posted
