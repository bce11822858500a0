"""The calls of a plan, made by the real commands on a store in memory."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings

from chatmarks.book import Account, Peer
from chatmarks.engines.memory import MemoryStore
from chatmarks.limits import (
    CONVERSATIONS_PER_ACCOUNT_MAX,
    CONVERSATIONS_PER_CALL_MAX,
    GROUPS_PER_ACCOUNT_MAX,
    Pooling,
)
from chatmarks.remote.content import Content, Filed, content_of
from chatmarks.remote.plan import CREATE, MARK, UPDATE, Planned, plan
from chatmarks.store import Kept, Whole
from harness import SDKAPPID, make_caller
from remote.contents import book_of, by_name, contents

OWNER = Account(SDKAPPID, "owner")


async def carried_out(have: Content, calls: list[Planned], **profile: Any) -> Content:
    """What an account that has `have` has after `calls`, none of which may be refused in any part."""
    store = MemoryStore()
    caller = await make_caller(store, profile="lenient", **profile)
    await store.put_wholes([Whole(OWNER, Kept(1, book_of(have)))])
    for call in calls:
        answer = await caller.ok(call.command, {"From_Account": OWNER.userid, **call.fields})
        assert codes_in(answer) <= {0}
    return content_of((await store.read(OWNER)).book)


def codes_in(value: Any) -> set[int]:
    """Every code of an answer and its items."""
    if isinstance(value, list):
        return set().union(*map(codes_in, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    own = {value[name] for name in ("ErrorCode", "ResultCode") if name in value}
    return own.union(*map(codes_in, value.values()))


@given(contents(), contents())
@settings(max_examples=300, deadline=None)
def test_a_plan_makes_what_is_wanted_and_a_second_one_is_empty(have: Content, want: Content) -> None:
    after = asyncio.run(carried_out(have, plan(have, want)))
    assert by_name(after) == by_name(want)
    assert plan(after, want) == []
    # What the calls leave alone keeps its time.
    for peer, filed in after.conversations.items():
        before = have.conversations.get(peer)
        if before and by_name(have)[1][peer] == by_name(want)[1][peer]:
            assert filed.timestamp == before.timestamp


def full(prefix: str, *, group: int) -> Content:
    """As many conversations and groups as an account may have."""
    groups = {f"{prefix}{number}": number for number in range(1, GROUPS_PER_ACCOUNT_MAX + 1)}
    return Content(
        groups,
        {
            Peer(1, f"{prefix}{number}"): Filed(1, "x", (group,))
            for number in range(CONVERSATIONS_PER_ACCOUNT_MAX)
        },
    )


@pytest.mark.parametrize("pooling", ["shared", "split", "per_group"])
def test_one_full_account_is_made_of_another_without_meeting_a_limit(pooling: Pooling) -> None:
    have, want = full("a", group=1), full("b", group=20)
    calls = plan(have, want)
    assert by_name(asyncio.run(carried_out(have, calls, pooling=pooling))) == by_name(want)
    for call in calls:
        assert len(items_of(call)) <= CONVERSATIONS_PER_CALL_MAX


def items_of(call: Planned) -> list[Any]:
    if call.command == MARK:
        return list(call.fields["MarkItem"])
    if call.command == CREATE:
        return list(call.fields["GroupContactItem"][0]["ContactItem"])
    return list(call.fields.get("UpdateGroup", {}).get("ContactUpdateItem", ()))


def test_groups_are_made_in_the_order_of_their_ids() -> None:
    want = Content({"third": 3, "first": 1, "second": 2})
    calls = plan(Content(), want)
    assert [call.makes for call in calls] == ["first", "second", "third"]
    assert asyncio.run(carried_out(Content(), calls)).groups == want.groups


def test_a_group_with_another_name_and_the_same_members_is_renamed() -> None:
    members = {Peer(1, f"user{n}"): Filed(group_ids=(4,)) for n in range(250)}
    (call,) = plan(Content({"old": 4}, members), Content({"new": 4}, members))
    assert call.command == UPDATE
    assert call.fields["UpdateGroup"]["NewGroupName"] == "new"
    assert not call.may_repeat


def test_two_groups_that_swap_their_members_keep_their_names() -> None:
    one, two = Peer(1, "one"), Peer(1, "two")
    have = Content({"a": 1, "b": 2}, {one: Filed(group_ids=(1,)), two: Filed(group_ids=(2,))})
    want = Content({"a": 1, "b": 2}, {one: Filed(group_ids=(2,)), two: Filed(group_ids=(1,))})
    calls = plan(have, want)
    assert all(call.command == UPDATE and call.may_repeat for call in calls)
    assert by_name(asyncio.run(carried_out(have, calls))) == by_name(want)


def test_members_beyond_the_first_hundred_need_their_group() -> None:
    want = Content({"all": 1}, {Peer(1, f"user{n}"): Filed(group_ids=(1,)) for n in range(101)})
    made, more = plan(Content(), want)
    assert (made.makes, more.needs) == ("all", "all")
    assert len(items_of(more)) == 1


def test_a_group_that_a_server_no_longer_names_counts_for_nothing() -> None:
    have = Content({}, {Peer(1, "user"): Filed(1, group_ids=(7,))})
    assert plan(have, Content({}, {Peer(1, "user"): Filed(1)})) == []
