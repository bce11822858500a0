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
    Body,
    Item,
    bits,
    codes,
    creation,
    fill,
    marking,
    memory_caller,
    no_bits,
    page,
    people,
    records,
    text,
)
from harness import Caller, Clock, account


def item(opt: object, contact: Item = FRIEND, **fields: object) -> Item:
    return {"OptType": opt, "ContactItem": contact} | fields


async def standard_mark(caller: Caller) -> str:
    (record,) = await records(caller, FRIEND)
    mark: str = record["StandardMark"]
    return mark


async def test_each_item_is_answered_with_its_opt_type_in_order(caller: Caller) -> None:
    body = marking(bits(ROOM, 0), text(FRIEND, "abc"), item(3, FRIEND, SetMark=[1]))
    assert await caller.ok(MARK, body) == {
        "ResultItem": [
            {"OptType": 1, "ContactItem": ROOM, "ResultCode": 0, "ResultInfo": ""},
            {"OptType": 2, "ContactItem": FRIEND, "ResultCode": 0, "ResultInfo": ""},
            {"OptType": 3, "ContactItem": FRIEND, "ResultCode": 0, "ResultInfo": ""},
        ],
        "ActionStatus": "OK",
        "ErrorCode": 0,
        "ErrorInfo": "",
        "ErrorDisplay": "",
    }
    assert await records(caller, FRIEND, ROOM) == [
        FRIEND | {"StandardMark": "10", "CustomMark": "abc", "Timestamp": 1_700_000_000},
        ROOM | {"StandardMark": "1", "Timestamp": 1_700_000_000},
    ]


@pytest.mark.parametrize(
    ("numbers", "mark"),
    [
        ([0], "1"),
        ([1, 2, 3], "1110"),
        ([3, 1, 2, 1], "1110"),
        ([31], "1" + "0" * 31),
        ([32], "1" + "0" * 32),
        ([63], "1" + "0" * 63),
        ([63, 0], "1" + "0" * 62 + "1"),
        (list(range(64)), "1" * 64),
    ],
)
async def test_the_highest_bit_is_written_first_without_padding(
    caller: Caller, numbers: list[int], mark: str
) -> None:
    await caller.ok(MARK, marking(bits(FRIEND, *numbers)))
    assert await standard_mark(caller) == mark


@pytest.mark.parametrize("field", ["SetMark", "ClearMark"])
@pytest.mark.parametrize("opt", [1, 3])
@pytest.mark.parametrize("wrong", [64, -1, 65, 2**32, 10**30, 1.0, 1.5, True, "3", None, [], {}])
async def test_a_bit_other_than_0_to_63_is_50002_and_nothing_is_changed(
    caller: Caller, field: str, opt: int, wrong: object
) -> None:
    items = [bits(ROOM, 0), item(opt) | {field: [0, wrong]}]
    assert await caller.code(MARK, json.dumps(marking(*items)).encode()) == 50002
    assert await records(caller, FRIEND, ROOM) == []


@pytest.mark.parametrize("field", ["SetMark", "ClearMark"])
@pytest.mark.parametrize("wrong", [None, 1, "1", {}])
async def test_bits_that_are_no_array_are_50002(caller: Caller, field: str, wrong: object) -> None:
    assert await caller.code(MARK, marking(item(1) | {field: wrong})) == 50002


async def test_clearing_leaves_the_other_bits(caller: Caller) -> None:
    await caller.ok(MARK, marking(bits(FRIEND, 0, 1, 40)))
    await caller.ok(MARK, marking(no_bits(FRIEND, 1, 5)))
    assert await standard_mark(caller) == "1" + "0" * 39 + "1"


async def test_a_bit_that_is_set_and_cleared_in_one_item_ends_up_set(caller: Caller) -> None:
    await caller.ok(MARK, marking(bits(FRIEND, 0)))
    await caller.ok(MARK, marking(item(1, SetMark=[1, 2], ClearMark=[0, 1])))
    assert await standard_mark(caller) == "110"


async def test_items_of_one_conversation_apply_in_their_order(caller: Caller) -> None:
    body = marking(bits(FRIEND, 0), no_bits(FRIEND, 0), bits(FRIEND, 4), text(FRIEND, "a"))
    assert await codes(caller, MARK, body) == [0, 0, 0, 0]
    (record,) = await records(caller, FRIEND)
    assert (record["StandardMark"], record["CustomMark"]) == ("10000", "a")


