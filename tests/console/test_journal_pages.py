"""The journal in the browser: filtered, followed, opened, replayed and exported."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import msgspec
import pytest

from chatmarks import usersig
from chatmarks.golden import Exchange
from console.visitor import Visitor
from harness import ADMIN, KEY, SDKAPPID
from process import Client, Server, serving

MARK = "recentcontact/mark_contact"
SEARCH = "recentcontact/search_contact_group"
BODY: dict[str, Any] = {"From_Account": "<i>owner</i>", "MarkItem": []}
STAR = {"OptType": 1, "ContactItem": {"Type": 1, "To_Account": "peer"}, "SetMark": [0]}


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    async with Client(server.url) as caller:
        yield caller


def cursors(visitor: Visitor) -> list[str]:
    return re.findall(r"/console/journal/call\?cursor=([\w-]+)", visitor.page)


async def test_a_call_shows_and_opens_to_its_reason(visitor: Visitor, client: Client) -> None:
    assert await client.code(MARK, BODY) == 51006
    visitor.get("/console/journal")
    assert "<i>owner</i>" in visitor.words
    assert "<i>owner" not in visitor.page
    visitor.get("/console/journal/call", cursor=cursors(visitor)[0])
    for text in ("51006", "no conversation in the change, or more than 100", "Request", "127.0.0.1"):
        assert text in visitor.words
    assert "usersig=ey" not in visitor.page
    ticket = client.query.partition("usersig=")[2].partition("&")[0]
    assert ticket not in visitor.page


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"code": "51006"}, 1),
        ({"code": "51007"}, 0),
        ({"account": "<i>owner</i>", "command": MARK}, 1),
        ({"account": "another"}, 0),
        ({"sdkappid": "7"}, 0),
    ],
)
async def test_the_journal_is_filtered(
    visitor: Visitor, client: Client, asked: dict[str, str], count: int
) -> None:
    await client.code(MARK, BODY)
    visitor.get("/console/journal", **asked)
    assert bool(cursors(visitor)) == bool(count)


async def test_a_filter_that_is_no_number_is_refused(visitor: Visitor) -> None:
    assert visitor.get("/console/journal", code="x").status_code == 400
    assert visitor.get("/console/journal", sdkappid="x").status_code == 400
    assert visitor.get("/console/journal/call", cursor="x").status_code == 400
    assert visitor.get("/console/journal/export", form="x").status_code == 400


async def test_calls_are_told_as_they_come(visitor: Visitor, client: Client) -> None:
    visitor.get("/console")
    url = f"{visitor.http.base_url}/console/journal/follow?code=51006"
    async with (
        httpx.AsyncClient(trust_env=False, cookies=visitor.http.cookies, timeout=20) as http,
        http.stream("GET", url) as stream,
    ):
        lines = stream.aiter_lines()
        while await anext(lines) != "event: open":
            pass
        await client.code(SEARCH, {})
        await client.code(MARK, BODY)
        while await anext(lines) != "event: rows":
            pass
        row = await anext(lines)
    assert "51006" in row
    assert "50002" not in row


async def test_a_call_is_made_once_more(visitor: Visitor, client: Client) -> None:
    await client.ok(MARK, {"From_Account": ADMIN, "MarkItem": [STAR]})
    visitor.get("/console/journal", command=MARK, code=0)
    cursor = cursors(visitor)[0]
    visitor.get("/console/journal/call", cursor=cursor)
    visitor.post("/console/journal/replay", cursor=cursor)
    assert "Made once more" in visitor.words
    assert "done, nothing was refused" in visitor.words


async def test_a_call_of_no_command_cannot_be_made_once_more(visitor: Visitor, client: Client) -> None:
    await client.code("recentcontact/nothing", {})
    visitor.get("/console/journal", code="60009")
    response = visitor.post("/console/journal/replay", cursor=cursors(visitor)[0])
    assert response.status_code == 409


async def test_an_export_has_golden_exchanges_with_what_came_before(
    visitor: Visitor, client: Client
) -> None:
    await client.ok(MARK, {"From_Account": ADMIN, "MarkItem": [STAR]})
    search = {"From_Account": ADMIN, "ContactItem": [STAR["ContactItem"]]}
    answer = await client.ok(SEARCH, search)
    visitor.get("/console/journal", command=SEARCH, code=0)
    response = visitor.get("/console/journal/export", form="golden", cursor=cursors(visitor)[0])
    exchange = msgspec.json.decode(response.content, type=Exchange)
    assert (exchange.command, exchange.request, exchange.answer) == (SEARCH, search, answer)
    assert exchange.steps[-1].command == MARK
    response = visitor.get("/console/journal/export", form="golden", account=ADMIN)
    several = msgspec.json.Decoder(Exchange).decode_lines(response.content)
    assert several[-1].command == SEARCH
    assert "attachment" in response.headers["Content-Disposition"]


async def test_an_export_is_a_script_that_makes_the_calls_again(
    visitor: Visitor, client: Client, server: Server
) -> None:
    body = {"From_Account": "it's $(nobody) `x`", "MarkItem": []}
    await client.code(MARK, body)
    response = visitor.get("/console/journal/export", form="curl", account=body["From_Account"])
    ticket = usersig.sign(SDKAPPID, ADMIN, KEY, now=1_700_000_000, expire=1 << 31)
    # In place of curl, which not every machine has: what it would have been told.
    shell = 'curl() { printf "%s\\n" "$3" "$4"; }\n' + response.text
    run = await anyio.run_process(["sh", "-c", shell], env={"USERSIG": ticket})
    data, url = run.stdout.decode().split("\n")[:2]
    assert msgspec.json.decode(data) == body
    assert url.startswith(f"{server.url}/v4/{MARK}?")
    made = await client.http.post(url, content=data)
    assert made.json()["ErrorCode"] == 51006


def test_without_a_journal_the_page_says_why(unwatched: Visitor) -> None:
    unwatched.get("/console/journal")
    assert "--control" in unwatched.words
    assert unwatched.get("/console/journal/follow").status_code == 404


def test_with_several_workers_figures_are_summed_and_the_page_says_why_there_is_no_journal(
    tmp_path: Any,
) -> None:
    store = f"sqlite:///{tmp_path}/books.db"
    workers = ("--workers", "2", "--store", store)
    with serving(*workers) as server, Visitor(server.announced["admin_url"]) as visitor:
        visitor.get("/console/journal")
        assert "lives in one process" in visitor.words
        visitor.get("/console")
        assert "Processes that answer calls: 2" in visitor.words
