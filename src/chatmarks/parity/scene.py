"""What a run has made on the other server, what it knows of it by now, and what a probe saw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from chatmarks.limits import Profile
from chatmarks.parity.asks import Ask, Reply, Script, asked
from chatmarks.parity.bodies import (
    CREATE_CHAT_GROUP,
    IMPORT,
    IMPORT_MANY,
    batches,
    listed,
    result_codes,
)

_FRIENDS = 5


class Untold(Exception):
    """A probe cannot tell; the text says why."""


class Check(Struct, frozen=True):
    """What was expected, whether it came, and for what did not come the request and the answer."""

    what: str
    fits: bool
    request: Any = None
    answer: Any = None


class Scene:
    """The accounts and chat groups of a run, all called `parity-SEED-…`, and the profile that fits the
    server by now. `skew_seconds`: how far the server's clock is ahead of ours."""

    def __init__(self, seed: int, identifier: str, sdkappid: int) -> None:
        self.prefix = f"parity-{seed}-"
        self.identifier = identifier
        self.sdkappid = sdkappid
        self.known = Profile()
        self.skew_seconds = 0.0
        self.accounts: dict[str, None] = {}
        self.chat_groups: dict[str, None] = {}
        self.friends = [self.named("friend") for _ in range(_FRIENDS)]
        """Accounts to have conversations with, which a run imports first."""

    def named(self, what: str = "u") -> str:
        """A UserID that no call had yet. It is deleted at the end, whether or not it is imported."""
        userid = f"{self.prefix}{what}{len(self.accounts) + 1}"
        self.accounts[userid] = None
        return userid

    def chat_group_named(self) -> str:
        """A chat-group id that no call had yet, destroyed at the end."""
        group_id = f"{self.prefix}room{len(self.chat_groups) + 1}"
        self.chat_groups[group_id] = None
        return group_id

    def learn(self, **switches: Any) -> None:
        """Take over what is known now."""
        self.known = replace(self.known, **switches)

    def account(self) -> Script[str]:
        """A fresh account. Raises `Untold`."""
        userid = self.named()
        yield from needed(Ask(IMPORT, {"UserID": userid}), "an account is needed")
        return userid

    def imported(self, count: int, what: str) -> Script[list[str]]:
        """Many fresh accounts. Raises `Untold`."""
        userids = [self.named(what) for _ in range(count)]
        for part in batches(userids):
            body = {"AccountList": [{"UserID": userid} for userid in part]}
            reply = yield from needed(Ask(IMPORT_MANY, body), f"{count} accounts are needed")
            if failed := listed(reply, "FailAccounts"):
                raise Untold(f"{count} accounts are needed, but {len(failed)} were not imported")
        return userids

    def peers(self, count: int) -> Script[list[str]]:
        """UserIDs to have conversations with, imported only where the server asks for that."""
        if self.known.check_to_account:
            return (yield from self.imported(count, "p"))
        return [f"{self.prefix}peer-{number}" for number in range(count)]

    def chat_group(self) -> Script[str]:
        """A fresh chat group. Raises `Untold`."""
        group_id = self.chat_group_named()
        body = {"Type": "Public", "Name": "parity", "GroupId": group_id}
        yield from needed(Ask(CREATE_CHAT_GROUP, body), "a chat group is needed")
        return group_id


def needed(ask: Ask, why: str) -> Script[Reply]:
    """The reply to a call that only prepares something. Raises `Untold` when it is refused."""
    reply = yield from asked(ask)
    if reply.code != 0:
        came = reply.fault or f"{reply.code} {reply.answer.get('ErrorInfo', '')}"
        raise Untold(f"{why}, but {ask.command} answered {came}")
    return reply


class Trial:
    """What one probe saw. `number`: the decided answer that it asks about by default."""

    def __init__(self, number: int | None) -> None:
        self._number = number
        self.checks: dict[int | None, list[Check]] = {}
        self.untold: dict[int | None, str] = {}
        self.switches: dict[str, Any] = {}
        """Those that were told, and how the server has them."""
        self.untold_switches: dict[str, str] = {}
        """Why others were not."""

    def saw(
        self, what: str, ask: Ask, reply: Reply, *, fits: bool, numbers: Sequence[int] = ()
    ) -> None:
        """Note whether what was expected came."""
        check = Check(what, fits) if fits else Check(what, fits, ask.shown, reply.shown)
        for number in numbers or (self._number,):
            self.checks.setdefault(number, []).append(check)

    def expects(self, ask: Ask, code: int, what: str, *, numbers: Sequence[int] = ()) -> Script[Reply]:
        """The reply to a call that must answer `code`."""
        reply = yield from asked(ask)
        fits = reply.code == code
        self.saw(f"{what}: {code}", ask, reply, fits=fits, numbers=numbers)
        return reply

    def expects_items(self, ask: Ask, codes: Sequence[int], what: str) -> Script[Reply]:
        """The reply to a call that must succeed, with these codes for its items."""
        reply = yield from asked(ask)
        fits = reply.code == 0 and result_codes(reply) == list(codes)
        self.saw(f"{what}: {', '.join(map(str, codes))}", ask, reply, fits=fits)
        return reply
