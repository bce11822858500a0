"""What no standby confirmed is not acknowledged, even when it is asked for again and found to be there.

A leader that crashed or was restarted shows such changes; a leader that hung may be one no longer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, TypeAlias

import pytest

import postgres
from chatmarks.book import Account
from chatmarks.engines import open_store
from chatmarks.store import Busy, Store
from harness import Caller, account, make_caller

ALICE = Account(1400000000, "alice")
MARK = {
    "From_Account": "alice",
    "MarkItem": [{"OptType": 2, "ContactItem": account("carol"), "CustomMark": "text"}],
}
# Lets what waits for a standby be there without one.
GIVE_UP = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"

PROBE = "INSERT INTO probe VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET drawn = probe.drawn + 1"


@pytest.fixture(scope="module")
def lonely_url() -> Iterator[str]:
    """A server of its own, since it will wait for a standby that does not exist."""
    with postgres.server() as server:
        url: str = server.get_uri()
        postgres.make_tables(url)
        yield url


@pytest.fixture
async def lonely_store(lonely_url: str) -> AsyncIterator[Store]:
    await asyncio.to_thread(postgres.empty, lonely_url)
    store = await open_store(lonely_url)
    yield store
    await configured(lonely_url, "RESET synchronous_standby_names")
    await store.close()


async def configured(url: str, change: str) -> None:
    for statement in (f"ALTER SYSTEM {change}", "SELECT pg_reload_conf()"):
        await asyncio.to_thread(postgres.run, url, statement)


async def given_up(url: str, waiting: asyncio.Task[Any]) -> bool:
    """Let `waiting`, which commits, be there without a standby; False where it was done before that."""
    while not waiting.done():
        if await asyncio.to_thread(postgres.rows, url, GIVE_UP):
            return True
        await asyncio.sleep(0.01)
    return False


async def nobody_confirms(url: str) -> None:
    """Have commits wait for a standby that does not exist. The server answers before it does so, and
    what is committed in between is confirmed."""
    await configured(url, "SET synchronous_standby_names = 'nobody'")
    waits = False
    while not waits:
        probe = asyncio.create_task(asyncio.to_thread(postgres.run, url, PROBE))
        waits = await given_up(url, probe)
        await probe


Ask: TypeAlias = Callable[[Caller], Coroutine[Any, Any, int]]


async def mark(caller: Caller) -> int:
    return await caller.code("recentcontact/mark_contact", MARK)


async def import_bob(caller: Caller) -> int:
    return await caller.code("im_open_login_svc/account_import", {"UserID": "bob"})


ROOM = {"GroupId": "room", "MemberList": [{"Member_Account": "alice"}]}


async def add_alice(caller: Caller) -> int:
    return await caller.code("group_open_http_svc/add_group_member", ROOM)


async def remove_alice(caller: Caller) -> int:
    body = {"GroupId": "room", "MemberToDel_Account": ["alice"]}
    return await caller.code("group_open_http_svc/delete_group_member", body)


@pytest.mark.parametrize("ask", [add_alice, remove_alice])
async def test_a_repeated_change_of_members_is_not_acknowledged_before_a_standby_has_it(
    lonely_store: Store, lonely_url: str, ask: Ask
) -> None:
    caller = await make_caller(lonely_store)
    await caller.accounts("alice")
    await caller.chat_groups("room")
    if ask is remove_alice:
        assert await add_alice(caller) == 0
    await nobody_confirms(lonely_url)
    first = asyncio.create_task(ask(caller))
    assert await given_up(lonely_url, first)
    assert await first != 0
    assert await ask(caller) != 0
    await configured(lonely_url, "RESET synchronous_standby_names")
    assert await ask(caller) == 0


async def test_a_deletion_of_what_is_gone_is_not_acknowledged_before_a_standby_has_it(
    lonely_store: Store, lonely_url: str
) -> None:
    await nobody_confirms(lonely_url)
    with pytest.raises(Busy):
        await lonely_store.delete_account(ALICE)
    await configured(lonely_url, "RESET synchronous_standby_names")
    assert await lonely_store.delete_account(ALICE) is False


@pytest.mark.parametrize(("ask", "busy"), [(mark, 50005), (import_bob, 70169)])
async def test_a_repeated_change_is_not_acknowledged_before_a_standby_has_it(
    lonely_store: Store, lonely_url: str, ask: Ask, busy: int
) -> None:
    caller = await make_caller(lonely_store)
    await caller.accounts("alice")
    await nobody_confirms(lonely_url)
    first = asyncio.create_task(ask(caller))
    assert await given_up(lonely_url, first)
    assert await first == busy
    count = "SELECT (SELECT count(*) FROM conversation), (SELECT count(*) FROM account)"
    ((conversations, accounts),) = await asyncio.to_thread(postgres.rows, lonely_url, count)
    assert (conversations, accounts) in [(1, 2), (0, 3)]
    assert await ask(caller) == busy
    await configured(lonely_url, "RESET synchronous_standby_names")
    assert await ask(caller) == 0


async def test_a_change_that_changes_nothing_leaves_the_version_alone(lonely_store: Store) -> None:
    caller = await make_caller(lonely_store)
    await caller.accounts("alice")
    assert await mark(caller) == 0
    (before,) = await lonely_store.versions([ALICE])
    assert await mark(caller) == 0
    assert not await lonely_store.create_account(ALICE)
    assert await lonely_store.versions([ALICE]) == [before]
