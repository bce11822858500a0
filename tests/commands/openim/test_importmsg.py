from __future__ import annotations

from typing import Any

import pytest

from commands.messages import IMPORT_MESSAGE, RECEIVER, SENDER, element, listed, text_of
from commands.steps import memory_caller
from harness import NOW, Caller, Clock


def message(**fields: Any) -> dict[str, Any]:
    body = {
        "SyncFromOldSystem": 2,
        "From_Account": SENDER,
        "To_Account": RECEIVER,
        "MsgRandom": 7,
        "MsgTimeStamp": NOW - 100,
        "MsgBody": [element()],
    } | fields
    return {name: value for name, value in body.items() if value is not ...}


@pytest.fixture
async def caller(clock: Clock) -> Caller:
    caller = await memory_caller(clock)
    await caller.accounts(SENDER, RECEIVER)
    return caller


@pytest.mark.parametrize("kind", [1, 2, 5])
async def test_the_conversation_comes_with_the_time_of_the_message(caller: Caller, kind: int) -> None:
    await caller.ok(IMPORT_MESSAGE, message(SyncFromOldSystem=kind))
    assert await listed(caller, RECEIVER) == {SENDER: NOW - 100}
    assert await listed(caller, SENDER) == {RECEIVER: NOW - 100}


async def test_only_the_newest_time_counts(caller: Caller) -> None:
    for at in (NOW - 50, NOW - 100, NOW - 50):
        await caller.ok(IMPORT_MESSAGE, message(MsgTimeStamp=at))
    assert await listed(caller, RECEIVER) == {SENDER: NOW - 50}


async def test_a_repeat_in_the_other_direction_changes_nothing(caller: Caller) -> None:
    await caller.ok(IMPORT_MESSAGE, message())
    await caller.ok(IMPORT_MESSAGE, message(From_Account=RECEIVER, To_Account=SENDER))
    assert await listed(caller, RECEIVER) == {SENDER: NOW - 100}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"SyncFromOldSystem": ...}, 90030),
        ({"SyncFromOldSystem": "1"}, 90030),
        ({"SyncFromOldSystem": 0}, 90030),
        ({"SyncFromOldSystem": 3}, 90030),
        ({"From_Account": ...}, 90008),
        ({"From_Account": ""}, 90008),
        ({"From_Account": "ghost"}, 90008),
        ({"From_Account": 5}, 60015),
        ({"To_Account": ...}, 90003),
        ({"To_Account": "ghost"}, 90012),
        ({"MsgRandom": ...}, 90005),
        ({"MsgTimeStamp": ...}, 90006),
        ({"MsgTimeStamp": "1"}, 90006),
        ({"MsgTimeStamp": 1 << 32}, 90006),
        ({"MsgSeq": -1}, 90001),
        ({"MsgBody": ...}, 90007),
        ({"MsgBody": []}, 90002),
        ({"MsgBody": [element(Text=5)]}, 90010),
        ({"MsgBody": text_of(12 * 1024)}, 0),
        ({"MsgBody": text_of(12 * 1024 + 1)}, 93000),
    ],
)
async def test_each_field_keeps_to_its_bounds(
    caller: Caller, fields: dict[str, Any], code: int
) -> None:
    assert await caller.code(IMPORT_MESSAGE, message(**fields)) == code
    assert bool(await listed(caller, RECEIVER)) is not bool(code)
