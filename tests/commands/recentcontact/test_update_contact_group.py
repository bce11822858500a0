from __future__ import annotations

import json

import pytest

from commands.steps import (
    CREATE,
    DESTROY_ROOM,
    FRIEND,
    GHOST,
    MARK,
    OWNER,
    ROOM,
    UPDATE,
    Body,
    bits,
    change,
    codes,
    creation,
    fill,
    groups,
    joining,
    leaving,
    marking,
    memory_caller,
    people,
    records,
    renaming,
)
from harness import Caller, Clock, account


@pytest.fixture
async def caller(caller: Caller) -> Caller:
    await caller.ok(CREATE, creation("work"))
    return caller


def updating(**fields: object) -> Body:
    """A rename with `fields` of `UpdateGroup` replaced; None is sent as null."""
    body = renaming("work", "new")
    body["UpdateGroup"] |= fields
    return body


async def test_a_rename_keeps_id_members_and_times(caller: Caller, clock: Clock) -> None:
    await caller.ok(UPDATE, joining("work", FRIEND))
    clock.now += 10
    answer = await caller.ok(UPDATE, renaming("work", "new"))
    assert answer["UpdateType"] == 1
    assert answer["UpdateGroupResult"] == {
        "UpdateGroupType": 1,
        "GroupName": "new",
        "GroupId": 1,
        "OldGroupName": "work",
        "ContactResultItem": [],
    }
    assert await groups(caller) == {"new": 1}
    (record,) = await records(caller, FRIEND)
    assert (record["ContactGroupId"], record["Timestamp"]) == ([1], 1_700_000_000)


async def test_a_rename_to_the_same_name_succeeds(caller: Caller) -> None:
    answer = await caller.ok(UPDATE, renaming("work", "work"))
    assert answer["UpdateGroupResult"]["GroupName"] == "work"
    assert await groups(caller) == {"work": 1}


async def test_the_old_name_is_free_after_a_rename(caller: Caller) -> None:
    await caller.ok(UPDATE, renaming("work", "new"))
    assert await caller.code(UPDATE, renaming("work", "third")) == 51009
    await caller.ok(CREATE, creation("work"))
    assert await groups(caller) == {"new": 1, "work": 2}


async def test_a_rename_to_the_name_of_another_group_is_50002(caller: Caller) -> None:
    await caller.ok(CREATE, creation("other"))
    assert await caller.code(UPDATE, renaming("work", "other")) == 50002
    assert await groups(caller) == {"work": 1, "other": 2}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("x" * 32, 0),
        ("x" * 33, 51011),
        ("漢" * 10 + "xx", 0),
        ("漢" * 11, 51011),
        ("", 50002),
        ("a\0b", 50002),
    ],
)
async def test_a_new_name_has_1_to_32_bytes_and_no_nul(caller: Caller, name: str, code: int) -> None:
    assert await caller.code(UPDATE, renaming("work", name)) == code
    assert await groups(caller) == ({"work": 1} if code else {name: 1})


async def test_a_rename_without_a_new_name_is_50002(caller: Caller) -> None:
    body = updating()
    del body["UpdateGroup"]["NewGroupName"]
    assert await caller.code(UPDATE, body) == 50002


@pytest.mark.parametrize("items", [[], [{"ContactOptType": 1, "ContactItem": FRIEND}] * 101])
async def test_a_rename_does_not_look_at_the_changes(caller: Caller, items: list[Body]) -> None:
    answer = await caller.ok(UPDATE, updating(ContactUpdateItem=items))
    assert answer["UpdateGroupResult"]["ContactResultItem"] == []
    assert await groups(caller) == {"new": 1}
    assert await records(caller, FRIEND) == []


@pytest.mark.parametrize("name", ["nobody's", "", "x" * 5000, "a\0b", "WORK"])
@pytest.mark.parametrize("kind", [1, 2])
async def test_a_group_that_does_not_exist_is_51009_whatever_its_name(
    caller: Caller, name: str, kind: int
) -> None:
    body = renaming(name, "new") if kind == 1 else joining(name, FRIEND)
    assert await caller.code(UPDATE, body) == 51009
    assert await groups(caller) == {"work": 1}
    assert await records(caller, FRIEND) == []


async def test_changes_are_answered_one_by_one_in_their_order(caller: Caller) -> None:
    await caller.ok(UPDATE, joining("work", ROOM))
    answer = await caller.ok(UPDATE, change("work", (1, FRIEND), (2, ROOM), (1, GHOST)))
    result = answer["UpdateGroupResult"]
    refused = result["ContactResultItem"].pop()
    assert answer["UpdateType"] == 1
    assert result == {
        "UpdateGroupType": 2,
        "GroupName": "work",
        "GroupId": 1,
        "OldGroupName": "work",
        "ContactResultItem": [
            {"ContactOptType": 1, "ContactItem": FRIEND, "ResultCode": 0, "ResultInfo": ""},
            {"ContactOptType": 2, "ContactItem": ROOM, "ResultCode": 0, "ResultInfo": ""},
        ],
    }
    assert (refused["ContactOptType"], refused["ContactItem"]) == (1, GHOST)
    assert refused["ResultCode"] == 51007
    assert await records(caller, FRIEND, ROOM, GHOST) == [
        FRIEND | {"StandardMark": "", "ContactGroupId": [1], "Timestamp": 1_700_000_000}
    ]


