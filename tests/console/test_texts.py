"""The catalogue is complete, and nothing the console says comes from elsewhere."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest
from msgspec import ValidationError

import chatmarks.console
from chatmarks.commands import COMMANDS
from chatmarks.console.texts import LANGUAGES, catalogue, language_of
from chatmarks.errors import Code, Fail
from chatmarks.limits import Profile
from chatmarks.usersig import _MENDS, ILLEGAL, _mend

ROOM = Path(chatmarks.console.__file__).parent
TEMPLATES = sorted((ROOM / "templates").glob("*.html"))
SPOKEN = r"aria-label|title|placeholder|alt|data-copied|content"


@pytest.mark.parametrize("key", catalogue())
def test_every_text_is_there_in_every_language(key: str) -> None:
    assert catalogue()[key].keys() == LANGUAGES.keys()
    assert all(text.strip() for text in catalogue()[key].values())


@pytest.mark.parametrize("key", catalogue())
def test_every_language_names_the_same_values(key: str) -> None:
    named = {frozenset(re.findall(r"\{(\w+)\}", text)) for text in catalogue()[key].values()}
    assert len(named) == 1


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_no_text_of_its_own(template: Path) -> None:
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", template.read_text(), flags=re.DOTALL)
    text = re.sub(r'(?:name="viewport"|name="color-scheme") content="[^"]*"', "", text)
    spoken = re.findall(rf'\b(?:{SPOKEN})="([^"]*)"', text)
    between = re.sub(r"<[^>]*>", " ", text)
    assert re.findall(r"[^\W\d_]{2,}", " ".join([*spoken, between])) == []


def test_every_text_that_is_asked_for_is_there_and_every_other_is_asked_for() -> None:
    pages = [*TEMPLATES, *ROOM.glob("*.py")]
    code = "\n".join(path.read_text() for path in pages)
    named = set(re.findall(r"""["']([a-z]+\.[a-z0-9_]+)["']""", code))
    rooms = {key.partition(".")[0] for key in catalogue()}
    missing = {key for key in named if key.partition(".")[0] in rooms} - catalogue().keys()
    begun = {key for key in missing if key.endswith("_")}
    assert {key for key in missing - begun if not key.endswith((".html", ".toml", ".css"))} == set()
    begun |= set(re.findall(r"""["']([a-z]+\.)["']""", code)) | {".nav", ".title"}
    unused = [
        key
        for key in catalogue().keys() - named
        if not any(key.startswith(start) for start in begun) and not key.endswith((".nav", ".title"))
    ]
    assert unused == []


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("de,en;q=0.5,zh;q=0.4", "en"),
        ("en;q=0.1,zh;q=0.7", "zh"),
        ("zh;q=what", "en"),
    ],
)
def test_the_language_is_what_the_browser_likes_best(accepted: str, language: str) -> None:
    assert language_of(accepted) == language


def test_the_mends_are_those_of_the_server() -> None:
    mends = {*_MENDS.values(), _mend(Fail(Code.USERSIG_ILLEGAL, ILLEGAL))}
    wrong = Fail(Code.USERSIG_ILLEGAL, ILLEGAL)
    wrong.__cause__ = ValidationError()
    mends.add(_mend(wrong))
    assert {text["en"] for key, text in catalogue().items() if key.startswith("mend.")} == mends


def test_the_meanings_are_those_of_the_codes() -> None:
    meanings = {code.meaning for code in Code}
    told = [text["en"] for key, text in catalogue().items() if key.startswith("meaning.")]
    assert sorted(told) == sorted(meanings)


def test_every_command_is_described() -> None:
    told = {key for key in catalogue() if key.startswith("command.")}
    assert told == {f"command.{path.replace('/', '_')}" for path in COMMANDS}


def test_every_switch_is_explained_as_where_it_is_defined() -> None:
    (definition,) = ast.parse(inspect.getsource(Profile)).body
    assert isinstance(definition, ast.ClassDef)
    meanings = [
        " ".join(inspect.cleandoc(node.value.value).split())
        for node in definition.body[1:]
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]
    told = {key: text["en"] for key, text in catalogue().items() if key.startswith("switch.")}
    assert list(told) == [f"switch.{name}" for name in Profile.__struct_fields__]
    assert list(told.values()) == meanings
