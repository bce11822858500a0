"""PyPI's `timsdk`, as it is: it speaks HTTPS to the real host name, sends no Content-Type and the
same `random` in every call. Only the address that the name stands for is changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3.util.connection
from timsdk import HttpClient, TimClient  # type: ignore[import-untyped] # it has no types

from certificates import make_certificate
from harness import KEY, SDKAPPID, account
from process import serving

HOST = "console.tim.qq.com"


@pytest.fixture
def posts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TimClient]:
    """A client of the package whose host leads to a server on loopback."""
    cert, key = make_certificate(tmp_path, HOST)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", cert)
    monkeypatch.setenv("NO_PROXY", HOST)
    connect = urllib3.util.connection.create_connection
    with serving("--tls-cert", cert, "--tls-key", key) as server:
        port = int(server.url.rsplit(":", 1)[1])

        def redirected(address: tuple[str, int], *more: Any, **options: Any) -> Any:
            assert address == (HOST, 443)
            return connect(("127.0.0.1", port), *more, **options)

        monkeypatch.setattr(urllib3.util.connection, "create_connection", redirected)
        yield TimClient(SDKAPPID, KEY)


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
