from __future__ import annotations

import pytest

from chatmarks.store import ChatGroup
from commands.steps import (
    CREATE,
    DELETE,
    FRIEND,
    GHOST,
    MARK,
    OWNER,
    ROOM,
    Body,
    bits,
    carrying,
    codes,
    creation,
    deletion,
    fill,
    groups,
    marking,
    memory_caller,
    people,
    records,
)
from harness import SDKAPPID, Caller, Clock, account, chat_group


def naming(name: object) -> Body:
    return {"From_Account": OWNER, "GroupContactItem": [{"GroupName": name}]}


async def twenty_groups(caller: Caller) -> None:
    for number in range(1, 21):
        await caller.ok(CREATE, creation(f"g{number}"))


async def test_a_new_group_is_answered_with_its_id_and_its_conversations(caller: Caller) -> None:
    answer = await caller.ok(CREATE, creation("work", FRIEND, ROOM))
    assert answer == {
        "GroupResultItem": [
            {
                "GroupItem": {"GroupName": "work", "GroupId": 1},
                "ResultItem": [
                    {"ContactItem": FRIEND, "ResultCode": 0, "ResultInfo": ""},
                    {"ContactItem": ROOM, "ResultCode": 0, "ResultInfo": ""},
                ],
            }
        ],
        "ActionStatus": "OK",
        "ErrorCode": 0,
        "ErrorInfo": "",
        "ErrorDisplay": "",
    }
    assert [record["ContactGroupId"] for record in await records(caller, FRIEND, ROOM)] == [[1], [1]]


@pytest.mark.parametrize("body", [naming("work"), creation("work")])
async def test_a_group_needs_no_conversations(caller: Caller, body: Body) -> None:
    answer = await caller.ok(CREATE, body)
    assert answer["GroupResultItem"] == [
        {"GroupItem": {"GroupName": "work", "GroupId": 1}, "ResultItem": []}
    ]
    assert await groups(caller) == {"work": 1}


async def test_a_conversation_may_be_in_many_groups(caller: Caller, clock: Clock) -> None:
    await caller.ok(CREATE, creation("a", FRIEND))
    clock.now += 10
    await caller.ok(CREATE, creation("b", FRIEND))
    (record,) = await records(caller, FRIEND)
    assert (record["ContactGroupId"], record["Timestamp"]) == ([1, 2], 1_700_000_010)


async def test_joining_a_group_leaves_marks_and_text_alone(caller: Caller) -> None:
    both = {"OptType": 3, "ContactItem": FRIEND, "SetMark": [1], "CustomMark": "abc"}
    await caller.ok(MARK, marking(both))
    await caller.ok(CREATE, creation("work", FRIEND))
    (record,) = await records(caller, FRIEND)
    assert (record["StandardMark"], record["CustomMark"]) == ("10", "abc")


async def test_a_conversation_named_twice_is_answered_twice_and_kept_once(caller: Caller) -> None:
    assert await codes(caller, CREATE, creation("work", FRIEND, FRIEND)) == [0, 0]
    listed = await caller.ok(
        "recentcontact/get_contact_group", {"From_Account": OWNER, "StartIndex": 0}
    )
    assert [record["To_Account"] for record in listed["ContactItem"]] == ["user_0002"]


async def test_the_smallest_free_id_is_given_again(caller: Caller) -> None:
    for name in ("a", "b", "c"):
        await caller.ok(CREATE, creation(name, FRIEND))
    await caller.ok(DELETE, deletion("b"))
    await caller.ok(DELETE, deletion("a"))
    await caller.ok(CREATE, creation("d"))
    await caller.ok(CREATE, creation("e"))
    await caller.ok(CREATE, creation("f"))
    assert await groups(caller) == {"d": 1, "e": 2, "c": 3, "f": 4}
    (record,) = await records(caller, FRIEND)
    assert record["ContactGroupId"] == [3]


async def test_the_20th_group_is_made_and_the_21st_is_51010(caller: Caller) -> None:
    await twenty_groups(caller)
    assert await caller.code(CREATE, creation("g21")) == 51010
    assert await groups(caller) == {f"g{number}": number for number in range(1, 21)}


async def test_a_deleted_group_makes_room_for_another(caller: Caller) -> None:
    await twenty_groups(caller)
    await caller.ok(DELETE, deletion("g7"))
    await caller.ok(CREATE, creation("g21"))
    assert (await groups(caller))["g21"] == 7


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("x" * 32, 0),
        ("x" * 33, 51011),
        ("漢" * 10 + "xx", 0),
        ("漢" * 10 + "xxx", 51011),
        ("漢" * 11, 51011),
        ("😀" * 8, 0),
        ("😀" * 8 + "x", 51011),
        ("x", 0),
        (" ", 0),
        ('"\\/\n\x7f', 0),
        ("", 50002),
        ("a\0b", 50002),
        ("\0", 50002),
    ],
)
async def test_a_group_name_has_1_to_32_bytes_and_no_nul(caller: Caller, name: str, code: int) -> None:
    assert await caller.code(CREATE, creation(name)) == code
    assert await groups(caller) == ({} if code else {name: 1})


@pytest.mark.parametrize("wrong", [None, 1, True, ["work"], {}])
async def test_a_group_name_that_is_no_string_is_50002(caller: Caller, wrong: object) -> None:
    assert await caller.code(CREATE, naming(wrong)) == 50002


async def test_a_name_that_exists_is_refused_and_nothing_is_changed(caller: Caller) -> None:
    await caller.ok(CREATE, creation("work"))
    assert await caller.code(CREATE, creation("work", FRIEND)) == 50002
    assert await groups(caller) == {"work": 1}
    assert await records(caller, FRIEND) == []


