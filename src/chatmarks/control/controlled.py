"""Stands before a service: lets faults happen to calls, and keeps them in the journal."""

from __future__ import annotations

import time
from asyncio import sleep
from collections.abc import Awaitable, Callable, Container
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from chatmarks.command import Command, Kind, Outcome
from chatmarks.control.clocks import Clocks
from chatmarks.control.faults import NOTHING, Facts, Failure, Faults, outcome_of, rate_outcome
from chatmarks.control.gate import Gate
from chatmarks.control.journal import Journal
from chatmarks.control.noted import Noted, query_without_ticket, without
from chatmarks.control.tickets import checks_of
from chatmarks.control.upkeep import BROKEN
from chatmarks.envelope import Caller, decode_body, encode_answer, encode_failure, parse_query
from chatmarks.errors import Code, Fail
from chatmarks.service import COMMAND_OF, Asked, Dropped, Service

_SDKAPPID_DIGITS_MAX = 19


class _Owner(Struct, frozen=True):
    From_Account: Any = None


class _Base(Struct, frozen=True):
    ErrorCode: int = 0


_owner = msgspec.json.Decoder(_Owner).decode
_DONE = encode_answer(None)[1:]
"""How the answer to a call ends that was done: told without reading it."""

_base = msgspec.json.Decoder(_Base).decode


class _Call(NamedTuple):
    """A call on its way: when it came (Unix seconds, the same by the clock of its app, and by one that
    only goes on), what rules see of it, what its URL claims, and what happens to it."""

    asked: Asked
    came_at: float
    now: float
    began: float
    facts: Facts
    caller: Caller
    failure: Failure


