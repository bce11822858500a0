"""Apps in the browser: made, rotated, changed and controlled."""

from __future__ import annotations

import re
from typing import Any

import pytest

from console.visitor import Visitor
from harness import ADMIN
from process import Client, Server

GET = "recentcontact/get_contact_group"
OWN: dict[str, Any] = {"From_Account": ADMIN, "StartIndex": 0}


@pytest.fixture
def made(visitor: Visitor) -> tuple[int, str]:
    """A fresh app, made in the console: its SDKAppID and its key."""
    visitor.get("/console/apps")
    visitor.post("/console/apps/make", sdkappid="", admin=ADMIN, profile="default")
    number = re.search(r"App (\d+)", visitor.words)
    assert number
    return int(number[1]), shown_key(visitor)


def shown_key(visitor: Visitor) -> str:
    found = re.search(r'<pre id="key"[^>]*>(\w{64})</pre>', visitor.page)
    assert found
    return found[1]


def change(visitor: Visitor, sdkappid: int, path: str = "change", **fields: Any) -> str:
    visitor.get("/console/apps/app", sdkappid=sdkappid)
    visitor.post(f"/console/apps/{path}", sdkappid=sdkappid, **fields)
    return visitor.words


async def code(server: Server, sdkappid: int, key: str, identifier: str = ADMIN) -> int:
    async with Client(server.url, key=key, sdkappid=sdkappid, identifier=identifier) as client:
        return await client.code(GET, OWN)


async def test_a_key_is_shown_once_and_works(
    visitor: Visitor, server: Server, made: tuple[int, str]
) -> None:
    sdkappid, key = made
    assert await code(server, sdkappid, key) == 0
    visitor.get("/console/apps/app", sdkappid=sdkappid)
    assert key not in visitor.page


async def test_a_key_is_rotated_without_a_gap(
    visitor: Visitor, server: Server, made: tuple[int, str]
) -> None:
    sdkappid, old = made
    (old_name,) = set(re.findall(r"\b[0-9a-f]{12}\b", visitor.words))
    change(visitor, sdkappid, do="new_key")
    new = shown_key(visitor)
    assert [await code(server, sdkappid, key) for key in (old, new)] == [0, 0]
    assert "HTTP 400" in change(visitor, sdkappid, do="new_key")
    change(visitor, sdkappid, do="drop_key", name=old_name)
    assert [await code(server, sdkappid, key) for key in (old, new)] == [70009, 0]
    assert "1 to 2 are allowed" not in visitor.words
    assert "HTTP 400" in change(visitor, sdkappid, do="drop_key", name="nothing")


async def test_an_administrator_is_added_and_removed(
    visitor: Visitor, server: Server, made: tuple[int, str]
) -> None:
    sdkappid, key = made
    change(visitor, sdkappid, do="add_admin", admin="boss")
    assert await code(server, sdkappid, key, "boss") == 0
    change(visitor, sdkappid, do="remove_admin", admin="boss")
    assert await code(server, sdkappid, key, "boss") == 60010
    assert "printable ASCII" in change(visitor, sdkappid, do="add_admin", admin="é")


async def test_every_switch_is_explained_and_can_be_set_apart(
    visitor: Visitor, server: Server, made: tuple[int, str]
) -> None:
    sdkappid, key = made
    change(
        visitor, sdkappid, do="profile", profile="2026-04", switch_not_admin="50003", switch_pooling=""
    )
    assert await code(server, sdkappid, key, "nobody") == 50003
    for text in (
        "group_name_bytes_max",
        "as the profile: 64",
        "as the profile: split",
        "<code>shared</code>",
        "product/1047/53437",
    ):
        assert text in visitor.page
    change(visitor, sdkappid, do="profile", profile="2026-04")
    assert await code(server, sdkappid, key, "nobody") == 60010
    words = change(visitor, sdkappid, do="profile", profile="default", switch_get_page_size="0")
    assert "HTTP 400" in words


async def test_an_app_is_disabled_enabled_and_bound_to_networks(
    visitor: Visitor, server: Server, made: tuple[int, str]
) -> None:
    sdkappid, key = made
    change(visitor, sdkappid, do="disable")
    assert await code(server, sdkappid, key) == 60016
    change(visitor, sdkappid, do="enable")
    change(visitor, sdkappid, do="sources", sources="10.0.0.0/8, ::1")
    assert await code(server, sdkappid, key) == 60021
    change(visitor, sdkappid, do="sources", sources="")
    assert await code(server, sdkappid, key) == 0
    assert "HTTP 400" in change(visitor, sdkappid, do="sources", sources="x")


async def test_the_clock_moves_stands_and_is_let_go(visitor: Visitor, made: tuple[int, str]) -> None:
    sdkappid, _ = made
    assert "ahead by 60.0 s" in change(visitor, sdkappid, "clock", do="move", seconds="60")
    assert "stands still" in change(visitor, sdkappid, "clock", do="freeze")
    assert "stands still" not in change(visitor, sdkappid, "clock", do="run")
    assert "ahead by" not in change(visitor, sdkappid, "clock", do="let_go")
    assert "HTTP 400" in change(visitor, sdkappid, "clock", do="move", seconds="x")
    assert "HTTP 400" in change(visitor, sdkappid, "clock", do="x")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "answer", "code": "50004", "times": "1"}, 50004),
        ({"kind": "rate", "times": "1", "command": GET}, 60007),
        ({"kind": "latency", "ms": "1", "times": "", "kept": "1"}, 0),
    ],
)
async def test_a_fault_strikes_and_is_taken_away(
    visitor: Visitor, server: Server, made: tuple[int, str], fault: dict[str, str], expected: int
) -> None:
    sdkappid, key = made
    change(visitor, sdkappid, "fault", do="add", **fault)
    name = re.search(r'name="name" value="([\w.-]+)"', visitor.page)
    assert name
    assert await code(server, sdkappid, key) == expected
    visitor.get("/console/apps/app", sdkappid=sdkappid)
    assert "struck 1 of 1" in visitor.words
    words = change(visitor, sdkappid, "fault", do="remove", name=name[1])
    assert "No rule is about this app" in words
    assert "HTTP 404" in change(visitor, sdkappid, "fault", do="remove", name=name[1])


@pytest.mark.parametrize("fault", [{"kind": "x"}, {"kind": "answer", "code": "x"}])
def test_a_fault_that_makes_no_sense_is_refused(
    visitor: Visitor, made: tuple[int, str], fault: dict[str, str]
) -> None:
    assert "HTTP 400" in change(visitor, made[0], "fault", do="add", **fault)


def test_what_is_not_there_cannot_be_changed(visitor: Visitor, unwatched: Visitor) -> None:
    visitor.get("/console/apps")
    assert visitor.post("/console/apps/change", sdkappid="7", do="enable").status_code == 400
    visitor.get("/console/apps")
    assert visitor.post("/console/apps/change", sdkappid="7", do="x").status_code == 400
    visitor.get("/console/apps")
    response = visitor.post("/console/apps/make", sdkappid="1400000000", admin="a", profile="default")
    assert response.status_code == 409
    unwatched.get("/console/apps")
    assert unwatched.post("/console/apps/clock", sdkappid="1400000000").status_code == 404
