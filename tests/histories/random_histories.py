"""Histories that were never made over a wire: the model's own answers at random places, and worse."""

from __future__ import annotations

import random
from collections.abc import Sequence

from msgspec.structs import replace

from histories.calls import draw
from histories.checker import Operation
from histories.model import IMPORT, NOBODY, State, is_idle, is_read, step

_LASTING_MAX = 4.0


def executed(chance: random.Random, count: int, *, unknown: float = 0.1) -> list[Operation]:
    """`count` calls, an import first, of which the nth took effect at the moment n. Each began before
    and was answered after that by up to `_LASTING_MAX`; of those without an answer, the part `unknown`,
    half never took effect."""
    state: State = NOBODY
    operations: list[Operation] = []
    for moment in range(count):
        path, body = draw(chance, "alice") if moment else (IMPORT, b'{"UserID":"alice"}')
        begin = moment - chance.uniform(0, _LASTING_MAX)
        operation = Operation(path, body, begin, None, None)
        if not is_read(path) and chance.random() < unknown:
            if chance.random() < 0.5:
                state, _ = step(state, operation)
        else:
            state, answer = step(state, operation)
            end = moment + chance.uniform(0, _LASTING_MAX)
            operation = replace(operation, end=end, answer=answer)
        operations.append(operation)
    return operations


def spoilt(chance: random.Random, operations: Sequence[Operation]) -> list[Operation]:
    """The same history with one thing changed that could make it wrong, but need not."""
    answered = [operation for operation in operations if operation.answer is not None]
    match chance.choice(["lost", "another answer", "another time"]):
        case "lost":
            chosen = chance.choice([one for one in answered if not is_idle(one)] or answered)
            changed = []
        case "another answer":
            chosen = chance.choice(answered)
            same = {one.answer for one in answered if one.path == chosen.path}
            answers = sorted(filter(None, same - {chosen.answer})) or [b'{"ErrorCode":1}']
            changed = [replace(chosen, answer=chance.choice(answers))]
        case _:
            # Of the call, not of what it did.
            chosen = chance.choice(answered)
            shift = chance.choice([-3, 3]) * _LASTING_MAX
            changed = [replace(chosen, begin=chosen.begin + shift, end=chosen.until + shift)]
    return [one for one in operations if one is not chosen] + changed
