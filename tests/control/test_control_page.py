"""The examples of `docs/control.md`, run in their order against a server."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from control.over_http import Admin
from process import Server, run, serving

PAGE = (Path(__file__).parents[2] / "docs/control.md").read_text(encoding="utf-8")

VOLATILE = {
    "now",
    "time",
    "ahead_seconds",
    "made_at",
    "bytes",
    "cursor",
    "next",
    "request_id",
    "query",
    "ms",
}
"""Fields of which only the type is compared; a clock that was frozen is compared whole."""


def examples() -> Iterator[tuple[str, str]]:
    """Each command that is typed, and what it answers with."""
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        for example in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, answer = example.partition("\n")
            yield command, answer


def compared(told: Any, came: Any, field: str = "") -> None:
    """Hold an answer against the page's."""
    assert type(told) is type(came), (field, told, came)
    if isinstance(told, dict):
        assert told.keys() == came.keys(), field
        for name in told:
            if name not in VOLATILE or (name == "now" and came.get("frozen")):
                compared(told[name], came[name], name)
            else:
                assert type(told[name]) is type(came[name]), name
    elif isinstance(told, list):
        assert len(told) == len(came), field
        for one, other in zip(told, came, strict=True):
            compared(one, other, field)
    else:
        assert told == came, field


def sent(admin: Admin, typed: list[str], folder: Path) -> Any:
    """The answer to a line of curl."""
    method, content, path = "", b"", ""
    arguments = iter(typed[1:])
    for argument in arguments:
        match argument:
            case "-X":
                method = next(arguments)
            case "-d":
                content = next(arguments).encode()
            case "--data-binary":
                content = (folder / next(arguments).removeprefix("@")).read_bytes()
            case _:
                assert not path, argument
                path = argument.removeprefix("$CONTROL")
                assert path != argument
    return admin.send(method or ("POST" if content else "GET"), path, content=content).json()


@pytest.fixture(scope="module")
def fresh() -> Iterator[Server]:
    with serving("--control") as server:
        yield server


def test_every_example_is_answered_as_the_page_says(fresh: Server, tmp_path: Path) -> None:
    tester = Admin(fresh)
    (seed,) = re.findall(r"^```ndjson\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "seed.ndjson").write_text(seed, encoding="utf-8")
    (tmp_path / "key").write_text("a key of my own")
    run_lines = 0
    for command, answer in examples():
        typed = shlex.split(command)
        if typed[0] == "curl":
            compared(json.loads(answer), sent(tester, typed, tmp_path), command)
        elif typed[1] == "call":
            app = ("--sdkappid", "1600000001", "--identifier", "administrator")
            key = ("--key-file", str(tmp_path / "key"))
            called = run(*typed[1:], "--url", fresh.url, *app, *key)
            assert called.returncode == 1, called.stderr
        else:
            assert typed[1] == "serve"
        run_lines += 1
    assert run_lines > 15


def test_every_path_and_no_other_is_in_the_table() -> None:
    table = PAGE.partition("| Path | Methods |")[2].partition("\n\n")[0]
    named = re.findall(r"^\| `/control(\S*)` \| (.*) \|$", table, re.MULTILINE)
    methods = {path: set(re.findall(r"`([A-Z]+)`", text)) for path, text in named}
    source = Path(__file__).parents[2] / "src/chatmarks/control/routes.py"
    app, kept = "/apps/{sdkappid}", "/apps/{sdkappid}/snapshots/{name}"
    there = {}
    for path, given in re.findall(r'route\((f?".*?"|\w+), (.*?)\)', source.read_text()):
        filled = path.replace("{app}", app).replace("{kept}", kept).strip('f"')
        filled = {"app": app, "kept": kept}.get(filled, filled)
        there[filled] = set(re.findall(r"\b([A-Z]+)=", given))
    assert methods == there
