from __future__ import annotations

import pytest

from commands.listing import (
    FIRST,
    GET_LIST,
    TOP,
    all_pages,
    cursor_of,
    enter,
    list_page,
    names,
    pinning,
    post,
    talk,
)
from commands.steps import (
    CREATE,
    FRIEND,
    MARK,
    ROOM,
    bits,
    creation,
    marking,
    memory_caller,
    text,
)
from harness import NOW, Caller, account


async def filled(caller: Caller, count: int, at: int = NOW - 1000) -> None:
    for number in range(count):
        await talk(caller.service.store, f"p{number:03}", at + number)


async def test_an_account_without_conversations_has_one_empty_page(caller: Caller) -> None:
    assert await caller.ok(GET_LIST, list_page()) == {
        "SessionItem": [],
        "CompleteFlag": 1,
        "TimeStamp": NOW,
        "StartIndex": 0,
        "TopTimeStamp": NOW,
        "TopStartIndex": 0,
        "ActionStatus": "OK",
        "ErrorCode": 0,
        "ErrorInfo": "",
        "ErrorDisplay": "",
    }


async def test_pinned_conversations_come_first_then_ascending_time(caller: Caller) -> None:
    store = caller.service.store
    for userid, at in (("late", 30), ("early", 10), ("middle", 20), ("pinned", 25)):
        await talk(store, userid, at)
    await caller.ok(TOP, pinning(account("pinned")))
    answer = await caller.ok(GET_LIST, list_page())
    assert names(answer) == ["pinned", "early", "middle", "late"]
    assert answer["SessionItem"][0] == {
        "Type": 1,
        "To_Account": "pinned",
        "MsgTime": 25,
        "TopFlag": 1,
    }


async def test_without_the_flag_for_pins_all_conversations_are_ordinary(caller: Caller) -> None:
    for userid, at in (("early", 10), ("late", 20)):
        await talk(caller.service.store, userid, at)
    await caller.ok(TOP, pinning(account("late")))
    answer = await caller.ok(GET_LIST, list_page(0))
    assert names(answer) == ["early", "late"]
    assert {item["TopFlag"] for item in answer["SessionItem"]} == {0}


@pytest.mark.parametrize(("flags", "is_there"), [(0, 0), (1, 0), (2, 1), (5, 0), (7, 1), (63, 1)])
async def test_an_empty_chat_group_is_listed_where_it_is_asked_for(
    caller: Caller, flags: int, is_there: int
) -> None:
    await enter(caller.service.store, "room", 50)
    answer = await caller.ok(GET_LIST, list_page(flags))
    item = {"Type": 2, "GroupId": "room", "MsgTime": 50, "TopFlag": 0}
    assert answer["SessionItem"] == [item] * is_there


async def test_a_chat_group_shows_the_time_of_its_newest_message(caller: Caller) -> None:
    await enter(caller.service.store, "room", 50)
    await post(caller.service.store, "room", 60)
    answer = await caller.ok(GET_LIST, list_page(5))
    assert [item["MsgTime"] for item in answer["SessionItem"]] == [60]


@pytest.mark.parametrize(
    ("flags", "are_there"), [(0, False), (7, False), (8, True), (15, True), (63, True), (1 << 40, True)]
)
async def test_marks_are_in_the_items_with_flags_above_seven(
    caller: Caller, flags: int, *, are_there: bool
) -> None:
    await talk(caller.service.store, "user_0002", 10)
    await talk(caller.service.store, "user_0003", 20)
    await caller.ok(MARK, marking(bits(FRIEND, 0, 3), text(FRIEND, "ab")))
    await caller.ok(CREATE, creation("folder", FRIEND))
    marked, plain = (await caller.ok(GET_LIST, list_page(flags)))["SessionItem"]
    bare = {"Type": 1, "To_Account": "user_0002", "MsgTime": 10, "TopFlag": 0}
    data = {"StandardMark": "1001", "CustomMark": "ab", "ContactGroupId": [1]}
    assert marked == (bare | data if are_there else bare)
    assert plain == {"Type": 1, "To_Account": "user_0003", "MsgTime": 20, "TopFlag": 0}


async def test_an_item_with_groups_alone_has_an_empty_mark(caller: Caller) -> None:
    await enter(caller.service.store, "room", 50)
    await caller.ok(CREATE, creation("folder", ROOM))
    (item,) = (await caller.ok(GET_LIST, list_page(63)))["SessionItem"]
    assert (item["StandardMark"], item["ContactGroupId"]) == ("", [1])
    assert "CustomMark" not in item


async def test_marks_alone_put_nothing_in_the_list(caller: Caller) -> None:
    await caller.ok(MARK, marking(bits(FRIEND, 0)))
    assert await all_pages(caller, 63) == []


async def test_pages_meet_every_conversation_once() -> None:
    caller = await memory_caller(get_page_size=3)
    await filled(caller, 10)
    assert sorted(await all_pages(caller)) == [f"p{number:03}" for number in range(10)]


async def test_a_page_that_is_just_full_is_the_last() -> None:
    caller = await memory_caller(get_page_size=3)
    await filled(caller, 3)
    answer = await caller.ok(GET_LIST, list_page())
    assert (len(names(answer)), answer["CompleteFlag"]) == (3, 1)


async def test_both_cursors_carry_the_same_place() -> None:
    caller = await memory_caller(get_page_size=2)
    await filled(caller, 3, at=100)
    answer = await caller.ok(GET_LIST, list_page())
    assert answer["CompleteFlag"] == 0
    assert answer["TimeStamp"] == answer["TopTimeStamp"] == 101
    assert answer["StartIndex"] == answer["TopStartIndex"]
    assert 0 <= answer["StartIndex"] < 1 << 31