@pytest.mark.parametrize(
    ("marked", "mark", "custom_mark"),
    [
        (item(1, SetMark=[1], CustomMark="new"), "11", "old"),
        (item(2, SetMark=[1], ClearMark=[0], CustomMark="new"), "1", "new"),
        (item(3, SetMark=[1], CustomMark="new"), "11", "new"),
        (item(3, ClearMark=[0], CustomMark=""), "", None),
        (item(3, SetMark=[1]), "11", "old"),
        (item(3, CustomMark="new"), "1", "new"),
        (item(2), "1", None),
        (item(2, CustomMark=""), "1", None),
        (item(1), "1", "old"),
        (item(3), "1", "old"),
        (item(1, SetMark=[], ClearMark=[]), "1", "old"),
    ],
)
async def test_opt_type_decides_which_part_is_applied(
    caller: Caller, marked: Item, mark: str, custom_mark: str | None
) -> None:
    await caller.ok(CREATE, creation("anchor", FRIEND))
    await caller.ok(MARK, marking(item(3, SetMark=[0], CustomMark="old")))
    assert await codes(caller, MARK, marking(marked)) == [0]
    (record,) = await records(caller, FRIEND)
    assert (record["StandardMark"], record.get("CustomMark")) == (mark, custom_mark)
    assert record["ContactGroupId"] == [1]


@pytest.mark.parametrize(
    "marked",
    [
        item(1, SetMark=[0], CustomMark="x" * 257),
        item(1, SetMark=[0], CustomMark="a\0b"),
        item(2, SetMark=[64], ClearMark=[-1], CustomMark="a"),
    ],
)
async def test_what_opt_type_leaves_out_is_not_checked(caller: Caller, marked: Item) -> None:
    assert await codes(caller, MARK, marking(marked)) == [0]
    assert len(await records(caller, FRIEND)) == 1


@pytest.mark.parametrize("opt", [2, 3])
@pytest.mark.parametrize(
    ("custom_mark", "code"),
    [
        ("x" * 256, 0),
        ("x" * 257, 50002),
        ("漢" * 85 + "x", 0),
        ("漢" * 85 + "xx", 50002),
        ("漢" * 86, 50002),
        ("😀" * 64, 0),
        ("😀" * 64 + "x", 50002),
        ('{"a":"\\\n\x1f"}', 0),
        ("a\0b", 50002),
        ("\0", 50002),
    ],
)
async def test_a_custom_mark_has_at_most_256_bytes_and_no_nul(
    caller: Caller, opt: int, custom_mark: str, code: int
) -> None:
    assert await caller.code(MARK, marking(item(opt, CustomMark=custom_mark))) == code
    kept = [record["CustomMark"] for record in await records(caller, FRIEND)]
    assert kept == ([] if code else [custom_mark])


@pytest.mark.parametrize("wrong", [None, 1, True, [], {}])
async def test_a_custom_mark_that_is_no_string_is_50002(caller: Caller, wrong: object) -> None:
    assert await caller.code(MARK, marking(item(2, CustomMark=wrong))) == 50002


@pytest.mark.parametrize("wrong", [0, 4, -1, 1.0, True, "1", "3", None, 10**30])
async def test_an_opt_type_other_than_1_2_and_3_is_50002(caller: Caller, wrong: object) -> None:
    body = marking(bits(ROOM, 0), item(wrong, SetMark=[0], CustomMark="a"))
    assert await caller.code(MARK, json.dumps(body).encode()) == 50002
    assert await records(caller, FRIEND, ROOM) == []


@pytest.mark.parametrize("field", ["OptType", "ContactItem"])
async def test_a_missing_field_of_an_item_is_50002(caller: Caller, field: str) -> None:
    marked = bits(FRIEND, 0)
    del marked[field]
    assert await caller.code(MARK, marking(marked)) == 50002


@pytest.mark.parametrize("wrong", [None, 1, "x", {}, [None], [1]])
async def test_items_of_another_shape_are_50002(caller: Caller, wrong: object) -> None:
    assert await caller.code(MARK, {"From_Account": OWNER, "MarkItem": wrong}) == 50002


async def test_100_items_are_taken_and_101_or_none_are_51006(caller: Caller) -> None:
    items = [bits(contact, 0) for contact in people(101)]
    assert await caller.code(MARK, marking(*items)) == 51006
    assert await caller.code(MARK, marking()) == 51006
    assert await records(caller, *people(101)) == []
    assert await codes(caller, MARK, marking(*items[:100])) == [0] * 100


