"""Whether there is an order in which calls, made one after another, would have got their answers.

The search of Wing and Gong, with Lowe's memory: a call may stand next where no other call without a
place was answered before it began; who comes to the same state with the same calls done has been
there. A call without an answer may stand anywhere after its begin, or nowhere. Knows neither books
nor servers: `step` is the model, which says what a call answers in a state, and the state after it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cache
from typing import Generic, TypeAlias, TypeVar

from msgspec import Struct

VISITS_MAX = 1_000_000
"""How many places are looked at before the search gives up: far more than any history here takes."""


class Operation(Struct, frozen=True):
    """One call. `begin` was taken before it was sent and `end` after its answer came, on one clock that
    never goes back; without an answer both `end` and `answer` are None. `server` is for people."""

    path: str
    body: bytes
    begin: float
    end: float | None
    answer: bytes | None
    server: str = ""

    @property
    def until(self) -> float:
        """The last moment at which it may have taken effect."""
        return math.inf if self.end is None else self.end


State = TypeVar("State", bound=Hashable)
Step: TypeAlias = Callable[[State, Operation], tuple[State, bytes]]


class Undecided(Exception):
    """The search would take too long."""


class Search(Generic[State]):
    """A search for one order.

    `step` is pure. `is_idle` tells of which calls their answer, or their command, says that they
    changed nothing in whatever state. After a search that found no order, `longest` is as far as one
    came, and `stuck_at` the state there.
    """

    def __init__(
        self,
        operations: Sequence[Operation],
        start: State,
        step: Step[State],
        is_idle: Callable[[Operation], bool],
    ) -> None:
        self._operations = sorted(operations, key=lambda operation: operation.begin)
        self._idle = [is_idle(operation) for operation in self._operations]
        # Other orders lead to the same states.
        self._step = cache(step)
        self._start = start
        self._answered = sum(
            1 << place
            for place, operation in enumerate(self._operations)
            if operation.answer is not None
        )
        self._visited: set[tuple[int, State]] = set()
        self._order: list[Operation] = []
        self.longest: list[Operation] = []
        self.stuck_at = start

    def order(self) -> list[Operation] | None:
        """The calls in an order that explains every answer; None when there is none.

        Raises `Undecided`.
        """
        return self._order if self._extended(0, self._start) else None

    def _extended(self, done: int, state: State) -> bool:
        """Whether the order so far, of the calls `done`, can be brought to its end from `state`."""
        if done & self._answered == self._answered:
            return True
        if (done, state) in self._visited:
            return False
        self._visited.add((done, state))
        if len(self._visited) > VISITS_MAX:
            raise Undecided(f"{len(self._operations)} calls, {VISITS_MAX} places looked at")
        if len(self._order) > len(self.longest):
            self.longest, self.stuck_at = list(self._order), state
        for place, after in self._next(done, state):
            self._order.append(self._operations[place])
            if self._extended(done | 1 << place, after):
                return True
            self._order.pop()
        return False

    def _next(self, done: int, state: State) -> list[tuple[int, State]]:
        """The calls that may stand next in `state`, and the state after each."""
        fitting: list[tuple[int, State]] = []
        unknown: list[tuple[int, State]] = []
        for place in self._open(done):
            operation = self._operations[place]
            after, answer = self._step(state, operation)
            if operation.answer is None:
                # One that changes nothing here, and of which nobody heard, need not be here.
                if after != state:
                    unknown.append((place, after))
            elif operation.answer == answer:
                if self._idle[place]:
                    # Whatever order there is, this call can be moved to here in it: nothing that
                    # comes before it there needs it. Not so one that only here changes nothing.
                    return [(place, after)]
                fitting.append((place, after))
        # Who was answered first most often was first.
        fitting.sort(key=lambda found: self._operations[found[0]].until)
        return fitting + unknown

    def _open(self, done: int) -> Iterator[int]:
        """The calls that are not done and began before any other of them was answered."""
        left = [place for place in range(len(self._operations)) if not done >> place & 1]
        first_end = min(self._operations[place].until for place in left)
        for place in left:
            if self._operations[place].begin > first_end:
                return
            yield place


def shortened(
    operations: Sequence[Operation],
    is_refused: Callable[[Sequence[Operation]], bool],
    is_idle: Callable[[Operation], bool],
) -> list[Operation]:
    """A part of a history without order that has none either, for people to look at.

    It ends as early as it can, with calls that go on then as calls without an answer; and of the idle
    ones only those are left without which there would be an order.
    """
    ends = sorted(operation.until for operation in operations if operation.answer is not None)
    # What has no order gets none by what comes later.
    first = bisect_left(ends, 1, key=lambda end: is_refused(_until(end, operations)))
    part = _until(ends[first], operations)
    for operation in [operation for operation in part if is_idle(operation)]:
        rest = [other for other in part if other is not operation]
        if is_refused(rest):
            part = rest
    return part


def _until(moment: float, operations: Sequence[Operation]) -> list[Operation]:
    """What was known of `operations` at a moment."""
    return [
        operation
        if operation.until <= moment
        else Operation(operation.path, operation.body, operation.begin, None, None, operation.server)
        for operation in operations
        if operation.begin <= moment
    ]
