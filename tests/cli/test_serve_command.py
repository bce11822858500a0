"""`chatmarks serve` and `chatmarks demo`, as real processes."""

from __future__ import annotations

import asyncio
import json
import shlex
import socket
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from chatmarks.declared import DeclaredApp
from chatmarks.engines import open_store
from chatmarks.serve import curl_line
from harness import ADMIN, KEY, SDKAPPID, chat_group
from process import PROGRAM, Client, Server, run, serving, signed_query

SEARCH = "recentcontact/search_contact_group"


def get(url: str, **headers: str) -> httpx.Response:
    return httpx.get(url, headers=headers, trust_env=False)


def test_json_announces_everything_a_harness_needs() -> None:
    with serving() as server:
        announced = server.announced
        assert announced["sdkappid"] == SDKAPPID
        assert announced["identifier"] == ADMIN
        assert announced["key"] == KEY
        assert get(f"{announced['url']}/healthz").text == "ok\n"
        assert get(f"{announced['admin_url']}/readyz").text == "ok\n"


async def announcement(*arguments: str, **environ: str) -> tuple[str, asyncio.subprocess.Process]:
    """What a server prints for people before it serves, and its process."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *("serve", "--port", "0", "--admin-port", "0", *arguments),
        env=environ,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    text = await process.stdout.readuntil(b"\n\n")
    while b"http" not in text.splitlines()[-1] and b"create" not in text.splitlines()[-1]:
        text += await process.stdout.readline()
    return text.decode(), process


async def test_dev_prints_the_url_the_app_its_key_and_a_curl_line_that_works() -> None:
    text, process = await announcement("--dev")
    assert f"app    {SDKAPPID}, administrator {ADMIN}" in text
    assert f"key    {KEY}" in text
    curl, flag, body, url = shlex.split(text.splitlines()[-1])
    assert (curl, flag) == ("curl", "-d")
    assert f"URL    {url.split('/v4/')[0]}\n" in text
    async with httpx.AsyncClient(trust_env=False) as client:
        # As curl sends it: a form's content type, and JSON in it.
        answer = await client.post(
            url, content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
    assert answer.json() == {
        "ContactResultItem": [],
        "GroupItem": [],
        "ActionStatus": "OK",
        "ErrorCode": 0,
        "ErrorInfo": "",
        "ErrorDisplay": "",
    }
    process.terminate()
    assert await process.wait() == 0


def test_the_curl_line_survives_a_userid_with_quotes() -> None:
    userid = 'o\'brien "$HOME"'
    line = curl_line("http://127.0.0.1:1", DeclaredApp(SDKAPPID, (userid,), (KEY,)))
    curl, flag, body, url = shlex.split(line)
    assert (curl, flag) == ("curl", "-d")
    assert json.loads(body)["From_Account"] == userid
    assert parse_qs(urlsplit(url).query)["identifier"] == [userid]


async def test_without_an_app_it_starts_and_prints_the_line_that_makes_one(file_url: str) -> None:
    text, process = await announcement("--store", file_url)
    line = text.splitlines()[-1]
    assert line.startswith("chatmarks app create --sdkappid ")
    assert file_url in line
    made = await asyncio.to_thread(run, *shlex.split(line)[1:])
    assert made.returncode == 0
    url = text.split("URL    ")[1].splitlines()[0]
    key = made.stdout.split("key ")[1].strip()
    async with Client(url, key=key, sdkappid=1400000001) as client:
        body = {"From_Account": ADMIN, "StartIndex": 0}
        assert await client.code("recentcontact/get_contact_group", body) == 0
    process.terminate()
    assert await process.wait() == 0


@pytest.fixture
def file_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/books.db"


async def test_a_declared_app_is_made_and_made_again_as_declared(file_url: str) -> None:
    declared = {"CHATMARKS_APP": f"{SDKAPPID}:boss", "CHATMARKS_APP_KEY": "first"}
    body = {"From_Account": "boss", "StartIndex": 0}
    command = "recentcontact/get_contact_group"
    for key in ("first", "second"):
        with serving("--store", file_url, environ=declared | {"CHATMARKS_APP_KEY": key}) as server:
            async with Client(server.url, key=key, identifier="boss") as client:
                assert await client.code(command, body) == 0
            async with Client(server.url, key="other", identifier="boss") as client:
                assert await client.code(command, body) == 70009
    listed = json.loads(run("app", "list", "--json", "--store", file_url).stdout)
    assert len(listed["keys"]) == 1


async def test_the_demo_app_can_be_lenient() -> None:
    with serving(environ={"CHATMARKS_APP_PROFILE": "lenient"}) as server:
        async with Client(server.url) as client:
            body = {
                "From_Account": "never imported",
                "GroupContactItem": [{"GroupName": "g", "ContactItem": [chat_group("never made")]}],
            }
            answer = await client.ok("recentcontact/create_contact_group", body)
    assert answer["GroupResultItem"][0]["ResultItem"][0]["ResultCode"] == 0


async def test_a_restart_changes_nothing_of_a_declared_app_that_is_as_declared(file_url: str) -> None:
    async def revision() -> int:
        store = await open_store(file_url)
        app = await store.app(SDKAPPID)
        await store.close()
        assert app is not None
        return app.revision

    revisions = []
    for _ in range(2):
        with serving("--store", file_url):
            revisions.append(await revision())
    assert revisions[0] == revisions[1]


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_sigterm_answers_calls_in_flight_and_keeps_what_they_changed(
    file_url: str, workers: str
) -> None:
    server = Server("--store", file_url, "--workers", workers)
    body = json.dumps({"UserID": "late"}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
    head = (
        f"POST /v4/im_open_login_svc/account_import?{signed_query()} HTTP/1.1\r\n"
        f"Host: x\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body[:-1])
    await writer.drain()
    await asyncio.sleep(0.2)
    server.process.terminate()
    await asyncio.sleep(0.3)
    writer.write(body[-1:])
    answer = await reader.read()
    assert b'"ErrorCode":0' in answer
    writer.close()
    with pytest.raises(OSError, match=r"refused|Connect"):
        await asyncio.open_connection("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
    assert await asyncio.to_thread(server.process.wait, 30) == 0
    server.stdout.close()
    with serving("--store", file_url) as again:
        async with Client(again.url) as client:
            found = await client.ok(
                "im_open_login_svc/account_check", {"CheckItem": [{"UserID": "late"}]}
            )
    assert found["ResultItem"][0]["AccountStatus"] == "Imported"


def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        finished = run("serve", "--dev", "--port", port, "--admin-port", "0")
    assert finished.returncode == 2
    assert finished.stdout == ""
    assert finished.stderr == (
        f"chatmarks: cannot listen on 127.0.0.1 port {port}: Address already in use\n"
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--port", "x"), "--port: 'x' is not a port; 0 to 65535 are allowed"),
        (
            ("--store", "nothing:"),
            "store 'nothing:' is unknown; memory:, sqlite:///path and postgresql://… are known",
        ),
        (
            ("--dev", "--workers", "2"),
            (
                "workers: 2 processes cannot share the store memory:, which lives in one;"
                " name another with --store"
            ),
        ),
    ],
)
def test_a_wrong_setting_is_one_clear_line(arguments: tuple[str, ...], line: str) -> None:
    finished = run("serve", *arguments)
    assert (finished.returncode, finished.stderr) == (2, f"chatmarks: {line}\n")


async def test_the_admin_listener_wants_its_token_and_a_known_host() -> None:
    with serving(environ={"CHATMARKS_ADMIN_TOKEN": "open sesame"}) as server:
        url = f"{server.announced['admin_url']}/readyz"
        assert get(url).status_code == 401
        assert get(url, Authorization="Bearer wrong").status_code == 401
        assert get(url, Authorization="Bearer open sesame").text == "ok\n"
        assert get(url, Authorization="Bearer open sesame", Host="evil.example").status_code == 400


async def test_the_admin_listener_shows_metrics_and_the_openapi_document() -> None:
    with serving() as server:
        async with Client(server.url) as client:
            await client.call(
                "recentcontact/get_contact_group", {"From_Account": ADMIN, "StartIndex": 0}
            )
        metrics = get(f"{server.announced['admin_url']}/metrics").text
        assert (
            'chatmarks_calls_total{code="0",command="recentcontact/get_contact_group"} 1.0' in metrics
        )
        document = get(f"{server.announced['admin_url']}/openapi.json").json()
        assert document["openapi"].startswith("3.1")


async def test_calls_that_fail_are_logged_to_standard_error() -> None:
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *("serve", "--dev", "--json", "--port", "0", "--admin-port", "0", "--log-calls", "all"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    url = json.loads(await process.stdout.readline())["url"]
    async with Client(url) as client:
        await client.call("recentcontact/get_contact_group", {"From_Account": ADMIN, "StartIndex": 0})
    process.terminate()
    _, logged = await process.communicate()
    assert json.loads(logged)["command"] == "recentcontact/get_contact_group"


def typed(value: Any) -> Any:
    """The shape of an answer: its keys in order, with the types of the values."""
    if isinstance(value, dict):
        return [(key, typed(item)) for key, item in value.items()]
    if isinstance(value, list):
        return [typed(item) for item in value]
    return type(value)


def test_the_demo_prints_an_answer_of_the_published_shape() -> None:
    finished = run("demo")
    assert finished.returncode == 0
    answer = json.loads(finished.stdout)
    # The sample of 1047/53442 (2026-04), with the base fields that this family always has.
    published = json.loads(
        """
        {"ContactResultItem":[
          {"Type":1,"To_Account":"user_0002","StandardMark":"11111110","CustomMark":"abcde",
           "ContactGroupId":[1,2],"Timestamp":1775217000},
          {"Type":2,"ToGroupId":"@TGS#1B2AUI7RZ","StandardMark":"","ContactGroupId":[1],
           "Timestamp":1775186067}],
         "GroupItem":[{"GroupName":"group_0001","GroupId":1},{"GroupName":"group_0002","GroupId":2}],
         "ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}
        """
    )
    assert typed(answer) == typed(published)
    for command in ("account_import", "create_contact_group", "mark_contact", "search_contact_group"):
        assert command in finished.stderr