async def test_100_items_may_all_be_one_conversation_and_101_may_not(caller: Caller) -> None:
    assert await caller.code(MARK, marking(*[bits(FRIEND, 0)] * 101)) == 51006
    assert await codes(caller, MARK, marking(*[bits(FRIEND, 0)] * 100)) == [0] * 100


@pytest.mark.parametrize(
    "marked",
    [
        bits(FRIEND, 0),
        no_bits(FRIEND, 1),
        text(FRIEND, "a"),
        item(1),
        item(3, SetMark=[0], ClearMark=[0]),
    ],
)
async def test_what_changes_nothing_leaves_the_time(caller: Caller, clock: Clock, marked: Item) -> None:
    await caller.ok(MARK, marking(item(3, SetMark=[0], CustomMark="a")))
    clock.now += 10
    assert await codes(caller, MARK, marking(marked)) == [0]
    (record,) = await records(caller, FRIEND)
    assert record["Timestamp"] == 1_700_000_000


@pytest.mark.parametrize("marked", [bits(FRIEND, 1), no_bits(FRIEND, 0), text(FRIEND, "b"), item(2)])
async def test_a_change_sets_the_time_of_its_record_only(
    caller: Caller, clock: Clock, marked: Item
) -> None:
    await caller.ok(MARK, marking(item(3, SetMark=[0], CustomMark="a"), bits(ROOM, 0)))
    clock.now += 10.9
    await caller.ok(MARK, marking(marked))
    times = [record["Timestamp"] for record in await records(caller, FRIEND, ROOM)]
    assert times == [1_700_000_010, 1_700_000_000]


@pytest.mark.parametrize(
    "marked",
    [no_bits(FRIEND, 0), text(FRIEND, ""), item(1), item(2), item(3, ClearMark=[1], CustomMark="")],
)
async def test_taking_away_what_is_not_there_makes_no_record(caller: Caller, marked: Item) -> None:
    assert await codes(caller, MARK, marking(marked)) == [0]
    assert await records(caller, FRIEND) == []


async def test_a_record_left_without_data_is_dropped(caller: Caller) -> None:
    await caller.ok(MARK, marking(item(3, SetMark=[0], CustomMark="a")))
    await caller.ok(MARK, marking(no_bits(FRIEND, 0)))
    assert await standard_mark(caller) == ""
    await caller.ok(MARK, marking(text(FRIEND, "")))
    assert await records(caller, FRIEND) == []


@pytest.mark.parametrize(
    ("marked", "code"),
    [
        (bits(GHOST, 0), 51007),
        (text(GHOST, "a"), 51007),
        (item(3, GHOST, ClearMark=[1], CustomMark="a"), 51007),
        (item(1, GHOST, SetMark=[0], ClearMark=[1]), 51007),
        (no_bits(GHOST, 0), 0),
        (text(GHOST, ""), 0),
        (item(2, GHOST), 0),
        (item(1, GHOST), 0),
        (item(3, GHOST, ClearMark=[1], CustomMark=""), 0),
        (item(2, GHOST, SetMark=[0], CustomMark=""), 0),
        (item(1, GHOST, CustomMark="a"), 0),
    ],
)
async def test_an_unknown_chat_group_is_51007_only_where_data_is_brought_to_it(
    caller: Caller, marked: Item, code: int
) -> None:
    body = marking(bits(FRIEND, 0), marked, bits(ROOM, 0))
    assert await codes(caller, MARK, body) == [0, code, 0]
    assert len(await records(caller, FRIEND, GHOST, ROOM)) == 2


async def test_marks_of_a_chat_group_that_is_gone_stay_and_can_be_cleared(caller: Caller) -> None:
    await caller.ok(MARK, marking(item(3, ROOM, SetMark=[0], CustomMark="a")))
    await caller.ok(DESTROY_ROOM, {"GroupId": "room"})
    assert len(await records(caller, ROOM)) == 1
    assert await codes(caller, MARK, marking(bits(ROOM, 0))) == [51007]
    assert await codes(caller, MARK, marking(no_bits(ROOM, 0), text(ROOM, ""))) == [0, 0]
    assert await records(caller, ROOM) == []


async def test_an_account_that_was_never_imported_may_be_marked(caller: Caller) -> None:
    assert await codes(caller, MARK, marking(bits(account("stranger"), 0))) == [0]


