from __future__ import annotations

import json

import pytest

from commands.steps import (
    CREATE,
    DELETE,
    FRIEND,
    GET,
    MARK,
    OWNER,
    ROOM,
    UPDATE,
    Body,
    Item,
    bits,
    creation,
    deletion,
    fill,
    joining,
    leaving,
    marking,
    memory_caller,
    no_bits,
    page,
    people,
    renaming,
)
from harness import Answer, Caller, Clock

NAMES = [item["To_Account"] for item in people(1001)]


@pytest.fixture
async def two_a_page() -> Caller:
    return await memory_caller(get_page_size=2)


def listed(answer: Answer) -> list[str]:
    return [record["To_Account"] for record in answer["ContactItem"]]


async def rest(caller: Caller, start: int) -> list[str]:
    """The accounts of all pages from `start` on."""
    found: list[str] = []
    while True:
        answer = await caller.ok(GET, page(start))
        found += listed(answer)
        if answer["CompleteFlag"]:
            return found
        assert answer["NextStartIndex"] > start
        start = answer["NextStartIndex"]


async def test_an_account_without_data_has_one_empty_page(caller: Caller) -> None:
    assert await caller.ok(GET, page()) == {
        "ContactItem": [],
        "CompleteFlag": 1,
        "NextStartIndex": 0,
        "GroupItem": [],
        "ActionStatus": "OK",
        "ErrorCode": 0,
        "ErrorInfo": "",
        "ErrorDisplay": "",
    }


async def test_conversations_and_groups_are_listed_with_their_newest_time(
    caller: Caller, clock: Clock
) -> None:
    await caller.ok(CREATE, creation("b", FRIEND))
    await caller.ok(CREATE, creation("a"))
    clock.now += 10
    await caller.ok(MARK, marking(bits(ROOM, 0)))
    clock.now += 10
    answer = await caller.ok(GET, page())
    assert answer["ContactItem"] == [
        FRIEND | {"StandardMark": "", "ContactGroupId": [1], "Timestamp": 1_700_000_000},
        ROOM | {"StandardMark": "1", "Timestamp": 1_700_000_010},
    ]
    assert answer["GroupItem"] == [{"GroupName": "b", "GroupId": 1}, {"GroupName": "a", "GroupId": 2}]
    assert (answer["CompleteFlag"], answer["NextStartIndex"]) == (1, 0)
    assert answer["CompleteTime"] == 1_700_000_010


async def test_groups_without_conversations_are_listed_without_a_time(caller: Caller) -> None:
    await caller.ok(CREATE, creation("empty"))
    answer = await caller.ok(GET, page())
    assert answer["GroupItem"] == [{"GroupName": "empty", "GroupId": 1}]
    assert "CompleteTime" not in answer


async def test_groups_come_by_ascending_id(caller: Caller) -> None:
    for name in ("c", "a", "b"):
        await caller.ok(CREATE, creation(name))
    await caller.ok(DELETE, deletion("c"))
    await caller.ok(CREATE, creation("z"))
    await caller.ok(UPDATE, renaming("a", "renamed"))
    answer = await caller.ok(GET, page())
    assert [(group["GroupId"], group["GroupName"]) for group in answer["GroupItem"]] == [
        (1, "z"),
        (2, "renamed"),
        (3, "b"),
    ]


async def test_100_records_are_one_page_and_101_are_two(caller: Caller) -> None:
    await fill(caller, 100)
    whole = await caller.ok(GET, page())
    assert (listed(whole), whole["CompleteFlag"], whole["NextStartIndex"]) == (NAMES[:100], 1, 0)
    await fill(caller, 1, first=100)
    first = await caller.ok(GET, page())
    assert (listed(first), first["CompleteFlag"], first["NextStartIndex"]) == (NAMES[:100], 0, 100)
    last = await caller.ok(GET, page(100))
    assert (listed(last), last["CompleteFlag"], last["NextStartIndex"]) == (NAMES[100:101], 1, 0)


async def test_only_the_last_page_has_a_complete_time_and_it_is_the_newest_of_all(
    two_a_page: Caller,
) -> None:
    caller = two_a_page
    await fill(caller, 3)
    clock = caller.clock
    assert isinstance(clock, Clock)
    clock.now += 10
    await caller.ok(MARK, marking(bits(people(1)[0], 1)))
    first, last = await caller.ok(GET, page()), await caller.ok(GET, page(2))
    assert "CompleteTime" not in first
    assert last["CompleteTime"] == 1_700_000_010


async def test_the_groups_are_complete_on_every_page(two_a_page: Caller) -> None:
    caller = two_a_page
    await caller.ok(CREATE, creation("a", *people(5)))
    await caller.ok(CREATE, creation("b"))
    both = [{"GroupName": "a", "GroupId": 1}, {"GroupName": "b", "GroupId": 2}]
    for start, count in ((0, 2), (2, 2), (4, 1), (5, 0), (99, 0)):
        answer = await caller.ok(GET, page(start))
        assert (answer["GroupItem"], len(answer["ContactItem"])) == (both, count)


async def test_1000_records_are_listed_once_each(caller: Caller) -> None:
    await fill(caller, 1000)
    assert await rest(caller, 0) == NAMES[:1000]