async def test_the_cursor_of_the_pinned_ones_counts_where_the_other_is_left_out() -> None:
    caller = await memory_caller(get_page_size=2)
    await filled(caller, 3)
    cursor = cursor_of(await caller.ok(GET_LIST, list_page()))
    only_top = cursor | {"TimeStamp": 0, "StartIndex": 0}
    only_other = cursor | {"TopTimeStamp": 0, "TopStartIndex": 0}
    assert [
        names(await caller.ok(GET_LIST, list_page(**each))) for each in (cursor, only_top, only_other)
    ] == [["p000"]] * 3


async def test_new_messages_and_pins_between_pages_move_nothing() -> None:
    caller = await memory_caller(get_page_size=2)
    await filled(caller, 5)
    first = await caller.ok(GET_LIST, list_page())
    await talk(caller.service.store, "p000", NOW)
    await caller.ok(TOP, pinning(account("p001")))
    await talk(caller.service.store, "new", NOW)
    second = await caller.ok(GET_LIST, list_page(**cursor_of(first)))
    third = await caller.ok(GET_LIST, list_page(**cursor_of(second)))
    assert [set(names(each)) for each in (first, second, third)] == [
        {"p003", "p004"},
        {"p001", "p002"},
        {"p000"},
    ]


async def test_conversations_of_one_second_are_divided_by_their_place() -> None:
    caller = await memory_caller(get_page_size=2)
    for number in range(9):
        await talk(caller.service.store, f"p{number:03}", NOW)
    assert sorted(await all_pages(caller)) == [f"p{number:03}" for number in range(9)]


@pytest.mark.parametrize("size", [1, 2, 500])
async def test_a_list_shows_as_many_as_the_profile_says(size: int) -> None:
    caller = await memory_caller(list_size_max=size, get_page_size=1000)
    await filled(caller, size + 2)
    newest = [f"p{number:03}" for number in range(2, size + 2)]
    assert names(await caller.ok(GET_LIST, list_page())) == newest


async def test_by_default_a_list_shows_100_in_one_page(caller: Caller) -> None:
    await filled(caller, 101)
    answer = await caller.ok(GET_LIST, list_page())
    assert (len(names(answer)), answer["CompleteFlag"]) == (100, 1)
    assert "p000" not in names(answer)


async def test_pinned_conversations_show_however_old_they_are() -> None:
    caller = await memory_caller(list_size_max=2)
    await talk(caller.service.store, "old", 1)
    await caller.ok(TOP, pinning(account("old")))
    await filled(caller, 3)
    assert names(await caller.ok(GET_LIST, list_page())) == ["old", "p002"]


@pytest.mark.parametrize("field", [*FIRST, "AssistFlags"])
async def test_every_field_is_required_and_not_negative(caller: Caller, field: str) -> None:
    body = list_page()
    assert await caller.code(GET_LIST, body | {field: -1}) == 50002
    assert await caller.code(GET_LIST, body | {field: "0"}) == 50002
    del body[field]
    answer = await caller.call(GET_LIST, body)
    assert answer["ErrorCode"] == 50002
    assert field in answer["ErrorInfo"]


async def test_an_unknown_account_is_refused(caller: Caller) -> None:
    assert await caller.code(GET_LIST, list_page() | {"From_Account": "nobody"}) == 50001
    assert await caller.code(GET_LIST, list_page() | {"From_Account": ""}) == 50002
    assert await caller.code(GET_LIST, list_page() | {"From_Account": 1}) == 60015


@pytest.mark.parametrize("flags", [7, 63])
async def test_a_lenient_profile_imports_the_account(flags: int) -> None:
    caller = await memory_caller(unknown_account="lenient")
    answer = await caller.ok(GET_LIST, list_page(flags) | {"From_Account": "nobody"})
    assert answer["SessionItem"] == []


async def test_a_disbanded_chat_group_is_gone_from_the_list(caller: Caller) -> None:
    await enter(caller.service.store, "room", 50)
    await caller.ok("group_open_http_svc/destroy_group", {"GroupId": "room"})
    await caller.chat_groups("room")
    assert await all_pages(caller) == []


async def test_the_real_answer_to_44_conversations_has_this_order_and_shape(caller: Caller) -> None:
    await filled(caller, 40)
    for number in range(4):
        name = f"room{number}"
        await caller.chat_groups(name)
        await enter(caller.service.store, name, NOW - 2000)
        await post(caller.service.store, name, NOW - 500 + number)
    pinned = [account("p030"), account("p007")]
    await caller.ok(TOP, pinning(*pinned))
    answer = await caller.ok(GET_LIST, list_page(15))
    assert list(answer) == [
        "SessionItem",
        "CompleteFlag",
        "TimeStamp",
        "StartIndex",
        "TopTimeStamp",
        "TopStartIndex",
        "ActionStatus",
        "ErrorCode",
        "ErrorInfo",
        "ErrorDisplay",
    ]
    cursor = [answer[name] for name in FIRST]
    assert (answer["CompleteFlag"], cursor) == (1, [NOW, 0, NOW, 0])
    items = answer["SessionItem"]
    assert len(items) == 44
    order = [(-item["TopFlag"], item["MsgTime"]) for item in items]
    assert order == sorted(order)
    assert names(answer)[:2] == ["p007", "p030"]
    assert {tuple(item) for item in items} == {
        ("Type", "To_Account", "MsgTime", "TopFlag"),
        ("Type", "GroupId", "MsgTime", "TopFlag"),
    }
