"""`POST /v4/group_open_http_svc/import_group_msg`: import up to 7 messages of earlier times.

Document: 1047/34968. Each message has a result of its own. The members' lists change only where
`RecentContactFlag` asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from chatmarks.command import GROUP_OPEN_HTTP, AccountName, Call, manages
from chatmarks.commands.group_open_http_svc.chat_group import (
    bad,
    check_accounts,
    check_group_id,
    existing,
    known,
)
from chatmarks.commands.group_open_http_svc.send_group_msg import check_random
from chatmarks.commands.message_body import CHAT_GROUP_CODES, Element, check_body, size_problem
from chatmarks.errors import Code, Fail
from chatmarks.limits import MESSAGES_PER_IMPORT_MAX, UINT32_MAX, Profile
from chatmarks.store import ChatGroup, Message, Posted, Store


class Imported(Struct, frozen=True):
    """A message. `SendTime` in Unix seconds; with `Random`, its repeats within five minutes are known."""

    From_Account: AccountName
    SendTime: int
    MsgBody: list[Element]
    Random: int | None = None


class Request(Struct, frozen=True):
    """1 to 7 messages, by ascending time. `RecentContactFlag` 1: they show in lists; not so in a
    community."""

    GroupId: str
    MsgList: list[Imported]
    RecentContactFlag: int = 0


class Result(Struct, frozen=True):
    """How it went: 0 imported, 10004 its time is wrong, 80002 it is too long. `MsgSeq` 0 where it was
    not imported."""

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
    count = len(request.MsgList)
    if not 1 <= count <= MESSAGES_PER_IMPORT_MAX:
        raise bad(f"MsgList has {count} messages; 1 to {MESSAGES_PER_IMPORT_MAX} are allowed")
    if request.RecentContactFlag not in (0, 1):
        raise bad(f"RecentContactFlag is {request.RecentContactFlag}; 0 and 1 are allowed")
    senders = {
        f"MsgList[{number}].From_Account": message.From_Account
        for number, message in enumerate(request.MsgList)
    }
    check_accounts(senders, "MsgList", MESSAGES_PER_IMPORT_MAX)
    for number, message in enumerate(request.MsgList):
        if message.Random is not None:
            check_random(message.Random, f"MsgList[{number}].Random")
        if not 0 <= message.SendTime <= UINT32_MAX:
            raise bad(
                f"MsgList[{number}].SendTime is {message.SendTime}; 0 to {UINT32_MAX} are allowed"
            )
        if not size_problem(message.MsgBody):
            check_body(message.MsgBody, CHAT_GROUP_CODES, f"MsgList[{number}].MsgBody")


def items(request: Request) -> Sequence[str]:
    """The senders."""
    return [message.From_Account for message in request.MsgList]


@manages(
    GROUP_OPEN_HTTP,
    document="1047/34968",
    request=Request,
    check=check,
    items=items,
    differences=(
        "Messages of one and the same second are taken, as are those of the second of the call.",
        "Of messages that came earlier, only the time of those that show in lists is known.",
        "A sender that was never imported is 10019 for the call.",
    ),
)
async def import_group_msg(request: Request, call: Call, store: Store) -> Answer:
    """Count the messages one after another, each in a transaction of its own."""
    group = await existing(request.GroupId, call, store)
    if group.type == "AVChatRoom":
        raise Fail(
            Code.CHAT_GROUP_NOT_ALLOWED,
            f"GroupId {group.id} is of type AVChatRoom, to which nothing can be imported",
        )
    senders = set(items(request))
    if unknown := senders - await known(senders, call, store):
        raise Fail(Code.CHAT_GROUP_ACCOUNT_UNKNOWN, f"From_Account {min(unknown)} was never imported")
    shows = request.RecentContactFlag == 1 and group.type != "Community"
    newest = max(group.created_at, group.shown_at)
    results: list[Result] = []
    for position, message in enumerate(request.MsgList):
        code = call.failing[position].code if position in call.failing else Code.OK
        code = code or _problem(message, newest, call.now)
        if code:
            results.append(Result(0, message.SendTime, code))
            continue
        posted = await _posted(message, group, call, store, shows=shows)
        newest = max(newest, posted.at)
        results.append(Result(posted.seq, posted.at, Code.OK))
    return Answer(results)


def _problem(message: Imported, newest: int, now: int) -> Code:
    if not newest <= message.SendTime <= now:
        return Code.CHAT_GROUP_BAD_PARAMETER
    return Code.MESSAGE_TOO_LONG if size_problem(message.MsgBody) else Code.OK


async def _posted(
    message: Imported, group: ChatGroup, call: Call, store: Store, *, shows: bool
) -> Posted:
    key = None if message.Random is None else str(message.Random)
    posted = await store.post(call.sdkappid, group, Message(message.SendTime, call.now, key, shows))
    if posted is None:
        raise Fail(Code.CHAT_GROUP_NOT_FOUND, f"GroupId {group.id} was disbanded")
    return posted
