"""The recipes of `docs/testing.md`: what their programs send is answered as the page shows, and the
programs do what they say wherever their language is installed."""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest

from chatmarks.cli import main
from chatmarks.usersig import DEMO_KEY
from harness import ADMIN, SDKAPPID, Answer
from process import PROGRAM, Client, Server, serving

PAGE = (Path(__file__).parents[2] / "docs/testing.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CALL = re.compile(
    r"""call\(\s*["'](\w+/\w+)["'],\s*(?:\"{3}|`|')?\s*(\{.*?\})\s*(?:\"{3}|`|')?\)""", re.DOTALL
)


def blocks(heading: str) -> list[tuple[str, str]]:
    """The blocks below a heading, each with its language."""
    section = re.split(r"^## ", PAGE.partition(f"\n## {heading}\n")[2], flags=re.MULTILINE)[0]
    return BLOCK.findall(section)


TIMES = ("Timestamp", "CompleteTime")


class Recipe(NamedTuple):
    """A program, where it is written to, the command that runs it, and the answer it prints."""

    heading: str
    file: str
    command: tuple[str, ...]

    @property
    def program(self) -> str:
        return blocks(self.heading)[0][1]

    @property
    def answer(self) -> Answer:
        answer: Answer = json.loads(blocks(self.heading)[1][1])
        return answer

    @property
    def sent(self) -> list[tuple[str, Any]]:
        return [(command, json.loads(body)) for command, body in CALL.findall(self.program)]


RECIPES = [
    Recipe("Java", "Chat.java", ("java", "Chat.java")),
    Recipe("Go", "chat.go", ("go", "run", "chat.go")),
    Recipe("Node", "chat.mjs", ("node", "chat.mjs")),
    Recipe("PHP", "Chat.php", ("php", "Chat.php")),
]
HERE = [recipe for recipe in RECIPES if shutil.which(recipe.command[0])]


def ageless(value: Any) -> Any:
    """An answer without its times."""
    if isinstance(value, list):
        return [ageless(item) for item in value]
    if isinstance(value, dict):
        return {name: 0 if name in TIMES else ageless(held) for name, held in value.items()}
    return value


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


class Shell:
    """A folder to work in where `chatmarks` is the program that is under test, and its processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pids = folder / "pids"
        program = folder / "bin/chatmarks"
        program.parent.mkdir()
        # A line for each, with the number that the program keeps.
        program.write_text(
            f"#!/bin/sh\necho $$ >> {shlex.quote(str(self.pids))}\n"
            f'exec {shlex.quote(sys.executable)} -m chatmarks "$@"\n'
        )
        program.chmod(0o755)

    def run(self, *command: str, **environ: str) -> str:
        path = f"{self.folder}/bin:{os.environ['PATH']}"
        finished = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, "PATH": path, "NO_PROXY": "*", **environ},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    def left(self) -> set[str]:
        """Which of its processes are still there."""
        return {pid for pid in self.pids.read_text().split() if Path(f"/proc/{pid}").exists()}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.heading)
async def test_what_a_program_sends_is_answered_as_the_page_shows(
    server: Server, recipe: Recipe
) -> None:
    assert len(recipe.sent) == len(re.findall(r"""call\(\s*["']""", recipe.program)) > 1
    async with Client(server.url) as client:
        answers = [await client.ok(command, body) for command, body in recipe.sent]
    assert ageless(answers[-1]) == ageless(recipe.answer)


def test_the_programs_whose_language_is_here_print_the_answers_and_end_their_servers(
    shell: Shell,
) -> None:
    # Where none is installed there is none to run; what they send was tried above all the same.
    for recipe in HERE:
        (shell.folder / recipe.file).write_text(recipe.program, encoding="utf-8")
        printed = shell.run(*recipe.command)
        assert ageless(json.loads(printed)) == ageless(recipe.answer), recipe.heading
        deadline = time.monotonic() + 15
        while shell.left():
            assert time.monotonic() < deadline, f"{recipe.heading}: the server is still there"
            time.sleep(0.05)


