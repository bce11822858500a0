from __future__ import annotations

import pytest

from commands.listing import GET_LIST, TOP, enter, list_page, pinning, talk
from commands.steps import FRIEND, MARK, OWNER, ROOM, bits, marking, memory_caller, people
from harness import Caller, account


async def pinned(caller: Caller) -> set[str]:
    """The pinned conversations of `OWNER`."""
    items = (await caller.ok(GET_LIST, list_page(63)))["SessionItem"]
    return {item.get("To_Account") or item["GroupId"] for item in items if item["TopFlag"]}


@pytest.fixture
async def crowded(caller: Caller) -> Caller:
    """A caller whose `OWNER` has conversations with `people(60)` and an empty chat group."""
    for number, item in enumerate(people(60)):
        await talk(caller.service.store, item["To_Account"], 100 + number)
    await enter(caller.service.store, "room", 50)
    return caller


async def test_conversations_are_pinned_and_unpinned(crowded: Caller) -> None:
    some = people(2)
    assert list(await crowded.ok(TOP, pinning(*some, ROOM))) == [
        "ActionStatus",
        "ErrorCode",
        "ErrorInfo",
        "ErrorDisplay",
    ]
    assert await pinned(crowded) == {"p0000", "p0001", "room"}
    await crowded.ok(TOP, pinning(some[0], operation=2))
    assert await pinned(crowded) == {"p0001", "room"}


async def test_fifty_are_pinned_and_the_51st_is_refused(crowded: Caller) -> None:
    await crowded.ok(TOP, pinning(*people(50)))
    answer = await crowded.call(TOP, pinning(*people(1, 50)))
    assert answer["ErrorCode"] == 51012
    assert "51" in answer["ErrorInfo"]
    assert "50" in answer["ErrorInfo"]
    assert len(await pinned(crowded)) == 50


async def test_a_call_that_would_pin_51_pins_none(crowded: Caller) -> None:
    assert await crowded.code(TOP, pinning(*people(51))) == 51012
    assert await pinned(crowded) == set()


async def test_what_is_pinned_is_counted_once(crowded: Caller) -> None:
    await crowded.ok(TOP, pinning(*people(50)))
    await crowded.ok(TOP, pinning(*people(50), *people(50)))
    assert len(await pinned(crowded)) == 50


async def test_what_is_not_in_the_list_is_named_and_nothing_is_pinned(crowded: Caller) -> None:
    await crowded.ok(MARK, marking(bits(account("stranger"), 0)))
    answer = await crowded.call(TOP, pinning(*people(1), account("stranger")))
    assert answer["ErrorCode"] == 50002
    assert "RecentContactItem[1].To_Account stranger" in answer["ErrorInfo"]
    assert await pinned(crowded) == set()


async def test_unpinning_what_is_not_pinned_or_not_there_succeeds(crowded: Caller) -> None:
    await crowded.ok(TOP, pinning(FRIEND, ROOM, *people(1), operation=2))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (pinning(), 51006),
        (pinning(*people(101)), 51006),
        (pinning(FRIEND, operation=0), 50002),
        (pinning(FRIEND, operation=3), 50002),
        (pinning({"Type": 3}), 50002),
        (pinning({"Type": 2, "To_Account": "room"}), 50002),
        (pinning({"Type": 1, "To_Account": 1}), 60015),
        ({"From_Account": OWNER, "OperationType": 1}, 50002),
        (pinning(FRIEND) | {"From_Account": "nobody"}, 50001),
        (pinning(FRIEND, operation=2) | {"From_Account": "nobody"}, 50001),
    ],
)
async def test_what_is_wrong_is_refused(caller: Caller, body: dict[str, object], code: int) -> None:
    assert await caller.code(TOP, body) == code


async def test_a_hundred_are_unpinned_at_once(caller: Caller) -> None:
    await caller.ok(TOP, pinning(*people(100), operation=2))


async def test_a_lenient_profile_imports_the_account() -> None:
    caller = await memory_caller(unknown_account="lenient")
    body = pinning(FRIEND, operation=2) | {"From_Account": "nobody"}
    await caller.ok(TOP, body)