@pytest.mark.parametrize("name", ["", "x" * 99, "work", "a\0b"])
async def test_a_new_name_in_a_change_of_members_is_ignored(caller: Caller, name: str) -> None:
    body = joining("work", FRIEND)
    body["UpdateGroup"]["NewGroupName"] = name
    assert await codes(caller, UPDATE, body) == [0]
    assert await groups(caller) == {"work": 1}


async def test_adding_a_member_again_succeeds_and_leaves_its_time(caller: Caller, clock: Clock) -> None:
    await caller.ok(UPDATE, joining("work", FRIEND))
    clock.now += 10
    assert await codes(caller, UPDATE, joining("work", FRIEND)) == [0]
    (record,) = await records(caller, FRIEND)
    assert record["Timestamp"] == 1_700_000_000


async def test_removing_what_is_no_member_succeeds_and_leaves_its_time(
    caller: Caller, clock: Clock
) -> None:
    await caller.ok(MARK, marking(bits(FRIEND, 0)))
    clock.now += 10
    assert await codes(caller, UPDATE, leaving("work", FRIEND, ROOM)) == [0, 0]
    assert await records(caller, FRIEND, ROOM) == [
        FRIEND | {"StandardMark": "1", "Timestamp": 1_700_000_000}
    ]


async def test_joining_and_leaving_set_the_time_of_the_record(caller: Caller, clock: Clock) -> None:
    await caller.ok(MARK, marking(bits(FRIEND, 0)))
    clock.now += 10
    await caller.ok(UPDATE, joining("work", FRIEND))
    (record,) = await records(caller, FRIEND)
    assert (record["ContactGroupId"], record["Timestamp"]) == ([1], 1_700_000_010)
    clock.now += 10
    await caller.ok(UPDATE, leaving("work", FRIEND))
    (record,) = await records(caller, FRIEND)
    assert "ContactGroupId" not in record
    assert record["Timestamp"] == 1_700_000_020


async def test_a_record_left_without_data_is_dropped(caller: Caller) -> None:
    await caller.ok(UPDATE, joining("work", FRIEND))
    await caller.ok(UPDATE, leaving("work", FRIEND))
    assert await records(caller, FRIEND) == []


@pytest.mark.parametrize(
    ("changes", "members"),
    [([(1, FRIEND), (2, FRIEND)], 0), ([(2, FRIEND), (1, FRIEND)], 1)],
)
async def test_changes_of_one_conversation_apply_in_their_order(
    caller: Caller, changes: list[tuple[int, Body]], members: int
) -> None:
    assert await codes(caller, UPDATE, change("work", *changes)) == [0, 0]
    assert len(await records(caller, FRIEND)) == members


async def test_a_chat_group_that_is_gone_can_leave_but_not_join(caller: Caller) -> None:
    await caller.ok(UPDATE, joining("work", ROOM))
    await caller.ok(DESTROY_ROOM, {"GroupId": "room"})
    assert len(await records(caller, ROOM)) == 1
    assert await codes(caller, UPDATE, joining("work", ROOM)) == [51007]
    assert await codes(caller, UPDATE, leaving("work", ROOM)) == [0]
    assert await records(caller, ROOM) == []


async def test_an_unknown_chat_group_may_be_removed(caller: Caller) -> None:
    assert await codes(caller, UPDATE, leaving("work", GHOST)) == [0]


async def test_100_changes_are_taken_and_101_or_none_are_51006(caller: Caller) -> None:
    assert await codes(caller, UPDATE, joining("work", *people(100))) == [0] * 100
    assert await caller.code(UPDATE, joining("work", *people(101, first=200))) == 51006
    assert await caller.code(UPDATE, joining("work")) == 51006
    assert await records(caller, *people(101, first=200)) == []


async def test_the_1001st_conversation_is_51008_and_the_first_1000_are_done(caller: Caller) -> None:
    for start in range(0, 1000, 100):
        assert await codes(caller, UPDATE, joining("work", *people(100, start))) == [0] * 100
    body = change(
        "work", (1, account("new")), (1, people(1)[0]), (2, people(2)[1]), (1, account("new"))
    )
    assert await codes(caller, UPDATE, body) == [51008, 0, 0, 0]
    assert len(await records(caller, *people(2), account("new"))) == 2


async def test_51008_never_meets_a_record_that_exists(caller: Caller) -> None:
    await fill(caller, 1000)
    assert await codes(caller, UPDATE, joining("work", *people(100, 900))) == [0] * 100
    assert await codes(caller, UPDATE, joining("work", account("new"))) == [51008]


