"""What the messages from account to account share: checks, keys, and what they change in lists.

A message changes the receiver's list first, then the sender's, with its key. So a call that breaks off
in between can be repeated and loses nothing; one that went through is a repeat and changes nothing.
"""

from __future__ import annotations

import zlib
from asyncio import gather
from collections.abc import Collection
from typing import Protocol

import msgspec
from msgspec import Struct

from chatmarks.book import Account
from chatmarks.command import Call, is_userid, userid_problem
from chatmarks.commands.message import Element, element_problem, number_problem, size_problem
from chatmarks.errors import Code, Fail
from chatmarks.limits import MESSAGE_LIFE_SECONDS_MAX
from chatmarks.store import Store, UnknownAccount

REPEATS_DIFFERENCE = (
    "Repeats are known for five minutes, in which sender, receiver, `MsgSeq`, `MsgRandom` and content"
    " are the same; those of a message that does not show in lists are not known."
)
SENDER_DIFFERENCE = (
    "A missing `From_Account` is the administrator who calls; one that was never imported is 90008."
)


class Sent(Protocol):
    """What every message from account to account has."""

    @property
    def From_Account(self) -> str: ...  # noqa: N802 - a wire name
    @property
    def MsgRandom(self) -> int: ...  # noqa: N802 - a wire name
    @property
    def MsgBody(self) -> list[Element]: ...  # noqa: N802 - a wire name
    @property
    def MsgSeq(self) -> int | None: ...  # noqa: N802 - a wire name
    @property
    def CloudCustomData(self) -> str: ...  # noqa: N802 - a wire name


class Live(Sent, Protocol):
    """What a message has that is sent now and not imported."""

    @property
    def SyncOtherMachine(self) -> int: ...  # noqa: N802 - a wire name
    @property
    def MsgLifeTime(self) -> int: ...  # noqa: N802 - a wire name
    @property
    def OnlineOnlyFlag(self) -> int: ...  # noqa: N802 - a wire name
    @property
    def SendMsgControl(self) -> list[str]: ...  # noqa: N802 - a wire name


class Delivery(Struct, frozen=True):
    """A message under way from one account to another. `at` is its time and `now` that of the call, in
    Unix seconds; `to_sender`: whether it shows in the sender's list, too."""

    sender: Account
    receiver: Account
    name: str
    at: int
    now: int
    to_sender: bool = True


def check_message(request: Sent) -> None:
    """90008, 90005, 90001, 90002, 90010, 93000."""
    if request.From_Account and not is_userid(request.From_Account):
        raise Fail(Code.MESSAGE_SENDER_UNKNOWN, f"From_Account {userid_problem(request.From_Account)}")
    if problem := number_problem(request.MsgRandom, "MsgRandom"):
        raise Fail(Code.MESSAGE_BAD_RANDOM, problem)
    if problem := number_problem(request.MsgSeq, "MsgSeq"):
        raise Fail(Code.MESSAGE_BAD_PARAMETER, problem)
    if not request.MsgBody:
        raise Fail(Code.MESSAGE_BAD_BODY, "MsgBody is empty; 1 element at least is required")
    if problem := element_problem(request.MsgBody, "MsgBody"):
        raise Fail(Code.MESSAGE_BAD_ELEMENT, problem)
    if problem := size_problem(request.MsgBody, request.CloudCustomData, "MsgBody"):
        raise Fail(Code.MESSAGE_TOO_LONG, problem)


def check_live(request: Live) -> None:
    """90031, 90044, 90026, 90001, then as `check_message`."""
    if request.SyncOtherMachine not in (1, 2):
        raise Fail(
            Code.MESSAGE_BAD_SYNC,
            f"SyncOtherMachine is {request.SyncOtherMachine}; 1 and 2 are allowed",
        )
    if request.MsgLifeTime < 0:
        raise Fail(Code.MESSAGE_BAD_LIFE_TIME, f"MsgLifeTime is {request.MsgLifeTime}; 0 is the least")
    if request.MsgLifeTime > MESSAGE_LIFE_SECONDS_MAX:
        raise Fail(
            Code.MESSAGE_LIFE_TIME_TOO_LONG,
            f"MsgLifeTime is {request.MsgLifeTime} seconds; at most {MESSAGE_LIFE_SECONDS_MAX} are"
            " allowed",
        )
    if request.OnlineOnlyFlag not in (0, 1):
        raise Fail(
            Code.MESSAGE_BAD_PARAMETER,
            f"OnlineOnlyFlag is {request.OnlineOnlyFlag}; 0 and 1 are allowed",
        )
    check_message(request)


