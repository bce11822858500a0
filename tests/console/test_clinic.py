"""The clinic: what is wrong with a ticket, and how to mend it."""

from __future__ import annotations

import re
import time

import pytest

from chatmarks.usersig import decode, sign
from console.visitor import Visitor
from harness import ADMIN, KEY, SDKAPPID

NOW = int(time.time())


def examined(visitor: Visitor, usersig: str, **more: str) -> str:
    visitor.get("/console/clinic")
    visitor.post("/console/clinic/examine", usersig=usersig, **more)
    return visitor.words


def test_a_good_ticket_shows_its_fields_and_passes_every_check(visitor: Visitor) -> None:
    ticket = sign(SDKAPPID, ADMIN, KEY, now=NOW)
    words = examined(visitor, ticket, sdkappid=str(SDKAPPID), identifier=ADMIN)
    assert "This ticket is good" in words
    for text in ("TLS.identifier", ADMIN, str(SDKAPPID), str(NOW), decode(ticket).signature):
        assert text in words
    assert ticket not in visitor.page


def test_a_ticket_with_a_wrong_key_is_explained_with_its_mend(visitor: Visitor) -> None:
    words = examined(visitor, sign(SDKAPPID, ADMIN, "another", now=NOW))
    assert "This ticket is refused" in words
    assert "70009" in words
    assert "sign with a key that this app has now" in words


@pytest.mark.parametrize(
    ("usersig", "code"),
    [
        ("nonsense", "70003"),
        (sign(SDKAPPID, ADMIN, KEY, now=NOW - 100, expire=1), "70001"),
        (sign(1, ADMIN, KEY, now=NOW), "70014"),
        (sign(SDKAPPID, "somebody", KEY, now=NOW), "70013"),
    ],
)
def test_what_a_call_would_be_refused_with_is_named(visitor: Visitor, usersig: str, code: str) -> None:
    assert code in examined(visitor, usersig, sdkappid=str(SDKAPPID), identifier=ADMIN)


def test_a_ticket_is_found_in_a_url(visitor: Visitor) -> None:
    ticket = sign(SDKAPPID, ADMIN, KEY, now=NOW).replace("*", "%2A")
    url = f"http://127.0.0.1/v4/a/b?sdkappid=1&usersig={ticket}&random=1"
    assert "nothing wrong was found" in examined(visitor, url).lower()


def test_markup_in_a_ticket_is_text(visitor: Visitor) -> None:
    examined(visitor, sign(SDKAPPID, "<script>alert(1)</script>", KEY, now=NOW))
    assert "<script>alert" not in visitor.page
    assert "<script>alert(1)</script>" in visitor.words


def test_the_mends_are_told_in_chinese_too(visitor: Visitor) -> None:
    visitor.post("/console/prefer", language="zh")
    assert "请用此应用当前的密钥签发" in examined(visitor, sign(SDKAPPID, ADMIN, "another", now=NOW))


def test_a_ticket_that_is_made_lets_its_owner_call(visitor: Visitor) -> None:
    visitor.get("/console/clinic")
    visitor.post("/console/clinic/mint", sdkappid=SDKAPPID, identifier=ADMIN, expire="3600")
    found = re.search(r'<pre id="ticket"[^>]*>([^<]*)</pre>', visitor.page)
    assert found
    ticket = decode(found[1])
    assert (ticket.identifier, ticket.sdkappid, ticket.expire) == (ADMIN, SDKAPPID, 3600)
    words = examined(visitor, found[1], sdkappid=str(SDKAPPID), identifier=ADMIN)
    assert "This ticket is good" in words


def test_a_ticket_of_nobody_is_refused_by_name_of_the_field(visitor: Visitor) -> None:
    visitor.get("/console/clinic")
    response = visitor.post("/console/clinic/mint", sdkappid=SDKAPPID, identifier="é", expire="3600")
    assert response.status_code == 400
    assert 'identifier is "é", which is no UserID: 1 to 32 bytes' in visitor.words
    visitor.get("/console/clinic")
    assert (
        visitor.post("/console/clinic/mint", sdkappid="7", identifier="a", expire="1").status_code
        == 404
    )
