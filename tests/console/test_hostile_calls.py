"""What a client sent shows, and is exported, without harm to who looks."""

from __future__ import annotations

import json
import shlex
import time

import pytest
from markupsafe import escape

from chatmarks.console import recorded
from chatmarks.console.audit import note
from chatmarks.console.marking import json_html, pretty_text
from chatmarks.console.snippets import snippets
from chatmarks.control.noted import Noted


def noted(request: bytes, path: str = "/v4/recentcontact/mark_contact") -> Noted:
    return Noted(
        time=1.0,
        now=1.0,
        request_id="x-1",
        method="POST",
        path=path,
        command="recentcontact/mark_contact",
        query="sdkappid=1&identifier=boss",
        source="127.0.0.1",
        sdkappid=1,
        account="alice",
        request=request,
        answer=b'{"ErrorCode":0,"ActionStatus":"OK"}',
        code=0,
        done_code=0,
        ms=1.0,
    )


@pytest.mark.parametrize(
    "text",
    [
        '"' + '\\"' * 15_000,
        '"' + '\\"' * 15_000 + "\\",
        '"' * 30_000,
        "\\" * 30_000,
        '{"a":' * 6_000,
        "[" * 200_000,
    ],
)
def test_a_text_made_to_take_long_is_shown_at_once(text: str) -> None:
    began = time.process_time()
    html = json_html(text)
    assert time.process_time() - began < 2
    assert html.striptags() == escape(text).striptags()


def test_half_a_surrogate_pair_can_be_shown_and_logged(capsys: pytest.CaptureFixture[str]) -> None:
    shown = pretty_text('{"From_Account":"\\ud800x"}')
    assert "\\ud800x" in shown.encode().decode()
    note("call", "127.0.0.1", account="\ud800x")
    assert json.loads(capsys.readouterr().err)["account"] == "\ud800x"


@pytest.mark.parametrize("depth", [300, 500, 900])
def test_code_for_a_deeply_nested_body_can_be_made(depth: int) -> None:
    made = snippets("http://x/", '{"a":' + "[" * depth + "]" * depth + "}")
    assert "urllib.request" in made["python"]


def test_no_body_makes_curl_read_a_file() -> None:
    call = noted(b"@/etc/passwd", "/v4/[1-1000]/{a,b}")
    script = recorded.curl_script("http://x", [call])
    words = shlex.split(next(line for line in script.splitlines() if line.startswith("curl")))
    assert words[:4] == ["curl", "--globoff", "--data-raw", "@/etc/passwd"]
    assert "--data-raw" in snippets("http://x/", "@/etc/passwd")["curl"]


def test_an_export_of_large_calls_is_bounded() -> None:
    body = json.dumps({"From_Account": "alice", "MarkItem": [], "x": "y" * 100_000}).encode()
    exported = recorded.golden_lines([noted(body)] * 200, only_last=False)
    assert 0 < len(exported) <= recorded.EXPORT_BYTES_MAX
