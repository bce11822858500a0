from __future__ import annotations

import pytest

from commands.steps import (
    CREATE_ROOM,
    DELETE_MEMBERS,
    OWNER,
    Body,
    added,
    member_list,
    members_of,
    removing,
    room,
)
from harness import Caller


async def test_members_are_taken_out_and_who_is_none_is_no_error(caller: Caller) -> None:
    await caller.accounts("a", "b")
    await added(caller, "room", OWNER, "a", "b")
    assert await caller.ok(DELETE_MEMBERS, removing("room", "a", "nobody", OWNER, "a")) == {
        "ActionStatus": "OK",
        "ErrorCode": 0,
        "ErrorInfo": "",
        "ErrorDisplay": "",
    }
    assert await members_of(caller, "room") == {"b": "Member"}
    await caller.ok(DELETE_MEMBERS, removing("room", "a"))
    assert await added(caller, "room", "a", "b") == [1, 2]


async def test_the_owner_cannot_be_taken_out_and_then_nobody_is(caller: Caller) -> None:
    await caller.accounts("a")
    await caller.ok(CREATE_ROOM, room(GroupId="mine", Owner_Account=OWNER, MemberList=member_list("a")))
    assert await caller.code(DELETE_MEMBERS, removing("mine", "a", OWNER)) == 10007
    assert await members_of(caller, "mine") == {"a": "Member", OWNER: "Owner"}
    assert await caller.code(DELETE_MEMBERS, removing("mine", "a")) == 0
    assert await members_of(caller, "mine") == {OWNER: "Owner"}


async def test_nobody_is_taken_out_of_a_chat_group_for_live_video(caller: Caller) -> None:
    body = room(GroupId="live", Type="AVChatRoom", MemberList=member_list(OWNER))
    await caller.ok(CREATE_ROOM, body)
    assert await caller.code(DELETE_MEMBERS, removing("live", OWNER)) == 10004
    assert await members_of(caller, "live") == {OWNER: "Member"}


async def test_only_the_named_chat_group_is_left(caller: Caller) -> None:
    await caller.chat_groups("hall")
    for group_id in ("room", "hall"):
        await added(caller, group_id, OWNER)
    await caller.ok(DELETE_MEMBERS, removing("room", OWNER))
    assert await members_of(caller, "hall") == {OWNER: "Member"}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, 0),
        ({"Silence": 1, "Reason": "spam"}, 0),
        ({"GroupId": "ghost"}, 10010),
        ({"GroupId": ""}, 10015),
        ({"GroupId": "群"}, 10015),
        ({"GroupId": "x" * 129}, 10015),
        ({"GroupId": 5}, 10004),
        ({"MemberToDel_Account": []}, 10004),
        ({"MemberToDel_Account": None}, 10004),
        ({"MemberToDel_Account": OWNER}, 10004),
        ({"MemberToDel_Account": [OWNER] * 100}, 0),
        ({"MemberToDel_Account": [OWNER] * 101}, 10005),
        ({"MemberToDel_Account": [OWNER, ""]}, 10004),
        ({"MemberToDel_Account": [OWNER, "x" * 32]}, 0),
        ({"MemberToDel_Account": [OWNER, "x" * 33]}, 10004),
        ({"MemberToDel_Account": [OWNER, "é"]}, 10004),
        ({"MemberToDel_Account": [OWNER, 5]}, 60015),
    ],
)
async def test_each_field_keeps_to_its_bounds(caller: Caller, fields: Body, code: int) -> None:
    await added(caller, "room", OWNER)
    assert await caller.code(DELETE_MEMBERS, removing("room", OWNER) | fields) == code
    assert await members_of(caller, "room") == ({OWNER: "Member"} if code else {})


@pytest.mark.parametrize("field", ["GroupId", "MemberToDel_Account"])
async def test_both_fields_are_required(caller: Caller, field: str) -> None:
    body = removing("room", OWNER)
    del body[field]
    assert await caller.code(DELETE_MEMBERS, body) == 10004
