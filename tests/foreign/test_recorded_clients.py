"""What clients of others send, recorded from the real packages, replayed octet for octet."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chatmarks.usersig import DEMO_KEY
from harness import Answer
from process import Client, Server, serving, signed_query

ILLEGAL = "The UserSig in use is illegal. Please regenerate UserSig through official API"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def recorded(package: str) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = json.loads(
        Path(__file__).with_name(f"{package}.json").read_text(encoding="utf-8")
    )["sent"]
    return sent


def replayed(url: str, sent: list[dict[str, Any]]) -> list[Answer]:
    """The answers to recorded requests, all sent over one connection as the client had it."""
    address = urlsplit(url)
    answers = []
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        for exchange in sent:
            head = "\r\n".join([exchange["request"], *exchange["headers"], "", ""])
            connection.sendall((head + exchange["body"]).encode())
            response = HTTPResponse(connection)
            response.begin()
            assert response.status == 200
            answers.append(json.loads(response.read()))
    return answers


def command_of(exchange: dict[str, Any]) -> str:
    target: str = exchange["request"].split()[1]
    return target.partition("?")[0].removeprefix("/v4/")


async def test_the_legacy_ticket_of_the_npm_client_is_refused_with_70003(server: Server) -> None:
    sent = recorded("imsdk-restapi-nodejs-es6-sdk")
    assert [command_of(exchange) for exchange in sent] == [
        "im_open_login_svc/account_import",
        "recentcontact/mark_contact",
    ]
    for answer in replayed(server.url, sent):
        assert answer == {
            "ActionStatus": "FAIL",
            "ErrorCode": 70003,
            "ErrorInfo": ILLEGAL,
            "ErrorDisplay": "",
        }
    async with Client(server.url) as client:
        asked = await client.ok(
            "im_open_login_svc/account_check", {"CheckItem": [{"UserID": "zack_king"}]}
        )
    assert [item["AccountStatus"] for item in asked["ResultItem"]] == ["NotImported"]


def test_the_npm_client_with_a_ticket_of_today_is_served(server: Server) -> None:
    """So it is the ticket that was refused, and nothing else of what it sends."""
    ticket = parse_qs(signed_query())["usersig"][0]
    sent = [
        exchange | {"request": re.sub(r"usersig=[^&]*", f"usersig={ticket}", exchange["request"])}
        for exchange in recorded("imsdk-restapi-nodejs-es6-sdk")
    ]
    imported, marked = replayed(server.url, sent)
    assert imported["ErrorCode"] == 0
    assert [item["ResultCode"] for item in marked["ResultItem"]] == [0]


def test_every_request_of_timsdk_is_answered_as_it_was_meant(server: Server) -> None:
    sent = recorded("timsdk")
    assert server.announced["key"] == DEMO_KEY
    assert not any("content-type" in header.lower() for item in sent for header in item["headers"])
    assert len({parse_qs(item["request"].split()[1])["random"][0] for item in sent}) == 1
    answers = replayed(server.url, sent)
    codes = [
        (command_of(item), answer["ErrorCode"]) for item, answer in zip(sent, answers, strict=True)
    ]
    assert codes == [
        ("im_open_login_svc/account_import", 0),
        ("im_open_login_svc/multiaccount_import", 0),
        # It asks this with GET, and the documents allow POST only.
        ("im_open_login_svc/account_check", 60002),
        ("group_open_http_svc/create_group", 0),
        ("recentcontact/create_contact_group", 0),
        ("recentcontact/update_contact_group", 0),
        ("recentcontact/update_contact_group", 0),
        ("recentcontact/mark_contact", 0),
        ("recentcontact/get_contact_group", 0),
        ("recentcontact/search_contact_group", 0),
        ("recentcontact/del_contact_group", 0),
        ("group_open_http_svc/destroy_group", 0),
        ("im_open_login_svc/account_delete", 0),
    ]
    found = answers[9]
    assert found["GroupItem"] == [{"GroupName": "work", "GroupId": 1}]
    friend, hikes = found["ContactResultItem"]
    assert (friend["StandardMark"], friend["CustomMark"]) == ("1" + "0" * 33 + "1", "老朋友 👋")
    assert (hikes["ToGroupId"], hikes["ContactGroupId"]) == ("hikes", [1])
