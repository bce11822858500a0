"""Books in the browser: found, filtered, changed with the commands that clients have, and watched."""

from __future__ import annotations

import re
from html import escape
from typing import Any

import httpx
import pytest

from chatmarks.console.streams import STREAMS_MAX
from console.visitor import Visitor
from harness import ADMIN, SDKAPPID
from process import Client, Server

NASTY = "<b>&\"'😀\u202e{{x}}</b>"
ASKED: dict[str, Any] = {"sdkappid": SDKAPPID}


@pytest.fixture
async def owner(server: Server, visitor: Visitor) -> str:
    """An account with a group of nasty name, and a conversation that has everything."""
    async with Client(server.url) as client:
        await client.ok("im_open_login_svc/account_delete", {"DeleteItem": [{"UserID": "owner"}]})
        await client.ok("im_open_login_svc/account_import", {"UserID": "owner"})
        contact = {"Type": 1, "To_Account": "peer"}
        await client.ok(
            "recentcontact/create_contact_group",
            {
                "From_Account": "owner",
                "GroupContactItem": [{"GroupName": NASTY, "ContactItem": [contact]}],
            },
        )
        marks = {"OptType": 3, "ContactItem": contact, "SetMark": [0, 33], "CustomMark": NASTY}
        await client.ok("recentcontact/mark_contact", {"From_Account": "owner", "MarkItem": [marks]})
        contact = {"Type": 1, "To_Account": "other"}
        marks = {"OptType": 1, "ContactItem": contact, "SetMark": [1]}
        await client.ok("recentcontact/mark_contact", {"From_Account": "owner", "MarkItem": [marks]})
    return "owner"


def seen(visitor: Visitor, owner: str, **asked: Any) -> str:
    visitor.get("/console/books/account", **ASKED, account=owner, **asked)
    return visitor.words


def changed(visitor: Visitor, owner: str, **fields: Any) -> str:
    seen(visitor, owner)
    visitor.post("/console/books/change", **ASKED, account=owner, **fields)
    return visitor.words


def rows(visitor: Visitor) -> list[str]:
    return re.findall(r'<strong class="code">([^<]*)</strong>', visitor.page)


async def test_an_account_is_found_by_how_its_userid_begins(visitor: Visitor, owner: str) -> None:
    for find in ("owner", "own", ""):
        visitor.get("/console/books", **ASKED, find=find)
        assert f"account={owner}" in visitor.page
    visitor.get("/console/books", **ASKED, find="ownership")
    assert "No account was found" in visitor.words
    visitor.get("/console/books", **ASKED, find="owner")
    assert visitor.page.count("account=owner") == 1


async def test_a_book_shows_folders_marks_by_name_and_custom_text(visitor: Visitor, owner: str) -> None:
    words = seen(visitor, owner)
    for text in ("star", "bit 33", "unread", "peer", "other", f"{NASTY} 1"):
        assert text in words
    assert escape(NASTY) in visitor.page.replace("&#34;", "&quot;").replace("&#39;", "&#x27;")
    assert "<b>" not in visitor.page


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["other", "peer"]),
        ({"group": NASTY}, ["peer"]),
        ({"group": "no such"}, []),
        ({"mark": "1"}, ["other"]),
        ({"mark": "33"}, ["peer"]),
        ({"mark": "64"}, ["other", "peer"]),
        ({"text": "😀"}, ["peer"]),
        ({"text": "oth"}, ["other"]),
        ({"text": "oth", "mark": "0"}, []),
        ({"start": "1"}, ["other"]),
    ],
)
async def test_a_book_is_filtered_by_group_mark_and_text(
    visitor: Visitor, owner: str, asked: dict[str, str], found: list[str]
) -> None:
    seen(visitor, owner, **asked)
    assert len(rows(visitor)) == len(found)
    if "start" not in asked:
        assert sorted(rows(visitor)) == found


async def test_a_conversation_becomes_what_the_form_says(
    visitor: Visitor, owner: str, server: Server
) -> None:
    changed(
        visitor,
        owner,
        do="save",
        type="1",
        peer="peer",
        mark=["2", "3"],
        own="40, 33",
        custom="new",
        in_group=[],
    )
    async with Client(server.url) as client:
        contact = {"Type": 1, "To_Account": "peer"}
        answer = await client.ok(
            "recentcontact/search_contact_group", {"From_Account": owner, "ContactItem": [contact]}
        )
    (record,) = answer["ContactResultItem"]
    assert int(record["StandardMark"], 2) == 1 << 2 | 1 << 3 | 1 << 33 | 1 << 40
    assert record["CustomMark"] == "new"
    assert "ContactGroupId" not in record


