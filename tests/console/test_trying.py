"""Calls that are tried out: the form, the answer and its reason, and the same as code."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from html import unescape
from typing import Any

import httpx
import msgspec
import pytest

from chatmarks.commands import COMMANDS
from chatmarks.console.forms import Field, document_url, form_of
from chatmarks.console.snippets import LANGUAGES, snippets
from chatmarks.golden import examples
from chatmarks.limits import PROFILES, Profile
from console.visitor import Visitor
from harness import ADMIN, KEY, SDKAPPID

SEARCH = "recentcontact/search_contact_group"
MARK = "recentcontact/mark_contact"
NASTY = "<b>'\"\\ \u2028 😀 $(touch x) `x` %s {x}"


def sent(visitor: Visitor, command: str, body: Any, **more: Any) -> str:
    """Send a call, or show it as code; what the page then says."""
    text = body if isinstance(body, str) else msgspec.json.encode(body).decode()
    fields = {"sdkappid": SDKAPPID, "identifier": ADMIN, "ticket": "own", "do": "call", "body": text}
    visitor.get(f"/console/try/{command}")
    visitor.post(f"/console/try/{command}", **(fields | more))
    return visitor.words


def code(visitor: Visitor, language: str) -> str:
    found = re.search(rf'<pre id="code-{language}"[^>]*>(.*?)</pre>', visitor.page, re.DOTALL)
    assert found
    return unescape(found[1])


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_has_a_form_that_is_filled_so_that_it_can_be_sent(
    visitor: Visitor, path: str
) -> None:
    assert visitor.get(f"/console/try/{path}").status_code == 200
    body = re.search(r'<textarea id="body"[^>]*>(.*?)</textarea>', visitor.page, re.DOTALL)
    assert body
    msgspec.json.decode(unescape(body[1]), type=COMMANDS[path].request)


@pytest.mark.parametrize("path", COMMANDS)
@pytest.mark.parametrize("profile", ["default", "2026-04"])
def test_a_form_has_the_fields_of_its_request(path: str, profile: str) -> None:
    form = form_of(COMMANDS[path], PROFILES[profile])
    named = {field.encode_name for field in msgspec.structs.fields(COMMANDS[path].request)}
    assert {field.name for field in form.fields} == named - {"type", "Identifier"}


def test_a_limit_that_a_profile_moves_is_told_as_the_app_has_it() -> None:
    def names(field: Field) -> list[int]:
        inner = [*field.fields, *([field.item] if field.item else [])]
        found = [field.hint.numbers["most"]] if field.name == "GroupName" and field.hint else []
        return [*found, *(most for each in inner for most in names(each))]

    command = COMMANDS["recentcontact/create_contact_group"]
    assert names(form_of(command, Profile())) == [32]
    assert names(form_of(command, PROFILES["2026-04"])) == [64]


def test_a_search_is_answered_and_told_as_done(visitor: Visitor) -> None:
    words = sent(
        visitor, SEARCH, {"From_Account": ADMIN, "ContactItem": [{"Type": 1, "To_Account": "a"}]}
    )
    assert "done, nothing was refused" in words
    assert '"ErrorCode" : 0' in words


def test_a_failed_call_names_its_rule_and_its_document(visitor: Visitor) -> None:
    words = sent(visitor, MARK, {"From_Account": ADMIN, "MarkItem": []})
    for text in ("51006", "refused by a rule", "no conversation in the change, or more than 100"):
        assert text in words
    assert "https://www.tencentcloud.com/document/product/1047/" in visitor.page


def test_a_refused_item_is_named_by_its_place(visitor: Visitor) -> None:
    items = [
        {"OptType": 1, "ContactItem": {"Type": 2, "ToGroupId": "nowhere"}, "SetMark": [0]},
    ]
    words = sent(visitor, MARK, {"From_Account": ADMIN, "MarkItem": items})
    assert "item 0" in words
    assert "51007" in words


def test_a_pasted_ticket_is_used_and_its_checks_are_told(visitor: Visitor) -> None:
    words = sent(visitor, SEARCH, {}, ticket="pasted", usersig="nonsense")
    assert "70003" in words
    assert "How to mend it" in words


def test_what_is_no_json_is_sent_as_it_is(visitor: Visitor) -> None:
    assert "60003" in sent(visitor, SEARCH, "{")


def test_the_reason_is_told_without_a_journal_too(unwatched: Visitor) -> None:
    assert "51006" in sent(unwatched, MARK, {"From_Account": ADMIN, "MarkItem": []})
    words = sent(unwatched, SEARCH, {}, ticket="pasted", usersig="nonsense")
    assert "70003" in words
    assert "How to mend it" in words


def test_a_permanent_link_fills_the_form_without_the_ticket(visitor: Visitor) -> None:
    body = {"From_Account": NASTY, "ContactItem": []}
    sent(visitor, SEARCH, body)
    found = re.search(r'href="([^"]*body=[^"]*)"', visitor.page)
    assert found
    link = unescape(found[1])
    assert "usersig" not in link
    visitor.get(link)
    text = re.search(r'<textarea id="body"[^>]*>(.*?)</textarea>', visitor.page, re.DOTALL)
    assert text
    assert msgspec.json.decode(unescape(text[1])) == body


def test_markup_in_an_answer_is_text(visitor: Visitor) -> None:
    sent(visitor, MARK, {"From_Account": "<img src=x onerror=alert(1)>", "MarkItem": []})
    assert "<img src=x" not in visitor.page


def test_an_example_is_prepared_and_then_answers_as_published(visitor: Visitor) -> None:
    name = "search_contact_group"
    example = examples()[name]
    visitor.get(f"/console/try/{SEARCH}", example=name)
    response = visitor.post(
        f"/console/try/{SEARCH}", sdkappid=SDKAPPID, identifier=ADMIN, example=name, do="prepare"
    )
    assert response.status_code == 200
    words = sent(visitor, SEARCH, example.request)
    assert "done, nothing was refused" in words
    assert example.answer["ContactResultItem"]
    assert '"ContactResultItem" : [ {' in words


@pytest.mark.parametrize("body", [{"From_Account": ADMIN, "ContactItem": []}, NASTY])
def test_the_code_makes_the_same_call(visitor: Visitor, body: Any) -> None:
    sent(visitor, SEARCH, body, do="code")
    assert "done, nothing" not in visitor.words
    wanted = "50002" if isinstance(body, dict) else "60003"
    made = subprocess.run(
        [sys.executable, "-c", code(visitor, "python")], capture_output=True, text=True, check=True
    )
    assert wanted in made.stdout
    program, flag, data, url = shlex.split(code(visitor, "curl").replace("\\\n", ""))
    assert (program, flag) == ("curl", "--data-raw")
    assert wanted in httpx.post(url, content=data.encode(), trust_env=False).text


def test_code_is_there_for_every_language_whatever_is_in_the_body() -> None:
    for body in ("", "{", msgspec.json.encode({"a": NASTY}).decode(), '{"a":"\\ud800"}'):
        found = snippets("http://127.0.0.1/?usersig=a*b", body)
        assert tuple(found) == LANGUAGES
        assert all(text.encode() for text in found.values())


def test_no_code_and_no_link_has_the_key(visitor: Visitor) -> None:
    sent(visitor, SEARCH, {})
    assert KEY not in visitor.page


def test_what_is_not_there_is_told(visitor: Visitor) -> None:
    assert visitor.get("/console/try/recentcontact/nothing").status_code == 404
    assert "There is no such command" in visitor.words
    visitor.get("/console")
    response = visitor.post(f"/console/try/{SEARCH}", sdkappid="7", body="{}")
    assert response.status_code == 400
    visitor.get("/console")
    response = visitor.post(f"/console/try/{SEARCH}", sdkappid=SDKAPPID, do="prepare", example="?")
    assert response.status_code == 404


@pytest.mark.parametrize(
    ("document", "url"),
    [
        ("1047/53438", "https://www.tencentcloud.com/document/product/1047/53438"),
        ("269/1519", "https://cloud.tencent.com/document/product/269/1519"),
        ("docs/extensions.md", None),
    ],
)
def test_a_document_is_found_where_it_was_published(document: str, url: str | None) -> None:
    assert document_url(document) == url
