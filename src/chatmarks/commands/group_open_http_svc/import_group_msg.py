"""`POST /v4/group_open_http_svc/import_group_msg`: up to 7 messages to a chat group, sent elsewhere.

Document: 1047/34968, 269/1635. Each has a result of its own. They show in lists with
`RecentContactFlag` 1 only. A time must lie before that of the call and after the chat group was made,
its newest message that shows, and those before it in the request.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

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
from chatmarks.commands.group_open_http_svc.send_group_msg import post
from chatmarks.commands.message import NOT_KEPT, Element, size_problem
from chatmarks.errors import Code, Fail
from chatmarks.limits import MESSAGES_PER_IMPORT_MAX, Profile
from chatmarks.store import ChatGroup, Message, Posted, Store


class Imported(Struct, frozen=True):
    """A message. `SendTime`: when it was sent, in Unix seconds. `Random`: the same one within five
    minutes of calls is a repeat, answered as the first."""

    From_Account: AccountName
    SendTime: int
    MsgBody: list[Element]
    Random: int | None = None
    CloudCustomData: str = ""


class Request(Struct, frozen=True):
    """1 to 7 messages by ascending time."""

    GroupId: str
    MsgList: list[Imported]
    RecentContactFlag: int = 0


class Result(Struct, frozen=True):
    """How it went: 0 imported, 10004 the time is wrong, 80002 too long. `MsgSeq`: its number in the
    chat group, 0 where it was not imported; `MsgTime` in Unix seconds."""

    MsgSeq: int
    MsgTime: int
    Result: int

    @property
    def failed(self) -> bool:
        """Whether this message was not imported."""
        return self.Result != Code.OK


class Answer(Struct, frozen=True):
    """The results in the order of the request."""

    ImportMsgResult: list[Result]


def check(request: Request, _: Profile) -> None:
    """10015, 10004."""
    check_group_id(request.GroupId)
    check_flag(request.RecentContactFlag, "RecentContactFlag")
    if not 1 <= len(request.MsgList) <= MESSAGES_PER_IMPORT_MAX:
        raise bad(
            f"MsgList has {len(request.MsgList)} messages; 1 to {MESSAGES_PER_IMPORT_MAX} are allowed"
        )
    for number, message in enumerate(request.MsgList):
        name = f"MsgList[{number}]"
        check_sender(message.From_Account, f"{name}.From_Account")
        check_random(message.Random, f"{name}.Random")
        check_body(message.MsgBody, f"{name}.MsgBody")


def items(request: Request) -> Sequence[str]:
    """Who sent the messages."""
    return [message.From_Account for message in request.MsgList]


@manages(
    GROUP_OPEN_HTTP,
    document="1047/34968",
    request=Request,
    check=check,
    items=items,
    differences=(
        NOT_KEPT,
        SENDER_DIFFERENCE,
        "Only messages that show in lists count as the newest, after which a time must lie.",
    ),
)
async def import_group_msg(request: Request, call: Call, store: Store) -> Answer:
    """Import messages to a chat group, one after the other."""
    group = await existing(request.GroupId, call, store)
    if group.type == "AVChatRoom":
        raise Fail(
            Code.CHAT_GROUP_NOT_ALLOWED,
            f"GroupId {group.id} is of type AVChatRoom, to which nothing can be imported",
        )
    senders = await known(items(request), call, store)
    for number, message in enumerate(request.MsgList):
        if message.From_Account not in senders:
            raise sender_unknown(message.From_Account, f"MsgList[{number}].From_Account")
    newest = max(group.created_at, group.shown_at)
    results: list[Result] = []
    for position, message in enumerate(request.MsgList):
        result = Result(0, message.SendTime, _code(message, newest, call))
        if outcome := call.failing.get(position):
            result = replace(result, Result=outcome.code)
        elif first := await _before(message, group, call, store):
            # Its time was right when it came first, and lies before others now.
            result = Result(first.seq, first.at, Code.OK)
        elif not result.failed:
            # A community takes no notice of the flag: document 34968.
            shows = request.RecentContactFlag == 1 and group.type != "Community"
            key = None if message.Random is None else str(message.Random)
            counted = Message(message.SendTime, call.now, key, shows)
            posted = await post(group, counted, call, store)
            newest = max(newest, posted.at)
            result = replace(result, MsgSeq=posted.seq, MsgTime=posted.at)
        results.append(result)
    return Answer(results)


async def _before(message: Imported, group: ChatGroup, call: Call, store: Store) -> Posted | None:
    """The message of which this one is a repeat."""
    if message.Random is None:
        return None
    return await store.posted_before(call.sdkappid, group, str(message.Random), call.now)


def _code(message: Imported, newest: int, call: Call) -> Code:
    """What keeps a message from being imported after one of the time `newest`."""
    if size_problem(message.MsgBody, message.CloudCustomData, "MsgBody"):
        return Code.CHAT_GROUP_MESSAGE_TOO_LONG
    if not newest < message.SendTime < call.now:
        return Code.CHAT_GROUP_BAD_PARAMETER
    return Code.OK
