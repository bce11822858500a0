from __future__ import annotations

import pytest

from commands.steps import CREATE_ROOM, OWNER, ROOM_INFO, Body, added, crowd, room
from harness import NOW, SDKAPPID, Caller, Clock


def asking(*group_ids: object) -> Body:
    return {"GroupIdList": list(group_ids)}


async def test_all_that_is_kept_of_a_chat_group_is_answered(caller: Caller, clock: Clock) -> None:
    await caller.accounts("a", "b")
    await caller.ok(CREATE_ROOM, room(GroupId="mine", Type="Private", Owner_Account=OWNER))
    clock.now += 5
    await added(caller, "mine", "b")
    clock.now += 5
    await added(caller, "mine", "a")
    assert (await caller.ok(ROOM_INFO, asking("mine")))["GroupInfo"] == [
        {
            "GroupId": "mine",
            "ErrorCode": 0,
            "ErrorInfo": "",
            "Type": "Private",
            "Name": "a room",
            "Appid": SDKAPPID,
            "Owner_Account": OWNER,
            "CreateTime": NOW,
            "MemberNum": 3,
            "MaxMemberNum": 6000,
            "MemberList": [
                {"Member_Account": OWNER, "Role": "Owner", "JoinTime": NOW},
                {"Member_Account": "b", "Role": "Member", "JoinTime": NOW + 5},
                {"Member_Account": "a", "Role": "Member", "JoinTime": NOW + 10},
            ],
        }
    ]


async def test_each_id_has_an_item_of_its_own_in_the_order_of_the_request(caller: Caller) -> None:
    infos = (await caller.ok(ROOM_INFO, asking("ghost", "room", "群", "", "x" * 129, "room")))[
        "GroupInfo"
    ]
    assert [info["GroupId"] for info in infos] == ["ghost", "room", "群", "", "x" * 129, "room"]
    assert [info["ErrorCode"] for info in infos] == [10010, 0, 10015, 10015, 10015, 0]
    for info in infos:
        if info["ErrorCode"]:
            assert list(info) == ["GroupId", "ErrorCode", "ErrorInfo"]
            assert info["ErrorInfo"]


async def test_a_chat_group_without_owner_has_an_empty_one(caller: Caller) -> None:
    (info,) = (await caller.ok(ROOM_INFO, asking("room")))["GroupInfo"]
    assert (info["Owner_Account"], info["MemberNum"], info["MemberList"]) == ("", 0, [])


async def test_an_answer_over_one_mebibyte_is_10018(caller: Caller) -> None:
    ids = ["first", "second", "third"]
    await caller.chat_groups(*ids)
    for group_id in ids:
        await crowd(caller, group_id, 6000)
    assert await caller.code(ROOM_INFO, asking(*ids)) == 10018
    infos = (await caller.ok(ROOM_INFO, asking("first")))["GroupInfo"]
    assert [info["MemberNum"] for info in infos] == [6000]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (asking(*["room"] * 50), 0),
        (asking(*["room"] * 51), 10004),
        (asking(), 10004),
        (asking("room", 5), 10004),
        (asking(None), 10004),
        ({"GroupIdList": "room"}, 10004),
        ({}, 10004),
        (asking("room") | {"ResponseFilter": {"GroupBaseInfoFilter": ["Type"]}}, 0),
    ],
)
async def test_1_to_50_ids_are_allowed(caller: Caller, body: Body, code: int) -> None:
    assert await caller.code(ROOM_INFO, body) == code
