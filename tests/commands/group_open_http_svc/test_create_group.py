from __future__ import annotations

import pytest

from chatmarks.engines.memory import MemoryStore
from chatmarks.seal import Seal
from chatmarks.service import Service
from commands.steps import (
    CREATE_ROOM,
    GET,
    MARK,
    OWNER,
    Body,
    bits,
    codes,
    marking,
    memory_caller,
    page,
)
from harness import Caller, Clock, chat_group, make_app


def room(**fields: object) -> Body:
    return {"Type": "Public", "Name": "a room"} | fields


async def is_known(caller: Caller, group_id: str) -> bool:
    return await codes(caller, MARK, marking(bits(chat_group(group_id), 0))) == [0]


async def test_a_chosen_id_is_kept_and_answered(caller: Caller) -> None:
    assert not await is_known(caller, "mine")
    assert await caller.ok(CREATE_ROOM, room(GroupId="mine")) == {
        "GroupId": "mine",
        "ActionStatus": "OK",
        "ErrorCode": 0,
        "ErrorInfo": "",
        "ErrorDisplay": "",
    }
    assert await is_known(caller, "mine")


@pytest.mark.parametrize("fields", [{}, {"GroupId": ""}])
async def test_without_an_id_one_is_generated(caller: Caller, fields: Body) -> None:
    first = (await caller.ok(CREATE_ROOM, room(**fields)))["GroupId"]
    second = (await caller.ok(CREATE_ROOM, room(**fields)))["GroupId"]
    assert (first, second) == ("@TGS#GROUP1", "@TGS#GROUP2")
    assert await is_known(caller, first)
    assert await is_known(caller, second)


async def test_a_generated_id_that_is_taken_is_drawn_again() -> None:
    store, clock = MemoryStore(), Clock()
    await make_app(store)
    drawn = iter(["SAME", "SAME", "OTHER"])
    caller = Caller(
        Service(store, Seal(), loopback=True, clock=clock, draw_id=lambda: next(drawn)), clock
    )
    made = [(await caller.ok(CREATE_ROOM, room()))["GroupId"] for _ in range(2)]
    assert made == ["@TGS#SAME", "@TGS#OTHER"]


async def test_ids_that_are_drawn_at_random_differ_and_are_marked_as_generated() -> None:
    store, clock = MemoryStore(), Clock()
    await make_app(store)
    caller = Caller(Service(store, Seal(), loopback=True, clock=clock), clock)
    made = {(await caller.ok(CREATE_ROOM, room()))["GroupId"] for _ in range(20)}
    assert len(made) == 20
    assert all(group_id.startswith("@TGS#") and len(group_id) <= 48 for group_id in made)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"GroupId": "x" * 48}, 0),
        ({"GroupId": "x" * 49}, 10004),
        ({"GroupId": "群"}, 10004),
        ({"GroupId": "a\0b"}, 10004),
        ({"GroupId": "@TGS#mine"}, 10004),
        ({"GroupId": "@TGS"}, 0),
        ({"GroupId": "@tgs#mine"}, 0),
        ({"Name": "x" * 100}, 0),
        ({"Name": "x" * 101}, 10004),
        ({"Name": "漢" * 33 + "x"}, 0),
        ({"Name": "漢" * 34}, 10004),
        ({"Name": ""}, 10004),
        ({"Name": "a\0b"}, 10004),
        ({"Introduction": "x" * 240}, 0),
        ({"Introduction": "x" * 241}, 10004),
        ({"Introduction": "a\0b"}, 10004),
        ({"Notification": "x" * 300}, 0),
        ({"Notification": "x" * 301}, 10004),
        ({"Notification": "a\0b"}, 10004),
        ({"FaceUrl": "x" * 100}, 0),
        ({"FaceUrl": "x" * 101}, 10004),
        ({"FaceUrl": "a\0b"}, 10004),
        ({"Type": "Private"}, 0),
        ({"Type": "ChatRoom"}, 0),
        ({"Type": "AVChatRoom"}, 0),
        ({"Type": "Community"}, 0),
        ({"Type": "public"}, 10004),
        ({"Type": ""}, 10004),
        ({"Owner_Account": OWNER}, 0),
        ({"Owner_Account": ""}, 0),
        ({"Owner_Account": "nobody"}, 10004),
        ({"Owner_Account": "x" * 33}, 10004),
        ({"Owner_Account": "a\0b"}, 10004),
        ({"MemberList": []}, 0),
        ({"MemberList": [{"Member_Account": "a", "Role": "Admin"}]}, 0),
        ({"MemberList": [{"Member_Account": "a"}] * 100}, 0),
        ({"MemberList": [{"Member_Account": "a"}] * 101}, 10005),
        ({"MemberList": [{"Member_Account": ""}]}, 10004),
        ({"MemberList": [{"Member_Account": "a\0b"}]}, 10004),
        ({"MemberList": [{}]}, 10004),
        ({"MaxMemberCount": 500, "ApplyJoinOption": "FreeAccess", "AppDefinedData": []}, 0),
        ({"Name": None}, 10004),
        ({"Type": 1}, 10004),
        ({"GroupId": 5}, 10004),
        ({"Owner_Account": 5}, 60015),
        ({"Owner_Account": None}, 60015),
        ({"MemberList": [{"Member_Account": 5}]}, 60015),
        ({"MemberList": [{"Member_Account": 5}] * 101, "Name": 5}, 60015),
    ],
)
async def test_each_field_keeps_to_its_bounds(caller: Caller, fields: Body, code: int) -> None:
    body = room(GroupId="mine") | fields
    assert await caller.code(CREATE_ROOM, body) == code
    if "GroupId" not in fields:
        assert await is_known(caller, "mine") is (code == 0)


@pytest.mark.parametrize("field", ["Type", "Name"])
async def test_type_and_name_are_required(caller: Caller, field: str) -> None:
    body = room()
    del body[field]
    assert await caller.code(CREATE_ROOM, body) == 10004


@pytest.mark.parametrize(
    ("holder", "asker", "code"),
    [
        (OWNER, OWNER, 10025),
        (OWNER, "other", 10021),
        (OWNER, "", 10021),
        ("", OWNER, 10021),
        ("", "", 10025),
    ],
)
async def test_an_id_that_is_taken_is_refused(
    caller: Caller, holder: str, asker: str, code: int
) -> None:
    await caller.accounts("other")
    await caller.ok(CREATE_ROOM, room(GroupId="mine", Owner_Account=holder))
    assert await caller.code(CREATE_ROOM, room(GroupId="mine", Owner_Account=asker)) == code


async def test_an_unknown_owner_is_imported_where_the_profile_is_lenient() -> None:
    caller = await memory_caller(unknown_account="lenient")
    await caller.ok(CREATE_ROOM, room(GroupId="mine", Owner_Account="newcomer"))
    assert await caller.service.store.known_accounts(caller.sdkappid, ["newcomer"]) == {"newcomer"}


async def test_a_refused_owner_is_not_imported_where_the_profile_is_lenient() -> None:
    caller = await memory_caller(unknown_account="lenient")
    assert await caller.code(CREATE_ROOM, room(Name="", Owner_Account="newcomer")) == 10004
    assert await caller.service.store.known_accounts(caller.sdkappid, ["newcomer"]) == set()


async def test_a_chat_group_alone_adds_nothing_to_a_book(caller: Caller) -> None:
    await caller.ok(CREATE_ROOM, room(Owner_Account=OWNER))
    assert (await caller.ok(GET, page()))["ContactItem"] == []
