"""Commands know no engine, so their tests run on the fastest one."""

from __future__ import annotations

import pytest

from commands.steps import memory_caller
from harness import Caller, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def caller(clock: Clock) -> Caller:
    """A caller on `memory:` with the account `user_0001` and the chat group `room`."""
    return await memory_caller(clock)
