from __future__ import annotations

import pytest

from commands.steps import CREATE_ROOM, DESTROY_ROOM, LIST_ROOMS, Body, memory_caller, room
from harness import Caller, Clock


async def listed(caller: Caller, **body: object) -> tuple[list[str], int, int]:
    """The ids, `Next` and `TotalCount` of one page."""
    answer = await caller.ok(LIST_ROOMS, body)
    return [item["GroupId"] for item in answer["GroupIdList"]], answer["Next"], answer["TotalCount"]


async def test_all_chat_groups_are_listed_in_one_page_when_nothing_is_asked(caller: Caller) -> None:
    assert await caller.ok(LIST_ROOMS, {}) == {
        "TotalCount": 1,
        "GroupIdList": [{"GroupId": "room"}],
        "Next": 0,
        "ActionStatus": "OK",
        "ErrorCode": 0,
        "ErrorInfo": "",
        "ErrorDisplay": "",
    }
    await caller.chat_groups("hall", "cellar")
    ids, after, total = await listed(caller)
    assert (set(ids), after, total) == ({"room", "hall", "cellar"}, 0, 3)


async def test_an_app_without_chat_groups_has_an_empty_list(caller: Caller) -> None:
    await caller.ok(DESTROY_ROOM, {"GroupId": "room"})
    assert await listed(caller) == ([], 0, 0)


@pytest.mark.parametrize("limit", [1, 3, 4, 6, 11, 12, 13])
async def test_pages_hold_every_chat_group_once_and_end_with_0(caller: Caller, limit: int) -> None:
    await caller.chat_groups(*(f"room{number}" for number in range(11)))
    seen: list[str] = []
    after, pages = 0, 0
    while pages == 0 or after:
        ids, after, total = await listed(caller, Limit=limit, Next=after)
        assert len(ids) <= limit
        assert total == 12
        seen += ids
        pages += 1
    assert sorted(seen) == sorted(["room", *(f"room{number}" for number in range(11))])
    assert pages == -(-12 // limit)


async def test_destroying_what_was_listed_skips_nothing_on_later_pages(caller: Caller) -> None:
    await caller.chat_groups(*(f"room{number}" for number in range(20)))
    seen: list[str] = []
    after, begun = 0, False
    while not begun or after:
        begun = True
        ids, after, _ = await listed(caller, Limit=4, Next=after)
        for group_id in ids:
            await caller.ok(DESTROY_ROOM, {"GroupId": group_id})
        seen += ids
    assert len(seen) == len(set(seen)) == 21
    assert await listed(caller) == ([], 0, 0)


async def test_one_type_can_be_asked_for_and_is_counted_alone(caller: Caller) -> None:
    await caller.ok(CREATE_ROOM, room(GroupId="mine", Type="Private"))
    await caller.ok(CREATE_ROOM, room(GroupId="live", Type="AVChatRoom"))
    assert await listed(caller, GroupType="Private") == (["mine"], 0, 1)
    assert await listed(caller, GroupType="AVChatRoom") == (["live"], 0, 1)
    assert await listed(caller, GroupType="Community") == ([], 0, 0)
    assert (await listed(caller, GroupType=""))[2] == 3


async def test_the_second_call_of_a_second_is_refused_where_caps_are_on(clock: Clock) -> None:
    caller = await memory_caller(clock, profile="documented")
    assert await caller.code(LIST_ROOMS, {}) == 0
    assert await caller.code(LIST_ROOMS, {}) == 60007
    clock.now += 1
    assert await caller.code(LIST_ROOMS, {}) == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"Limit": 1}, 0),
        ({"Limit": 10_000}, 0),
        ({"Limit": 10_001}, 10004),
        ({"Limit": 0}, 10004),
        ({"Limit": -1}, 10004),
        ({"Limit": "1"}, 10004),
        ({"Limit": 1.0}, 10004),
        ({"Limit": None}, 10004),
        ({"Next": 0}, 0),
        ({"Next": 2**53 - 1}, 0),
        ({"Next": 2**53}, 10004),
        ({"Next": 2**70}, 10004),
        ({"Next": -1}, 10004),
        ({"GroupType": "ChatRoom"}, 0),
        ({"GroupType": "public"}, 10004),
        ({"GroupType": 1}, 10004),
    ],
)
async def test_each_field_keeps_to_its_bounds(caller: Caller, body: Body, code: int) -> None:
    assert await caller.code(LIST_ROOMS, body) == code
