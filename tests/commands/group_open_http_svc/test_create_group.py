from __future__ import annotations

from collections.abc import Collection

import pytest

from chatmarks.engines.memory import MemoryStore
from chatmarks.seal import Seal
from chatmarks.service import Service
from chatmarks.store import ChatGroup
from commands.steps import (
    CREATE_ROOM,
    GET,
    MARK,
    OWNER,
    Body,
    bits,
    codes,
    marking,
    member_list,
    members_of,
    memory_caller,
    page,
    room,
)
from harness import Caller, Clock, chat_group, make_app


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
        ({"MemberList": [{"Member_Account": "a", "Role": ""}]}, 0),
        ({"MemberList": [{"Member_Account": "a", "Role": "Owner"}]}, 10004),
        ({"MemberList": [{"Member_Account": "a", "Role": "admin"}]}, 10004),
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


async def test_the_owner_and_the_first_members_are_kept_with_their_roles(caller: Caller) -> None:
    await caller.accounts("a", "b")
    members = [{"Member_Account": "b", "Role": "Admin"}, {"Member_Account": "a"}]
    body = room(GroupId="mine", Owner_Account=OWNER, MemberList=members)
    await caller.ok(CREATE_ROOM, body)
    expected = {"a": "Member", "b": "Admin", OWNER: "Owner"}
    assert await members_of(caller, "mine") == expected
    await caller.ok(CREATE_ROOM, room(GroupId="nobodys"))
    assert await members_of(caller, "nobodys") == {}


async def test_an_owner_who_is_listed_too_is_a_member_once_and_as_owner(caller: Caller) -> None:
    members = [{"Member_Account": OWNER, "Role": "Admin"}, {"Member_Account": OWNER}]
    await caller.ok(CREATE_ROOM, room(GroupId="mine", Owner_Account=OWNER, MemberList=members))
    assert await members_of(caller, "mine") == {OWNER: "Owner"}


async def test_who_was_never_imported_does_not_become_a_member(caller: Caller) -> None:
    body = room(GroupId="mine", MemberList=member_list("nobody", OWNER))
    await caller.ok(CREATE_ROOM, body)
    assert await members_of(caller, "mine") == {OWNER: "Member"}
    assert await caller.service.store.known_accounts(caller.sdkappid, ["nobody"]) == set()


async def test_a_first_member_is_imported_where_the_profile_is_lenient() -> None:
    caller = await memory_caller(unknown_account="lenient")
    await caller.ok(CREATE_ROOM, room(GroupId="mine", MemberList=member_list("newcomer")))
    assert await members_of(caller, "mine") == {"newcomer": "Member"}
    assert await caller.service.store.known_accounts(caller.sdkappid, ["newcomer"]) == {"newcomer"}


async def test_a_refused_creation_changes_no_members_of_the_holder(caller: Caller) -> None:
    await caller.accounts("other")
    body = room(GroupId="mine", Owner_Account=OWNER)
    await caller.ok(CREATE_ROOM, body)
    again = body | {"Owner_Account": "other", "MemberList": member_list("other")}
    assert await caller.code(CREATE_ROOM, again) == 10021
    assert await members_of(caller, "mine") == {OWNER: "Owner"}


async def test_a_creation_that_loses_a_race_adds_nobody_to_the_winners_chat_group(
    caller: Caller,
) -> None:
    await caller.accounts("other")
    bodies = [room(GroupId="mine", Owner_Account=userid) for userid in (OWNER, "other")]
    store = caller.service.store
    winner = ChatGroup("mine", "Public", "a room", OWNER)

    class Late(MemoryStore):
        """Another call makes the chat group after this one looked for it."""

        async def chat_groups(self, sdkappid: int, group_ids: Collection[str]) -> dict[str, ChatGroup]:
            found = await store.chat_groups(sdkappid, group_ids)
            await store.create_chat_group(sdkappid, winner)
            return found

    late = Late()
    vars(late).update(vars(store))
    caller.service.store = late
    assert await caller.code(CREATE_ROOM, bodies[1]) == 10021
    caller.service.store = store
    assert await members_of(caller, "mine") == {}
