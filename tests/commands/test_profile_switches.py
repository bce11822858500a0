from __future__ import annotations

from typing import Any

import pytest

from chatmarks.engines.memory import MemoryStore
from chatmarks.limits import Profile
from chatmarks.seal import Seal
from chatmarks.service import Service
from commands.steps import (
    CHECK,
    CREATE,
    DELETE,
    FRIEND,
    GET,
    GHOST,
    MARK,
    OWNER,
    SEARCH,
    UPDATE,
    Body,
    bits,
    codes,
    creation,
    deletion,
    fill,
    groups,
    join_many,
    joining,
    leaving,
    marking,
    memory_caller,
    no_bits,
    page,
    people,
    question,
    records,
    renaming,
    text,
)
from harness import ADMIN, OWN_KEY, Caller, Clock, account, make_app


def test_the_switches_of_a_profile_are_those_tested_here() -> None:
    assert Profile.__struct_fields__ == (
        "group_name_bytes_max",
        "pooling",
        "unknown_account",
        "unknown_chat_group",
        "check_to_account",
        "not_admin",
        "get_page_size",
        "list_size_max",
        "edition",
        "usersig",
        "calls_per_second",
        "app_calls_per_second",
    )


@pytest.mark.parametrize("limit", [32, 64])
async def test_a_group_name_is_held_to_the_profiles_bytes(limit: int) -> None:
    caller = await memory_caller(group_name_bytes_max=limit)
    assert await caller.code(CREATE, creation("x" * limit)) == 0
    assert await caller.code(CREATE, creation("y" * (limit + 1))) == 51011
    assert await caller.code(UPDATE, renaming("x" * limit, "z" * (limit + 1))) == 51011
    assert await caller.code(UPDATE, renaming("x" * limit, "z" * limit)) == 0
    assert await caller.code(CREATE, creation("漢" * (limit // 3 + 1))) == 51011


async def marked_and_grouped(pooling: str) -> Caller:
    """A caller with 1,000 marked conversations and two groups."""
    caller = await memory_caller(pooling=pooling)
    await fill(caller, 1000)
    await caller.ok(CREATE, creation("a"))
    await caller.ok(CREATE, creation("b"))
    return caller


@pytest.mark.parametrize("pooling", ["shared", "split", "per_group"])
async def test_1001_marks_are_51008_under_every_pooling(pooling: str) -> None:
    caller = await marked_and_grouped(pooling)
    assert await codes(caller, MARK, marking(bits(FRIEND, 0), text(FRIEND, "a"))) == [51008, 51008]


@pytest.mark.parametrize("pooling", ["shared", "split", "per_group"])
async def test_1001_conversations_of_one_group_are_51008_under_every_pooling(pooling: str) -> None:
    caller = await memory_caller(pooling=pooling)
    await caller.ok(CREATE, creation("a"))
    await join_many(caller, "a", people(1000))
    assert await codes(caller, UPDATE, joining("a", FRIEND)) == [51008]
    assert await codes(caller, UPDATE, joining("a", people(1)[0])) == [0]


@pytest.mark.parametrize(("pooling", "code"), [("shared", 51008), ("split", 0), ("per_group", 0)])
async def test_marks_leave_room_for_groups_unless_the_pool_is_shared(pooling: str, code: int) -> None:
    caller = await marked_and_grouped(pooling)
    assert await codes(caller, UPDATE, joining("a", FRIEND)) == [code]


@pytest.mark.parametrize(("pooling", "code"), [("shared", 51008), ("split", 0), ("per_group", 0)])
async def test_groups_leave_room_for_marks_unless_the_pool_is_shared(pooling: str, code: int) -> None:
    caller = await memory_caller(pooling=pooling)
    await caller.ok(CREATE, creation("a"))
    await join_many(caller, "a", people(1000))
    assert await codes(caller, MARK, marking(bits(FRIEND, 0))) == [code]


@pytest.mark.parametrize(("pooling", "code"), [("shared", 51008), ("split", 51008), ("per_group", 0)])
async def test_one_full_group_leaves_room_in_another_only_if_each_is_a_pool(
    pooling: str, code: int
) -> None:
    caller = await memory_caller(pooling=pooling)
    await caller.ok(CREATE, creation("a"))
    await caller.ok(CREATE, creation("b"))
    await join_many(caller, "a", people(1000))
    assert await codes(caller, UPDATE, joining("b", FRIEND)) == [code]
    assert await codes(caller, UPDATE, joining("b", people(1)[0])) == [0]


async def test_leaving_a_full_pool_makes_room_in_it_though_the_record_stays() -> None:
    caller = await memory_caller(pooling="split")
    await caller.ok(CREATE, creation("a"))
    await join_many(caller, "a", people(1000))
    first = people(1)[0]
    await caller.ok(MARK, marking(bits(first, 0)))
    assert await codes(caller, UPDATE, joining("a", FRIEND)) == [51008]
    assert await codes(caller, UPDATE, leaving("a", first)) == [0]
    assert await codes(caller, UPDATE, joining("a", FRIEND)) == [0]


FIRST_CALLS: list[tuple[str, Body]] = [
    (CREATE, creation("work", FRIEND)),
    (MARK, marking(bits(FRIEND, 0))),
    (GET, page()),
    (SEARCH, question(FRIEND)),
]


async def test_a_strict_profile_refuses_an_account_that_was_never_imported() -> None:
    caller = await memory_caller(unknown_account="strict")
    for command, body in FIRST_CALLS:
        assert await caller.code(command, body | {"From_Account": "new"}) == 50001
    assert await caller.service.store.known_accounts(caller.sdkappid, ["new"]) == set()


@pytest.mark.parametrize(("command", "body"), FIRST_CALLS)
async def test_a_lenient_profile_imports_an_account_on_first_use(command: str, body: Body) -> None:
    caller = await memory_caller(unknown_account="lenient")
    assert await caller.code(command, body | {"From_Account": "new"}) == 0
    assert await caller.service.store.known_accounts(caller.sdkappid, ["new"]) == {"new"}


async def test_a_lenient_profile_imports_nothing_for_a_call_it_refuses() -> None:
    caller = await memory_caller(unknown_account="lenient")
    assert await caller.code(MARK, marking() | {"From_Account": "new"}) == 51006
    assert await caller.code(GET, page() | {"From_Account": "x" * 33}) == 50002
    assert await caller.service.store.known_accounts(caller.sdkappid, ["new", "x" * 33]) == set()


@pytest.mark.parametrize(("switch", "code"), [("strict", 51007), ("lenient", 0)])
async def test_an_unknown_chat_group_is_refused_or_taken(switch: str, code: int) -> None:
    caller = await memory_caller(unknown_chat_group=switch)
    assert await codes(caller, CREATE, creation("work", GHOST)) == [code]
    assert await codes(caller, UPDATE, joining("work", GHOST)) == [code]
    assert await codes(caller, MARK, marking(bits(GHOST, 0), text(GHOST, "a"))) == [code, code]
    assert len(await records(caller, GHOST)) == (0 if code else 1)


@pytest.mark.parametrize(("check", "code"), [(True, 50001), (False, 0)])
async def test_a_to_account_that_was_never_imported_is_refused_or_taken(check: bool, code: int) -> None:  # noqa: FBT001 - the switch itself
    caller = await memory_caller(check_to_account=check)
    await caller.accounts("known")
    known, stranger = account("known"), account("stranger")
    assert await codes(caller, CREATE, creation("work", stranger, known)) == [code, 0]
    assert await codes(caller, UPDATE, joining("work", stranger, known)) == [code, 0]
    assert await codes(caller, MARK, marking(bits(stranger, 0), bits(known, 0))) == [code, 0]
    assert len(await records(caller, stranger, known)) == (1 if code else 2)


async def test_a_to_account_that_was_never_imported_can_always_be_taken_out() -> None:
    caller = await memory_caller(check_to_account=True)
    await caller.ok(CREATE, creation("work"))
    stranger = account("stranger")
    assert await codes(caller, UPDATE, leaving("work", stranger)) == [0]
    assert await codes(caller, MARK, marking(no_bits(stranger, 0), text(stranger, ""))) == [0, 0]


@pytest.mark.parametrize("code", [60010, 50003])
async def test_a_caller_who_is_no_admin_is_answered_the_profiles_code(code: int) -> None:
    caller = await memory_caller(not_admin=code)
    caller.identifier = OWNER
    assert await caller.code(GET, page()) == code
    caller.identifier = ADMIN
    assert await caller.code(GET, page()) == 0


@pytest.mark.parametrize("size", [1, 3, 100])
async def test_a_page_holds_the_profiles_number_of_records(size: int) -> None:
    caller = await memory_caller(get_page_size=size)
    await fill(caller, size)
    assert (await caller.ok(GET, page()))["CompleteFlag"] == 1
    await fill(caller, 1, first=size)
    first = await caller.ok(GET, page())
    assert (len(first["ContactItem"]), first["CompleteFlag"]) == (size, 0)
    last = await caller.ok(GET, page(first["NextStartIndex"]))
    assert (len(last["ContactItem"]), last["CompleteFlag"]) == (1, 1)


@pytest.mark.parametrize(("edition", "code"), [("full", 0), ("basic", 51013)])
async def test_the_edition_decides_over_groups_and_marks_but_not_over_custom_marks(
    edition: str, code: int
) -> None:
    caller = await memory_caller(edition=edition)
    both = {"OptType": 3, "ContactItem": FRIEND, "SetMark": [0], "CustomMark": "a"}
    for command, body in (
        (CREATE, creation("work")),
        (UPDATE, joining("work", FRIEND)),
        (UPDATE, renaming("work", "new")),
        (DELETE, deletion("new")),
        (MARK, marking(bits(FRIEND, 0))),
        (MARK, marking(both)),
    ):
        assert await caller.code(command, body) == code
    assert await caller.code(MARK, marking(text(FRIEND, "b"))) == 0
    (record,) = await records(caller, FRIEND)
    assert (record["StandardMark"], record["CustomMark"]) == ("" if code else "1", "b")
    assert await groups(caller) == {}


@pytest.mark.parametrize(
    ("usersig", "loopback", "code"),
    [("verify", True, 70003), ("verify", False, 70003), ("any", False, 70003), ("any", True, 0)],
)
async def test_any_ticket_is_good_only_on_loopback_and_where_the_profile_says_so(
    usersig: str,
    loopback: bool,  # noqa: FBT001 - as the service takes it
    code: int,
) -> None:
    store, clock = MemoryStore(), Clock()
    await make_app(store, keys=(OWN_KEY,), usersig=usersig)
    service = Service(store, Seal(), clock=clock, loopback=loopback)
    caller = Caller(service, clock, key=OWN_KEY)
    body = page() | {"From_Account": ADMIN}
    assert await caller.code(GET, body, usersig="nonsense") == code
    assert await caller.code(GET, body) == 0


async def test_any_ticket_still_needs_an_admin() -> None:
    store, clock = MemoryStore(), Clock()
    await make_app(store, usersig="any")
    caller = Caller(Service(store, Seal(), clock=clock, loopback=True), clock)
    assert await caller.code(GET, page(), usersig="x", identifier="nobody") == 60010


async def met(caller: Caller, command: str, body: Body, times: int) -> list[Any]:
    return [await caller.code(command, body) for _ in range(times)]


async def test_the_documented_profile_answers_60007_to_the_201st_call_of_a_second() -> None:
    clock = Clock()
    caller = await memory_caller(clock, profile="documented")
    assert await met(caller, GET, page(), 201) == [0] * 200 + [60007]
    assert await caller.code(SEARCH, question(FRIEND)) == 0
    clock.now += 0.9
    assert await caller.code(GET, page()) == 60007
    clock.now += 0.1
    assert await caller.code(GET, page()) == 0


@pytest.mark.parametrize(("profile", "limit"), [("2024-07", 32), ("2026-04", 64)])
async def test_a_dated_profile_has_the_name_length_of_its_pages(profile: str, limit: int) -> None:
    caller = await memory_caller(profile=profile)
    assert await caller.code(CREATE, creation("x" * limit)) == 0
    assert await caller.code(CREATE, creation("y" * (limit + 1))) == 51011


@pytest.mark.parametrize(("profile", "code"), [("2024-07", 51008), ("2026-04", 0)])
async def test_a_dated_profile_pools_groups_and_marks_as_its_pages_do(profile: str, code: int) -> None:
    caller = await memory_caller(profile=profile)
    await fill(caller, 1000)
    await caller.ok(CREATE, creation("a"))
    await caller.ok(CREATE, creation("b"))
    assert await codes(caller, UPDATE, joining("a", FRIEND)) == [code]
    assert await codes(caller, MARK, marking(bits(account("one more"), 0))) == [51008]


async def test_one_full_group_leaves_no_room_in_another_in_2026_04() -> None:
    caller = await memory_caller(profile="2026-04")
    await caller.ok(CREATE, creation("a"))
    await caller.ok(CREATE, creation("b"))
    await join_many(caller, "a", people(1000))
    assert await codes(caller, UPDATE, joining("b", FRIEND)) == [51008]
    assert await codes(caller, MARK, marking(bits(FRIEND, 0))) == [0]


async def test_a_command_documented_with_100_calls_keeps_them() -> None:
    caller = await memory_caller(profile="documented")
    body = {"CheckItem": [{"UserID": OWNER}]}
    assert await met(caller, CHECK, body, 101) == [0] * 100 + [60007]


async def test_the_default_profile_has_no_cap() -> None:
    caller = await memory_caller()
    assert await met(caller, GET, page(), 250) == [0] * 250


async def test_an_app_cap_counts_all_commands_together() -> None:
    clock = Clock()
    caller = await memory_caller(clock, app_calls_per_second=3)
    clock.now += 1
    for command, body in ((GET, page()), (SEARCH, question(FRIEND)), (GET, page())):
        assert await caller.code(command, body) == 0
    assert await caller.code(CREATE, creation("late")) == 60011
    clock.now += 1
    assert await groups(caller) == {}
