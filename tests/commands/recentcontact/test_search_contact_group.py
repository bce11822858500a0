from __future__ import annotations

import pytest

from commands.steps import (
    CREATE,
    FRIEND,
    GHOST,
    MARK,
    OWNER,
    ROOM,
    SEARCH,
    Body,
    bits,
    creation,
    fill,
    marking,
    memory_caller,
    people,
    question,
    records,
    text,
)
from harness import Caller, account


async def test_conversations_are_answered_in_the_order_of_the_request(caller: Caller) -> None:
    await caller.ok(MARK, marking(bits(FRIEND, 0), bits(ROOM, 0), bits(account("x"), 0)))
    found = await records(caller, account("x"), FRIEND, ROOM)
    assert [record.get("To_Account") for record in found] == ["x", "user_0002", None]
    found = await records(caller, ROOM, account("x"), FRIEND)
    assert [record.get("To_Account") for record in found] == [None, "x", "user_0002"]


async def test_a_conversation_asked_for_twice_is_answered_twice(caller: Caller) -> None:
    await caller.ok(MARK, marking(bits(FRIEND, 0), text(ROOM, "a")))
    friend, room = await records(caller, FRIEND, ROOM)
    assert await records(caller, FRIEND, ROOM, FRIEND, GHOST, FRIEND) == [friend, room, friend, friend]


async def test_conversations_without_data_are_left_out(caller: Caller) -> None:
    await caller.ok(MARK, marking(bits(FRIEND, 0)))
    answer = await caller.ok(SEARCH, question(GHOST, FRIEND, account("stranger"), ROOM))
    assert answer["ContactResultItem"] == [FRIEND | {"StandardMark": "1", "Timestamp": 1_700_000_000}]


async def test_nothing_found_is_two_empty_lists(caller: Caller) -> None:
    await caller.ok(CREATE, creation("work"))
    assert await caller.ok(SEARCH, question(FRIEND)) == {
        "ContactResultItem": [],
        "GroupItem": [],
        "ActionStatus": "OK",
        "ErrorCode": 0,
        "ErrorInfo": "",
        "ErrorDisplay": "",
    }


async def test_the_groups_are_those_that_the_records_name_by_ascending_id(caller: Caller) -> None:
    await caller.ok(CREATE, creation("d", ROOM))
    await caller.ok(CREATE, creation("c", FRIEND))
    await caller.ok(CREATE, creation("b", account("other")))
    await caller.ok(CREATE, creation("a", FRIEND, ROOM))
    answer = await caller.ok(SEARCH, question(FRIEND))
    assert answer["ContactResultItem"][0]["ContactGroupId"] == [2, 4]
    assert answer["GroupItem"] == [{"GroupName": "c", "GroupId": 2}, {"GroupName": "a", "GroupId": 4}]
    answer = await caller.ok(SEARCH, question(FRIEND, ROOM, FRIEND))
    assert [group["GroupId"] for group in answer["GroupItem"]] == [1, 2, 4]


async def test_300_conversations_may_be_asked_for_and_301_are_50002(caller: Caller) -> None:
    await fill(caller, 301)
    assert len(await records(caller, *people(300))) == 300
    assert await caller.code(SEARCH, question(*people(301))) == 50002


async def test_the_300_count_what_is_asked_twice(caller: Caller) -> None:
    await fill(caller, 1)
    assert len(await records(caller, *people(1) * 300)) == 300
    assert await caller.code(SEARCH, question(*people(1) * 301)) == 50002


async def test_no_conversation_is_50002(caller: Caller) -> None:
    assert await caller.code(SEARCH, question()) == 50002


@pytest.mark.parametrize("wrong", ["x", 1, {}, [None], [1], [[]], FRIEND])
async def test_conversations_of_another_shape_are_50002(caller: Caller, wrong: object) -> None:
    assert await caller.code(SEARCH, {"From_Account": OWNER, "ContactItem": wrong}) == 50002


async def test_one_wrong_conversation_refuses_the_whole_search_and_is_named(caller: Caller) -> None:
    answer = await caller.call(SEARCH, question(FRIEND, account(""), ROOM))
    assert answer["ErrorCode"] == 50002
    assert "ContactItem[1].To_Account" in answer["ErrorInfo"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (question(FRIEND) | {"From_Account": "nobody"}, 50001),
        (question() | {"From_Account": "nobody"}, 50002),
        (question(account("")) | {"From_Account": "nobody"}, 50002),
        (question(*[{"Type": 1, "To_Account": 5}] * 301), 60015),
    ],
)
async def test_of_two_errors_the_earlier_check_is_answered(
    caller: Caller, body: Body, code: int
) -> None:
    assert await caller.code(SEARCH, body) == code


async def test_reading_is_open_to_every_edition() -> None:
    caller = await memory_caller(edition="basic")
    assert await caller.code(SEARCH, question(FRIEND)) == 0
