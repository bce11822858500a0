from __future__ import annotations

from typing import Any

import pytest

from chatmarks.book import Account
from commands.messages import (
    BAD_ELEMENTS,
    GOOD_ELEMENTS,
    RECEIVER,
    SEND,
    SENDER,
    element,
    listed,
    text_of,
)
from commands.steps import memory_caller
from harness import ADMIN, NOW, SDKAPPID, Caller, Clock


def message(**fields: Any) -> dict[str, Any]:
    body = {
        "From_Account": SENDER,
        "To_Account": RECEIVER,
        "MsgRandom": 7,
        "MsgBody": [element()],
    } | fields
    return {name: value for name, value in body.items() if value is not ...}


@pytest.fixture
async def caller(clock: Clock) -> Caller:
    caller = await memory_caller(clock)
    await caller.accounts(SENDER, RECEIVER)
    return caller


async def test_a_message_comes_into_both_lists(caller: Caller) -> None:
    answer = await caller.ok(SEND, message(MsgSeq=5, MsgTimeStamp=1))
    assert list(answer)[:2] == ["MsgTime", "MsgKey"]
    assert answer["MsgTime"] == NOW
    assert answer["MsgKey"] == f"5_7_{NOW}"
    assert await listed(caller, RECEIVER) == {SENDER: NOW}
    assert await listed(caller, SENDER) == {RECEIVER: NOW}


async def test_who_calls_is_the_sender_where_none_is_named(caller: Caller) -> None:
    await caller.ok(SEND, message(From_Account=...))
    assert await listed(caller, RECEIVER) == {ADMIN: NOW}
    assert await listed(caller, ADMIN) == {RECEIVER: NOW}


@pytest.mark.parametrize(
    ("fields", "showing"),
    [
        ({"SyncOtherMachine": 1}, [RECEIVER, SENDER]),
        ({"SyncOtherMachine": 2}, [RECEIVER]),
        ({"MsgLifeTime": 1}, [RECEIVER, SENDER]),
        ({"MsgLifeTime": 0}, []),
        ({"OnlineOnlyFlag": 1}, []),
        ({"SendMsgControl": ["NoLastMsg"]}, []),
        ({"SendMsgControl": ["NoUnread", "WithMuteNotifications"]}, [RECEIVER, SENDER]),
        ({"ForbidCallbackControl": ["ForbidAfterSendMsgCallback"]}, [RECEIVER, SENDER]),
        ({"OfflinePushInfo": {"PushFlag": 1}, "CloudCustomData": "mine"}, [RECEIVER, SENDER]),
    ],
)
async def test_what_shows_in_whose_list(
    caller: Caller, fields: dict[str, Any], showing: list[str]
) -> None:
    await caller.ok(SEND, message(**fields))
    assert [userid for userid in (RECEIVER, SENDER) if await listed(caller, userid)] == showing


@pytest.mark.parametrize("sync", [1, 2])
@pytest.mark.parametrize("seq", [..., 5])
async def test_a_repeat_is_answered_as_the_first_for_five_minutes(
    caller: Caller, clock: Clock, seq: object, sync: int
) -> None:
    body = message(MsgSeq=seq, SyncOtherMachine=sync)
    first = await caller.ok(SEND, body)
    clock.now += 300
    assert await caller.ok(SEND, body) == first
    assert await listed(caller, RECEIVER) == {SENDER: NOW}
    clock.now += 1
    assert (await caller.ok(SEND, body))["MsgTime"] == NOW + 301
    assert await listed(caller, RECEIVER) == {SENDER: NOW + 301}


@pytest.mark.parametrize(
    "fields", [{"MsgRandom": 8}, {"MsgSeq": 6}, {"MsgBody": [element(Text="else")]}]
)
async def test_another_message_is_no_repeat(
    caller: Caller, clock: Clock, fields: dict[str, Any]
) -> None:
    await caller.ok(SEND, message(MsgSeq=5))
    clock.now += 1
    assert (await caller.ok(SEND, message(**({"MsgSeq": 5} | fields))))["MsgTime"] == NOW + 1


async def test_a_message_to_oneself_is_one_conversation(caller: Caller) -> None:
    await caller.ok(SEND, message(To_Account=SENDER))
    assert await listed(caller, SENDER) == {SENDER: NOW}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"To_Account": ...}, 90003),
        ({"To_Account": ""}, 90003),
        ({"To_Account": "x" * 33}, 90003),
        ({"To_Account": "é"}, 90003),
        ({"To_Account": 5}, 60015),
        ({"To_Account": "ghost"}, 90012),
        ({"From_Account": "ghost"}, 90008),
        ({"From_Account": "x" * 33}, 90008),
        ({"From_Account": 5}, 60015),
        ({"MsgRandom": ...}, 90005),
        ({"MsgRandom": "7"}, 90005),
        ({"MsgRandom": -1}, 90005),
        ({"MsgRandom": 0}, 0),
        ({"MsgRandom": (1 << 32) - 1}, 0),
        ({"MsgRandom": 1 << 32}, 90005),
        ({"MsgSeq": "1"}, 90001),
        ({"MsgSeq": 1 << 32}, 90001),
        ({"MsgTimeStamp": "1"}, 90006),
        ({"MsgTimeStamp": -1}, 90006),
        ({"SyncOtherMachine": 0}, 90031),
        ({"SyncOtherMachine": 3}, 90031),
        ({"SyncOtherMachine": "1"}, 90031),
        ({"MsgLifeTime": "60"}, 90044),
        ({"MsgLifeTime": 604_800}, 0),
        ({"MsgLifeTime": 604_801}, 90026),
        ({"OnlineOnlyFlag": 2}, 90001),
        ({"SendMsgControl": "NoLastMsg"}, 90001),
        ({"MsgBody": ...}, 90007),
        ({"MsgBody": {}}, 90007),
        ({"MsgBody": []}, 90002),
        ({"MsgBody": ["hello"]}, 90010),
        ({"MsgBody": [{"MsgType": "TIMTextElem"}]}, 90010),
        ({"MsgBody": GOOD_ELEMENTS}, 0),
        ({"MsgBody": text_of(12 * 1024)}, 0),
        ({"MsgBody": text_of(12 * 1024 + 1)}, 93000),
        ({"MsgBody": text_of(12 * 1024), "CloudCustomData": "x"}, 93000),
        *(({"MsgBody": [element(), bad]}, 90010) for bad in BAD_ELEMENTS),
    ],
)
async def test_each_field_keeps_to_its_bounds(
    caller: Caller, fields: dict[str, Any], code: int
) -> None:
    assert await caller.code(SEND, message(**fields)) == code
    assert bool(await listed(caller, RECEIVER)) is not bool(code)


async def test_accounts_are_imported_on_first_use_where_the_profile_says_so(clock: Clock) -> None:
    caller = await memory_caller(clock, profile="lenient")
    await caller.ok(SEND, message())
    assert await listed(caller, RECEIVER) == {SENDER: NOW}
    assert await caller.service.store.known_accounts(SDKAPPID, [SENDER]) == {SENDER}


async def test_marks_are_as_they_were(caller: Caller) -> None:
    before = await caller.service.store.read(Account(SDKAPPID, RECEIVER))
    await caller.ok(SEND, message())
    assert await caller.service.store.read(Account(SDKAPPID, RECEIVER)) == before
