"""`POST /v4/group_open_http_svc/send_group_msg`: send a message to a chat group.

Document: 1047/34959. The chat group comes to the top of its members' lists. That is one write, however
many members there are. The message itself is checked and not kept.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from chatmarks.command import GROUP_OPEN_HTTP, AccountName, Call, manages
from chatmarks.commands.group_open_http_svc.chat_group import (
    bad,
    check_accounts,
    check_group_id,
    existing,
    known,
)
from chatmarks.commands.message_body import CHAT_GROUP_CODES, Element, check_body
from chatmarks.errors import Code, Fail, shown
from chatmarks.limits import UINT32_MAX, Profile
from chatmarks.store import Message, Store

_PRIORITIES = ("High", "Normal", "Low", "Lowest")
_CONTROLS = ("NoUnread", "NoLastMsg")


class Request(Struct, frozen=True):
    """A message. `From_Account` "" is the administrator who calls; `OnlineOnlyFlag` 1: for those online
    alone. What is for devices and callbacks makes no difference here."""

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
        check_accounts({"From_Account": request.From_Account}, "From_Account", 1)
    if request.MsgPriority not in _PRIORITIES:
        raise bad(f"MsgPriority is {shown(request.MsgPriority)}; allowed are {', '.join(_PRIORITIES)}")
    if request.OnlineOnlyFlag not in (0, 1):
        raise bad(f"OnlineOnlyFlag is {request.OnlineOnlyFlag}; 0 and 1 are allowed")
    if request.OnlineOnlyFlag and request.SendMsgControl:
        raise bad("SendMsgControl is not allowed where OnlineOnlyFlag is 1")
    for number, control in enumerate(request.SendMsgControl):
        if control not in _CONTROLS:
            raise bad(
                f"SendMsgControl[{number}] is {shown(control)}; allowed are {', '.join(_CONTROLS)}"
            )
    check_body(request.MsgBody, CHAT_GROUP_CODES)


def check_random(value: int, field: str) -> None:
    """10004."""
    if not 0 <= value <= UINT32_MAX:
        raise bad(f"{field} is {value}; 0 to {UINT32_MAX} are allowed")


@manages(
    GROUP_OPEN_HTTP,
    document="1047/34959",
    request=Request,
    check=check,
    differences=(
        "A repeat within five minutes is answered as the first.",
        "Whether the sender is a member is not looked up.",
    ),
)
async def send_group_msg(request: Request, call: Call, store: Store) -> Answer:
    """Count the message."""
    group = await existing(request.GroupId, call, store)
    sender = request.From_Account or call.identifier
    if sender not in await known([sender], call, store):
        raise Fail(Code.CHAT_GROUP_ACCOUNT_UNKNOWN, f"From_Account {sender} was never imported")
    shows = not request.OnlineOnlyFlag and "NoLastMsg" not in request.SendMsgControl
    message = Message(call.now, call.now, str(request.Random), shows)
    posted = await store.post(call.sdkappid, group, message)
    if posted is None:
        raise Fail(Code.CHAT_GROUP_NOT_FOUND, f"GroupId {group.id} was disbanded")
    return Answer(posted.at, posted.seq)
