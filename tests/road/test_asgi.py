"""HTTP: what the public listener answers, driven without a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import httpx
import pytest

import chatmarks.asgi
from chatmarks.asgi import public
from chatmarks.engines.memory import MemoryStore
from harness import ADMIN, Caller, make_caller

GET = "/v4/recentcontact/get_contact_group"
BODY = b'{"From_Account":"administrator","StartIndex":0}'
MIB = 1 << 20

Message = MutableMapping[str, Any]


class NotReady(MemoryStore):
    """A store that cannot be used."""

    async def check(self) -> None:
        raise OSError("the disk is gone")


@pytest.fixture
async def caller() -> Caller:
    return await make_caller(MemoryStore())


@pytest.fixture
async def client(caller: Caller) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(public(caller.service))
    async with httpx.AsyncClient(transport=transport, base_url="http://chat.test") as opened:
        yield opened


def url(caller: Caller, path: str = GET) -> str:
    return f"{path}?{caller.query().decode()}"


def padded(size: int) -> bytes:
    """A good body of `size` bytes."""
    return BODY[:-1] + b" " * (size - len(BODY)) + b"}"


def piece(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def exchange(
    caller: Caller, *messages: Message, client: tuple[str, int] | None = ("127.0.0.1", 40000)
) -> tuple[list[Message], int]:
    """What the application sends to a client that sends `messages` and then nothing more, and how
    many of them it received."""
    sent: list[Message] = []
    waiting = list(messages)

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": GET,
        "query_string": caller.query(),
        "headers": [],
        "client": client,
    }
    async with asyncio.timeout(2):
        await public(caller.service)(scope, receive, send)
    return sent, len(messages) - len(waiting)


def code_in(sent: list[Message]) -> int:
    """The code of an answer that was sent whole, in one start and one body."""
    start, body = sent
    assert (start["type"], start["status"]) == ("http.response.start", 200)
    assert (b"content-length", str(len(body["body"])).encode()) in start["headers"]
    assert body["type"] == "http.response.body"
    assert not body.get("more_body")
    code: int = json.loads(body["body"])["ErrorCode"]
    return code


# Answers.


async def test_a_good_call_is_answered_in_json_with_http_200(
    caller: Caller, client: httpx.AsyncClient
) -> None:
    response = await client.post(url(caller), content=BODY)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["content-length"] == str(len(response.content))
    assert response.json() == {
        "ContactItem": [],
        "CompleteFlag": 1,
        "NextStartIndex": 0,
        "GroupItem": [],
        "ActionStatus": "OK",
        "ErrorCode": 0,
        "ErrorInfo": "",
        "ErrorDisplay": "",
    }


@pytest.mark.parametrize(
    ("path", "content", "code"),
    [
        (GET, BODY, 0),
        (GET, b"", 60003),
        (GET, b"{}", 50002),
        (GET, padded(MIB + 1), 60008),
        ("/v4/recentcontact/unknown", BODY, 60009),
        ("/v4/", BODY, 60009),
        ("/v4/%F0%9F%98%80", BODY, 60009),
    ],
    ids=range(7),
)
async def test_everything_under_v4_is_http_200_with_cors_headers_and_a_code(
    caller: Caller, client: httpx.AsyncClient, path: str, content: bytes, code: int
) -> None:
    response = await client.post(url(caller, path), content=content)
    assert response.status_code == 200
    assert response.json()["ErrorCode"] == code
    assert response.headers["content-type"] == "application/json"
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["access-control-allow-methods"] == "POST"
    assert "X-Requested-With" in response.headers["access-control-allow-headers"]
    assert response.headers["x-request-id"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_a_method_other_than_post_is_60002_with_http_200(
    caller: Caller, client: httpx.AsyncClient, method: str
) -> None:
    response = await client.request(method, url(caller))
    assert response.status_code == 200
    assert response.json() == {
        "ActionStatus": "FAIL",
        "ErrorCode": 60002,
        "ErrorInfo": "HTTP parse Error",
        "ErrorDisplay": "",
    }


@pytest.mark.parametrize(
    "path", ["/", "/v4", "/V4/recentcontact/get_contact_group", "/health", "/metrics"]
)
async def test_a_path_that_nobody_knows_is_60009(
    caller: Caller, client: httpx.AsyncClient, path: str
) -> None:
    response = await client.post(url(caller, path), content=BODY)
    assert response.status_code == 200
    assert response.json()["ErrorCode"] == 60009


@pytest.mark.parametrize("path", [GET, "/v4/recentcontact/unknown"])
async def test_options_is_answered_for_browsers_without_a_body(
    client: httpx.AsyncClient, path: str
) -> None:
    response = await client.options(path)
    assert response.status_code == 200
    assert response.content == b""
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["access-control-allow-methods"] == "POST"
    assert "Content-Type" in response.headers["access-control-allow-headers"]


async def test_every_call_has_a_request_id_of_its_own_and_none_in_its_body(
    caller: Caller, client: httpx.AsyncClient
) -> None:
    responses = [await client.post(url(caller), content=content) for content in [BODY, b""] * 10]
    assert len({response.headers["x-request-id"] for response in responses}) == 20
    assert not any("RequestId" in response.json() for response in responses)


async def test_two_processes_do_not_give_the_same_request_ids(caller: Caller) -> None:
    (first, _), _ = await exchange(caller, piece(BODY, more=False))
    (second, _), _ = await exchange(caller, piece(BODY, more=False))
    assert dict(first["headers"])[b"x-request-id"] != dict(second["headers"])[b"x-request-id"]


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "x"])
async def test_the_content_type_of_a_request_does_not_matter(
    caller: Caller, client: httpx.AsyncClient, content_type: str | None
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    response = await client.post(url(caller), content=BODY, headers=headers)
    assert response.json()["ErrorCode"] == 0


# Addresses.


@pytest.mark.parametrize(
    ("client", "code"),
    [(("10.0.0.1", 1), 0), (("::ffff:10.0.0.1", 1), 0), (("192.0.2.1", 1), 60021), (None, 60021)],
)
async def test_the_address_of_the_connection_is_held_against_the_apps_list(
    client: tuple[str, int] | None, code: int
) -> None:
    caller = await make_caller(MemoryStore(), sources=("10.0.0.0/8",))
    sent, _ = await exchange(caller, piece(BODY, more=False), client=client)
    assert code_in(sent) == code


# Bodies.


@pytest.mark.parametrize(("size", "code"), [(MIB, 0), (MIB + 1, 60008)])
async def test_a_body_in_one_piece_may_have_1_mib_and_not_more(
    caller: Caller, size: int, code: int
) -> None:
    sent, _ = await exchange(caller, piece(padded(size), more=False))
    assert code_in(sent) == code


@pytest.mark.parametrize(("size", "code"), [(MIB, 0), (MIB + 1, 60008)])
@pytest.mark.parametrize("step", [MIB // 2, 65536, 65535])
async def test_a_body_in_chunks_may_have_1_mib_and_not_more(
    caller: Caller, size: int, code: int, step: int
) -> None:
    whole = padded(size)
    chunks = [piece(whole[start : start + step], more=True) for start in range(0, size, step)]
    sent, received = await exchange(caller, *chunks, piece(b"", more=False))
    assert code_in(sent) == code
    assert received == len(chunks) + 1


async def test_a_body_is_put_together_from_its_chunks(caller: Caller) -> None:
    chunks = [piece(BODY[number : number + 1], more=True) for number in range(len(BODY))]
    sent, _ = await exchange(caller, *chunks, piece(b"", more=False))
    assert code_in(sent) == 0


async def test_messages_may_leave_out_what_they_do_not_need(caller: Caller) -> None:
    sent, _ = await exchange(caller, {"type": "http.request"})
    assert code_in(sent) == 60003
    first: Message = {"type": "http.request", "more_body": True}
    sent, _ = await exchange(caller, first, {"type": "http.request", "body": BODY})
    assert code_in(sent) == 0


async def test_a_body_that_is_too_large_closes_the_connection(caller: Caller) -> None:
    sent, _ = await exchange(caller, piece(padded(MIB + 1), more=False))
    assert (b"connection", b"close") in sent[0]["headers"]
    sent, _ = await exchange(caller, piece(BODY, more=False))
    assert (b"connection", b"close") not in sent[0]["headers"]


async def test_a_body_that_does_not_end_is_not_read_for_ever(caller: Caller) -> None:
    chunk = bytes(MIB)
    sent, received = await exchange(caller, *(piece(chunk, more=True) for _ in range(80)))
    assert code_in(sent) == 60008
    assert received == 65


@pytest.mark.parametrize("pieces", [0, 1, 2])
async def test_a_client_that_leaves_before_its_body_is_whole_is_sent_nothing(
    caller: Caller, pieces: int
) -> None:
    create = b'{"From_Account":"administrator","GroupContactItem":[{"GroupName":"g"}]}'
    chunks = [piece(create, more=True)] * pieces
    sent, _ = await exchange(caller, *chunks, {"type": "http.disconnect"})
    assert sent == []
    answer = await caller.ok(
        "recentcontact/get_contact_group", {"From_Account": ADMIN, "StartIndex": 0}
    )
    assert answer["GroupItem"] == []


@pytest.mark.parametrize("pieces", [0, 1, 2])
async def test_a_body_that_is_not_whole_in_time_is_60008(
    caller: Caller, pieces: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chatmarks.asgi, "BODY_SECONDS_MAX", 0.05)
    sent, _ = await exchange(caller, *[piece(b"{", more=True)] * pieces)
    assert code_in(sent) == 60008
    assert (b"connection", b"close") in sent[0]["headers"]


async def test_a_body_that_trickles_in_is_not_given_more_time(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chatmarks.asgi, "BODY_SECONDS_MAX", 0.1)
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.sleep(0.01)
        return piece(b" ", more=True)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": GET, "query_string": b"", "client": None}
    async with asyncio.timeout(5):
        await public(caller.service)(scope, receive, send)
    assert code_in(sent) == 60008


# Health.


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_a_process_with_a_good_store_is_healthy_and_ready(
    client: httpx.AsyncClient, path: str
) -> None:
    response = await client.get(path)
    assert (response.status_code, response.text) == (200, "ok\n")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


async def test_a_process_whose_store_fails_is_healthy_and_not_ready() -> None:
    caller = await make_caller(NotReady())
    transport = httpx.ASGITransport(public(caller.service))
    async with httpx.AsyncClient(transport=transport, base_url="http://chat.test") as client:
        assert (await client.get("/healthz")).status_code == 200
        response = await client.get("/readyz")
    assert response.status_code == 503
    assert response.text.startswith("not ready")
    assert "disk" not in response.text


@pytest.mark.parametrize("path", ["/healthz/", "/readyz/x", "/HEALTHZ", "/v4/healthz"])
async def test_only_the_exact_path_asks_for_health(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.json()["ErrorCode"] == 60002
