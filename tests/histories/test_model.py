"""The model of the checker must be the service: on the memory engine, call by call."""

from __future__ import annotations

import random

import msgspec
import pytest

from chatmarks.engines.memory import MemoryStore
from harness import make_caller
from histories.calls import draw
from histories.checker import Operation
from histories.model import CHAT_GROUP, NOBODY, State, step, without_times


@pytest.mark.parametrize("seed", range(5))
async def test_the_model_answers_as_the_service_does(seed: int) -> None:
    chance = random.Random(seed)
    caller = await make_caller(MemoryStore())
    await caller.chat_groups(CHAT_GROUP)
    state: State = NOBODY
    codes = set()
    for _ in range(500):
        path, body = draw(chance, "alice")
        state, answer = step(state, Operation(path, body, 0, None, None))
        assert without_times(await caller.raw(path, body)) == answer
        codes.add(msgspec.json.decode(answer)["ErrorCode"])
    assert codes == {0, 50001, 50002, 51009}


def test_only_times_are_left_out_of_an_answer() -> None:
    answer = b'{"CustomMark":"\\"Timestamp\\":5","Timestamp":17,"CompleteTime":18,"GroupId":19}'
    wanted = b'{"CustomMark":"\\"Timestamp\\":5","Timestamp":0,"CompleteTime":0,"GroupId":19}'
    assert without_times(answer) == wanted
