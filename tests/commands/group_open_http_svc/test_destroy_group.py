from __future__ import annotations

import pytest

from commands.steps import (
    CREATE,
    DESTROY_ROOM,
    MARK,
    OWNER,
    ROOM,
    UPDATE,
    Body,
    added,
    bits,
    codes,
    creation,
    joining,
    marking,
    members_of,
    records,
)
from harness import Caller


async def test_a_destroyed_chat_group_takes_no_more_data_and_keeps_what_was_filed(
    caller: Caller,
) -> None:
    await caller.ok(CREATE, creation("work", ROOM))
    assert await caller.ok(DESTROY_ROOM, {"GroupId": "room"}) == {
        "ActionStatus": "OK",
        "ErrorCode": 0,
        "ErrorInfo": "",
        "ErrorDisplay": "",
    }
    assert await codes(caller, MARK, marking(bits(ROOM, 0))) == [51007]
    assert await codes(caller, UPDATE, joining("work", ROOM)) == [51007]
    assert await codes(caller, CREATE, creation("other", ROOM)) == [51007]
    (record,) = await records(caller, ROOM)
    assert (record["StandardMark"], record["ContactGroupId"]) == ("", [1])


async def test_nobody_is_a_member_of_a_later_chat_group_of_the_same_id(caller: Caller) -> None:
    assert await added(caller, "room", OWNER) == [1]
    await caller.ok(DESTROY_ROOM, {"GroupId": "room"})
    await caller.chat_groups("room")
    assert await members_of(caller, "room") == {}
    assert await added(caller, "room", OWNER) == [1]
    assert await members_of(caller, "room") == {OWNER: "Member"}


async def test_destroying_it_again_is_10010(caller: Caller) -> None:
    await caller.ok(DESTROY_ROOM, {"GroupId": "room"})
    assert await caller.code(DESTROY_ROOM, {"GroupId": "room"}) == 10010


async def test_a_generated_id_can_be_destroyed(caller: Caller) -> None:
    made = await caller.ok("group_open_http_svc/create_group", {"Type": "Public", "Name": "x"})
    assert made["GroupId"].startswith("@TGS#")
    assert await caller.code(DESTROY_ROOM, {"GroupId": made["GroupId"]}) == 0


async def test_an_id_is_free_again_after_its_chat_group_went(caller: Caller) -> None:
    await caller.ok(DESTROY_ROOM, {"GroupId": "room"})
    await caller.chat_groups("room")
    assert await codes(caller, MARK, marking(bits(ROOM, 0))) == [0]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"GroupId": "ghost"}, 10010),
        ({"GroupId": "ROOM"}, 10010),
        ({"GroupId": "x" * 128}, 10010),
        ({"GroupId": "x" * 129}, 10015),
        ({"GroupId": ""}, 10015),
        ({"GroupId": "群"}, 10015),
        ({"GroupId": "room\0"}, 10015),
        ({"GroupId": 5}, 10004),
        ({"GroupId": None}, 10004),
        ({"GroupId": ["room"]}, 10004),
        ({}, 10004),
    ],
)
async def test_what_is_no_chat_group_is_refused_by_its_form(
    caller: Caller, body: Body, code: int
) -> None:
    assert await caller.code(DESTROY_ROOM, body) == code
    assert await codes(caller, MARK, marking(bits(ROOM, 0))) == [0]
