"""The checker must refuse what must not happen, and nothing else."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from functools import partial
from typing import TypeAlias

import msgspec
import pytest

from harness import account
from histories.calls import CREATE, GET, MARK, SEARCH
from histories.checker import Operation, shortened
from histories.model import DELETE, IMPORT, NOBODY, State, is_idle, searched, step
from histories.random_histories import executed, spoilt

Call: TypeAlias = tuple[str, object]

IMPORTED: Call = (IMPORT, {"UserID": "alice"})
DELETED: Call = (DELETE, {"DeleteItem": [{"UserID": "alice"}]})
WORK: Call = (CREATE, {"From_Account": "alice", "GroupContactItem": [{"GroupName": "work"}]})
LOOK: Call = (SEARCH, {"From_Account": "alice", "ContactItem": [account("bob"), account("carol")]})
ALL: Call = (GET, {"From_Account": "alice", "StartIndex": 0})


def mark(text: str, *peers: str) -> Call:
    items = [
        {"OptType": 2, "ContactItem": account(peer), "CustomMark": text} for peer in peers or ("bob",)
    ]
    return MARK, {"From_Account": "alice", "MarkItem": items}


def at(begin: float, end: float | None, call: Call, *before: Call) -> Operation:
    """A call that was answered as it is after the calls `before`, on an account that was imported;
    with no `end` it was not answered."""
    state: State = NOBODY
    answer = b""
    for path, body in [IMPORTED, *before, call]:
        state, answer = step(state, Operation(path, msgspec.json.encode(body), 0, 0, None))
    path, body = call
    return Operation(path, msgspec.json.encode(body), begin, end, None if end is None else answer)


def is_refused(operations: Sequence[Operation]) -> bool:
    return searched(operations).order() is None


def history(*operations: Operation) -> list[Operation]:
    return [at(0, 0.5, IMPORTED), *operations]


OLD, NEW = mark("old"), mark("new")
WRONG = {
    "a stale read": history(at(1, 2, OLD), at(3, 4, NEW, OLD), at(5, 6, LOOK, OLD)),
    "a lost update": history(
        at(1, 3, mark("one", "bob")),
        at(2, 4, mark("two", "carol")),
        at(5, 6, ALL, mark("two", "carol")),
    ),
    "an acknowledged write that vanishes": history(at(1, 2, NEW), at(3, 4, LOOK, NEW), at(5, 6, LOOK)),
    "an acknowledged write that nobody sees": history(at(1, 2, NEW), at(3, 4, LOOK)),
    "a read from the future": history(at(1, 2, LOOK, NEW), at(3, 4, NEW)),
    "a read of what nobody wrote": history(at(1, 2, LOOK, NEW)),
    "an unknown write seen, then unseen": history(
        at(1, None, NEW), at(2, 3, LOOK, NEW), at(4, 5, LOOK)
    ),
    "an unknown write that takes effect twice": history(
        at(1, None, NEW), at(2, 3, LOOK, NEW), at(4, 5, OLD), at(6, 7, LOOK, OLD), at(8, 9, LOOK, NEW)
    ),
    "an unknown write seen before it began": history(at(1, 2, LOOK, NEW), at(3, None, NEW)),
    "a write seen in part": history(
        at(1, 4, mark("new", "bob", "carol")), at(2, 3, LOOK, mark("new", "bob"))
    ),
    "two reads that see two writes in two orders": history(
        at(1, 9, OLD),
        at(1, 9, NEW),
        at(2, 3, LOOK, OLD),
        at(4, 5, LOOK, NEW),
        at(6, 7, LOOK, OLD),
    ),
    "two creates of one name that both succeed": history(at(1, 4, WORK), at(2, 3, WORK)),
    "a create refused for a name that nobody has": history(at(1, 2, WORK, WORK)),
    "two deletions of which both succeed": history(at(1, 4, DELETED), at(2, 3, DELETED)),
    "a deleted account that is found": history(at(1, 2, DELETED), at(3, 4, LOOK)),
    "a book that outlives its account": history(
        at(1, 2, NEW), at(3, 4, DELETED), at(5, 6, IMPORTED), at(7, 8, LOOK, NEW)
    ),
}
RIGHT = {
    "nothing": [],
    "a read during a write that sees it": history(at(1, 4, NEW), at(2, 3, LOOK, NEW)),
    "a read during a write that does not": history(at(1, 4, NEW), at(2, 3, LOOK)),
    "what touches may be at once": history(at(1, 2, NEW), at(2, 3, LOOK)),
    "an unknown write that never was": history(at(1, None, NEW), at(2, 3, LOOK), at(4, 5, LOOK)),
    "an unknown write that comes late": history(
        at(1, None, NEW), at(2, 3, OLD), at(4, 5, LOOK, OLD), at(6, 7, LOOK, NEW)
    ),
    "an unknown write that comes after a deletion": history(
        at(1, None, NEW), at(2, 3, DELETED, NEW), at(4, 5, IMPORTED), at(6, 7, LOOK, NEW)
    ),
    "an unknown deletion": history(
        at(1, 2, NEW), at(3, None, DELETED), at(4, 5, LOOK, NEW), at(6, 7, LOOK, DELETED)
    ),
    "two creates of one name of which the first fails": history(at(1, 4, WORK, WORK), at(2, 3, WORK)),
    "two writes, in the order that a read tells": history(
        at(1, 4, OLD), at(2, 3, NEW), at(5, 6, LOOK, NEW, OLD)
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_history_that_is_wrong_on_purpose_is_refused(name: str) -> None:
    assert is_refused(WRONG[name])


@pytest.mark.parametrize("name", RIGHT)
def test_a_history_that_can_be_is_accepted(name: str) -> None:
    assert not is_refused(RIGHT[name])


def test_an_order_holds_every_answered_call_and_explains_its_answer() -> None:
    operations = executed(random.Random(0), 40)
    order = searched(operations).order()
    assert order is not None
    assert {id(operation) for operation in operations if operation.answer} <= set(map(id, order))
    state: State = NOBODY
    for operation in order:
        state, answer = step(state, operation)
        assert operation.answer in (None, answer)
    for place, operation in enumerate(order):
        assert all(operation.begin <= later.until for later in order[place:])


@pytest.mark.parametrize("seed", range(10))
def test_what_the_model_did_at_random_places_is_always_accepted(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(20):
        assert not is_refused(executed(chance, chance.randint(20, 60)))


def test_most_of_what_was_spoilt_at_random_is_refused() -> None:
    chance = random.Random(0)
    refused = sum(is_refused(spoilt(chance, executed(chance, 30, unknown=0.05))) for _ in range(100))
    # The others have an order still: a read moved to where nothing was written, for instance.
    assert refused >= 60


def has_order(operations: Sequence[Operation]) -> bool:
    """What `Search` finds out, by trying each order of each choice of calls without an answer."""
    answered = [operation for operation in operations if operation.answer is not None]
    unknown = [operation for operation in operations if operation.answer is None]
    return any(
        explains(order)
        for count in range(len(unknown) + 1)
        for chosen in itertools.combinations(unknown, count)
        for order in itertools.permutations([*answered, *chosen])
    )


def explains(order: Sequence[Operation]) -> bool:
    state: State = NOBODY
    ends = [operation.until for operation in order]
    for place, operation in enumerate(order):
        if operation.begin > min(ends[place:]):
            return False
        state, answer = step(state, operation)
        if operation.answer not in (None, answer):
            return False
    return True


def test_the_search_agrees_with_trying_every_order() -> None:
    chance = random.Random(0)
    verdicts = []
    for _ in range(400):
        operations = executed(chance, chance.randint(3, 7), unknown=0.3)
        while chance.random() < 0.6 and any(operation.answer for operation in operations):
            operations = spoilt(chance, operations)
        verdicts.append(is_refused(operations))
        assert verdicts[-1] == (not has_order(operations))
    assert 50 < sum(verdicts) < 350


def test_a_wrong_history_is_shortened_to_what_is_wrong_with_it() -> None:
    reads = [at(moment, moment + 0.5, LOOK, OLD) for moment in (3, 4, 5)]
    stale = at(8, 9, LOOK, OLD)
    wrong = history(at(1, 2, OLD), *reads, at(6, 7, NEW, OLD), stale, at(8.5, 12, NEW), at(13, 14, OLD))
    part = shortened(wrong, is_refused, is_idle)
    late = at(8.5, None, NEW)
    assert part == history(at(1, 2, OLD), at(6, 7, NEW, OLD), stale, late)
    assert is_refused(part)


def test_the_longest_order_that_was_found_tells_where_it_ended() -> None:
    search = searched(WRONG["a stale read"])
    assert search.order() is None
    assert search.longest == WRONG["a stale read"][:3]
    stuck = partial(step, search.stuck_at)
    assert stuck(at(0, 0, LOOK))[1] == at(0, 0, LOOK, OLD, NEW).answer