def check_receiver(userid: str, field: str) -> None:
    """90003."""
    if not is_userid(userid):
        raise Fail(Code.MESSAGE_BAD_RECEIVER, f"{field} {userid_problem(userid)}")


def shows(request: Live) -> bool:
    """Whether a message shows in lists: not one that is only for who is online, nor `NoLastMsg`."""
    is_kept = request.MsgLifeTime > 0 and not request.OnlineOnlyFlag
    return is_kept and "NoLastMsg" not in request.SendMsgControl


def sender_of(request: Sent, call: Call) -> Account:
    """Who sends: the account that the request names, or else the administrator who calls."""
    return Account(call.sdkappid, request.From_Account or call.caller)


async def known(accounts: Collection[Account], call: Call, store: Store) -> set[str]:
    """The UserIDs of those that exist; all of them, made now, where the profile is lenient."""
    userids = {account.userid for account in accounts}
    if call.profile.unknown_account == "lenient":
        await gather(*map(store.create_account, set(accounts)))
        return userids
    return await store.known_accounts(call.sdkappid, userids)


def sender_unknown(account: Account) -> Fail:
    """90008."""
    return Fail(
        Code.MESSAGE_SENDER_UNKNOWN, f"From_Account: {account.userid} was never imported, or deleted"
    )


def receiver_unknown(account: Account) -> Fail:
    """90012."""
    return Fail(
        Code.MESSAGE_RECEIVER_UNKNOWN, f"To_Account: {account.userid} was never imported, or deleted"
    )


def name_of(request: Sent) -> str:
    """What tells a message from others of the same sender: number, random number, and a checksum of
    its content (269/2282)."""
    checksum = zlib.crc32(msgspec.json.encode([request.MsgBody, request.CloudCustomData]))
    number = "" if request.MsgSeq is None else request.MsgSeq
    return f"{number}_{request.MsgRandom}_{checksum}"


def message_key(request: Sent, sender: Account, at: int) -> str:
    """The `MsgKey`: number, random number and time.

    A missing number is drawn from all else that the message has, so that a repeat gets the same one.
    """
    number = request.MsgSeq
    if number is None:
        number = zlib.crc32(f"{sender.userid}\n{name_of(request)}".encode())
    return f"{number}_{request.MsgRandom}_{at}"


async def delivered(delivery: Delivery, store: Store) -> int:
    """Let a message show in the lists of both sides, and return its time: that of the first one where
    it is a repeat. Raises `Fail` 90012, 90008."""
    sender, receiver = delivery.sender, delivery.receiver
    keeper, key = _place(delivery)
    first = await store.sent_before(keeper, key, delivery.now)
    if first is not None:
        return first
    try:
        if not delivery.to_sender:
            await store.converse(receiver, sender.userid, delivery.at, key=key, now=delivery.now)
            return delivery.at
        await store.converse(receiver, sender.userid, delivery.at)
    except UnknownAccount:
        raise receiver_unknown(receiver) from None
    try:
        await store.converse(sender, receiver.userid, delivery.at, key=key, now=delivery.now)
    except UnknownAccount:
        raise sender_unknown(sender) from None
    return delivery.at


def _place(delivery: Delivery) -> tuple[Account, str]:
    """Whose list is changed last, which is where the key is kept, and the key."""
    if delivery.to_sender:
        return delivery.sender, f"to {delivery.receiver.userid}\n{delivery.name}"
    return delivery.receiver, f"from {delivery.sender.userid}\n{delivery.name}"