async def test_any_index_is_a_place_to_start(two_a_page: Caller) -> None:
    await fill(two_a_page, 4)
    answer = await two_a_page.ok(GET, page(1))
    assert (listed(answer), answer["NextStartIndex"]) == (NAMES[1:3], 3)


@pytest.mark.parametrize("start", [4, 5, 1000, 2**31, 2**63, 2**64, 10**30])
async def test_past_the_end_is_an_empty_last_page(caller: Caller, start: int) -> None:
    await fill(caller, 4)
    answer = await caller.ok(GET, json.dumps(page(start)).encode())
    assert (answer["ContactItem"], answer["CompleteFlag"], answer["NextStartIndex"]) == ([], 1, 0)


@pytest.mark.parametrize("wrong", [-1, -(2**63), 0.0, 1.5, True, "0", "", None, [], {}])
async def test_an_index_that_is_no_natural_number_is_50002(caller: Caller, wrong: object) -> None:
    body = json.dumps({"From_Account": OWNER, "StartIndex": wrong}).encode()
    assert await caller.code(GET, body) == 50002


async def test_of_an_index_given_twice_the_last_one_counts(caller: Caller) -> None:
    assert await caller.code(GET, b'{"From_Account":"user_0001","StartIndex":"x","StartIndex":0}') == 0
    assert (
        await caller.code(GET, b'{"From_Account":"user_0001","StartIndex":0,"StartIndex":"x"}') == 50002
    )


async def test_a_negative_index_comes_before_an_unknown_account(caller: Caller) -> None:
    assert await caller.code(GET, page(-1) | {"From_Account": "nobody"}) == 50002
    assert await caller.code(GET, page(0) | {"From_Account": "nobody"}) == 50001


CHANGES: list[tuple[str, str, Body, list[str]]] = [
    ("an edit of what was sent", MARK, marking(bits(people(1)[0], 9)), NAMES[2:6]),
    ("an edit of what is next", MARK, marking(bits(people(3)[2], 9)), NAMES[2:6]),
    ("the last one sent removed", MARK, marking(no_bits(people(2)[1], 0)), NAMES[2:6]),
    ("the next one removed", MARK, marking(no_bits(people(3)[2], 0)), NAMES[3:6]),
    ("all that were sent removed", MARK, marking(*(no_bits(i, 0) for i in people(2))), NAMES[2:6]),
    ("all that follow removed", MARK, marking(*(no_bits(i, 0) for i in people(4, 2))), []),
    ("a new one", MARK, marking(bits(people(7)[6], 0)), NAMES[2:7]),
    (
        "one removed and made again",
        MARK,
        marking(no_bits(people(1)[0], 0), bits(people(1)[0], 0)),
        [*NAMES[2:6], NAMES[0]],
    ),
    ("a new group of some", CREATE, creation("new", *people(4)), NAMES[2:6]),
]


@pytest.mark.parametrize(
    ("command", "body", "following"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES]
)
async def test_a_change_between_two_pages_skips_and_repeats_nothing_that_stays(
    two_a_page: Caller, command: str, body: Body, following: list[str]
) -> None:
    caller = two_a_page
    await fill(caller, 6)
    first = await caller.ok(GET, page())
    assert (listed(first), first["NextStartIndex"]) == (NAMES[:2], 2)
    await caller.ok(command, body)
    assert await rest(caller, first["NextStartIndex"]) == following


async def test_deleting_a_group_between_two_pages_removes_only_its_records(two_a_page: Caller) -> None:
    caller = two_a_page
    await fill(caller, 6)
    await caller.ok(CREATE, creation("gone", *people(3, first=6)))
    first = await caller.ok(GET, page())
    await caller.ok(DELETE, deletion("gone"))
    assert await rest(caller, first["NextStartIndex"]) == NAMES[2:6]


async def test_a_conversation_keeps_its_place_through_every_edit(caller: Caller) -> None:
    await fill(caller, 3)
    first: Item = people(1)[0]
    await caller.ok(CREATE, creation("work", first))
    await caller.ok(MARK, marking(no_bits(first, 0)))
    assert await rest(caller, 0) == NAMES[:3]


async def test_a_conversation_that_comes_back_is_the_last(caller: Caller) -> None:
    await caller.ok(CREATE, creation("work", *people(3)))
    await caller.ok(UPDATE, leaving("work", people(1)[0]))
    await caller.ok(UPDATE, joining("work", people(1)[0]))
    assert await rest(caller, 0) == [*NAMES[1:3], NAMES[0]]


async def test_a_place_is_not_given_again_after_the_last_record_went(two_a_page: Caller) -> None:
    caller = two_a_page
    await fill(caller, 2)
    await caller.ok(MARK, marking(*(no_bits(item, 0) for item in people(2))))
    await fill(caller, 3, first=2)
    answer = await caller.ok(GET, page())
    assert (listed(answer), answer["NextStartIndex"]) == (NAMES[2:4], 4)


async def test_reading_is_open_to_every_edition() -> None:
    caller = await memory_caller(edition="basic")
    assert await caller.code(GET, page()) == 0
