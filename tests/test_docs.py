"""The documents tell the truth, as far as a program can see it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


@pytest.mark.parametrize(
    ("tool", "file"),
    [
        ("compatibility", "docs/compatibility.md"),
        ("profiles", "docs/profiles.md"),
        ("tables", "src/chatmarks/engines/tables.sql"),
        ("client", "src/chatmarks/client/methods.py"),
    ],
)
def test_a_generated_file_is_what_the_code_says(tool: str, file: str) -> None:
    made = subprocess.run(
        [sys.executable, ROOT / f"tools/{tool}.py"], capture_output=True, text=True, check=True
    )
    assert (ROOT / file).read_text() == made.stdout, "run make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_architecture_names_every_room_and_no_other() -> None:
    tree = (ROOT / "ARCHITECTURE.md").read_text().split("```")[1]
    named = set(re.findall(r"[├└]── (\w+)(?:\.py|/)", tree))
    package = ROOT / "src/chatmarks"
    rooms = {path.stem for path in package.glob("*.py")} | {
        path.parent.name for path in package.glob("*/__init__.py")
    }
    assert named == rooms - {"__init__", "__main__"}


def test_the_readme_starts_with_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    assert text.index("make run") < text.index("make test") < text.index("search_contact_group")


@pytest.mark.parametrize("command", [("serve",), ("app", "create"), ("app", "update"), ("sign",)])
def test_every_flag_that_the_readme_names_exists(command: tuple[str, ...]) -> None:
    text = (ROOT / "README.md").read_text()
    used = set()
    for line in re.findall(rf"chatmarks {' '.join(command)}\b([^`\n]*)", text):
        used |= set(re.findall(r"--[a-z-]+", line))
    shown = subprocess.run(
        [sys.executable, "-m", "chatmarks", *command, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert {flag for flag in used if flag not in shown.stdout} == set()
    assert "Examples" in shown.stdout


def test_every_make_target_that_the_readme_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    used = set(re.findall(r"make ([a-z-]+)", (ROOT / "README.md").read_text()))
    assert {"run", "test", "demo"} <= used & targets


def test_the_two_readmes_link_to_each_other_in_their_heads() -> None:
    for page, other in (("README.md", "README.zh-CN.md"), ("README.zh-CN.md", "README.md")):
        head = (ROOT / page).read_text(encoding="utf-8").partition("##")[0]
        assert f"({other})" in head


@pytest.mark.parametrize(
    "pattern",
    [
        r"\]\(((?!README)[^)]+)\)",  # links, but those to each other
        r"`([^`\n]+)`",  # commands, variables, names
        r"^\$ ([^#\n]*[^#\s])",  # what is to be typed
        r"https?://[\w.:]+\w",
        r"\b\d{5,}\b",  # codes and apps
        r"^## ()",
    ],
)
def test_the_chinese_readme_names_what_the_english_one_names(pattern: str) -> None:
    english, chinese = (
        sorted(re.findall(pattern, (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE))
        for page in ("README.md", "README.zh-CN.md")
    )
    assert english
    assert chinese == english


def test_the_exchange_in_the_readmes_is_the_same() -> None:
    english, chinese = (
        re.findall(
            r"^```(?:http|json)\n.*?^```",
            (ROOT / page).read_text(encoding="utf-8"),
            re.MULTILINE | re.DOTALL,
        )
        for page in ("README.md", "README.zh-CN.md")
    )
    assert len(english) == 2
    assert chinese == english
