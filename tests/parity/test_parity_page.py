"""The page is safe, whole, and shows what the report has."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import msgspec
import pytest

from chatmarks.parity.asks import Ask, Reply
from chatmarks.parity.page import page, text
from chatmarks.parity.report import Report
from parity.conftest import URL, Run

HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;\u202egnp.exe\x00\x1b[31m"


class Tags(HTMLParser):
    """Every element of a page, and whether they are closed in order."""

    VOID = ("meta", "br", "img", "link")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


def hostile(ask: Ask, reply: Reply) -> Reply:
    answer = {
        name: HOSTILE if name in ("ErrorInfo", "StandardMark") else value
        for name, value in reply.answer.items()
    }
    if ask.command.startswith("recentcontact/"):
        answer |= {HOSTILE: [HOSTILE]}
    return Reply(answer, reply.at)


@pytest.fixture
async def worst(run: Run) -> Report:
    return await run(wrap=hostile, pooling="split", calls=50)


async def test_hostile_text_stays_text(worst: Report) -> None:
    html = page(worst)
    assert "alert(1)" in html
    tags = Tags(html)
    assert not {"script", "img", "iframe", "link", "a", "form", "base"} & set(tags.names)
    assert not any(name.startswith("on") or name in ("src", "href") for name in tags.attributes)
    assert "\u202e" not in html
    assert "\x1b" not in html
    assert "\x00" not in html


def test_what_cannot_be_seen_is_written_out() -> None:
    assert text("a\u202eb\x00 é 漢 \U0001f469\u200d") == "a\\u202eb\\u0000 é 漢 \U0001f469\\u200d"
    assert text("<&>\"'") == "&lt;&amp;&gt;&quot;&#x27;"


async def test_the_page_needs_no_network_and_knows_light_dark_and_small_screens(run: Run) -> None:
    html = page(await run(calls=0))
    assert "default-src 'none'" in html
    assert re.findall(r"url\(|@import|https?://(?!127\.0\.0\.1)", html) == []
    assert "prefers-color-scheme: dark" in html
    assert "width=device-width" in html
    assert Tags(html).names.count("h2") == 6


async def test_the_page_has_every_finding_switch_and_difference(worst: Report) -> None:
    html = page(worst)
    assert URL in html
    for finding in worst.findings:
        assert f"<h3>{finding.number}. {text(finding.question)}</h3>" in html
    assert "--set pooling=split" in html
    assert html.index("<h2>Refuted") < html.index("<h2>Confirmed") < html.index("<h2>Could not be told")
    assert worst.differences
    for different in worst.differences:
        assert f"<h3>{different.episode}, call {different.call}</h3>" in html


async def test_the_report_is_json_and_the_same_again_when_read(worst: Report) -> None:
    written = msgspec.json.encode(worst)
    assert msgspec.json.encode(msgspec.json.decode(written, type=Report)) == written
