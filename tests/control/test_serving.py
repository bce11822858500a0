"""`serve --control`: when it is there, who may use it, and what it leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from certificates import make_certificate
from chatmarks import config
from chatmarks.engines import open_store
from chatmarks.store import UNFINISHED_RESTORES
from control.kit import lines
from control.over_http import Admin
from harness import account
from process import PROGRAM, Client, Server, run, serving

MARK = "recentcontact/mark_contact"
GROUPS = "recentcontact/get_contact_group"
IMPORT = "im_open_login_svc/account_import"


def test_there_is_no_control_unless_it_was_asked_for() -> None:
    with serving() as server:
        admin_url = server.announced["admin_url"]
        for method in ("GET", "POST", "DELETE"):
            response = httpx.request(method, f"{admin_url}/control/apps", trust_env=False)
            assert response.status_code == 404


@pytest.mark.parametrize(
    ("flags", "environ", "wanted"),
    [
        ({}, {}, False),
        ({"control": True}, {}, True),
        ({}, {"CHATMARKS_CONTROL": "1"}, True),
        ({}, {"CHATMARKS_CONTROL": "true"}, True),
        ({}, {"CHATMARKS_CONTROL": "On"}, True),
        ({}, {"CHATMARKS_CONTROL": "0"}, False),
        ({}, {"CHATMARKS_CONTROL": "false"}, False),
        ({}, {"CHATMARKS_CONTROL": ""}, False),
        ({"control": True}, {"CHATMARKS_CONTROL": "0"}, True),
    ],
)
def test_control_is_a_flag_or_a_variable(
    flags: dict[str, Any],
    environ: dict[str, str],
    wanted: bool,  # noqa: FBT001 - a value
) -> None:
    assert config.load(flags, environ).control is wanted


@pytest.mark.parametrize(("text", "wanted"), [("true", True), ("false", False)])
def test_control_is_a_key_of_the_file(tmp_path: Path, *, text: str, wanted: bool) -> None:
    file = tmp_path / "chatmarks.toml"
    file.write_text(f'control = {text}\nsnapshots = "here"\njournal_calls = 7\n')
    settings = config.load({"config": str(file)}, {})
    assert (settings.control, settings.snapshots, settings.journal_calls) == (wanted, "here", 7)


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"CHATMARKS_CONTROL": "perhaps"}, "CHATMARKS_CONTROL: 'perhaps' is neither on nor off"),
        ({"CHATMARKS_SNAPSHOTS": ""}, "CHATMARKS_SNAPSHOTS: '' is not a text of one character"),
        ({"CHATMARKS_JOURNAL_CALLS": "-1"}, "CHATMARKS_JOURNAL_CALLS: '-1' is not a number of calls"),
        ({"CHATMARKS_CONTROL": "1", "CHATMARKS_WORKERS": "2"}, "workers: 2 processes have no control"),
    ],
)
def test_settings_that_make_no_sense_are_refused(environ: dict[str, str], told: str) -> None:
    with pytest.raises(config.ConfigError, match=told):
        config.load({}, environ)


def test_a_file_with_a_wrong_switch_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "chatmarks.toml"
    file.write_text("control = [1]\n")
    with pytest.raises(config.ConfigError, match=r"control: \[1\] is neither on nor off"):
        config.load({"config": str(file)}, {})


def test_serve_refuses_control_with_workers(tmp_path: Path) -> None:
    ended = run("serve", "--control", "--workers", "2", "--store", f"sqlite:///{tmp_path}/books.db")
    assert ended.returncode == 2
    assert "leave out --control, or take one worker" in ended.stderr


def test_off_loopback_control_needs_the_token() -> None:
    ended = run("serve", "--dev", "--control", "--admin-host", "0.0.0.0", "--admin-port", "0")
    assert ended.returncode == 2
    assert "CHATMARKS_ADMIN_TOKEN" in ended.stderr


def test_with_a_token_nobody_controls_without_it() -> None:
    with serving("--control", environ={"CHATMARKS_ADMIN_TOKEN": "t0ken"}) as server:
        for headers in ({}, {"Authorization": "Bearer other"}):
            stranger = Admin(server, **headers)
            assert stranger.send("GET", "/apps").status_code == 401
            assert stranger.send("POST", "/apps").status_code == 401
        tester = Admin(server, Authorization="Bearer t0ken")
        assert len(tester.ask("GET", "/apps")["apps"]) == 1


@pytest.mark.parametrize(
    ("origin", "method", "status"),
    [
        ("http://localhost:3000", "POST", 201),
        ("http://127.0.0.1:8601", "POST", 201),
        ("http://[::1]:8601", "POST", 201),
        ("http://LOCALHOST", "POST", 201),
        ("https://tools.example.org", "POST", 201),
        ("https://a.tests.example.org", "POST", 201),
        ("https://evil.example", "POST", 403),
        ("https://evil.example", "PUT", 403),
        ("https://evil.example", "DELETE", 403),
        ("https://tests.example.org", "POST", 403),
        ("https://localhost.evil.example", "POST", 403),
        ("http://localhost@evil.example", "POST", 403),
        ("null", "POST", 403),
        ("", "POST", 403),
        ("http://[", "POST", 403),
        ("localhost", "POST", 403),
        ("https://evil.example", "GET", 200),
    ],
)
def test_pages_of_other_sites_change_nothing(
    strict: Server, origin: str, method: str, status: int
) -> None:
    admin = Admin(strict, Origin=origin)
    before = len(Admin(strict).ask("GET", "/apps")["apps"])
    assert admin.send(method, "/apps").status_code == status
    after = len(Admin(strict).ask("GET", "/apps")["apps"])
    assert after - before == (status == 201)


@pytest.fixture(scope="module")
def strict() -> Any:
    names = {"CHATMARKS_ADMIN_NAMES": "tools.example.org *.tests.example.org"}
    with serving("--control", environ=names) as running:
        yield running


def marks(number: int) -> dict[str, Any]:
    item = {"OptType": 1, "ContactItem": account("peer"), "SetMark": [number]}
    return {"From_Account": "u1", "MarkItem": [item]}


async def marks_of(client: Client, accounts: int) -> list[str]:
    """The marks of each account, "-" where there is none."""
    found = []
    for number in range(accounts):
        body = {"From_Account": f"u{number}", "StartIndex": 0}
        contacts = (await client.ok(GROUPS, body))["ContactItem"]
        found.append(contacts[0]["StandardMark"] if contacts else "-")
    return found


def seed(accounts: int, marks: str) -> bytes:
    contact = {"Type": 1, "Position": 0, "Timestamp": 7, "To_Account": "p", "StandardMark": marks}
    return lines(
        *(
            {
                "Line": "Account",
                "SdkAppid": "5",
                "UserID": f"u{number}",
                "ContactItem": [contact],
                "NextPosition": 1,
            }
            for number in range(accounts)
        )
    ).getvalue()


def restore_again_and_again(admin: Admin, app: str) -> None:
    """Until the server is gone."""
    with contextlib.suppress(httpx.TransportError):
        for name in itertools.cycle(("two", "one")):
            admin.ask("POST", f"{app}/snapshots/{name}/restore")


async def test_a_restore_that_a_kill_broke_off_is_whole_after_the_next_start(tmp_path: Path) -> None:
    """SIGKILL at a random moment of restores that follow each other."""
    accounts, dice, unfinished = 200, random.Random(6), 0
    url = f"sqlite:///{tmp_path}/books.db"
    environ = {"CHATMARKS_SNAPSHOTS": str(tmp_path / "snapshots")}
    server = Server("--control", "--store", url, environ=environ)
    admin = Admin(server)
    async with admin.app() as client:
        query, app = client.query, f"/apps/{client.sdkappid}"
    for name, bits in (("one", "1"), ("two", "10")):
        admin.send("POST", f"{app}/seed", content=seed(accounts, bits)).raise_for_status()
        admin.ask("PUT", f"{app}/snapshots/{name}")
    for _ in range(5):
        restores = asyncio.create_task(asyncio.to_thread(restore_again_and_again, admin, app))
        await asyncio.sleep(dice.uniform(0.05, 0.5))
        server.kill()
        await restores
        store = await open_store(url)
        unfinished += await store.read_property(UNFINISHED_RESTORES) is not None
        await store.close()
        server = Server("--control", "--store", url, environ=environ)
        admin = Admin(server)
        assert "broken" not in admin.ask("GET", app)
        async with Client(server.url) as again:
            again.query = query
            assert set(await marks_of(again, accounts)) in ({"1"}, {"10"})
    assert server.stop() == 0
    # Nearly all of them end in the middle of one.
    assert unfinished


async def test_an_app_that_is_part_old_and_part_new_is_refused_until_it_is_reset(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/books.db"
    mark = {"1400000000": {"sdkappid": 1400000000, "name": "gone"}}
    store = await open_store(url)
    await store.write_property(UNFINISHED_RESTORES, msgspec.json.encode(mark).decode())
    await store.close()
    with (tmp_path / "log").open("w+") as log:
        server = Server("--store", url, stderr=log)
        assert server.stop() == 0
        server = Server("--store", url, "--control", stderr=log)
        admin = Admin(server)
        assert "restore it again" in admin.ask("GET", "/apps/1400000000")["broken"]
        async with Client(server.url) as client:
            assert await client.code(IMPORT, {"UserID": "a"}) == 70500
            assert await client.code(MARK, marks(1)) == 50004
            assert admin.journal(code=50004)[0]["why"][0]["decided"] == "rule"
            admin.ask("POST", "/apps/1400000000/reset")
            await client.ok(IMPORT, {"UserID": "a"})
        assert server.stop() == 0
        log.seek(0)
        told = log.read().splitlines()
    plain = [line for line in told if not line.startswith("{")]
    assert len(plain) == 2, plain
    assert "was being restored from a snapshot when its server ended" in plain[0]
    assert "its restore from snapshot gone of app 1400000000 broke off and cannot go on" in plain[1]


def files_below(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


async def test_snapshots_outlive_a_server_only_in_a_folder_that_was_named(tmp_path: Path) -> None:
    places = []
    for environ in ({"CHATMARKS_SNAPSHOTS": str(tmp_path / "kept")}, {"TMPDIR": str(tmp_path)}):
        with serving("--control", environ=environ) as server:
            Admin(server).ask("PUT", "/apps/1400000000/snapshots/a")
            places.append([file.name for file in files_below(tmp_path)])
    assert places == [["a.ndjson"], ["a.ndjson", "a.ndjson"]]
    assert files_below(tmp_path) == [tmp_path / "kept/1400000000/a.ndjson"]


async def test_a_dropped_connection_leaves_no_line_in_the_log_and_later_calls_are_answered(
    tmp_path: Path,
) -> None:
    with (tmp_path / "log").open("w+") as log:
        server = Server("--control", "--log-calls", "none", stderr=log)
        admin = Admin(server)
        admin.fault({"times": 3}, kind="drop")
        async with Client(server.url) as client:
            for _ in range(3):
                with pytest.raises(httpx.TransportError):
                    await client.call(IMPORT, {"UserID": "a"})
            await client.ok(IMPORT, {"UserID": "a"})
        assert server.stop() == 0
        log.seek(0)
        assert log.read() == ""


async def test_the_journal_holds_as_many_calls_as_the_settings_say() -> None:
    with serving("--control", environ={"CHATMARKS_JOURNAL_CALLS": "2"}) as server:
        async with Client(server.url) as client:
            for name in "abc":
                await client.ok(IMPORT, {"UserID": name})
        kept = [call["request"]["UserID"] for call in Admin(server).journal()]
        assert kept == ["b", "c"]


async def test_control_works_over_a_file_and_over_tls_alike(tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path, "localhost")
    flags = ("--control", "--tls-cert", cert, "--tls-key", key)
    with serving(*flags, "--store", f"sqlite:///{tmp_path}/books.db") as server:
        admin = Admin(server)
        async with admin.app() as client:
            await client.ok(IMPORT, {"UserID": "u1"})
            admin.fault({"sdkappid": client.sdkappid, "times": 1}, kind="drop", kept=True)
            with pytest.raises(httpx.TransportError):
                await client.call(MARK, marks(3))
            body = {"From_Account": "u1", "StartIndex": 0}
            assert (await client.ok(GROUPS, body))["ContactItem"][0]["StandardMark"] == "1000"


@pytest.mark.parametrize("flags", [(), ("--control",)])
def test_people_are_told_where_the_control_api_is(flags: tuple[str, ...]) -> None:
    ports = ("--port", "0", "--admin-port", "0")
    process = subprocess.Popen(
        [*PROGRAM, "serve", "--dev", *ports, *flags],
        env={name: text for name, text in os.environ.items() if not name.startswith("CHATMARKS_")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    told = list(itertools.takewhile(lambda line: "Try it" not in line, process.stdout))
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 0
    (admin_url,) = [line.split()[1] for line in told if line.startswith("  admin ")]
    expected = [f"  control {admin_url}/control\n"] if flags else []
    assert [line for line in told if "control" in line] == expected


def test_what_is_announced_is_what_was_announced_without_control() -> None:
    with serving("--control") as server:
        assert set(json.loads(json.dumps(server.announced))) == {
            "url",
            "admin_url",
            "sdkappid",
            "identifier",
            "key",
        }
