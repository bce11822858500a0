"""Accounts written to a real server, through a proxy that fails."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from chatmarks.book import Peer
from chatmarks.client import AsyncClient
from chatmarks.remote.content import Content, Filed
from chatmarks.remote.failures import Failed, Refusal, Stopped
from chatmarks.remote.plan import CREATE, MARK, UPDATE
from chatmarks.remote.push import LOST_MAX, push, push_account
from chatmarks.remote.server import Server
from faulty import Proxy, answer_lost, call_lost, canned, code, passed, status
from remote.contents import by_name

FRIEND, ROOM = Peer(1, "friend"), Peer(2, "no such room")
WANT = Content(
    {"b": 2, "a": 1},
    {
        FRIEND: Filed(1 << 63 | 1, "é", (1, 2)),
        **{Peer(1, f"user{n:03}"): Filed(2, group_ids=(2,)) for n in range(130)},
    },
)


async def test_an_account_has_what_is_wanted_and_a_repeat_makes_no_call(
    server: Server, proxy: Proxy, owner: str
) -> None:
    pushed = await push_account(server, owner, WANT)
    assert pushed.refused == ()
    # Two groups, the members of one in two calls, marks in two.
    assert pushed.calls == 5
    have = await server.read(owner)
    assert by_name(have) == by_name(WANT)
    assert have.groups == WANT.groups
    seen = len(proxy.seen)
    assert (await push_account(server, owner, WANT, have)).calls == 0
    assert len(proxy.seen) == seen
    assert (await push_account(server, owner, Content())).refused == ()
    assert await server.read(owner) == Content()


@pytest.mark.parametrize(
    "fault",
    [call_lost, answer_lost, status(502, done=True), code(50004), code(50005, done=True), code(60007)],
    ids=["call lost", "answer lost", "502", "50004", "50005", "60007"],
)
async def test_every_call_may_fail_once_and_nothing_is_done_twice_or_left_out(
    server: Server, proxy: Proxy, owner: str, fault: Any
) -> None:
    proxy.faults += [passed, *[fault, passed, passed] * 20]
    assert (await push_account(server, owner, WANT)).refused == ()
    assert by_name(await server.read(owner)) == by_name(WANT)


async def test_what_becomes_never_known_is_given_up(server: Server, proxy: Proxy, owner: str) -> None:
    proxy.faults += [passed, code(50004)] * LOST_MAX
    with pytest.raises(Failed, match=rf"not known after {LOST_MAX} times.*50004"):
        await push_account(server, owner, WANT)


async def test_refused_items_are_told_and_the_others_done(server: Server, owner: str) -> None:
    want = replace(WANT, conversations={**WANT.conversations, ROOM: Filed(4, "", (1,))})
    pushed = await push_account(server, owner, want)
    assert [(each.command, each.peer, each.code) for each in pushed.refused] == [
        (CREATE, ROOM, 51007),
        (MARK, ROOM, 51007),
    ]
    assert all(ROOM.id in each.text for each in pushed.refused)
    assert by_name(await server.read(owner)) == by_name(WANT)


async def test_a_group_that_is_refused_takes_only_its_own_calls_with_it(
    server: Server, owner: str
) -> None:
    name = "n" * 64
    groups = {"a": 1, name: 2}
    pushed = await push_account(server, owner, replace(WANT, groups=groups))
    assert pushed.refused == (
        Refusal(
            CREATE, None, 51011, "GroupContactItem[0].GroupName has 64 bytes; at most 32 are allowed"
        ),
    )
    assert pushed.calls == 4
    have = await server.read(owner)
    assert have.groups == {"a": 1}
    assert len(have.conversations) == 131


async def test_a_group_that_vanished_meanwhile_is_told(
    server: Server, past: AsyncClient, owner: str
) -> None:
    have = Content({"gone": 1})
    want = Content({"gone": 1}, {FRIEND: Filed(group_ids=(1,))})
    pushed = await push_account(server, owner, want, have)
    assert [(each.command, each.code) for each in pushed.refused] == [(UPDATE, 51009)]


async def test_an_account_that_the_server_does_not_have_is_not_written(server: Server) -> None:
    for have in (None, Content()):
        with pytest.raises(Failed) as raised:
            await push_account(server, "nobody", WANT, have)
        assert raised.value.is_unknown


class Wanted:
    """Where every account has the same, but for one that is not there."""

    async def content(self, userid: str) -> Content:
        if userid == "unknown":
            raise Failed(50001, "the store has no such account")
        return WANT


def ignore(_done: int, _total: int) -> None:
    pass


async def test_many_are_written_and_missing_ones_imported(server: Server, owner: str) -> None:
    userids = [f"{owner}_{number}" for number in range(130)] + ["unknown"]
    steps: list[tuple[int, int]] = []
    report = await push(
        server, userids, Wanted(), lambda *step: steps.append(step), import_accounts=True
    )
    assert (report.accounts, report.changed, report.unchanged) == (131, 130, 0)
    assert (report.imported, report.refused) == (131, [])
    assert [failure.UserID for failure in report.failures] == ["unknown"]
    assert steps[-1] == (131, 131)
    again = await push(server, userids, Wanted(), ignore, import_accounts=True)
    assert (again.changed, again.unchanged, again.imported) == (0, 130, 0)


async def test_without_imports_missing_accounts_are_told(server: Server, owner: str) -> None:
    report = await push(server, [owner, "nobody"], Wanted(), ignore, import_accounts=False)
    assert (report.changed, report.imported) == (1, 0)
    assert [(failure.UserID, failure.code) for failure in report.failures] == [("nobody", 50001)]


async def test_accounts_that_cannot_be_imported_are_told(
    server: Server, proxy: Proxy, owner: str
) -> None:
    answer = {"ErrorCode": 0, "ActionStatus": "OK", "ErrorInfo": "", "FailAccounts": [f"{owner}_b"]}
    proxy.faults += [passed, canned(msgspec.json.encode(answer))]
    report = await push(server, [f"{owner}_a", f"{owner}_b"], Wanted(), ignore, import_accounts=True)
    assert report.imported == 1
    assert {failure.UserID for failure in report.failures} == {f"{owner}_a", f"{owner}_b"}


async def test_a_push_stops_where_the_caller_is_refused(
    server: Server, proxy: Proxy, owner: str
) -> None:
    proxy.faults += [passed, code(70009)]
    with pytest.raises(Stopped, match="70009"):
        await push(server, [owner], Wanted(), ignore, import_accounts=False)
