"""Accounts pulled from a real server into a store of each engine."""

from __future__ import annotations

import msgspec
import pytest

from chatmarks.book import Account
from chatmarks.client import AsyncClient
from chatmarks.remote import pull as pulling
from chatmarks.remote.abreast import READ_AT_A_TIME
from chatmarks.remote.content import content_of
from chatmarks.remote.failures import Failure, Stopped
from chatmarks.remote.pull import CannotPull, Checkpoint, PullReport, digest_of, property_of
from chatmarks.remote.server import Server
from chatmarks.store import Store
from faulty import Proxy, code, passed
from harness import SDKAPPID, account

NAME = property_of(SDKAPPID)


def ignore(_done: int, _total: int) -> None:
    pass


async def filled(past: AsyncClient, prefix: str, count: int) -> list[str]:
    """Accounts at the server, each with a group of one conversation."""
    userids = [f"{prefix}_{number}" for number in range(count)]
    await past.split.multiaccount_import(Accounts=userids)
    for userid in userids:
        group = {"GroupName": userid, "ContactItem": [account("friend")]}
        await past.create_contact_group(From_Account=userid, GroupContactItem=[group])
    return userids


async def begun(store: Store, userids: list[str], source: str = "http://a") -> Checkpoint:
    return await pulling.begin(store, SDKAPPID, source, userids, replacing=False, again=False)


async def test_a_pull_that_was_stopped_goes_on_and_is_then_forgotten(
    server: Server, proxy: Proxy, past: AsyncClient, owner: str, store: Store
) -> None:
    userids = await filled(past, owner, 60)
    proxy.faults += [*[passed] * 45, *[code(60010)] * 40]
    with pytest.raises(Stopped, match="60010"):
        await pulling.pull(server, store, SDKAPPID, userids, await begun(store, userids), ignore)
    proxy.faults.clear()
    checkpoint = await begun(store, userids)
    assert 45 - READ_AT_A_TIME <= checkpoint.count <= 45
    assert checkpoint.report.read == checkpoint.report.resumed_at == checkpoint.count
    steps: list[tuple[int, int]] = []
    report = await pulling.pull(
        server, store, SDKAPPID, userids, checkpoint, lambda *step: steps.append(step)
    )
    assert (report.read, report.groups, report.conversations) == (60, 60, 60)
    assert steps[-1] == (60, 60)
    assert await store.read_property(NAME) is None
    for userid in userids:
        content = content_of((await store.read(Account(SDKAPPID, userid))).book)
        assert content == await server.read(userid)


async def test_a_pull_that_was_killed_before_its_first_account_goes_on_without_more_words(
    server: Server, past: AsyncClient, owner: str, store: Store
) -> None:
    userids = await filled(past, owner, 3)
    await begun(store, userids)
    # As a killed run leaves it: accounts are there that no checkpoint has.
    checkpoint = await begun(store, userids)
    await pulling.pull(server, store, SDKAPPID, userids[:1], checkpoint, ignore)
    await store.write_property(NAME, msgspec.json.encode(_at_zero(userids)).decode())
    report = await pulling.pull(server, store, SDKAPPID, userids, await begun(store, userids), ignore)
    assert (report.read, report.changed, report.failures) == (3, 2, [])
    with pytest.raises(CannotPull, match=f"that of {userids[0]} for one"):
        await begun(store, userids)


def _at_zero(userids: list[str]) -> Checkpoint:
    return Checkpoint("http://a", digest_of(userids), 0, set(), PullReport(len(userids)))


async def test_failures_of_earlier_runs_stay_in_the_report(
    server: Server, past: AsyncClient, owner: str, store: Store
) -> None:
    userids = ["nobody", *await filled(past, owner, 2)]
    report = PullReport(3, failures=[Failure("nobody", 50001, "was never imported")])
    kept = Checkpoint("http://a", digest_of(userids), 1, set(), report)
    await store.write_property(NAME, msgspec.json.encode(kept).decode())
    done = await pulling.pull(server, store, SDKAPPID, userids, await begun(store, userids), ignore)
    assert [failure.UserID for failure in done.failures] == ["nobody"]
    assert (done.read, done.calls, done.resumed_at) == (2, 2, 1)
