from __future__ import annotations

from typing import Any

import pytest

from commands.messages import SEND_MANY, SENDER, element, listed
from commands.steps import memory_caller
from harness import ADMIN, NOW, Caller, Clock


def message(*receivers: str, **fields: Any) -> dict[str, Any]:
    body = {
        "From_Account": SENDER,
        "To_Account": list(receivers),
        "MsgRandom": 7,
        "MsgBody": [element()],
    } | fields
    return {name: value for name, value in body.items() if value is not ...}


@pytest.fixture
async def caller(clock: Clock) -> Caller:
    caller = await memory_caller(clock)
    await caller.accounts(SENDER, "a", "b")
    return caller


async def test_a_message_comes_into_the_lists_of_all(caller: Caller) -> None:
    answer = await caller.ok(SEND_MANY, message("a", "b", "a", MsgSeq=5))
    assert answer["MsgKey"] == f"5_7_{NOW}"
    assert "ErrorList" not in answer
    assert await listed(caller, SENDER) == {"a": NOW, "b": NOW}
    assert await listed(caller, "a") == await listed(caller, "b") == {SENDER: NOW}


async def test_who_does_not_exist_is_listed_and_the_others_are_reached(caller: Caller) -> None:
    answer = await caller.ok(SEND_MANY, message("ghost", "a", "phantom"))
    assert answer["ErrorList"] == [
        {"To_Account": "ghost", "ErrorCode": 70107},
        {"To_Account": "phantom", "ErrorCode": 70107},
    ]
    assert await listed(caller, SENDER) == {"a": NOW}


async def test_who_calls_is_the_sender_where_none_is_named(caller: Caller) -> None:
    await caller.ok(SEND_MANY, message("a", From_Account=...))
    assert await listed(caller, "a") == {ADMIN: NOW}


@pytest.mark.parametrize(
    "fields", [{"MsgLifeTime": 0}, {"OnlineOnlyFlag": 1}, {"SendMsgControl": ["NoLastMsg"]}]
)
async def test_some_messages_show_nowhere(caller: Caller, fields: dict[str, Any]) -> None:
    answer = await caller.ok(SEND_MANY, message("a", "ghost", **fields))
    assert [failed["To_Account"] for failed in answer["ErrorList"]] == ["ghost"]
    assert await listed(caller, "a") == await listed(caller, SENDER) == {}


async def test_without_sync_the_list_of_the_sender_stays(caller: Caller) -> None:
    await caller.ok(SEND_MANY, message("a", SyncOtherMachine=2))
    assert await listed(caller, "a") == {SENDER: NOW}
    assert await listed(caller, SENDER) == {}


async def test_a_repeat_reaches_only_who_was_not_reached(caller: Caller, clock: Clock) -> None:
    first = await caller.ok(SEND_MANY, message("a"))
    clock.now += 10
    assert (await caller.ok(SEND_MANY, message("a", "b")))["MsgKey"] == first["MsgKey"]
    assert await listed(caller, "a") == {SENDER: NOW}
    assert await listed(caller, "b") == {SENDER: NOW + 10}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"To_Account": ...}, 90003),
        ({"To_Account": []}, 90003),
        ({"To_Account": "a"}, 90003),
        ({"To_Account": ["a", ""]}, 90003),
        ({"To_Account": ["a", 5]}, 60015),
        ({"To_Account": ["a"] * 500}, 0),
        ({"To_Account": ["a"] * 501}, 90011),
        ({"From_Account": "ghost"}, 90008),
        ({"MsgRandom": ...}, 90005),
        ({"MsgBody": []}, 90002),
        ({"SyncOtherMachine": 3}, 90031),
        ({"MsgLifeTime": -1}, 90044),
    ],
)
async def test_each_field_keeps_to_its_bounds(
    caller: Caller, fields: dict[str, Any], code: int
) -> None:
    assert await caller.code(SEND_MANY, message("a", **fields)) == code
    assert bool(await listed(caller, "a")) is not bool(code)
