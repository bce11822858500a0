from __future__ import annotations

import pytest

from chatmarks.store import UnknownAccount
from commands.steps import (
    ADD_MEMBERS,
    CREATE_ROOM,
    DELETE_ACCOUNTS,
    GET,
    OWNER,
    Body,
    added,
    adding,
    crowd,
    member_list,
    members_of,
    memory_caller,
    page,
    room,
)
from harness import Caller


async def test_each_account_has_a_result_in_the_order_of_the_request(caller: Caller) -> None:
    await caller.accounts("a", "b")
    assert await caller.ok(ADD_MEMBERS, adding("room", "b")) == {
        "MemberList": [{"Member_Account": "b", "Result": 1}],
        "ActionStatus": "OK",
        "ErrorCode": 0,
        "ErrorInfo": "",
        "ErrorDisplay": "",
    }
    assert await added(caller, "room", "a", "nobody", "b", "a", "nobody") == [1, 0, 2, 2, 0]
    assert await members_of(caller, "room") == {"a": "Member", "b": "Member"}


async def test_the_owner_is_a_member_already_and_stays_the_owner(caller: Caller) -> None:
    await caller.ok(CREATE_ROOM, room(GroupId="mine", Owner_Account=OWNER))
    assert await added(caller, "mine", OWNER) == [2]
    assert await members_of(caller, "mine") == {OWNER: "Owner"}


async def test_a_call_with_no_known_account_is_10019(caller: Caller) -> None:
    assert await caller.code(ADD_MEMBERS, adding("room", "nobody", "neither")) == 10019
    assert await added(caller, "room", "nobody", OWNER) == [0, 1]


async def test_an_unknown_account_is_imported_where_the_profile_is_lenient() -> None:
    caller = await memory_caller(unknown_account="lenient")
    assert await added(caller, "room", "newcomer", "newcomer") == [1, 2]
    assert await caller.service.store.known_accounts(caller.sdkappid, ["newcomer"]) == {"newcomer"}


async def test_an_account_deleted_during_the_call_has_result_0(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await caller.accounts("a")
    store = caller.service.store
    join = store.join

    async def late(account: object, *rest: object) -> bool:
        if getattr(account, "userid", "") == "a":
            raise UnknownAccount(account)
        return await join(account, *rest)  # type: ignore[arg-type] # passed on as they came

    monkeypatch.setattr(store, "join", late)
    assert await added(caller, "room", "a", OWNER, "a", OWNER) == [0, 1, 0, 2]


async def test_a_deleted_account_is_no_member_any_longer(caller: Caller) -> None:
    await caller.accounts("a")
    await added(caller, "room", "a", OWNER)
    await caller.ok(DELETE_ACCOUNTS, {"DeleteItem": [{"UserID": "a"}]})
    assert await members_of(caller, "room") == {OWNER: "Member"}
    await caller.accounts("a")
    assert await members_of(caller, "room") == {OWNER: "Member"}


async def test_nobody_is_added_to_a_chat_group_for_live_video(caller: Caller) -> None:
    await caller.ok(CREATE_ROOM, room(GroupId="live", Type="AVChatRoom"))
    assert await caller.code(ADD_MEMBERS, adding("live", OWNER)) == 10007
    assert await members_of(caller, "live") == {}


@pytest.mark.parametrize("kind", ["Public", "Private", "ChatRoom", "Community"])
async def test_every_other_chat_group_takes_members(caller: Caller, kind: str) -> None:
    await caller.ok(CREATE_ROOM, room(GroupId="mine", Type=kind))
    assert await added(caller, "mine", OWNER) == [1]


async def test_a_chat_group_has_6000_members_and_no_more(caller: Caller) -> None:
    await caller.accounts("a", "b")
    await crowd(caller, "room", 5999)
    # Two would be one too many, and then nobody joins.
    assert await caller.code(ADD_MEMBERS, adding("room", "a", "b")) == 10014
    assert await added(caller, "room", "a", "a", "nobody") == [1, 2, 0]
    assert await caller.code(ADD_MEMBERS, adding("room", "b")) == 10014
    assert await caller.code(ADD_MEMBERS, adding("room", "b", "a")) == 10014
    assert await added(caller, "room", "a", "nobody") == [2, 0]
    assert len(await members_of(caller, "room")) == 6000


async def test_a_membership_adds_nothing_to_a_book(caller: Caller) -> None:
    await added(caller, "room", OWNER)
    assert (await caller.ok(GET, page()))["ContactItem"] == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, 0),
        ({"Silence": 1}, 0),
        ({"GroupId": "ghost"}, 10010),
        ({"GroupId": ""}, 10015),
        ({"GroupId": "群"}, 10015),
        ({"GroupId": "x" * 128}, 10010),
        ({"GroupId": "x" * 129}, 10015),
        ({"GroupId": 5}, 10004),
        ({"GroupId": None}, 10004),
        ({"MemberList": []}, 10004),
        ({"MemberList": None}, 10004),
        ({"MemberList": [{}]}, 10004),
        ({"MemberList": member_list(*[OWNER] * 300)}, 0),
        ({"MemberList": member_list(*[OWNER] * 301)}, 10005),
        ({"MemberList": member_list("x" * 32)}, 10019),
        ({"MemberList": member_list("x" * 33)}, 10004),
        ({"MemberList": member_list("")}, 10004),
        ({"MemberList": member_list("é")}, 10004),
        ({"MemberList": [{"Member_Account": 5}]}, 60015),
    ],
)
async def test_each_field_keeps_to_its_bounds(caller: Caller, fields: Body, code: int) -> None:
    assert await caller.code(ADD_MEMBERS, adding("room", OWNER) | fields) == code
    assert await members_of(caller, "room") == ({} if code else {OWNER: "Member"})


@pytest.mark.parametrize("field", ["GroupId", "MemberList"])
async def test_both_fields_are_required(caller: Caller, field: str) -> None:
    body = adding("room", OWNER)
    del body[field]
    assert await caller.code(ADD_MEMBERS, body) == 10004