def test_the_announced_object_has_the_fields_of_the_page(server: Server) -> None:
    shown = json.loads(blocks("From any language")[1][1])
    assert shown.keys() == server.announced.keys()
    fixed = ("sdkappid", "identifier", "key")
    assert [shown[name] for name in fixed] == [server.announced[name] for name in fixed]
    assert (shown["key"], shown["sdkappid"], shown["identifier"]) == (DEMO_KEY, SDKAPPID, ADMIN)


def test_what_the_curl_lines_send_is_answered_as_the_page_shows(server: Server, shell: Shell) -> None:
    _, _, (kind, lines), (_, answer) = blocks("From any language")
    assert kind == "console"
    typed = "\n".join(line.removeprefix("$ ") for line in lines.splitlines())
    # What the shell makes of the line, sent by hand: curl need not be installed.
    sent = shell.run("sh", "-ec", typed.replace("curl ", "printf '%s\\n' "), URL=server.url)
    url, option, body = sent.splitlines()
    assert option == "-d"
    with urllib.request.urlopen(url, body.encode()) as response:
        assert json.load(response) == json.loads(answer)


class Container(NamedTuple):
    """What the page says of containers, and a server that was started with it."""

    url: str
    key: str


@pytest.fixture
def container() -> Iterator[Container]:
    """A server with the settings that the recipes give, and the address that an image gives."""
    programs = [text for kind, text in blocks("Containers") if kind in {"python", "java"}]
    environs = [dict(re.findall(r'ith_?[eE]nv\("(\w+)", "?([^")]+)"?\)', text)) for text in programs]
    assert len(environs) == 2
    assert environs[0] == environs[1]
    assert environs[0].pop("CHATMARKS_APP_KEY") == "KEY"
    key = secrets.token_hex(32)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHATMARKS_")}
    process = subprocess.Popen(
        [*PROGRAM, "serve", "--json", "--port", "0", "--admin-port", "0"],
        env={**kept, **environs[0], "CHATMARKS_APP_KEY": key, "CHATMARKS_HOST": "0.0.0.0"},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout
            url = json.loads(process.stdout.readline())["url"]
            yield Container(url.replace("0.0.0.0", "127.0.0.1"), key)
        finally:
            process.terminate()


async def test_a_server_with_the_settings_of_the_containers_answers_as_the_page_shows(
    container: Container,
) -> None:
    (_, request), (_, answer) = blocks("Containers")[2:]
    head, body = request.split("\n\n")
    command, sdkappid = re.findall(r"POST /v4/([\w/]+)\?sdkappid=(\d+)&", head)[0]
    async with Client(container.url, key=container.key, sdkappid=int(sdkappid)) as client:
        assert (await client.http.get("/readyz")).status_code == 200
        assert await client.call(command, json.loads(body)) == json.loads(answer)


def test_the_lines_that_make_and_trust_certificates_work(shell: Shell) -> None:
    ((kind, lines),) = blocks("The real host names")
    assert kind == "console"
    make, tell, serve = (line.removeprefix("$ ") for line in lines.splitlines())
    environ = {"HOME": str(shell.folder), "XDG_CONFIG_HOME": str(shell.folder / "config")}
    made = shell.run("sh", "-c", make, **environ)
    assert "ca.pem" in made
    told = shell.run("sh", "-c", tell, **environ)
    assert str(shell.folder) in told
    # What the table names is what is told.
    table = PAGE.partition("| Client | Trusts by |")[2].partition("\n\n")[0]
    named = re.findall(r"`(-?[A-Za-z]+[\w.-]+)`|`--(\w+)`", table.partition("|\n|")[2])
    assert len(named) > 10
    missing = {word or option for word, option in named} - {"httpx.Client", "httpx.AsyncClient"}
    assert {word for word in missing if word not in told} == set()
    arguments = serve.split()[2:]
    with serving(*arguments, environ=environ) as server:
        assert server.announced["ca"].startswith(str(shell.folder))


def test_every_option_of_ours_that_the_page_names_exists() -> None:
    lines = re.findall(r"chatmarks ((?:serve|sign|tls \w+)\b[^`\n]*)", PAGE)
    assert len(lines) > 5
    for line in lines:
        name, *more = line.split()
        command = main.commands[name]
        if isinstance(command, click.Group):
            command = command.commands[more[0]]
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"(?<!\w)--[a-z-]+", line)) <= known, line
