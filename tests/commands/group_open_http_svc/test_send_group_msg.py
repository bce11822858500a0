from __future__ import annotations

from typing import Any

import pytest

from commands.messages import BAD_ELEMENTS, GOOD_ELEMENTS, SEND_TO_ROOM, element, listed, text_of
from commands.steps import OWNER, added, memory_caller
from harness import NOW, Caller, Clock


def message(**fields: Any) -> dict[str, Any]:
    body = {
        "GroupId": "room",
        "From_Account": OWNER,
        "Random": 7,
        "MsgBody": [element()],
    } | fields
    return {name: value for name, value in body.items() if value is not ...}


@pytest.fixture
async def caller(clock: Clock) -> Caller:
    caller = await memory_caller(clock)
    await caller.accounts("a")
    await added(caller, "room", OWNER, "a")
    return caller


async def test_messages_are_numbered_and_show_in_the_lists_of_the_members(
    caller: Caller, clock: Clock
) -> None:
    for number in (1, 2):
        clock.now = NOW + number
        answer = await caller.ok(SEND_TO_ROOM, message(Random=number))
        assert list(answer)[:2] == ["MsgTime", "MsgSeq"]
        assert (answer["MsgTime"], answer["MsgSeq"]) == (NOW + number, number)
        assert await listed(caller, "a") == await listed(caller, OWNER) == {"room": NOW + number}


async def test_who_sends_need_not_be_named_or_be_a_member(caller: Caller) -> None:
    await caller.accounts("stranger")
    await caller.ok(SEND_TO_ROOM, message(From_Account=...))
    await caller.ok(SEND_TO_ROOM, message(From_Account="stranger", Random=8))
    assert await listed(caller, "stranger") == {}


async def test_some_messages_show_nowhere_but_are_counted(caller: Caller) -> None:
    body = message(SendMsgControl=["NoLastMsg", "NoUnread"])
    assert (await caller.ok(SEND_TO_ROOM, body))["MsgSeq"] == 1
    assert await listed(caller, "a") == {}


async def test_a_message_for_who_is_online_has_no_number(caller: Caller) -> None:
    await caller.ok(SEND_TO_ROOM, message())
    assert (await caller.ok(SEND_TO_ROOM, message(Random=8, OnlineOnlyFlag=1)))["MsgSeq"] == 1
    assert (await caller.ok(SEND_TO_ROOM, message(Random=9)))["MsgSeq"] == 2


async def test_a_repeat_is_answered_as_the_first_for_five_minutes(caller: Caller, clock: Clock) -> None:
    first = await caller.ok(SEND_TO_ROOM, message())
    clock.now += 300
    assert await caller.ok(SEND_TO_ROOM, message()) == first
    assert await listed(caller, "a") == {"room": NOW}
    clock.now += 1
    assert (await caller.ok(SEND_TO_ROOM, message()))["MsgSeq"] == 2


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"GroupId": "ghost"}, 10010),
        ({"GroupId": ""}, 10015),
        ({"GroupId": ...}, 10004),
        ({"From_Account": "ghost"}, 10019),
        ({"From_Account": "é"}, 10004),
        ({"From_Account": 5}, 60015),
        ({"Random": ...}, 10004),
        ({"Random": "7"}, 10004),
        ({"Random": 0}, 0),
        ({"Random": -1}, 10004),
        ({"Random": (1 << 32) - 1}, 0),
        ({"Random": 1 << 32}, 10004),
        ({"MsgPriority": "High"}, 0),
        ({"MsgPriority": "Low"}, 0),
        ({"MsgPriority": "high"}, 10004),
        ({"OnlineOnlyFlag": 2}, 10004),
        ({"OnlineOnlyFlag": 1, "SendMsgControl": ["NoUnread"]}, 10004),
        ({"MsgBody": ...}, 10004),
        ({"MsgBody": []}, 10004),
        ({"MsgBody": GOOD_ELEMENTS}, 0),
        ({"MsgBody": text_of(12 * 1024)}, 0),
        ({"MsgBody": text_of(12 * 1024 + 1)}, 80002),
        *(({"MsgBody": [bad]}, 10004) for bad in BAD_ELEMENTS),
    ],
)
async def test_each_field_keeps_to_its_bounds(
    caller: Caller, fields: dict[str, Any], code: int
) -> None:
    assert await caller.code(SEND_TO_ROOM, message(**fields)) == code
    assert bool(await listed(caller, "a")) is not bool(code)
