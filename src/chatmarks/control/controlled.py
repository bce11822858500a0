"""Stands before a service: lets faults happen to calls, and keeps them in the journal."""

from __future__ import annotations

import time
from asyncio import sleep
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from msgspec.structs import replace

from chatmarks.command import Command, Outcome
from chatmarks.control.clocks import Clocks
from chatmarks.control.faults import NOTHING, Facts, Failure, Faults, outcome_of, rate_outcome
from chatmarks.control.gate import Gate
from chatmarks.control.heard import Heard, account_of, claimed, sdkappid_of
from chatmarks.control.journal import Journal
from chatmarks.control.upkeep import BROKEN
from chatmarks.envelope import decode_body, encode_failure
from chatmarks.errors import Code, Fail
from chatmarks.service import COMMAND_OF, Asked, Dropped, Service


class _Call(NamedTuple):
    """A call on its way: when it came (Unix seconds, the same by the clock of its app, and by one that
    only goes on), what rules see of it, and what happens to it."""

    asked: Asked
    came_at: float
    now: float
    began: float
    facts: Facts
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
        broken: AbstractSet[int],
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._service, self._clocks, self._faults = service, clocks, faults
        self._journal, self._gate, self._broken = journal, gate, broken
        self._wall = wall

    def answer(self, asked: Asked) -> bytes | Awaitable[bytes]:
        """The answer to a call: at once where there is no rule, all gates are open, and the service has
        nothing to wait for; else what waits for it. Raises `Dropped` where it is awaited."""
        came_at, began = self._wall(), time.perf_counter()
        if self._faults or self._broken or self._clocks or not self._gate.is_open():
            return self._answered(self._met(asked, came_at, began))
        answer = self._service.answer(asked)
        if not isinstance(answer, bytes):
            return self._rest(asked, came_at, began, answer)
        # Nothing could come in between, so the gate need not know of this call.
        ms = (time.perf_counter() - began) * 1000
        self._journal.note(Heard(asked, came_at, came_at, ms, answer, answer, NOTHING))
        return answer

    async def _rest(
        self, asked: Asked, came_at: float, began: float, answer: Awaitable[bytes]
    ) -> bytes:
        """Wait for the answer to a call that was admitted, and has done nothing yet."""
        sdkappid = sdkappid_of(claimed(asked.query))
        if sdkappid is None:
            done = await answer
        else:
            async with self._gate.passed(sdkappid):
                if sdkappid in self._broken:
                    done = self._broken_off(COMMAND_OF.get(asked.path), sdkappid)
                else:
                    done = await answer
        ms = (time.perf_counter() - began) * 1000
        self._journal.note(Heard(asked, came_at, came_at, ms, done, done, NOTHING))
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
        ms = (time.perf_counter() - call.began) * 1000
        self._journal.note(Heard(call.asked, call.came_at, call.now, ms, answer, done, failure))
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

    async def problem(self) -> str | None:
        """Why calls cannot be answered, None when they can."""
        return await self._service.problem()

    def _met(self, asked: Asked, came_at: float, began: float) -> _Call:
        command = COMMAND_OF.get(asked.path)
        facts = Facts(
            command,
            sdkappid_of(claimed(asked.query)),
            account_of(command, asked.body),
            _items_of(command, asked.body) if self._faults else (),
        )
        failure = self._faults.failure(facts) if self._faults else NOTHING
        now = came_at if facts.sdkappid is None else self._clocks.now(facts.sdkappid)
        return _Call(asked, came_at, now, began, facts, failure)

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
                return self._broken_off(call.facts.command, sdkappid)
            return await self._service.finish(asked)

    def _broken_off(self, command: Command | None, sdkappid: int) -> bytes:
        """The answer to a call of an app whose restore broke off."""
        code = command.service.server_error if command else Code.SERVER_ERROR
        return self.refuse(Fail(code, f"sdkappid {sdkappid}: {BROKEN}"))


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
