"""Faults as a client of a real server meets them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import httpx
import pytest

from control.over_http import Admin
from harness import account, chat_group
from process import Client

MARK = "recentcontact/mark_contact"
GROUPS = "recentcontact/get_contact_group"
CREATE = "recentcontact/create_contact_group"
UPDATE = "recentcontact/update_contact_group"
IMPORT = "im_open_login_svc/account_import"
OWNER = "user_0001"


async def ready(admin: Admin, **wanted: Any) -> Client:
    """A client for a fresh app with an account."""
    client = admin.app(**wanted)
    await client.ok(IMPORT, {"UserID": OWNER})
    return client


def marks(count: int) -> dict[str, Any]:
    items = [
        {"OptType": 1, "ContactItem": account(f"peer{number}"), "SetMark": [0]}
        for number in range(count)
    ]
    return {"From_Account": OWNER, "MarkItem": items}


async def marked(client: Client) -> list[str]:
    """The conversations with data, in their order."""
    answer = await client.ok(GROUPS, {"From_Account": OWNER, "StartIndex": 0})
    return [item["To_Account"] for item in answer["ContactItem"]]


async def test_item_7_of_100_fails_and_the_other_99_are_applied(admin: Admin) -> None:
    async with await ready(admin) as client:
        when = {"command": MARK, "sdkappid": client.sdkappid}
        admin.fault(when, kind="items", items=[7], code=51007)
        answer = await client.ok(MARK, marks(100))
        results = [item["ResultCode"] for item in answer["ResultItem"]]
        assert results == [0] * 7 + [51007] + [0] * 92
        assert answer["ResultItem"][7]["ResultInfo"] == "the chat group does not exist or was disbanded"
        assert await marked(client) == [f"peer{number}" for number in range(100) if number != 7]


async def test_an_item_fails_by_what_it_names_with_the_text_that_was_asked_for(admin: Admin) -> None:
    async with await ready(admin) as client:
        when = {"command": MARK, "sdkappid": client.sdkappid}
        admin.fault(when, kind="items", ids=["peer2"], code=59999, info="made up")
        answer = await client.ok(MARK, marks(4))
        assert [item["ResultCode"] for item in answer["ResultItem"]] == [0, 0, 59999, 0]
        assert answer["ResultItem"][2]["ResultInfo"] == "made up"


async def test_an_item_that_takes_data_away_fails_too(admin: Admin) -> None:
    async with await ready(admin) as client:
        await client.ok(MARK, marks(2))
        admin.fault({"command": MARK, "sdkappid": client.sdkappid}, kind="items", items=[0], code=51007)
        body = marks(2)
        for item in body["MarkItem"]:
            item["ClearMark"] = item.pop("SetMark")
        await client.ok(MARK, body)
        assert await marked(client) == ["peer0"]


async def test_conversations_of_a_group_fail_by_item(admin: Admin) -> None:
    async with await ready(admin) as client:
        for command in (CREATE, UPDATE):
            when = {"command": command, "sdkappid": client.sdkappid}
            admin.fault(when, kind="items", items=[1], code=51008)
        peers = [account("a"), account("b")]
        made = await client.ok(
            CREATE,
            {
                "From_Account": OWNER,
                "GroupContactItem": [{"GroupName": "g", "ContactItem": peers}],
            },
        )
        results = made["GroupResultItem"][0]["ResultItem"]
        assert [item["ResultCode"] for item in results] == [0, 51008]
        added = [{"ContactOptType": 1, "ContactItem": account(name)} for name in "cd"]
        wanted = {"UpdateGroupType": 2, "OldGroupName": "g", "ContactUpdateItem": added}
        body = {"From_Account": OWNER, "UpdateType": 1, "UpdateGroup": wanted}
        results = (await client.ok(UPDATE, body))["UpdateGroupResult"]["ContactResultItem"]
        assert [item["ResultCode"] for item in results] == [0, 51008]
        assert await marked(client) == ["a", "c"]
        # A rename has no items, whatever it lists, so nothing of it fails.
        await client.ok(
            UPDATE, body | {"UpdateGroup": wanted | {"UpdateGroupType": 1, "NewGroupName": "h"}}
        )


async def test_accounts_fail_by_item(admin: Admin) -> None:
    async with await ready(admin) as client:
        when = {"sdkappid": client.sdkappid}
        many = "im_open_login_svc/multiaccount_import"
        admin.fault(when | {"command": many}, kind="items", ids=["b"], code=70500)
        body = {"Accounts": ["a", "b"], "AccountList": [{"UserID": "c"}]}
        assert (await client.ok(many, body))["FailAccounts"] == ["b"]
        check = "im_open_login_svc/account_check"
        users = [{"UserID": name} for name in "abc"]
        statuses = (await client.ok(check, {"CheckItem": users}))["ResultItem"]
        told = [item["AccountStatus"] for item in statuses]
        assert told == ["Imported", "NotImported", "Imported"]
        admin.fault(when | {"command": check}, kind="items", items=[0], code=70169)
        statuses = (await client.ok(check, {"CheckItem": users}))["ResultItem"]
        assert (statuses[0]["ResultCode"], statuses[0]["AccountStatus"]) == (70169, "")
        assert statuses[2]["AccountStatus"] == "Imported"
        delete = "im_open_login_svc/account_delete"
        admin.fault(when | {"command": delete}, kind="items", items=[2], code=70500)
        deleted = (await client.ok(delete, {"DeleteItem": users}))["ResultItem"]
        assert [item["ResultCode"] for item in deleted] == [0, 70107, 70500]
        statuses = (await client.ok(check, {"CheckItem": users[1:]}))["ResultItem"]
        assert statuses[1]["AccountStatus"] == "Imported"


async def test_members_and_chat_groups_fail_by_item(admin: Admin) -> None:
    async with await ready(admin) as client:
        for name in "ab":
            await client.ok(IMPORT, {"UserID": name})
        for name in ("g1", "g2"):
            body = {"Type": "Public", "Name": "x", "GroupId": name}
            await client.ok("group_open_http_svc/create_group", body)
        when = {"sdkappid": client.sdkappid}
        add = "group_open_http_svc/add_group_member"
        name = admin.fault(when | {"command": add}, kind="items", items=[0], code=10004)
        members = [{"Member_Account": name} for name in "ab"]
        added = (await client.ok(add, {"GroupId": "g1", "MemberList": members}))["MemberList"]
        assert [item["Result"] for item in added] == [0, 1]
        alone = (await client.ok(add, {"GroupId": "g1", "MemberList": members[:1]}))["MemberList"]
        assert [item["Result"] for item in alone] == [0]
        admin.ask("DELETE", f"/faults/{name}")
        info = "group_open_http_svc/get_group_info"
        admin.fault(when | {"command": info}, kind="items", ids=["g2"], code=10002, info="x")
        first, second = (await client.ok(info, {"GroupIdList": ["g1", "g2"]}))["GroupInfo"]
        assert [item["Member_Account"] for item in first["MemberList"]] == ["b"]
        assert second == {"GroupId": "g2", "ErrorCode": 10002, "ErrorInfo": "x"}


@pytest.mark.parametrize("kept", [False, True])
async def test_a_connection_is_dropped_before_or_after_the_change_was_kept(
    admin: Admin, *, kept: bool
) -> None:
    async with await ready(admin) as client:
        when = {"command": MARK, "sdkappid": client.sdkappid, "times": 1}
        admin.fault(when, kind="drop", kept=kept)
        with pytest.raises(httpx.TransportError):
            await client.call(MARK, marks(1))
        assert await marked(client) == (["peer0"] if kept else [])
        await client.ok(MARK, marks(1))
        (call, _) = admin.journal(sdkappid=client.sdkappid, command=MARK)
        assert call["answer"] is None
        assert (call["code"], call["done_code"]) == (None, 0 if kept else None)


async def test_a_call_that_comes_in_pieces_is_dropped_too(admin: Admin) -> None:
    async with await ready(admin) as client:
        admin.fault({"sdkappid": client.sdkappid, "times": 1}, kind="drop")

        async def pieces() -> Any:
            yield b'{"From_Account":'
            await asyncio.sleep(0.05)
            yield b'"a","StartIndex":0}'

        with pytest.raises(httpx.TransportError):
            await client.http.post(f"/v4/{GROUPS}?{client.query}", content=pieces())
        assert await marked(client) == []


@pytest.mark.parametrize(("dropped", "answers"), [(1, 0), (2, 1)])
async def test_of_calls_sent_one_behind_the_other_those_before_the_drop_are_answered(
    admin: Admin, dropped: int, answers: int
) -> None:
    async with await ready(admin) as client:
        when = {"sdkappid": client.sdkappid}
        admin.fault(when, kind="latency", ms=200)
        admin.fault(when | {"every": dropped, "times": 1}, kind="drop")
        target = httpx.URL(admin.url)
        reader, writer = await asyncio.open_connection(target.host, target.port)
        body = b'{"From_Account":"user_0001","StartIndex":0}'
        head = f"POST /v4/{GROUPS}?{client.query} HTTP/1.1\r\nHost: x\r\ncontent-length: {len(body)}"
        for _ in range(2):
            writer.write(head.encode() + b"\r\n\r\n" + body)
            # The second one comes while the first one waits.
            await asyncio.sleep(0.05)
        came = b""
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(10):
                while piece := await reader.read(65536):
                    came += piece
        writer.close()
        assert came.count(b"HTTP/1.1 200") == answers
        assert len(came) == 0 or came.endswith(b"}")


@pytest.mark.parametrize("kept", [False, True])
async def test_a_code_is_answered_in_place_of_the_change_or_after_it(
    admin: Admin, *, kept: bool
) -> None:
    async with await ready(admin) as client:
        when = {"command": MARK, "sdkappid": client.sdkappid, "times": 1}
        admin.fault(when, kind="answer", code=50005, kept=kept)
        assert await client.call(MARK, marks(1)) == {
            "ActionStatus": "FAIL",
            "ErrorCode": 50005,
            "ErrorInfo": "timeout; try again later",
            "ErrorDisplay": "",
        }
        assert await marked(client) == (["peer0"] if kept else [])


async def test_a_code_that_no_document_has_is_answered(admin: Admin) -> None:
    async with await ready(admin) as client:
        admin.fault({"sdkappid": client.sdkappid}, kind="answer", code=123456)
        answer = await client.call(MARK, marks(1))
        assert (answer["ErrorCode"], answer["ErrorInfo"]) == (123456, "a fault by rule")


@pytest.mark.parametrize(
    ("of", "code", "told"),
    [
        ("command", 60007, f"{MARK} was called 200 times in this second already"),
        ("app", 60011, "called too often in this second already"),
    ],
)
async def test_a_call_is_answered_as_over_its_cap(admin: Admin, of: str, code: int, told: str) -> None:
    async with await ready(admin) as client:
        admin.fault({"sdkappid": client.sdkappid, "times": 1}, kind="rate", of=of)
        answer = await client.call(MARK, marks(1))
        assert answer["ErrorCode"] == code
        assert told in answer["ErrorInfo"]
        await client.ok(MARK, marks(1))


@pytest.mark.parametrize("kept", [False, True])
async def test_a_call_waits_before_or_after_it_is_done(admin: Admin, *, kept: bool) -> None:
    async with await ready(admin) as client, Client(admin.url) as _:
        when = {"command": MARK, "sdkappid": client.sdkappid}
        admin.fault(when, kind="latency", ms=600, kept=kept)
        began = time.perf_counter()
        waiting = asyncio.create_task(client.ok(MARK, marks(1)))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        assert await marked(client) == (["peer0"] if kept else [])
        await waiting
        assert time.perf_counter() - began >= 0.6


async def test_rules_of_one_app_do_not_strike_another(admin: Admin) -> None:
    async with await ready(admin) as one, await ready(admin) as other:
        admin.fault({"sdkappid": one.sdkappid}, kind="answer", code=50004)
        assert await one.code(MARK, marks(1)) == 50004
        assert await other.code(MARK, marks(1)) == 0


async def test_rules_strike_one_account(admin: Admin) -> None:
    async with await ready(admin) as client:
        await client.ok(IMPORT, {"UserID": "other"})
        admin.fault({"sdkappid": client.sdkappid, "account": "other"}, kind="answer", code=50004)
        assert await client.code(MARK, marks(1) | {"From_Account": "other"}) == 50004
        assert await client.code(MARK, marks(1)) == 0


async def test_every_second_call_fails_until_the_rule_has_struck_twice(admin: Admin) -> None:
    async with await ready(admin) as client:
        when = {"sdkappid": client.sdkappid, "every": 2, "times": 2}
        name = admin.fault(when, kind="answer", code=50004)
        codes = [await client.code(MARK, marks(1)) for _ in range(6)]
        assert codes == [0, 50004, 0, 50004, 0, 0]
        state = admin.ask("GET", f"/faults/{name}")
        assert (state["matched"], state["struck"]) == (4, 2)


async def test_a_fault_comes_before_the_ticket_and_a_wrong_body_after_it(admin: Admin) -> None:
    async with await ready(admin) as client:
        when = {"sdkappid": client.sdkappid, "command": MARK}
        admin.fault(when, kind="items", items=[0], code=51007)
        assert await client.code(MARK, {"From_Account": OWNER, "MarkItem": "x"}) == 50002
        assert await client.code(MARK, marks(0)) == 51006
        admin.fault(when, kind="answer", code=51008)
        client.query = client.query.replace("usersig=", "usersig=x")
        assert await client.code(MARK, marks(1)) == 51008


async def test_chat_groups_are_named_by_items_too(admin: Admin) -> None:
    async with await ready(admin, profile="lenient") as client:
        when = {"command": MARK, "sdkappid": client.sdkappid}
        admin.fault(when, kind="items", ids=["g1"], code=51007)
        items = [
            {"OptType": 1, "ContactItem": chat_group(name), "SetMark": [0]} for name in ("g1", "g2")
        ]
        answer = await client.ok(MARK, {"From_Account": OWNER, "MarkItem": items})
        assert [item["ResultCode"] for item in answer["ResultItem"]] == [51007, 0]
