"""Accounts written to a server by documented calls, one after another."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from msgspec import Struct
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from chatmarks.limits import ACCOUNTS_PER_CALL_MAX
from chatmarks.moving import Advance
from chatmarks.remote.abreast import WRITTEN_AT_A_TIME, abreast
from chatmarks.remote.content import Content
from chatmarks.remote.failures import Failed, Failure, Refusal
from chatmarks.remote.places import Place
from chatmarks.remote.plan import plan
from chatmarks.remote.server import PAUSE, Lost, Server

LOST_MAX = 6
"""How often, in a row, an account is read anew because the outcome of a call was not known."""


class Pushed(Struct, frozen=True):
    """How writing an account went: the calls that were made, and what of them was refused."""

    calls: int
    refused: tuple[Refusal, ...]


class RefusedItem(Struct, frozen=True):
    """A refusal as a report has it: the conversation as `1:user_0002`, or "" for the whole call."""

    UserID: str
    command: str
    conversation: str
    code: int
    text: str


class PushReport(Struct):
    """What came of a push. `changed`: accounts for which calls were made; `calls`: all calls, also
    those that read; `slowed`: how often the server asked for fewer; `failures`: accounts that were
    not written, or not to their end."""

    accounts: int
    changed: int = 0
    unchanged: int = 0
    imported: int = 0
    calls: int = 0
    slowed: int = 0
    seconds: float = 0.0
    failures: list[Failure] = []
    refused: list[RefusedItem] = []


async def push_account(
    server: Server, userid: str, want: Content, have: Content | None = None
) -> Pushed:
    """Make the account have `want` at the server, but for `GroupId`s and times.

    `have` is what it has there; without, it is read. A repeat makes the calls that are left, none in
    the end. Raises `Failed` where the account cannot be written, and `Stopped`.
    """
    push = _Push(server, userid, want)
    again = AsyncRetrying(
        retry=retry_if_exception_type(Lost), wait=PAUSE, stop=push.is_stuck, reraise=True
    )
    try:
        return await again(push.attempt, have)
    except Lost as error:
        raise Failed(
            0, f"what became of a call is not known after {LOST_MAX} times: {error}"
        ) from error


class _Push:
    """The attempts to write one account."""

    def __init__(self, server: Server, userid: str, want: Content) -> None:
        self._server, self._userid, self._want = server, userid, want
        self._calls = 0
        self._lost_in_a_row = 0
        self._is_read_anew = False

    def is_stuck(self, _: RetryCallState) -> bool:
        return self._lost_in_a_row >= LOST_MAX

    async def attempt(self, have: Content | None) -> Pushed:
        """Make the calls that are left. Raises `Lost` where that has to be found out anew."""
        if have is None or self._is_read_anew:
            have = await self._server.read(self._userid)
        self._is_read_anew = True
        refused: list[Refusal] = []
        unmade: set[str] = set()
        for call in plan(have, self._want):
            if call.needs in unmade:
                continue
            try:
                found = await self._server.do(self._userid, call)
            except Lost:
                self._lost_in_a_row += 1
                raise
            self._calls += 1
            self._lost_in_a_row = 0
            refused += found
            if call.makes and any(refusal.peer is None for refusal in found):
                unmade.add(call.makes)
        return Pushed(self._calls, tuple(refused))


async def push(
    server: Server,
    userids: Sequence[str],
    source: Place,
    advance: Advance,
    *,
    import_accounts: bool,
) -> PushReport:
    """Write what `source` has of each of `userids`, in their order, a few at a time: a push that breaks
    off leaves few accounts half-written, which a repeat completes. Raises `Stopped`."""
    report = PushReport(len(userids))
    began_at = time.monotonic()
    done = 0

    async def one(userid: str) -> None:
        nonlocal done
        try:
            pushed = await push_account(server, userid, await source.content(userid))
        except Failed as error:
            report.failures.append(error.of(userid))
        else:
            report.changed += bool(pushed.calls)
            report.unchanged += not pushed.calls
            report.refused += [_told(userid, refusal) for refusal in pushed.refused]
        done += 1
        advance(done, len(userids))

    for part in _parts(userids, ACCOUNTS_PER_CALL_MAX if import_accounts else len(userids)):
        there = await _imported(server, part, report) if import_accounts else part
        done += len(part) - len(there)
        await abreast(there, one, WRITTEN_AT_A_TIME)
    report.calls, report.slowed = server.pace.calls, server.pace.slowed
    report.seconds = round(time.monotonic() - began_at, 3)
    return report


def _parts(userids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for begin in range(0, len(userids), max(1, size)):
        yield userids[begin : begin + size]


async def _imported(server: Server, userids: Sequence[str], report: PushReport) -> Sequence[str]:
    """Those of `userids` that the server has once the others are imported."""
    imported, refused = await server.import_missing(userids)
    report.imported += len(imported)
    reason = "the server named it in FailAccounts when it was to be imported"
    report.failures += [Failure(userid, 0, reason) for userid in refused]
    gone = set(refused)
    return [userid for userid in userids if userid not in gone]


def _told(userid: str, refusal: Refusal) -> RefusedItem:
    conversation = f"{refusal.peer.type}:{refusal.peer.id}" if refusal.peer else ""
    return RefusedItem(userid, refusal.command, conversation, refusal.code, refusal.text)
