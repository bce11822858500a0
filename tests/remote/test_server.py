"""Accounts read from a real server, through a proxy that fails."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from chatmarks.book import Peer
from chatmarks.client import AsyncClient, Control
from chatmarks.remote.abreast import abreast
from chatmarks.remote.content import Content, Filed
from chatmarks.remote.failures import Failed, Stopped
from chatmarks.remote.pace import Pace
from chatmarks.remote.server import READINGS_MAX, Server
from faulty import Proxy, answer_lost, call_lost, canned, code, passed, status
from harness import KEY, account
from process import Server as Running
from remote.conftest import server_at

BASE = {"ErrorCode": 0, "ActionStatus": "OK", "ErrorInfo": "", "GroupItem": [], "CompleteFlag": 1}


async def fill(client: AsyncClient, owner: str, count: int) -> None:
    """A group with all of `count` conversations, and another one with none."""
    peers = [account(f"peer{n:04}") for n in range(count)]
    group = {"GroupName": "all", "ContactItem": peers[:100]}
    await client.create_contact_group(From_Account=owner, GroupContactItem=[group])
    await client.create_contact_group(From_Account=owner, GroupContactItem=[{"GroupName": "none"}])
    marks = [
        {"OptType": 3, "ContactItem": peer, "SetMark": [0, 63], "CustomMark": "é"} for peer in peers
    ]
    await client.split.mark_contact(From_Account=owner, MarkItem=marks)


async def test_everything_of_an_account_is_read(server: Server, past: AsyncClient, owner: str) -> None:
    await fill(past, owner, 250)
    content = await server.read(owner)
    assert content.groups == {"all": 1, "none": 2}
    assert list(content.conversations) == [Peer(1, f"peer{n:04}") for n in range(250)]
    assert {filed.marks for filed in content.conversations.values()} == {1 | 1 << 63}
    assert {filed.custom_mark for filed in content.conversations.values()} == {"é"}
    ids = [filed.group_ids for filed in content.conversations.values()]
    assert ids == [(1,)] * 100 + [()] * 150
    assert server.pace.calls == 3


@pytest.mark.parametrize(
    "fault",
    [call_lost, answer_lost, status(502), code(50004), code(50005), code(60008)],
    ids=["call lost", "answer lost", "502", "50004", "50005", "60008"],
)
async def test_a_passing_failure_is_waited_out(
    server: Server, proxy: Proxy, past: AsyncClient, owner: str, fault: Any
) -> None:
    await fill(past, owner, 1)
    proxy.faults += [fault, fault]
    assert len((await server.read(owner)).conversations) == 1
    assert server.pace.calls == 3
    assert server.pace.slowed == 0


@pytest.mark.parametrize("number", [60007, 60011, 60018, 60019])
async def test_a_server_that_wants_fewer_calls_gets_fewer(
    server: Server, proxy: Proxy, owner: str, number: int
) -> None:
    proxy.faults.append(code(number))
    await server.read(owner)
    assert server.pace.slowed == 1
    assert server.pace.rate < 1000


async def test_an_account_that_the_server_does_not_have_is_a_failure_of_its_own(server: Server) -> None:
    with pytest.raises(Failed) as raised:
        await server.read("nobody")
    assert raised.value.is_unknown
    assert raised.value.code == 50001


@pytest.mark.parametrize(
    "fault",
    [code(60010), code(70009), code(60016), code(50003), status(404)],
    ids=["60010", "70009", "60016", "50003", "404"],
)
async def test_what_concerns_the_caller_stops_everything(
    server: Server, proxy: Proxy, owner: str, fault: Any
) -> None:
    proxy.faults.append(fault)
    with pytest.raises(Stopped):
        await server.read(owner)
    assert len(proxy.seen) == 1


async def test_a_server_that_stays_away_stops_everything_after_the_patience(owner: str) -> None:
    async with server_at("http://127.0.0.1:9", patience_seconds=0.3) as away:
        with pytest.raises(Stopped, match=r"no answer for 0 seconds.*cannot be reached"):
            await away.read(owner)


async def test_an_account_that_alone_fails_for_long_is_a_failure_of_its_own(
    server: Server, proxy: Proxy, owner: str
) -> None:
    def strange_fails(handler: Any, body: bytes) -> None:
        is_strange = msgspec.json.decode(body)["From_Account"] == "strange"
        (code(50004) if is_strange else passed)(handler, body)

    proxy.faults += [strange_fails] * 1000
    strange = asyncio.ensure_future(server.read("strange"))
    while not strange.done():
        await server.read(owner)
        await asyncio.sleep(0.1)
    with pytest.raises(Failed) as raised:
        await strange
    assert raised.value.code == 50004


async def test_an_account_that_changes_between_two_pages_is_read_again(
    server: Server, proxy: Proxy, past: AsyncClient, owner: str
) -> None:
    await fill(past, owner, 150)
    page = await past.get_contact_group(From_Account=owner, StartIndex=0)
    records, groups = page.ContactItem, page.GroupItem

    def first(groups: Any) -> Any:
        shape = {"ContactItem": records, "CompleteFlag": 0, "NextStartIndex": 100}
        return canned(msgspec.json.encode({**BASE, **shape, "GroupItem": groups}))

    def last(records: Any, time: int) -> Any:
        shape = {"ContactItem": records, "CompleteTime": time, "GroupItem": groups}
        return canned(msgspec.json.encode({**BASE, **shape}))

    time = records[0].Timestamp
    # Other groups on the second page; a conversation that moved there; one that changed meanwhile.
    proxy.faults += [first([]), last([], time)]
    proxy.faults += [first(groups), last(records[:1], time)]
    proxy.faults += [first(groups), last([], time + 10)]
    assert len((await server.read(owner)).conversations) == 150
    assert server.pace.calls == 8


async def test_a_time_that_means_something_else_is_believed_after_two_equal_readings(
    server: Server, proxy: Proxy, past: AsyncClient, owner: str
) -> None:
    await fill(past, owner, 150)

    def other_time(handler: Any, body: bytes) -> None:
        answer = msgspec.json.decode(handler.forward(body)[0])
        handler.answer(200, msgspec.json.encode({**answer, "CompleteTime": 1 << 40}))

    proxy.faults += [other_time] * 10
    assert len((await server.read(owner)).conversations) == 150
    assert server.pace.calls == 4


async def test_an_account_that_never_stands_still_is_given_up(
    server: Server, proxy: Proxy, past: AsyncClient, owner: str
) -> None:
    await fill(past, owner, 150)
    names = iter(range(1000))

    def renamed(handler: Any, body: bytes) -> None:
        answer = msgspec.json.decode(handler.forward(body)[0])
        answer["GroupItem"][0]["GroupName"] = f"name {next(names)}"
        handler.answer(200, msgspec.json.encode(answer))

    proxy.faults += [renamed] * 2 * READINGS_MAX
    with pytest.raises(Failed, match="changed each of 10 times"):
        await server.read(owner)


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ({"Type": 3, "To_Account": "a", "Timestamp": 1}, "Type 3 has no id"),
        ({"Type": 1, "ToGroupId": "a", "Timestamp": 1}, "Type 1 has no id"),
        ({"Type": 1, "To_Account": "a", "StandardMark": "12", "Timestamp": 1}, "64 binary digits"),
        ({"Type": 1, "To_Account": "a", "StandardMark": "1" * 65, "Timestamp": 1}, "64 binary"),
        ({"Type": 1, "To_Account": "a"}, "another form"),
    ],
)
async def test_a_record_that_is_none_is_told(
    server: Server, proxy: Proxy, owner: str, record: dict[str, Any], problem: str
) -> None:
    proxy.faults.append(canned(msgspec.json.encode({**BASE, "ContactItem": [record]})))
    with pytest.raises(Failed, match=problem):
        await server.read(owner)


async def test_what_production_leaves_out_or_pads_is_read_all_the_same(
    server: Server, proxy: Proxy, owner: str
) -> None:
    records = [
        {"Type": 1, "To_Account": "a", "StandardMark": "011", "Timestamp": 5},
        {"Type": 2, "ToGroupId": "@TGS#1", "CustomMark": "x", "Timestamp": 6},
        {"Type": 1, "To_Account": "empty", "Timestamp": 7},
    ]
    proxy.faults.append(canned(msgspec.json.encode({**BASE, "ContactItem": records})))
    assert await server.read(owner) == Content(
        {}, {Peer(1, "a"): Filed(3, "", (), 5), Peer(2, "@TGS#1"): Filed(0, "x", (), 6)}
    )


async def test_pages_that_lead_nowhere_are_told(server: Server, proxy: Proxy, owner: str) -> None:
    page = {**BASE, "ContactItem": [], "CompleteFlag": 0, "NextStartIndex": 0}
    proxy.faults.append(canned(msgspec.json.encode(page)))
    with pytest.raises(Failed, match="leads to itself"):
        await server.read(owner)


async def test_only_accounts_that_are_missing_are_imported(
    server: Server, proxy: Proxy, owner: str
) -> None:
    assert await server.import_missing([owner, f"{owner}_new"]) == ([f"{owner}_new"], [])
    assert proxy.seen[-1].body == {"AccountList": [{"UserID": f"{owner}_new"}]}
    assert await server.import_missing([owner, f"{owner}_new"]) == ([], [])
    assert proxy.commands() == ["account_check", "multiaccount_import", "account_check"]


async def test_a_budget_above_the_cap_of_the_server_slows_down_until_all_is_read(
    running: Running,
) -> None:
    with Control(running.announced["admin_url"], url=running.url) as control:
        app = control.make_app(key=KEY, overrides={"calls_per_second": 40})
        pace = Pace(150)
        async with Server(
            running.url, sdkappid=app.sdkappid, identifier=app.identifier, key=KEY, pace=pace
        ) as server:
            read: list[Content] = []

            async def one(_: int) -> None:
                read.append(await server.read(app.identifier))

            await abreast(range(120), one, 16)
        app.drop()
    assert read == [Content()] * 120
    assert pace.slowed > 1
    assert pace.calls < 240
