"""What the commands on messages between two accounts share: checks, and how a message comes into lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b

from msgspec import Struct

from chatmarks.book import Account
from chatmarks.command import Call, is_userid, userid_problem
from chatmarks.errors import Code, Fail, shown
from chatmarks.limits import UINT32_MAX
from chatmarks.store import Store, UnknownAccount

CONTROLS = ("NoUnread", "NoLastMsg", "WithMuteNotifications", "NoMsgCheck")
SYNC, NO_SYNC = 1, 2


class Sent(Struct, frozen=True):
    """What tells a message from others: its sender, `MsgRandom`, and `MsgSeq`, None where it was left
    out."""

    sender: str
    random: int
    seq: int | None

    def key(self, receiver: str) -> str:
        """What a repeat of it to `receiver` is known by. Lengths keep UserIDs apart."""
        return f"{self.random}:{self.seq}:{len(self.sender)}:{self.sender}:{receiver}"

    def wire_key(self, at: int) -> str:
        """`MsgKey`: number, random number and time. A number that was left out is drawn from the rest,
        so that a repeat has the same key."""
        seq = self.seq
        if seq is None:
            digest = blake2b(f"{self.random}:{self.sender}".encode(), digest_size=4).digest()
            seq = int.from_bytes(digest)
        return f"{seq}_{self.random}_{at}"


def check_uint32(value: int | None, field: str, code: Code) -> None:
    """Refuse what is no unsigned number of 32 bits."""
    if value is not None and not 0 <= value <= UINT32_MAX:
        raise Fail(code, f"{field} is {value}; 0 to {UINT32_MAX} are allowed")


def check_sender(userid: str) -> None:
    """90008. "" is the administrator who calls."""
    if userid and not is_userid(userid):
        raise Fail(Code.MESSAGE_SENDER_WRONG, f"From_Account {userid_problem(userid)}")


def check_receiver(userid: str, field: str = "To_Account") -> None:
    """90003."""
    if not is_userid(userid):
        raise Fail(Code.MESSAGE_RECEIVER_WRONG, f"{field} {userid_problem(userid)}")


def check_sending(sync: int, life: int, controls: Sequence[str]) -> None:
    """90031, 90026, 90001. A life above seven days is one of seven days."""
    if sync not in (SYNC, NO_SYNC):
        raise Fail(Code.MESSAGE_SYNC_WRONG, f"SyncOtherMachine is {sync}; 1 and 2 are allowed")
    if life < 0:
        raise Fail(Code.MESSAGE_LIFE_OUT_OF_RANGE, f"MsgLifeTime is {life}; 0 and more are allowed")
    for number, control in enumerate(controls):
        if control not in CONTROLS:
            raise Fail(
                Code.MESSAGE_BAD_JSON,
                f"SendMsgControl[{number}] is {shown(control)}; allowed are {', '.join(CONTROLS)}",
            )


def shows(life: int, controls: Sequence[str]) -> bool:
    """Whether a message shows in lists: not one for those online alone, nor one told not to."""
    return life != 0 and "NoLastMsg" not in controls


def unknown_sender(userid: str) -> Fail:
    """90008."""
    return Fail(Code.MESSAGE_SENDER_WRONG, f"From_Account {userid} was never imported")


def unknown_receiver(userid: str) -> Fail:
    """90012."""
    return Fail(Code.MESSAGE_RECEIVER_UNKNOWN, f"To_Account {userid} was never imported")


async def delivered(sent: Sent, receiver: str, call: Call, store: Store, *, syncs: bool) -> int:
    """Put a message into the lists of its receiver and, where it `syncs`, its sender; its time in Unix
    seconds, that of the first one where this is a repeat.

    Its key is kept in the last step alone, so that a call that broke off can be repeated. Raises
    `Fail` 90008, 90012.
    """
    sides = {
        "receiver": Account(call.sdkappid, receiver),
        "sender": Account(call.sdkappid, sent.sender),
    }
    key = sent.key(receiver)
    before = await store.sent_before(sides["sender" if syncs else "receiver"], key, call.now)
    if before is not None:
        return before
    await _converse(store, sides, "receiver", call.now, None if syncs else key)
    if syncs:
        await _converse(store, sides, "sender", call.now, key)
    return call.now


async def _converse(
    store: Store, sides: Mapping[str, Account], side: str, at: int, key: str | None
) -> None:
    own = sides[side]
    other = sides["sender" if side == "receiver" else "receiver"]
    try:
        await store.converse(own, other.userid, at, key=key, now=at)
    except UnknownAccount as error:
        refusal = unknown_receiver if side == "receiver" else unknown_sender
        raise refusal(own.userid) from error
