"""`POST /v4/openim/importmsg`: import a message of an earlier time between two accounts.

Document: 1047/35014. The conversation comes into both lists with the time of the message. Nothing is
changed by a repeat, in either direction: an older or equal time moves nothing.
"""

from __future__ import annotations

from msgspec import Struct

from chatmarks.book import Account
from chatmarks.command import OPENIM, AccountName, Call, is_userid, manages, userid_problem
from chatmarks.commands.group_open_http_svc.chat_group import known
from chatmarks.commands.message_body import OPENIM_CODES, Element, check_body
from chatmarks.commands.openim.message import (
    check_receiver,
    check_uint32,
    unknown_receiver,
    unknown_sender,
)
from chatmarks.errors import Code, Fail
from chatmarks.limits import Profile
from chatmarks.store import Store, UnknownAccount

_KINDS = (1, 2, 5)


class Request(Struct, frozen=True):
    """A message. `SyncFromOldSystem`: 1 and 5 for one of now, 2 for one of the past, which makes no
    difference here; `MsgTimeStamp` in Unix seconds."""

    SyncFromOldSystem: int
    From_Account: AccountName
    To_Account: AccountName
    MsgRandom: int
    MsgTimeStamp: int
    MsgBody: list[Element]
    MsgSeq: int | None = None
    CloudCustomData: str = ""


def check(request: Request, _: Profile) -> None:
    """90030, 90008, 90003, 90005, 90006, 90001, 90002, 90010, 93000."""
    if request.SyncFromOldSystem not in _KINDS:
        raise Fail(
            Code.MESSAGE_IMPORT_KIND_WRONG,
            f"SyncFromOldSystem is {request.SyncFromOldSystem}; 1, 2 and 5 are allowed",
        )
    if not is_userid(request.From_Account):
        raise Fail(Code.MESSAGE_SENDER_WRONG, f"From_Account {userid_problem(request.From_Account)}")
    check_receiver(request.To_Account)
    check_uint32(request.MsgRandom, "MsgRandom", Code.MESSAGE_RANDOM_WRONG)
    check_uint32(request.MsgTimeStamp, "MsgTimeStamp", Code.MESSAGE_TIME_WRONG)
    check_uint32(request.MsgSeq, "MsgSeq", Code.MESSAGE_BAD_JSON)
    check_body(request.MsgBody, OPENIM_CODES)


@manages(OPENIM, document="1047/35014", request=Request, check=check)
async def importmsg(request: Request, call: Call, store: Store) -> None:
    """Put the conversation into the receiver's list, then into the sender's."""
    sender, receiver = request.From_Account, request.To_Account
    accounts = await known([sender, receiver], call, store)
    if sender not in accounts:
        raise unknown_sender(sender)
    if receiver not in accounts:
        raise unknown_receiver(receiver)
    for own, other, refusal in (
        (receiver, sender, unknown_receiver),
        (sender, receiver, unknown_sender),
    ):
        try:
            await store.converse(Account(call.sdkappid, own), other, request.MsgTimeStamp)
        except UnknownAccount as error:
            raise refusal(own) from error
