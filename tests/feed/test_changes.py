"""`GET /x/1/changes` over HTTP, on every engine."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from chatmarks.book import Account
from chatmarks.engines.memory import MemoryStore
from chatmarks.feed import endpoint
from chatmarks.feed.watch import Watch
from chatmarks.seal import Seal
from chatmarks.service import Service
from chatmarks.store import App
from harness import ADMIN, KEY, SDKAPPID, Answer, account, chat_group
from process import Client, Server, run, serving, signed_query

IMPORT = "im_open_login_svc/account_import"
MARK = "recentcontact/mark_contact"


async def changes(client: Client, **wanted: object) -> Answer:
    query = "".join(f"&{name}={value}" for name, value in wanted.items())
    response = await client.http.get(f"/x/1/changes?{client.query}{query}")
    assert response.status_code == 200
    answer: Answer = json.loads(response.content)
    return answer


async def told(client: Client, **wanted: object) -> list[dict[str, Any]]:
    answer = await changes(client, wait=5, **wanted)
    assert answer["ErrorCode"] == 0, answer
    items: list[dict[str, Any]] = answer["ChangeItem"]
    return items


async def mark(client: Client, peer: str, userid: str = "alice", bit: int = 0) -> None:
    item = {"OptType": 1, "ContactItem": account(peer), "SetMark": [bit]}
    await client.ok(MARK, {"From_Account": userid, "MarkItem": [item]})


def without_cursor(item: dict[str, Any]) -> dict[str, Any]:
    assert abs(item["EventTime"] - time.time()) < 60
    for record in item.get("ContactItem", []):
        assert abs(record.pop("Timestamp") - time.time()) < 60
    return {name: value for name, value in item.items() if name not in ("Cursor", "EventTime")}


async def test_a_feed_tells_what_became_of_an_account(client: Client) -> None:
    cursor = (await changes(client, wait=0))["Cursor"]
    await client.ok(IMPORT, {"UserID": "alice"})
    await client.ok(
        "recentcontact/create_contact_group",
        {
            "From_Account": "alice",
            "GroupContactItem": [{"GroupName": "work", "ContactItem": [account("bob")]}],
        },
    )
    await client.ok(
        "recentcontact/update_contact_group",
        {
            "From_Account": "alice",
            "UpdateType": 1,
            "UpdateGroup": {
                "UpdateGroupType": 1,
                "OldGroupName": "work",
                "NewGroupName": "<b>家",
            },
        },
    )
    item = {"OptType": 3, "ContactItem": account("bob"), "SetMark": [33], "CustomMark": "x"}
    await client.ok(MARK, {"From_Account": "alice", "MarkItem": [item]})
    await client.ok(
        "recentcontact/del_contact_group", {"From_Account": "alice", "GroupName": ["<b>家"]}
    )
    item = {"OptType": 3, "ContactItem": account("bob"), "ClearMark": [33], "CustomMark": ""}
    await client.ok(MARK, {"From_Account": "alice", "MarkItem": [item]})
    await client.ok("im_open_login_svc/account_delete", {"DeleteItem": [{"UserID": "alice"}]})
    items: list[dict[str, Any]] = []
    while len(items) < 7:
        items += await told(client, since=items[-1]["Cursor"] if items else cursor)
    bob = account("bob")
    marked = {**bob, "StandardMark": f"1{'0' * 33}", "CustomMark": "x"}
    alice = {"From_Account": "alice"}
    assert list(map(without_cursor, items)) == [
        {"Change": "Created", **alice},
        {
            "Change": "Changed",
            **alice,
            "GroupItem": [{"GroupId": 1, "GroupName": "work"}],
            "ContactItem": [{**bob, "StandardMark": "", "ContactGroupId": [1]}],
        },
        {
            "Change": "Changed",
            **alice,
            "GroupItem": [{"GroupId": 1, "GroupName": "<b>家", "OldGroupName": "work"}],
        },
        {"Change": "Changed", **alice, "ContactItem": [{**marked, "ContactGroupId": [1]}]},
        {
            "Change": "Changed",
            **alice,
            "GroupItem": [{"GroupId": 1, "OldGroupName": "<b>家"}],
            "ContactItem": [marked],
        },
        {"Change": "Changed", **alice, "GoneContactItem": [bob]},
        {"Change": "Deleted", **alice},
    ]


async def test_a_reader_without_a_cursor_begins_with_what_happens_from_now_on(client: Client) -> None:
    await client.ok(IMPORT, {"UserID": "before"})
    now = await changes(client, wait=0)
    assert now["ChangeItem"] == []
    await client.ok(IMPORT, {"UserID": "after"})
    assert [item["From_Account"] for item in await told(client, since=now["Cursor"])] == ["after"]
    everything = await told(client, since="oldest")
    assert [item["From_Account"] for item in everything][-2:] == ["before", "after"]


async def test_a_page_has_as_many_as_were_asked_for_and_says_whether_it_is_the_last(
    client: Client,
) -> None:
    cursor = (await changes(client, wait=0))["Cursor"]
    for number in range(5):
        await client.ok(IMPORT, {"UserID": f"user{number}"})
    page = await changes(client, since=cursor, limit=3, wait=5)
    while len(page["ChangeItem"]) < 3:
        page = await changes(client, since=cursor, limit=3, wait=0)
    assert page["CompleteFlag"] == 0
    assert page["Cursor"] == page["ChangeItem"][-1]["Cursor"]
    page = await changes(client, since=page["Cursor"], limit=3, wait=5)
    assert [item["From_Account"] for item in page["ChangeItem"]] == ["user3", "user4"]
    assert page["CompleteFlag"] == 1
    empty = await changes(client, since=page["Cursor"], wait=0)
    assert (empty["ChangeItem"], empty["Cursor"]) == ([], page["Cursor"])


async def test_who_waits_is_answered_as_soon_as_something_happens(
    client: Client, server: Server
) -> None:
    cursor = (await changes(client, wait=0))["Cursor"]
    async with Client(server.url) as other:
        waiting = asyncio.create_task(told(other, since=cursor))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        await client.ok(IMPORT, {"UserID": "alice"})
        async with asyncio.timeout(3):
            (item,) = await waiting
    assert item["From_Account"] == "alice"


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({"since": "yesterday"}, 'since is "yesterday"; now, oldest and the Cursor'),
        ({"since": "999-1f"}, "since 999-1f is no cursor of this feed"),
        ({"limit": 0}, 'limit is "0"; 1 to 200 are allowed'),
        ({"limit": "x"}, 'limit is "x"; 1 to 200 are allowed'),
        ({"wait": 61}, 'wait is "61"; 0 to 60 are allowed'),
    ],
)
async def test_what_cannot_be_asked_for_is_refused(
    client: Client, wanted: dict[str, object], text: str
) -> None:
    answer = await changes(client, **wanted)
    assert answer["ErrorCode"] == 50002
    assert text in answer["ErrorInfo"]


async def test_a_cursor_of_another_store_is_refused_and_told_why(client: Client) -> None:
    await client.ok(IMPORT, {"UserID": "alice"})
    item = (await told(client, since="oldest"))[-1]
    seq, _, token = item["Cursor"].partition("-")
    other = f"{seq}-{int(token, 16) ^ 1:x}"
    answer = await changes(client, since=other)
    assert answer["ErrorCode"] == 50002
    assert "the store was restored, copied or made anew" in answer["ErrorInfo"]


async def test_a_stranger_reads_no_feed(client: Client) -> None:
    for query, code in (
        ("", 60012),
        (signed_query(key="f" * 64), 70009),
        (signed_query(identifier="alice"), 60010),
    ):
        response = await client.http.get(f"/x/1/changes?{query}")
        assert response.json()["ErrorCode"] == code


async def test_an_app_without_a_feed_says_how_to_get_one() -> None:
    with serving() as server:
        async with Client(server.url) as client:
            answer = await changes(client)
            assert answer["ErrorCode"] == 50002
            assert "chatmarks app update --feed gives it one" in answer["ErrorInfo"]
            # Only reading is a GET.
            assert (await client.call("x/1/changes", {}))["ErrorCode"] == 60009


async def lines_of(response: httpx.Response, count: int) -> list[str]:
    found = []
    async for line in response.aiter_lines():
        if line:
            found.append(line)
        if len(found) == count:
            break
    return found


async def test_a_stream_sends_what_happens_and_goes_on_after_a_break(
    client: Client, server: Server
) -> None:
    await client.ok(IMPORT, {"UserID": "before"})
    headers = {"Accept": "text/event-stream"}
    url = f"/x/1/changes?{client.query}&since=now"
    async with (
        Client(server.url) as other,
        other.http.stream("GET", url, headers=headers) as response,
    ):
        assert response.headers["Content-Type"] == "text/event-stream"
        lines = response.aiter_lines()
        first = await anext(lines)
        assert first.startswith("id: ")
        await client.ok(IMPORT, {"UserID": "alice"})
        found: list[str] = []
        while len(found) < 3:
            found += [line for line in [await anext(lines)] if line]
        identity, kind, data = found
        assert kind == "event: change"
        change = json.loads(data.removeprefix("data: "))
        assert (change["Change"], change["From_Account"]) == ("Created", "alice")
        assert identity == f"id: {change['Cursor']}"
    await client.ok(IMPORT, {"UserID": "bob"})
    headers["Last-Event-ID"] = change["Cursor"]
    async with client.http.stream("GET", url, headers=headers) as response:
        again, identity, _, data = await lines_of(response, 4)
    assert again == f"id: {change['Cursor']}"
    assert json.loads(data.removeprefix("data: "))["From_Account"] == "bob"


async def test_a_stream_that_may_not_be_read_is_refused_as_any_call(client: Client) -> None:
    response = await client.http.get(
        f"/x/1/changes?{signed_query(identifier='alice')}", headers={"Accept": "text/event-stream"}
    )
    assert response.headers["Content-Type"] == "application/json"
    assert response.json()["ErrorCode"] == 60010


async def test_a_server_ends_at_once_for_all_who_wait(client: Client, server: Server) -> None:
    cursor = (await changes(client, wait=0))["Cursor"]
    async with Client(server.url) as other:
        waiting = [
            asyncio.create_task(changes(other, since=cursor, wait=60)),
            asyncio.create_task(
                other.http.get(f"/x/1/changes?{client.query}", headers={"Accept": "text/event-stream"})
            ),
        ]
        await asyncio.sleep(0.3)
        began = time.monotonic()
        assert await asyncio.to_thread(server.stop) == 0
        assert time.monotonic() - began < 5
        page, stream = await asyncio.gather(*waiting)
    assert isinstance(page, dict)
    assert page["ChangeItem"] == []
    assert isinstance(stream, httpx.Response)
    assert stream.text.startswith("id: ")


async def test_changes_in_chat_groups_and_lists_are_no_events(client: Client) -> None:
    await client.ok(IMPORT, {"UserID": "alice"})
    last = (await told(client, since="oldest"))[-1]
    await client.ok(
        "group_open_http_svc/create_group",
        {"Type": "Public", "Name": "room", "GroupId": "room", "Owner_Account": "alice"},
    )
    await client.ok("recentcontact/delete", {"From_Account": "alice", "Type": 2, "ToGroupid": "room"})
    assert chat_group("room")
    assert (await changes(client, since=last["Cursor"], wait=0))["ChangeItem"] == []


async def test_a_feed_that_was_off_in_between_refuses_what_was_a_cursor_before(tmp_path: Path) -> None:
    store = ("--store", f"sqlite:///{tmp_path}/books.db")
    update = ("app", "update", "--sdkappid", str(SDKAPPID), *store)
    with serving(*store, environ={"CHATMARKS_APP_FEED": "true"}) as server:
        async with Client(server.url) as client:
            await client.ok(IMPORT, {"UserID": "alice"})
            cursor = (await changes(client, wait=0))["Cursor"]
            assert run(*update, "--no-feed").returncode == 0
            await asyncio.sleep(1.2)
            await client.ok(IMPORT, {"UserID": "bob"})
            assert run(*update, "--feed").returncode == 0
            await asyncio.sleep(1.2)
            answer = await changes(client, since=cursor, wait=0)
    assert answer["ErrorCode"] == 50002
    assert "older than event" in answer["ErrorInfo"]


async def test_a_stream_ends_when_its_reader_is_an_administrator_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "_BEAT_SECONDS", 0.5)
    store = MemoryStore()
    app = App(SDKAPPID, (Seal().seal(SDKAPPID, KEY),), (ADMIN, "other"), feed=True)
    await store.change_app(SDKAPPID, lambda _: app)
    service = Service(store, Seal(), loopback=True)
    watch = Watch(store)
    feed = endpoint.Feed(service, watch)
    sent: list[bytes] = []
    done = asyncio.Event()

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            done.set()

    async def receive() -> Any:
        await asyncio.sleep(60)

    query = signed_query().encode()
    scope = {
        "path": "/x/1/changes",
        "query_string": query,
        "headers": [(b"accept", b"text/event-stream")],
    }
    streaming = asyncio.create_task(feed.respond(scope, receive, send, []))

    async def write() -> None:
        for number in range(1000):
            account_ = Account(SDKAPPID, f"user{number}")
            await store.create_account(account_, told_at=int(time.time()))
            await asyncio.sleep(0.02)

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.3)
    await store.change_app(SDKAPPID, lambda app: replace(app, admins=("other",)) if app else App(1))
    async with asyncio.timeout(5):
        await done.wait()
    writing.cancel()
    await streaming
    watch.end()
    last = next(piece for piece in reversed(sent) if piece)
    assert last.startswith(b"event: end")
    assert b"60010" in last


@pytest.mark.parametrize("since", ["99999999999999999999-1", "1-11111111111111111", "0-0", "-1-1"])
async def test_a_cursor_that_no_feed_ever_gave_is_refused(since: str, client: Client) -> None:
    answer = await changes(client, since=since, wait=0)
    assert answer["ErrorCode"] == 50002
