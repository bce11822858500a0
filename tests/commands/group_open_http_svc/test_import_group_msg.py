from __future__ import annotations

from typing import Any

import pytest

from commands.messages import IMPORT_TO_ROOM, element, listed, text_of
from commands.steps import CREATE_ROOM, OWNER, added, memory_caller, room
from harness import NOW, Caller, Clock


def one(at: int, **fields: Any) -> dict[str, Any]:
    body = {"From_Account": OWNER, "SendTime": at, "MsgBody": [element()]} | fields
    return {name: value for name, value in body.items() if value is not ...}


def importing(*messages: object, **fields: Any) -> dict[str, Any]:
    return {"GroupId": "room", "MsgList": list(messages)} | fields


async def results(caller: Caller, body: dict[str, Any]) -> list[tuple[int, int, int]]:
    answer = await caller.ok(IMPORT_TO_ROOM, body)
    return [(one["MsgSeq"], one["MsgTime"], one["Result"]) for one in answer["ImportMsgResult"]]


@pytest.fixture
async def caller(clock: Clock) -> Caller:
    """The chat group was made at `NOW`, a thousand seconds ago."""
    caller = await memory_caller(clock)
    await added(caller, "room", OWNER)
    clock.now += 1000
    return caller


async def test_messages_are_numbered_in_their_order(caller: Caller) -> None:
    body = importing(one(NOW + 10, Random=7), one(NOW + 20, CloudCustomData="mine"))
    assert await results(caller, body) == [(1, NOW + 10, 0), (2, NOW + 20, 0)]
    assert await listed(caller, OWNER) == {}


async def test_they_show_in_lists_where_that_is_asked_for(caller: Caller) -> None:
    await results(caller, importing(one(NOW + 10), RecentContactFlag=1))
    assert await listed(caller, OWNER) == {"room": NOW + 10}


async def test_the_lists_of_a_community_stay_as_they_are(caller: Caller, clock: Clock) -> None:
    await caller.ok(CREATE_ROOM, room(GroupId="town", Type="Community"))
    await added(caller, "town", OWNER)
    clock.now += 100
    body = importing(one(NOW + 1001), GroupId="town", RecentContactFlag=1)
    assert await results(caller, body) == [(1, NOW + 1001, 0)]
    assert await listed(caller, OWNER) == {}


async def test_an_import_that_shows_in_lists_can_be_repeated_and_completed(caller: Caller) -> None:
    first, second = one(NOW + 10, Random=7), one(NOW + 20, Random=8)
    await results(caller, importing(first, RecentContactFlag=1))
    for _ in range(2):
        body = importing(first, second, RecentContactFlag=1)
        assert await results(caller, body) == [(1, NOW + 10, 0), (2, NOW + 20, 0)]
    assert await listed(caller, OWNER) == {"room": NOW + 20}


async def test_a_repeat_is_answered_as_the_first_for_five_minutes(caller: Caller, clock: Clock) -> None:
    body = importing(one(NOW + 10, Random=7))
    for later, seq in ((0, 1), (300, 1), (1, 2)):
        clock.now += later
        assert await results(caller, body) == [(seq, NOW + 10, 0)]


@pytest.mark.parametrize(
    ("at", "code"), [(0, 10004), (1, 0), (999, 0), (1000, 10004), (1001, 10004), (-1, 10004)]
)
async def test_a_time_lies_between_the_chat_group_and_now(caller: Caller, at: int, code: int) -> None:
    assert await results(caller, importing(one(NOW + at))) == [(1 - bool(code), NOW + at, code)]


async def test_times_rise(caller: Caller) -> None:
    body = importing(one(NOW + 10), one(NOW + 10), one(NOW + 9), one(NOW + 11), RecentContactFlag=1)
    assert [code for _, _, code in await results(caller, body)] == [0, 10004, 10004, 0]
    assert [code for _, _, code in await results(caller, importing(one(NOW + 11)))] == [10004]


async def test_one_that_is_too_long_keeps_no_other_from_being_imported(caller: Caller) -> None:
    longest, too_long = text_of(12 * 1024), text_of(12 * 1024 + 1)
    body = importing(one(NOW + 1, MsgBody=too_long), one(NOW + 2, MsgBody=longest))
    assert await results(caller, body) == [(0, NOW + 1, 80002), (1, NOW + 2, 0)]


async def test_nothing_is_imported_to_a_chat_group_for_live_video(caller: Caller) -> None:
    await caller.ok(CREATE_ROOM, room(GroupId="live", Type="AVChatRoom"))
    assert await caller.code(IMPORT_TO_ROOM, importing(one(NOW + 10), GroupId="live")) == 10007


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"GroupId": "ghost"}, 10010),
        ({"GroupId": ""}, 10015),
        ({"RecentContactFlag": 2}, 10004),
        ({"MsgList": []}, 10004),
        ({"MsgList": [one(NOW + number) for number in range(1, 8)]}, 0),
        ({"MsgList": [one(NOW + number) for number in range(1, 9)]}, 10004),
        ({"MsgList": [one(NOW + 1, From_Account=...)]}, 10004),
        ({"MsgList": [one(NOW + 1, From_Account="")]}, 10004),
        ({"MsgList": [one(NOW + 1, From_Account=5)]}, 60015),
        ({"MsgList": [one(NOW + 1, From_Account="ghost")]}, 10019),
        ({"MsgList": [one(NOW + 1, Random=1 << 32)]}, 10004),
        ({"MsgList": [one(NOW + 1, SendTime="1")]}, 10004),
        ({"MsgList": [one(NOW + 1, MsgBody=[])]}, 10004),
        ({"MsgList": [one(NOW + 1, MsgBody=[element(Text=5)])]}, 10004),
    ],
)
async def test_each_field_keeps_to_its_bounds(
    caller: Caller, fields: dict[str, Any], code: int
) -> None:
    assert await caller.code(IMPORT_TO_ROOM, importing(one(NOW + 1)) | fields) == code
