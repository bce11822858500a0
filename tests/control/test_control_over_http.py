"""Apps, clocks, snapshots, seeds and the journal, over the admin listener of a real server."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import parse_qs

import pytest

from chatmarks import usersig
from control.kit import lines
from control.over_http import Admin
from harness import account
from process import Client

MARK = "recentcontact/mark_contact"
GROUPS = "recentcontact/get_contact_group"
IMPORT = "im_open_login_svc/account_import"
OWNER = "user_0001"


def marks(peer: str, owner: str = OWNER) -> dict[str, Any]:
    item = {"OptType": 1, "ContactItem": account(peer), "SetMark": [0]}
    return {"From_Account": owner, "MarkItem": [item]}


async def contacts(client: Client) -> list[dict[str, Any]]:
    answer = await client.ok(GROUPS, {"From_Account": OWNER, "StartIndex": 0})
    found: list[dict[str, Any]] = answer["ContactItem"]
    return found


async def test_two_apps_do_not_see_each_other(admin: Admin) -> None:
    async with admin.app() as one, admin.app() as other:
        for client, peer in ((one, "a"), (other, "b")):
            await client.ok(IMPORT, {"UserID": OWNER})
            await client.ok(MARK, marks(peer))
        admin.ask("PUT", f"/apps/{one.sdkappid}/clock", {"now": 5, "frozen": True})
        assert [item["To_Account"] for item in await contacts(one)] == ["a"]
        assert [item["To_Account"] for item in await contacts(other)] == ["b"]
        admin.ask("POST", f"/apps/{one.sdkappid}/reset")
        assert [item["To_Account"] for item in await contacts(other)] == ["b"]
        assert {call["sdkappid"] for call in admin.journal(sdkappid=one.sdkappid)} == {one.sdkappid}


async def test_an_app_is_made_shown_listed_and_dropped(admin: Admin) -> None:
    async with admin.app(admins=["boss"], profile="lenient", key="k") as client:
        path = f"/apps/{client.sdkappid}"
        shown = admin.ask("GET", path)
        assert shown.pop("clock")["frozen"] is False
        assert shown == {
            "sdkappid": client.sdkappid,
            "admins": ["boss"],
            "profile": "lenient",
            "overrides": {},
            "enabled": True,
            "accounts": 1,
            "chat_groups": 0,
        }
        listed = {app["sdkappid"]: app for app in admin.ask("GET", "/apps")["apps"]}
        assert listed[client.sdkappid]["admins"] == ["boss"]
        assert admin.ask("DELETE", path) == {"accounts": 1, "chat_groups": 0}
        assert admin.refused("GET", path)[0] == 404
        assert await client.code(IMPORT, {"UserID": "a"}) == 60006
    # The same SDKAppID may be used again.
    async with admin.app(sdkappid=client.sdkappid, key="k") as again:
        await again.ok(IMPORT, {"UserID": "a"})


async def test_apps_are_made_fast_enough_for_one_a_test(admin: Admin) -> None:
    began = time.perf_counter()
    for _ in range(50):
        await admin.app().http.aclose()
    assert time.perf_counter() - began < 5


async def test_a_ticket_expires_when_the_clock_moves_and_is_good_again_when_it_moves_back(
    admin: Admin,
) -> None:
    async with admin.app() as client:
        await client.ok(IMPORT, {"UserID": OWNER})
        path = f"/apps/{client.sdkappid}/clock"
        admin.ask("PUT", path, {"move_seconds": 181 * 86400})
        assert await client.code(MARK, marks("a")) == 70001
        (call,) = admin.journal(sdkappid=client.sdkappid, code=70001)
        checks = {check["check"]: check for check in call["why"][0]["checks"]}
        assert {name: check["passed"] for name, check in checks.items()} == {
            "decodes": True,
            "app": True,
            "identifier": True,
            "signature": True,
            "expiry": False,
        }
        assert "it was good until" in checks["expiry"]["says"]
        assert "sign anew" in checks["expiry"]["mend"]
        admin.ask("PUT", path, {"move_seconds": -181 * 86400})
        await client.ok(MARK, marks("a"))
        admin.ask("PUT", path, {"now": time.time() + 10**8})
        assert await client.code(MARK, marks("a")) == 70001
        admin.ask("DELETE", path)
        await client.ok(MARK, marks("a"))


async def test_timestamps_are_those_of_the_clock(admin: Admin) -> None:
    async with admin.app() as client:
        await client.ok(IMPORT, {"UserID": OWNER})
        path = f"/apps/{client.sdkappid}/clock"
        shown = admin.ask("PUT", path, {"now": 1_700_000_000.9, "frozen": True})
        assert (shown["now"], shown["frozen"]) == (1_700_000_000.9, True)
        await client.ok(MARK, marks("a"))
        admin.ask("PUT", path, {"move_seconds": 60})
        await client.ok(MARK, marks("b"))
        await asyncio.sleep(1.1)
        await client.ok(MARK, marks("c"))
        found = {item["To_Account"]: item["Timestamp"] for item in await contacts(client)}
        assert found == {"a": 1_700_000_000, "b": 1_700_000_060, "c": 1_700_000_060}
        before = admin.ask("PUT", path, {"frozen": False})["now"]
        await asyncio.sleep(0.2)
        assert 0.15 < admin.ask("GET", path)["now"] - before < 30


async def test_a_frozen_clock_does_not_use_up_the_calls_of_its_second(admin: Admin) -> None:
    async with admin.app(overrides={"calls_per_second": 1}) as client:
        admin.ask("PUT", f"/apps/{client.sdkappid}/clock", {"frozen": True})
        codes = []
        for number in range(3):
            codes.append(await client.code(IMPORT, {"UserID": f"u{number}"}))
            await asyncio.sleep(1.05)
        assert codes == [0, 0, 0]


async def test_a_snapshot_is_kept_listed_read_restored_and_deleted(admin: Admin) -> None:
    async with admin.app() as client:
        await client.ok(IMPORT, {"UserID": OWNER})
        await client.ok(MARK, marks("a"))
        path = f"/apps/{client.sdkappid}/snapshots"
        made = admin.ask("PUT", f"{path}/before")
        assert admin.ask("GET", path)["snapshots"] == [made]
        assert abs(made["made_at"] - time.time()) < 60
        await client.ok(MARK, marks("b"))
        assert admin.ask("POST", f"{path}/before/restore") == {"accounts": 2, "chat_groups": 0}
        assert [item["To_Account"] for item in await contacts(client)] == ["a"]
        export = admin.send("GET", f"{path}/before").content
        assert len(export) == made["bytes"]
        async with admin.app() as other:
            seeded = admin.send("POST", f"/apps/{other.sdkappid}/seed", content=export).json()
            assert seeded == {"accounts": 2, "chat_groups": 0}
            assert await contacts(other) == await contacts(client)
            await other.ok(MARK, marks("c"))
            admin.ask(
                "POST", f"/apps/{other.sdkappid}/snapshots/before/restore", {"of": client.sdkappid}
            )
            assert await contacts(other) == await contacts(client)
        admin.ask("DELETE", f"{path}/before")
        assert admin.ask("GET", path)["snapshots"] == []


async def test_a_seed_of_more_than_64_mib_is_refused(admin: Admin) -> None:
    async with admin.app() as client:
        content = b"x" * ((64 << 20) + 1)
        response = admin.send("POST", f"/apps/{client.sdkappid}/seed", content=content)
        assert response.status_code == 413
        assert response.json() == {"error": "the body has more than 67108864 bytes, which are allowed"}


async def test_a_seed_of_many_accounts_is_taken_in(admin: Admin) -> None:
    async with admin.app() as client:
        users = ({"Line": "Account", "SdkAppid": "9", "UserID": f"u{n}"} for n in range(3000))
        seed = lines(*users).getvalue()
        seeded = admin.send("POST", f"/apps/{client.sdkappid}/seed", content=seed)
        assert seeded.json() == {"accounts": 3000, "chat_groups": 0}
        assert admin.ask("GET", f"/apps/{client.sdkappid}")["accounts"] == 3001


async def test_the_journal_tells_why_a_call_was_refused(admin: Admin) -> None:
    async with admin.app() as client:
        await client.ok(IMPORT, {"UserID": OWNER})
        body = {"From_Account": OWNER, "GroupContactItem": [{"GroupName": "a" * 33}]}
        create = "recentcontact/create_contact_group"
        assert await client.code(create, body) == 51011
        (call,) = admin.journal(sdkappid=client.sdkappid, code=51011)
        assert call["command"] == create
        assert call["account"] == OWNER
        assert call["request"] == body
        assert call["answer"]["ErrorCode"] == 51011
        assert 0 < call["ms"] < 10_000
        assert call["why"] == [
            {
                "decided": "rule",
                "code": 51011,
                "says": "GroupContactItem[0].GroupName has 33 bytes; at most 32 are allowed",
                "name": "GROUP_NAME_TOO_LONG",
                "meaning": "the name of a conversation group is too long",
                "document": "1047/53442",
            }
        ]


async def test_the_journal_names_each_item_that_failed_and_the_fault_behind_it(
    admin: Admin,
) -> None:
    async with admin.app() as client:
        await client.ok(IMPORT, {"UserID": OWNER})
        when = {"sdkappid": client.sdkappid, "command": MARK}
        name = admin.fault(when, kind="items", items=[0], code=51008)
        item = {"OptType": 1, "SetMark": [0]}
        contact_items = [account("a"), {"Type": 2, "ToGroupId": "gone"}, account("b")]
        items = [item | {"ContactItem": contact} for contact in contact_items]
        await client.ok(MARK, {"From_Account": OWNER, "MarkItem": items})
        (call,) = admin.journal(sdkappid=client.sdkappid, command=MARK)
        assert call["faults"] == [name]
        first, second = call["why"]
        assert (first["item"], first["decided"], first["fault"]) == (0, "fault", name)
        assert (second["item"], second["decided"], second["code"]) == (1, "rule", 51007)
        assert second["says"] == "ToGroupId gone does not exist or was disbanded"


async def test_the_journal_is_found_by_the_request_id_of_an_answer(admin: Admin) -> None:
    async with admin.app() as client:
        response = await client.http.post(f"/v4/{IMPORT}?{client.query}", content=b'{"UserID":"a"}')
        (call,) = admin.journal(sdkappid=client.sdkappid)
        assert call["request_id"] == response.headers["X-Request-Id"]
        assert call["why"] == [{"decided": "ok"}]


@pytest.mark.parametrize(
    ("query", "body", "code", "shown"),
    [
        ("", b"{}", 60012, {}),
        ("sdkappid=%ff", b"{}", 60002, {}),
        ("sdkappid=x&identifier=a", b"{}", 60006, {}),
        ("sdkappid=1&identifier=a", b"{", 60006, "{"),
        ("sdkappid=1&identifier=a", b'{"From_Account":5}', 60006, {"From_Account": 5}),
    ],
)
async def test_calls_that_are_hardly_calls_are_in_the_journal(
    admin: Admin, query: str, body: bytes, code: int, shown: Any
) -> None:
    admin.fault({"account": "nobody"}, kind="drop")
    admin.ask("DELETE", "/journal")
    async with Client(admin.url) as client:
        response = await client.http.post(f"/v4/{MARK}?{query}", content=body)
    assert response.json()["ErrorCode"] == code
    (call,) = admin.journal()
    assert (call["code"], call["account"], call["request"]) == (code, None, shown)
    assert call["why"][0]["document"] == "269/1671"


async def test_a_path_that_is_no_command_is_in_the_journal(admin: Admin) -> None:
    admin.ask("DELETE", "/journal")
    async with Client(admin.url) as client:
        response = await client.http.get("/v4/no/such")
        assert response.json()["ErrorCode"] == 60002
        assert (await client.http.get("/readyz")).status_code == 200
    (call,) = admin.journal()
    assert (call["method"], call["path"], call["command"]) == ("GET", "/v4/no/such", "")


async def test_no_ticket_and_no_key_is_in_the_journal(admin: Admin) -> None:
    key = "never-to-be-told"
    async with admin.app(key=key) as client:
        ticket = parse_qs(client.query)["usersig"][0]
        await client.ok(IMPORT, {"UserID": OWNER})
        await client.call(MARK, {"From_Account": OWNER, "usersig": ticket})
        plain = client.query
        client.query = plain.replace("usersig=", "user%73ig=")
        await client.ok(IMPORT, {"UserID": OWNER})
        client.query = f"{plain}&usersig={usersig.sign(1, 'a', key, now=0)}"
        assert await client.code(IMPORT, {"UserID": OWNER}) == 70014
        text = admin.send("GET", "/journal", params={"sdkappid": client.sdkappid}).text
        assert len(admin.journal(sdkappid=client.sdkappid)) == 4
        assert ticket not in text
        assert ticket[20:60] not in text
        assert key not in text


@pytest.mark.parametrize(
    ("change", "code", "failed"),
    [
        ({"key": "another"}, 70009, "signature"),
        ({"identifier": "administrator", "signer": "other"}, 70013, "identifier"),
        ({"app": 1}, 70014, "app"),
    ],
)
async def test_the_journal_names_the_check_of_a_ticket_that_failed(
    admin: Admin, change: Any, code: int, failed: str
) -> None:
    async with admin.app(key="k") as client:
        signer = change.get("signer", "administrator")
        key, app = change.get("key", "k"), change.get("app", client.sdkappid)
        ticket = usersig.sign(app, signer, key, now=int(time.time()))
        client.query = f"sdkappid={client.sdkappid}&identifier=administrator&usersig={ticket}"
        assert await client.code(IMPORT, {"UserID": "a"}) == code
        (call,) = admin.journal(sdkappid=client.sdkappid)
        checks = {check["check"]: check for check in call["why"][0]["checks"]}
        assert [name for name, check in checks.items() if check["passed"] is False] == [failed]
        assert checks[failed]["mend"]
        assert f"of identifier {signer} and sdkappid {app}" in checks["decodes"]["says"]


async def test_the_journal_is_read_page_by_page_and_cleared(admin: Admin) -> None:
    async with admin.app() as client:
        for number in range(5):
            await client.ok(IMPORT, {"UserID": f"u{number}"})
        first = admin.ask("GET", "/journal", sdkappid=client.sdkappid, limit=3)
        assert first["more"]
        rest = admin.ask("GET", "/journal", sdkappid=client.sdkappid, after=first["next"])
        assert not rest["more"]
        names = [call["request"]["UserID"] for call in first["calls"] + rest["calls"]]
        assert names == [f"u{number}" for number in range(5)]
        assert admin.journal(since=time.time() + 60) == []
        assert admin.ask("DELETE", "/journal")["removed"] >= 5
        assert admin.journal() == []
        await client.ok(IMPORT, {"UserID": "behind"})
        (behind,) = admin.journal(after=rest["next"])
        assert behind["request"] == {"UserID": "behind"}


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "told", "field"),
    [
        ("POST", "/apps", b"{", 400, "the body is not JSON", ""),
        ("POST", "/apps", b"[]", 400, "the body: expected object, got array", ""),
        ("POST", "/apps", b"\xff", 400, "the body is not JSON", ""),
        ("POST", "/apps", b"[" * 100_000, 400, "expected object, got array", ""),
        ("POST", "/apps", b'{"sdkappid":"5"}', 400, "expected int | null, got str", "sdkappid"),
        ("POST", "/apps", b'{"admin":"a"}', 400, '"admin" is unknown; known: sdkappid', "admin"),
        ("POST", "/apps", b'{"sdkappid":0}', 400, "sdkappid is 0; 1 to", ""),
        ("POST", "/apps", b" " * ((1 << 20) + 1), 413, "more than 1048576 bytes", ""),
        ("GET", "/apps/x", b"", 400, 'sdkappid is "x"; 1 to', "sdkappid"),
        ("GET", "/apps/0", b"", 400, "sdkappid is 0; 1 to", "sdkappid"),
        ("GET", "/apps/1", b"", 404, "there is no app 1", "sdkappid"),
        ("DELETE", "/apps/1", b"", 404, "there is no app 1", "sdkappid"),
        ("POST", "/apps/1/reset", b"", 404, "there is no app 1", "sdkappid"),
        ("POST", "/apps/1/seed", b"", 404, "there is no app 1", "sdkappid"),
        ("PATCH", "/apps", b"", 405, "PATCH is not for this path; GET, POST are allowed", ""),
        ("GET", "/nothing", b"", 404, 'there is no "/control/nothing"', ""),
        ("PUT", "/apps/1400000000/clock", b"{}", 400, "one at least is required", ""),
        (
            "PUT",
            "/apps/1400000000/clock",
            b'{"now":-1}',
            400,
            "now is -1.0; 0 to 253402300799",
            "now",
        ),
        (
            "PUT",
            "/apps/1400000000/clock",
            b'{"now":1,"move_seconds":1}',
            400,
            "only one of the two",
            "now",
        ),
        (
            "PUT",
            "/apps/1400000000/clock",
            b'{"move_seconds":1e30}',
            400,
            "move_seconds is 1e+30",
            "move_seconds",
        ),
        (
            "PUT",
            "/apps/1400000000/clock",
            b'{"move_seconds":-9e10}',
            400,
            "now, once moved, is -",
            "move_seconds",
        ),
        ("GET", "/apps/1400000000/snapshots/no", b"", 404, "has no snapshot no", "name"),
        ("PUT", "/apps/1400000000/snapshots/.a", b"", 400, "1 to 64 letters", "name"),
        ("POST", "/apps/1400000000/snapshots/no/restore", b'{"of":0}', 400, "of is 0", "of"),
        ("POST", "/faults", b"{}", 400, "effect is missing", "effect"),
        ("POST", "/faults", b'{"effect":{}}', 400, "effect.kind is missing", "effect.kind"),
        (
            "POST",
            "/faults",
            b'{"effect":{"kind":"x"}}',
            400,
            "invalid enum value 'x' is unknown; known: answer, rate, items, latency, drop",
            "effect.kind",
        ),
        (
            "POST",
            "/faults",
            b'{"effect":{"kind":"drop"},"when":{"accounts":"a"}}',
            400,
            '"when.accounts" is unknown; known: command, sdkappid, account, every',
            "when.accounts",
        ),
        ("GET", "/faults/no", b"", 404, 'there is no rule "no"; there are: none', "name"),
        ("DELETE", "/faults/no", b"", 404, 'there is no rule "no"; there are: none', "name"),
        ("DELETE", "/faults?app=1", b"", 400, '"app" is unknown; known: sdkappid', "app"),
        ("GET", "/journal?app=1", b"", 400, '"app" is unknown; known: command', "app"),
        ("GET", "/journal?limit=0", b"", 400, "limit is 0; 1 to 1000", "limit"),
        ("GET", "/journal?limit=1001", b"", 400, "limit is 1001; 1 to 1000", "limit"),
        ("GET", "/journal?code=x", b"", 400, 'code is "x"; a whole number', "code"),
        ("GET", "/journal?since=x", b"", 400, 'since is "x"; Unix seconds', "since"),
        ("GET", "/journal?since=nan", b"", 400, "since is nan; 0 to", "since"),
        ("GET", "/journal?after=x-1", b"", 400, 'after is "x-1"; a cursor', "after"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_name(
    admin: Admin, method: str, path: str, content: bytes, status: int, told: str, field: str
) -> None:
    refused = admin.refused(method, path, content)
    assert (refused[0], refused[2]) == (status, field)
    assert told in refused[1]