class Controlled:
    """Answers calls as `service` does, but for those that a rule strikes.

    What rules decide comes before anything that the service decides, the ticket included. Calls of an
    app wait while something is done to the app as a whole; those of a `broken` one are refused.
    """

    def __init__(
        self,
        service: Service,
        clocks: Clocks,
        faults: Faults,
        journal: Journal,
        gate: Gate,
        broken: Container[int],
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._service, self._clocks, self._faults = service, clocks, faults
        self._journal, self._gate, self._broken = journal, gate, broken
        self._wall = wall

    def answer(self, asked: Asked) -> bytes | Awaitable[bytes]:
        """The answer to a call: at once where there is no rule, the gate is open, and the service has
        nothing to wait for; else what waits for it. Raises `Dropped` where it is awaited."""
        call = self._met(asked)
        sdkappid = call.facts.sdkappid
        kept_out = sdkappid is not None and (
            sdkappid in self._broken or not self._gate.is_open(sdkappid)
        )
        if self._faults or kept_out:
            return self._answered(call)
        answer = self._service.answer(asked)
        if not isinstance(answer, bytes):
            return self._rest(call, answer)
        # Nothing could come in between, so the gate need not know of this call.
        self._note(call, answer, answer)
        return answer

    async def _rest(self, call: _Call, answer: Awaitable[bytes]) -> bytes:
        """Wait for the answer to a call that was admitted, and has done nothing yet."""
        sdkappid = call.facts.sdkappid
        if sdkappid is None:
            done = await answer
        else:
            async with self._gate.passed(sdkappid):
                done = self._broken_off(call) if sdkappid in self._broken else await answer
        self._note(call, done, done)
        return done

    async def _answered(self, call: _Call) -> bytes:
        failure = call.failure
        if failure.ms_before:
            await sleep(failure.ms_before / 1000)
        answer = await self._done(call)
        if failure.ms_after:
            await sleep(failure.ms_after / 1000)
        done = answer
        if failure.end is not None:
            answer = _ended(failure, call.facts)
        self._note(call, answer, done)
        if answer is None:
            raise Dropped
        return answer

    async def finish(self, asked: Asked) -> bytes:
        """The same, waited for where that must be. Raises `Dropped`."""
        answer = self.answer(asked)
        return answer if isinstance(answer, bytes) else await answer

    async def handle(self, path: str, query: bytes, body: bytes, **more: Any) -> bytes:
        """The answer to one call; `more` are the other fields of `Asked`. Raises `Dropped`."""
        return await self.finish(Asked(path, query, body, **more))

    def refuse(self, fail: Fail) -> bytes:
        """The answer to a call that is refused before it was whole; the journal has none of it."""
        return self._service.refuse(fail)

    async def ready(self) -> bool:
        """Whether the store can be used."""
        return await self._service.ready()

    def _met(self, asked: Asked) -> _Call:
        command = COMMAND_OF.get(asked.path)
        try:
            caller = parse_query(asked.query)
        except Fail:
            caller = Caller(None, None, None)
        facts = Facts(
            command,
            _sdkappid_of(caller),
            _account_of(command, asked.body),
            _items_of(command, asked.body) if self._faults else (),
        )
        failure = self._faults.failure(facts) if self._faults else NOTHING
        came_at = self._wall()
        now = came_at if facts.sdkappid is None else self._clocks.now(facts.sdkappid)
        return _Call(asked, came_at, now, time.perf_counter(), facts, caller, failure)

    async def _done(self, call: _Call) -> bytes | None:
        """Do what is to be done of a call; its answer, None when nothing is."""
        failure, sdkappid = call.failure, call.facts.sdkappid
        if failure.end is not None and not failure.end.kept:
            return None
        asked = call.asked
        if failure.failing:
            asked = replace(asked, failing=failure.failing)
        if sdkappid is None:
            return await self._service.finish(asked)
        async with self._gate.passed(sdkappid):
            if sdkappid in self._broken:
                return self._broken_off(call)
            return await self._service.finish(asked)

    def _broken_off(self, call: _Call) -> bytes:
        """The answer to a call of an app whose restore broke off."""
        command = call.facts.command
        code = command.service.server_error if command else Code.SERVER_ERROR
        return self.refuse(Fail(code, f"sdkappid {call.facts.sdkappid}: {BROKEN}"))

    def _note(self, call: _Call, answer: bytes | None, done: bytes | None) -> None:
        asked, facts, failure = call.asked, call.facts, call.failure
        query, tickets = query_without_ticket(asked.query)
        done_code = _code_of(done)
        code = done_code if answer is done else _code_of(answer)
        ended = failure.end is not None
        self._journal.note(
            Noted(
                time=call.came_at,
                now=call.now,
                request_id=asked.request_id,
                method=asked.method,
                path=without(asked.path.encode(), tickets).decode(errors="replace"),
                command=facts.command.path if facts.command else "",
                query=query,
                source=asked.source,
                sdkappid=facts.sdkappid,
                account=facts.account,
                request=without(asked.body, tickets),
                answer=None if answer is None else without(answer, tickets),
                code=code,
                done_code=done_code,
                ms=round((time.perf_counter() - call.began) * 1000, 3),
                faults=failure.struck,
                failed_by=failure.failed_by,
                decided_by=failure.struck[-1] if ended else "",
                checks=() if ended else checks_of(code, call.caller, facts.sdkappid, call.now),
            )
        )


def _code_of(answer: bytes | None) -> int | None:
    if answer is None:
        return None
    return 0 if answer.endswith(_DONE) else _base(answer).ErrorCode


def _sdkappid_of(caller: Caller) -> int | None:
    text = caller.sdkappid or ""
    is_number = text.isascii() and text.isdigit() and len(text) <= _SDKAPPID_DIGITS_MAX
    return int(text) if is_number else None


def _account_of(command: Command | None, body: bytes) -> str | None:
    if command is None or command.kind is Kind.MANAGES:
        return None
    try:
        owner = _owner(body).From_Account
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return owner if isinstance(owner, str) else None


def _items_of(command: Command | None, body: bytes) -> tuple[str, ...]:
    if command is None or command.items is None:
        return ()
    try:
        return tuple(command.items(decode_body(command, body)))
    except Fail:
        # What is wrong with it, the service says.
        return ()


def _ended(failure: Failure, facts: Facts) -> bytes | None:
    """The answer that a rule gives, None for a dropped connection."""
    effect = failure.end
    assert effect is not None
    if effect.kind == "drop":
        return None
    told: Outcome = rate_outcome(effect, facts) if effect.kind == "rate" else outcome_of(effect)
    return encode_failure(told)