async def test_a_new_conversation_is_put_into_a_group(visitor: Visitor, owner: str) -> None:
    changed(visitor, owner, do="save", type="1", peer="third", own="", custom="", in_group=NASTY)
    seen(visitor, owner, group=NASTY)
    assert sorted(rows(visitor)) == ["peer", "third"]


async def test_groups_are_made_renamed_and_deleted(visitor: Visitor, owner: str) -> None:
    assert "fresh" in changed(visitor, owner, do="create", group="fresh")
    assert "newer" in changed(visitor, owner, do="rename", group="fresh", name="newer")
    assert "newer" not in changed(visitor, owner, do="delete", group="newer")


async def test_a_change_that_is_refused_names_the_rule(visitor: Visitor, owner: str) -> None:
    words = changed(visitor, owner, do="create", group="x" * 33)
    assert "51011" in words
    assert "the name of a conversation group is too long" in words
    words = changed(visitor, owner, do="save", type="2", peer="nowhere", mark="0", own="", custom="")
    assert "51007" in words


@pytest.mark.parametrize(
    "fields",
    [
        {"do": "nothing"},
        {"do": "save", "type": "3", "peer": "a"},
        {"do": "save", "type": "1", "peer": "a", "own": "64"},
        {"do": "save", "type": "1", "peer": "a", "own": "x"},
    ],
)
async def test_a_form_that_makes_no_sense_changes_nothing(
    visitor: Visitor, owner: str, fields: dict[str, str]
) -> None:
    assert "HTTP 400" in changed(visitor, owner, **fields)


async def test_an_account_that_was_never_imported_can_be(visitor: Visitor, owner: str) -> None:
    assert "never imported" in seen(visitor, "nobody yet")
    visitor.post("/console/books/import", **ASKED, account="nobody yet")
    assert "Conversations" in visitor.words
    assert visitor.get("/console/books/account", **ASKED, account="é").status_code == 400


async def test_a_page_that_watches_is_told_of_a_change(
    visitor: Visitor, owner: str, server: Server
) -> None:
    visitor.get("/console")
    url = f"{visitor.http.base_url}/console/books/watch?sdkappid={SDKAPPID}&account={owner}"
    async with (
        httpx.AsyncClient(trust_env=False, cookies=visitor.http.cookies, timeout=20) as http,
        http.stream("GET", url) as stream,
        Client(server.url) as client,
    ):
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        lines = stream.aiter_lines()
        while await anext(lines) != "event: open":
            pass
        await client.ok(
            "recentcontact/create_contact_group",
            {"From_Account": owner, "GroupContactItem": [{"GroupName": "seen"}]},
        )
        while await anext(lines) != "event: change":
            pass


async def test_no_more_pages_watch_than_are_allowed(visitor: Visitor, owner: str) -> None:
    visitor.get("/console")
    url = f"{visitor.http.base_url}/console/books/watch?sdkappid={SDKAPPID}&account={ADMIN}"
    limits = httpx.Limits(max_connections=STREAMS_MAX + 1)
    async with httpx.AsyncClient(
        trust_env=False, cookies=visitor.http.cookies, timeout=20, limits=limits
    ) as http:
        streams = [
            await http.send(http.build_request("GET", url), stream=True) for _ in range(STREAMS_MAX)
        ]
        # Kept, since a stream is closed with what reads it.
        readers = [stream.aiter_lines() for stream in streams]
        assert [await anext(reader) for reader in readers] == ["retry: 2000"] * STREAMS_MAX
        refused = await http.get(url)
        for stream in streams:
            await stream.aclose()
    assert refused.status_code == 503


async def test_a_server_that_is_asked_to_end_does_not_wait_for_who_watches() -> None:
    import time

    server = Server()
    with Visitor(server.announced["admin_url"]) as visitor:
        visitor.get("/console")
        url = f"{visitor.http.base_url}/console/books/watch?sdkappid={SDKAPPID}&account={ADMIN}"
        async with (
            httpx.AsyncClient(trust_env=False, cookies=visitor.http.cookies, timeout=20) as http,
            http.stream("GET", url) as stream,
        ):
            lines = stream.aiter_lines()
            await anext(lines)
            began = time.monotonic()
            server.process.terminate()
            assert [line async for line in lines][-1] == ""
            assert server.stop() == 0
    assert time.monotonic() - began < 5