async def test_names_are_compared_byte_for_byte(caller: Caller) -> None:
    names = ["work", "Work", "work ", "wörk", "wo\u0308rk"]
    for name in names:
        await caller.ok(CREATE, creation(name))
    assert await groups(caller) == dict(zip(names, range(1, 6), strict=True))


async def test_100_conversations_are_taken_and_101_are_51006(caller: Caller) -> None:
    assert await caller.code(CREATE, creation("many", *people(101))) == 51006
    assert await groups(caller) == {}
    assert await codes(caller, CREATE, creation("many", *people(100))) == [0] * 100


@pytest.mark.parametrize("count", [0, 2])
async def test_any_number_of_groups_but_one_is_50002(caller: Caller, count: int) -> None:
    wanted = [{"GroupName": f"g{number}", "ContactItem": []} for number in range(count)]
    body = {"From_Account": OWNER, "GroupContactItem": wanted}
    assert await caller.code(CREATE, body) == 50002
    assert await groups(caller) == {}


async def test_a_group_that_is_an_object_and_no_array_is_50002_with_a_text_that_says_so(
    caller: Caller,
) -> None:
    body = {"From_Account": OWNER, "GroupContactItem": {"GroupName": "work", "ContactItem": []}}
    answer = await caller.call(CREATE, body)
    assert answer["ErrorCode"] == 50002
    assert "GroupContactItem" in answer["ErrorInfo"]
    assert "array" in answer["ErrorInfo"]
    assert "object" in answer["ErrorInfo"]


@pytest.mark.parametrize("wrong", [None, "work", 1, ["work"], [None], [[]]])
async def test_a_group_item_of_another_shape_is_50002(caller: Caller, wrong: object) -> None:
    assert await caller.code(CREATE, {"From_Account": OWNER, "GroupContactItem": wrong}) == 50002


async def test_a_group_without_a_name_is_50002(caller: Caller) -> None:
    assert (
        await caller.code(CREATE, {"From_Account": OWNER, "GroupContactItem": [{"ContactItem": []}]})
        == 50002
    )


async def test_an_unknown_chat_group_is_51007_in_its_result_and_the_group_is_made(
    caller: Caller,
) -> None:
    body = creation("work", FRIEND, GHOST, ROOM)
    assert await codes(caller, CREATE, body) == [0, 51007, 0]
    assert await groups(caller) == {"work": 1}
    found = await records(caller, FRIEND, GHOST, ROOM)
    assert [record["Type"] for record in found] == [1, 2]


async def test_a_chat_group_of_another_app_is_unknown(caller: Caller) -> None:
    elsewhere = ChatGroup("elsewhere", "Public", "name", "")
    await caller.service.store.create_chat_group(SDKAPPID + 1, elsewhere)
    assert await codes(caller, CREATE, creation("work", chat_group("elsewhere"))) == [51007]


async def test_the_1001st_conversation_is_51008_in_its_result_and_the_group_is_made(
    caller: Caller,
) -> None:
    await fill(caller, 999)
    newcomers = people(2, first=5000)
    (kept,) = people(1)
    body = creation("work", newcomers[0], newcomers[1], kept)
    assert await codes(caller, CREATE, body) == [0, 51008, 0]
    found = await records(caller, *newcomers, kept)
    assert [record["To_Account"] for record in found] == ["p5000", "p0000"]
    assert await groups(caller) == {"work": 1}


ORDER: list[tuple[str, Body, int]] = [
    ("an account before the shape", naming(5) | {"From_Account": 5}, 60015),
    ("the shape before the count", creation("work", *people(101)) | {"From_Account": ""}, 50002),
    ("the count before the name", creation("x" * 33, *people(101)), 51006),
    ("the count before a conversation", creation("work", *[account("")] * 101), 51006),
    ("the name before a conversation", creation("x" * 33, account("")), 51011),
    (
        "a conversation before the account",
        creation("work", account("")) | {"From_Account": "no"},
        50002,
    ),
    ("the name before the account", creation("x" * 33) | {"From_Account": "no"}, 51011),
    ("the account before the name's twin", creation("taken") | {"From_Account": "no"}, 50001),
    ("the name's twin before the 20", creation("g1"), 50002),
    ("the 20 before the conversations", creation("new", GHOST), 51010),
]


@pytest.mark.parametrize(
    ("body", "code"), [case[1:] for case in ORDER], ids=[case[0] for case in ORDER]
)
async def test_of_two_errors_the_earlier_check_is_answered(
    caller: Caller, body: Body, code: int
) -> None:
    await twenty_groups(caller)
    assert await caller.code(CREATE, body) == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (creation("x" * 33), 51011),
        (creation("work", account("")), 50002),
        (creation("work") | {"From_Account": "nobody"}, 51013),
        (creation("work"), 51013),
    ],
)
async def test_the_edition_comes_after_the_request_and_before_the_account(
    body: Body, code: int
) -> None:
    caller = await memory_caller(edition="basic")
    assert await caller.code(CREATE, body) == code


async def test_the_call_is_refused_before_anything_is_done(caller: Caller) -> None:
    body = carrying(CREATE, FRIEND)
    body["GroupContactItem"][0]["ContactItem"].append(account(""))
    assert await caller.code(CREATE, body) == 50002
    assert await groups(caller) == {}
    assert await records(caller, FRIEND) == []


async def test_a_mark_and_a_membership_count_once_towards_the_1000(caller: Caller) -> None:
    await fill(caller, 1000)
    await caller.ok(CREATE, creation("work"))
    assert await codes(caller, CREATE, creation("all", *people(100))) == [0] * 100
    assert await codes(caller, MARK, marking(bits(account("new"), 0))) == [51008]
