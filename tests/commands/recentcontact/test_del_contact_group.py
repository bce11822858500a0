from __future__ import annotations

import pytest

from commands.steps import (
    CREATE,
    DELETE,
    FRIEND,
    MARK,
    OWNER,
    ROOM,
    Body,
    bits,
    creation,
    deletion,
    fill,
    groups,
    marking,
    memory_caller,
    people,
    records,
)
from harness import Caller, Clock, account


async def test_the_deleted_group_is_answered_with_its_id(caller: Caller) -> None:
    await caller.ok(CREATE, creation("a"))
    await caller.ok(CREATE, creation("b"))
    assert await caller.ok(DELETE, deletion("b")) == {
        "GroupItem": [{"GroupName": "b", "GroupId": 2}],
        "ActionStatus": "OK",
        "ErrorCode": 0,
        "ErrorInfo": "",
        "ErrorDisplay": "",
    }
    assert await groups(caller) == {"a": 1}


async def test_members_keep_their_other_data_and_their_time(caller: Caller, clock: Clock) -> None:
    await caller.ok(CREATE, creation("a", FRIEND, ROOM, account("x")))
    await caller.ok(CREATE, creation("b", ROOM))
    await caller.ok(MARK, marking(bits(FRIEND, 0)))
    clock.now += 10
    await caller.ok(DELETE, deletion("a"))
    assert await records(caller, FRIEND, ROOM, account("x")) == [
        FRIEND | {"StandardMark": "1", "Timestamp": 1_700_000_000},
        ROOM | {"StandardMark": "", "ContactGroupId": [2], "Timestamp": 1_700_000_000},
    ]


async def test_dropped_members_no_longer_count_towards_the_1000(caller: Caller) -> None:
    await caller.ok(CREATE, creation("a", *people(2, 5000)))
    await fill(caller, 998)
    await caller.ok(DELETE, deletion("a"))
    answer = await caller.ok(MARK, marking(*(bits(item, 0) for item in people(3, 6000))))
    assert [result["ResultCode"] for result in answer["ResultItem"]] == [0, 0, 51008]


async def test_deleting_a_group_twice_is_51009(caller: Caller) -> None:
    await caller.ok(CREATE, creation("a"))
    await caller.ok(DELETE, deletion("a"))
    assert await caller.code(DELETE, deletion("a")) == 51009


@pytest.mark.parametrize("name", ["", "A", "a ", "x" * 5000, "a\0"])
async def test_a_group_that_does_not_exist_is_51009_whatever_its_name(
    caller: Caller, name: str
) -> None:
    await caller.ok(CREATE, creation("a"))
    assert await caller.code(DELETE, deletion(name)) == 51009
    assert await groups(caller) == {"a": 1}


@pytest.mark.parametrize("names", [(), ("a", "b"), ("a", "a")])
async def test_any_number_of_names_but_one_is_50002(caller: Caller, names: tuple[str, ...]) -> None:
    await caller.ok(CREATE, creation("a"))
    await caller.ok(CREATE, creation("b"))
    assert await caller.code(DELETE, deletion(*names)) == 50002
    assert await groups(caller) == {"a": 1, "b": 2}


@pytest.mark.parametrize("wrong", ["a", None, 1, {}, [1], [None], [["a"]], [{"GroupName": "a"}]])
async def test_names_of_another_shape_are_50002(caller: Caller, wrong: object) -> None:
    await caller.ok(CREATE, creation("a"))
    assert await caller.code(DELETE, {"From_Account": OWNER, "GroupName": wrong}) == 50002
    assert await groups(caller) == {"a": 1}


async def test_a_comment_in_the_body_is_not_json(caller: Caller) -> None:
    body = b'{"From_Account":"user_0001", // whose group\n"GroupName":["a"]}'
    assert await caller.code(DELETE, body) == 60003


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (deletion() | {"From_Account": 5}, 60015),
        (deletion() | {"From_Account": "nobody"}, 50002),
        (deletion("none") | {"From_Account": "nobody"}, 50001),
    ],
)
async def test_of_two_errors_the_earlier_check_is_answered(
    caller: Caller, body: Body, code: int
) -> None:
    assert await caller.code(DELETE, body) == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (deletion(), 50002),
        (deletion("a") | {"From_Account": "nobody"}, 51013),
        (deletion("none"), 51013),
    ],
)
async def test_the_edition_comes_after_the_request_and_before_the_account(
    body: Body, code: int
) -> None:
    caller = await memory_caller(edition="basic")
    assert await caller.code(DELETE, body) == code