@pytest.mark.parametrize("wrong", [0, 2, 3, -1, 1.0, True, "1", None, 10**30])
async def test_an_update_type_other_than_1_is_50002(caller: Caller, wrong: object) -> None:
    body = json.dumps(updating() | {"UpdateType": wrong}).encode()
    assert await caller.code(UPDATE, body) == 50002
    assert await groups(caller) == {"work": 1}


@pytest.mark.parametrize("wrong", [0, 3, -1, 1.0, True, "1", None, 10**30])
async def test_an_update_group_type_other_than_1_and_2_is_50002(caller: Caller, wrong: object) -> None:
    body = json.dumps(updating(UpdateGroupType=wrong)).encode()
    assert await caller.code(UPDATE, body) == 50002
    assert await groups(caller) == {"work": 1}


@pytest.mark.parametrize("wrong", [0, 3, -1, 1.0, 2.0, True, "1", None, 10**30])
async def test_a_contact_opt_type_other_than_1_and_2_is_50002(caller: Caller, wrong: object) -> None:
    body = joining("work", FRIEND, ROOM)
    body["UpdateGroup"]["ContactUpdateItem"][1]["ContactOptType"] = wrong
    assert await caller.code(UPDATE, json.dumps(body).encode()) == 50002
    assert await records(caller, FRIEND) == []


@pytest.mark.parametrize("field", ["UpdateGroupType", "OldGroupName", "ContactUpdateItem"])
async def test_a_missing_field_of_a_change_is_50002(caller: Caller, field: str) -> None:
    body = joining("work", FRIEND)
    del body["UpdateGroup"][field]
    assert await caller.code(UPDATE, body) == 50002


@pytest.mark.parametrize("field", ["ContactOptType", "ContactItem"])
async def test_a_missing_field_of_one_change_is_50002(caller: Caller, field: str) -> None:
    body = joining("work", FRIEND)
    del body["UpdateGroup"]["ContactUpdateItem"][0][field]
    assert await caller.code(UPDATE, body) == 50002


@pytest.mark.parametrize("field", ["OldGroupName", "NewGroupName", "ContactUpdateItem"])
@pytest.mark.parametrize("wrong", [None, 1, {}])
async def test_a_field_of_another_type_is_50002(caller: Caller, field: str, wrong: object) -> None:
    assert await caller.code(UPDATE, updating(**{field: wrong})) == 50002
    assert await groups(caller) == {"work": 1}


@pytest.mark.parametrize("wrong", [None, 1, "work", []])
async def test_an_update_group_that_is_no_object_is_50002(caller: Caller, wrong: object) -> None:
    body = {"From_Account": OWNER, "UpdateType": 1, "UpdateGroup": wrong}
    assert await caller.code(UPDATE, body) == 50002


ORDER: list[tuple[str, Body, int]] = [
    ("the count before the update type", joining("work") | {"UpdateType": 2}, 51006),
    ("the shape before the count", joining("work") | {"UpdateType": "1"}, 50002),
    ("the count before a conversation", joining("work", *[account("")] * 101), 51006),
    ("the count before the account", joining("work") | {"From_Account": "no"}, 51006),
    ("the count before the group", joining("none"), 51006),
    ("a conversation before the account", joining("work", account("")) | {"From_Account": "no"}, 50002),
    ("a conversation before the group", joining("none", account("")), 50002),
    (
        "the name's length before the account",
        renaming("work", "x" * 33) | {"From_Account": "no"},
        51011,
    ),
    ("the name's length before the group", renaming("none", "x" * 33), 51011),
    ("the account before the group", renaming("none", "new") | {"From_Account": "no"}, 50001),
    ("the group before the name's twin", renaming("none", "work"), 51009),
    ("the group before the conversations", joining("none", GHOST), 51009),
]


@pytest.mark.parametrize(
    ("body", "code"), [case[1:] for case in ORDER], ids=[case[0] for case in ORDER]
)
async def test_of_two_errors_the_earlier_check_is_answered(
    caller: Caller, body: Body, code: int
) -> None:
    assert await caller.code(UPDATE, body) == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (joining("work"), 51006),
        (renaming("work", "x" * 33), 51011),
        (joining("work", account("")), 50002),
        (joining("work", FRIEND) | {"From_Account": "nobody"}, 51013),
        (leaving("work", FRIEND), 51013),
        (renaming("none", "new"), 51013),
    ],
)
async def test_the_edition_comes_after_the_request_and_before_the_account(
    body: Body, code: int
) -> None:
    caller = await memory_caller(edition="basic")
    assert await caller.code(UPDATE, body) == code


async def test_a_removal_is_done_beside_a_refused_addition_of_the_same_chat_group(
    caller: Caller,
) -> None:
    await caller.ok(UPDATE, joining("work", ROOM))
    await caller.ok(DESTROY_ROOM, {"GroupId": "room"})
    assert await codes(caller, UPDATE, change("work", (1, ROOM), (2, ROOM))) == [51007, 0]
    assert await records(caller, ROOM) == []
