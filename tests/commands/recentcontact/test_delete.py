from __future__ import annotations

import pytest

from commands.listing import DELETE_ONE, TOP, all_pages, enter, pinning, post, talk
from commands.steps import FRIEND, MARK, OWNER, ROOM, bits, marking, memory_caller, records
from harness import Caller

OF_FRIEND = {"From_Account": OWNER, "Type": 1, "To_Account": "user_0002"}
OF_ROOM = {"From_Account": OWNER, "Type": 2, "ToGroupid": "room"}


@pytest.fixture
async def two(caller: Caller) -> Caller:
    """A caller whose `OWNER` has two conversations in the list."""
    await talk(caller.service.store, "user_0002", 10)
    await enter(caller.service.store, "room", 20)
    await post(caller.service.store, "room", 30)
    return caller


async def test_an_account_is_taken_off_until_its_next_message(two: Caller) -> None:
    await two.ok(DELETE_ONE, OF_FRIEND)
    assert await all_pages(two) == ["room"]
    await talk(two.service.store, "user_0002", 40)
    assert await all_pages(two) == ["room", "user_0002"]


async def test_a_chat_group_is_taken_off_until_its_next_message(two: Caller) -> None:
    await two.ok(DELETE_ONE, OF_ROOM)
    assert await all_pages(two) == ["user_0002"]
    await post(two.service.store, "room", 40)
    assert await all_pages(two) == ["user_0002", "room"]


@pytest.mark.parametrize(
    "body",
    [
        OF_ROOM,
        {"From_Account": OWNER, "Type": 2, "ToGroupId": "room"},
        {"From_Account": OWNER, "Type": 2, "To_Account": "room"},
        {"From_Account": OWNER, "Type": 2, "ToGroupid": "", "ToGroupId": "room"},
        {"From_Account": OWNER, "Type": 2, "ToGroupid": "room", "ToGroupId": "other"},
        {"From_Account": OWNER, "Type": 2, "ToGroupid": "room", "To_Account": "user_0002"},
        {"From_Account": OWNER, "type": 2, "ToGroupid": "room"},
        {"From_Account": OWNER, "Type": "2", "ToGroupid": "room"},
    ],
)
async def test_every_spelling_of_a_chat_group_is_taken(two: Caller, body: dict[str, object]) -> None:
    await two.ok(DELETE_ONE, body)
    assert await all_pages(two) == ["user_0002"]


async def test_marks_stay(two: Caller) -> None:
    await two.ok(MARK, marking(bits(FRIEND, 0), bits(ROOM, 1)))
    before = await records(two, FRIEND, ROOM)
    await two.ok(DELETE_ONE, OF_FRIEND)
    await two.ok(DELETE_ONE, OF_ROOM)
    assert await records(two, FRIEND, ROOM) == before
    assert len(before) == 2


async def test_the_pin_goes(two: Caller) -> None:
    await two.ok(TOP, pinning(FRIEND, ROOM))
    await two.ok(DELETE_ONE, OF_ROOM)
    await post(two.service.store, "room", 5)
    assert await all_pages(two) == ["user_0002", "room"]


@pytest.mark.parametrize(
    "body",
    [
        OF_FRIEND | {"To_Account": "stranger"},
        OF_ROOM | {"ToGroupid": "ghost"},
        OF_ROOM,
    ],
)
async def test_what_is_not_in_the_list_is_deleted_with_success(
    caller: Caller, body: dict[str, object]
) -> None:
    await caller.ok(DELETE_ONE, body)


@pytest.mark.parametrize("flag", [0, 1])
async def test_the_flag_for_the_history_makes_no_difference(two: Caller, flag: int) -> None:
    assert await two.ok(DELETE_ONE, OF_FRIEND | {"ClearRamble": flag}) == {
        "ActionStatus": "OK",
        "ErrorCode": 0,
        "ErrorInfo": "",
        "ErrorDisplay": "",
    }
    assert await all_pages(two) == ["room"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"ClearRamble": 2}, "ClearRamble"),
        ({"ClearRamble": -1}, "ClearRamble"),
        ({"ClearRamble": "1"}, "ClearRamble"),
        ({"Type": 0}, "Type"),
        ({"Type": 3}, "Type"),
        ({"Type": 2, "To_Account": "", "ToGroupid": ""}, "ToGroupid"),
        ({"Type": 2, "ToGroupid": "x" * 129}, "ToGroupid"),
        ({"To_Account": ""}, "To_Account"),
        ({"To_Account": "x" * 33}, "To_Account"),
        ({"From_Account": "x" * 33}, "From_Account"),
    ],
)
async def test_what_is_wrong_is_named(two: Caller, changes: dict[str, object], named: str) -> None:
    answer = await two.call(DELETE_ONE, OF_FRIEND | changes)
    assert answer["ErrorCode"] == 50002
    assert named in answer["ErrorInfo"]
    assert len(await all_pages(two)) == 2


async def test_the_type_is_required(caller: Caller) -> None:
    body = {"From_Account": OWNER, "To_Account": "user_0002"}
    answer = await caller.call(DELETE_ONE, body)
    assert (answer["ErrorCode"], answer["ErrorInfo"][:15]) == (50002, "Type is missing")


async def test_an_unknown_account_is_refused(caller: Caller) -> None:
    assert await caller.code(DELETE_ONE, OF_FRIEND | {"From_Account": "nobody"}) == 50001
    lenient = await memory_caller(unknown_account="lenient")
    await lenient.ok(DELETE_ONE, OF_FRIEND | {"From_Account": "nobody"})