async def test_the_1001st_conversation_is_51008_and_the_first_1000_are_done(caller: Caller) -> None:
    await fill(caller, 999)
    newcomers = people(3, first=5000)
    items = [
        bits(newcomers[0], 0),
        bits(newcomers[1], 0),
        bits(people(1)[0], 7),
        text(newcomers[2], "a"),
    ]
    assert await codes(caller, MARK, marking(*items)) == [0, 51008, 0, 51008]
    found = await records(caller, *newcomers, *people(1))
    assert [(record["To_Account"], record["StandardMark"]) for record in found] == [
        ("p5000", "1"),
        ("p0000", "10000001"),
    ]


async def test_a_dropped_record_makes_room_within_the_same_call(caller: Caller) -> None:
    await fill(caller, 1000)
    old, new = people(1)[0], people(2, first=5000)
    items = [bits(new[0], 0), no_bits(old, 0), bits(new[0], 0), bits(new[1], 0)]
    assert await codes(caller, MARK, marking(*items)) == [51008, 0, 0, 51008]
    assert [record["To_Account"] for record in await records(caller, old, *new)] == ["p5000"]


async def test_at_1000_what_brings_nothing_is_done(caller: Caller) -> None:
    await fill(caller, 1000)
    new = account("new")
    body = marking(item(1, new), no_bits(new, 0), text(new, ""), text(people(1)[0], "a"))
    assert await codes(caller, MARK, body) == [0, 0, 0, 0]


async def test_an_unknown_chat_group_takes_no_room(caller: Caller) -> None:
    await fill(caller, 999)
    body = marking(bits(GHOST, 0), bits(account("new"), 0), bits(GHOST, 0))
    assert await codes(caller, MARK, body) == [51007, 0, 51007]


async def test_marks_do_not_appear_as_groups(caller: Caller) -> None:
    await caller.ok(MARK, marking(bits(FRIEND, 1)))
    listed = await caller.ok("recentcontact/get_contact_group", page())
    assert listed["GroupItem"] == []
    assert "ContactGroupId" not in listed["ContactItem"][0]


ORDER: list[tuple[str, Body, int]] = [
    ("an account before the count", marking(*[bits(FRIEND, 0)] * 101) | {"From_Account": 5}, 60015),
    ("the shape before the count", marking(*[item("1")] * 101), 50002),
    ("the count before a bit", marking(*[bits(FRIEND, 64)] * 101), 51006),
    ("the count before the account", marking() | {"From_Account": "no"}, 51006),
    ("a bit before the account", marking(bits(FRIEND, 64)) | {"From_Account": "no"}, 50002),
    ("the account before the items", marking(bits(GHOST, 0)) | {"From_Account": "no"}, 50001),
]


@pytest.mark.parametrize(
    ("body", "code"), [case[1:] for case in ORDER], ids=[case[0] for case in ORDER]
)
async def test_of_two_errors_the_earlier_check_is_answered(
    caller: Caller, body: Body, code: int
) -> None:
    assert await caller.code(MARK, body) == code


async def test_at_1000_an_unknown_chat_group_is_51007_and_not_51008(caller: Caller) -> None:
    await fill(caller, 1000)
    assert await codes(caller, MARK, marking(bits(GHOST, 0), bits(ROOM, 0))) == [51007, 51008]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (marking(), 51006),
        (marking(bits(FRIEND, 64)), 50002),
        (marking(bits(FRIEND, 0)) | {"From_Account": "nobody"}, 51013),
        (marking(text(FRIEND, "a")) | {"From_Account": "nobody"}, 50001),
        (marking(no_bits(FRIEND, 0)), 51013),
        (marking(item(3, CustomMark="a")), 51013),
        (marking(text(FRIEND, "a"), bits(ROOM, 0)), 51013),
        (marking(text(FRIEND, "a")), 0),
    ],
)
async def test_the_edition_comes_after_the_request_and_before_the_account(
    body: Body, code: int
) -> None:
    caller = await memory_caller(edition="basic")
    assert await caller.code(MARK, body) == code
    kept = [record["CustomMark"] for record in await records(caller, FRIEND)]
    assert kept == ([] if code else ["a"])


async def test_clearing_is_done_beside_a_refused_mark_of_the_same_chat_group(caller: Caller) -> None:
    await caller.ok(MARK, marking(bits(ROOM, 0)))
    await caller.ok(DESTROY_ROOM, {"GroupId": "room"})
    assert await codes(caller, MARK, marking(bits(ROOM, 1), no_bits(ROOM, 0))) == [51007, 0]
    assert await records(caller, ROOM) == []
