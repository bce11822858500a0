"""PyPI's `timsdk`, as it is: it speaks HTTPS to the real host name, sends no Content-Type and the
same `random` in every call. Served by `chatmarks serve --tls` with what `chatmarks tls init` made, and
told of it as `chatmarks tls trust` says: with variables, and another address for the name."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from timsdk import HttpClient, TimClient  # type: ignore[import-untyped] # it has no types

from harness import ADMIN, KEY, SDKAPPID, account
from process import Server, run, serving

HOST = "console.tim.qq.com"


@pytest.fixture
def folder(tmp_path: Path) -> str:
    made = run("tls", "init", "--dir", str(tmp_path / "certificates"), "--json")
    assert made.returncode == 0, made.stderr
    path: str = json.loads(made.stdout)["dir"]
    return path


@pytest.fixture
def server(folder: str) -> Iterator[Server]:
    with serving("--tls", "--tls-dir", folder) as running:
        yield running


def told(folder: str, server: Server) -> Any:
    """What `chatmarks tls trust` tells a client in Python."""
    port = server.url.rsplit(":", 1)[1]
    return json.loads(run("tls", "trust", "python", "--dir", folder, "--port", port, "--json").stdout)


@pytest.fixture
def posts(folder: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> TimClient:
    """A client of the package whose host leads to a server on loopback."""
    trust = told(folder, server)
    for name, value in trust["tools"]["python"]["environ"].items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NO_PROXY", HOST)
    resolve = socket.getaddrinfo

    def resolved(host: str, port: int, *more: Any, **options: Any) -> Any:
        assert (host, port) == (HOST, 443)
        return resolve("127.0.0.1", trust["port"], *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    return TimClient(SDKAPPID, KEY)


def post(client: TimClient, command: str, body: dict[str, Any]) -> dict[str, Any]:
    http: HttpClient = client.im_open_login_svc.get_client()
    answer: dict[str, Any] = http.post(command, data=body)
    return answer


def test_imports_makes_groups_marks_and_searches(posts: TimClient) -> None:
    owner, friend = "user_0001", account("user_0002")
    assert posts.im_open_login_svc.account_import(owner)["ErrorCode"] == 0
    wanted = {"GroupName": "group_0001", "ContactItem": [friend]}
    answers = [
        post(posts, f"recentcontact/{command}", {"From_Account": owner, **body})
        for command, body in (
            ("create_contact_group", {"GroupContactItem": [wanted]}),
            ("mark_contact", {"MarkItem": [{"OptType": 1, "ContactItem": friend, "SetMark": [0]}]}),
            (
                "update_contact_group",
                {
                    "UpdateType": 1,
                    "UpdateGroup": {
                        "UpdateGroupType": 1,
                        "OldGroupName": "group_0001",
                        "NewGroupName": "新的",
                    },
                },
            ),
            ("search_contact_group", {"ContactItem": [friend]}),
            ("get_contact_group", {"StartIndex": 0}),
            ("del_contact_group", {"GroupName": ["新的"]}),
        )
    ]
    assert [answer["ErrorCode"] for answer in answers] == [0] * 6
    (record,) = answers[3]["ContactResultItem"]
    assert (record["StandardMark"], record["ContactGroupId"]) == ("1", [1])
    assert answers[4]["GroupItem"] == [{"GroupName": "新的", "GroupId": 1}]


TEST = f"""
from timsdk import TimClient

def test_import_and_ask():
    service = TimClient({SDKAPPID}, {KEY!r}, {ADMIN!r}).im_open_login_svc
    assert service.account_import("user_0001")["ActionStatus"] == "OK"
    ask = service.get_client().post("im_open_login_svc/account_check", data={{
        "CheckItem": [{{"UserID": "user_0001"}}, {{"UserID": "user_0002"}}]}})
    assert [item["AccountStatus"] for item in ask["ResultItem"]] == ["Imported", "NotImported"]
"""


def test_a_project_with_the_printed_conftest_and_variables_is_served(
    folder: str, server: Server, tmp_path: Path
) -> None:
    recipe = told(folder, server)["tools"]["python"]
    project = tmp_path / "project"
    project.mkdir()
    (project / "conftest.py").write_text(recipe["names"])
    (project / "test_it.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    for trusting, code in ((recipe["environ"], 0), ({}, 1)):
        found = subprocess.run(
            command,
            cwd=project,
            env={"PATH": os.environ["PATH"], "NO_PROXY": HOST, **trusting},
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.returncode == code, found.stdout
        # Who was not told to trust the authority does not.
        assert ("CERTIFICATE_VERIFY_FAILED" in found.stdout) == bool(code)
