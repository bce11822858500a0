"""Every command explains itself, and shells can complete it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from chatmarks.cli import main
from process import run

Invoke = Callable[..., Result]


def leaves(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, *path, name)
        else:
            yield (*path, name)


def options(command: tuple[str, ...]) -> set[str]:
    found: click.Command = main
    for name in command:
        assert isinstance(found, click.Group)
        found = found.commands[name]
    return {option for parameter in found.params for option in parameter.opts}


@pytest.mark.parametrize("command", list(leaves(main)), ids=" ".join)
def test_every_command_shows_examples_that_name_it_and_only_options_that_it_has(
    invoke: Invoke, command: tuple[str, ...]
) -> None:
    shown = invoke(*command, "--help", COLUMNS="200")
    assert shown.exit_code == 0
    examples = shown.stdout.split("Examples")[1]
    calls = re.findall(rf"chatmarks {' '.join(command)}\b([^\n|]*)", examples)
    assert calls
    for words in calls:
        used = set(re.findall(r"(?<=\s)--[a-z-]+", words))
        assert used <= options(command)


def test_every_command_is_listed_with_a_line_of_its_own(invoke: Invoke) -> None:
    for group in ((), ("app",), ("config",), ("tls",)):
        shown = invoke(*group, "--help").stdout
        listed = shown.split("Commands:\n")[1].split("\n\n")[0].splitlines()
        assert all(re.fullmatch(r"  \S+ +\S.*(?<!\.\.\.)", line) for line in listed)


@pytest.mark.parametrize("command", list(leaves(main)), ids=" ".join)
def test_an_unknown_option_is_exit_code_2_without_a_traceback(
    invoke: Invoke, command: tuple[str, ...]
) -> None:
    result = invoke(*command, "--colour", "red")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "No such option" in result.stderr


def test_the_main_help_tells_the_completion_line_of_each_shell(invoke: Invoke) -> None:
    shown = invoke("--help").stdout
    for shell in ("bash", "zsh", "fish"):
        assert f"chatmarks completion {shell}" in shown
        script = invoke("completion", shell)
        assert script.exit_code == 0
        assert f"_CHATMARKS_COMPLETE={shell}_complete" in script.stdout
    assert invoke("completion", "tcsh").exit_code == 2


def completed(words: str) -> list[str]:
    """What is offered for the last of `words`, asked as the printed lines ask."""
    return [
        line.partition(",")[2]
        for line in run(
            environ={
                "_CHATMARKS_COMPLETE": "bash_complete",
                "COMP_WORDS": words,
                "COMP_CWORD": str(len(shlex.split(words)) - (not words.endswith(" "))),
            }
        ).stdout.splitlines()
    ]


def test_commands_options_and_the_paths_of_calls_are_completed() -> None:
    assert completed("chatmarks ap") == ["app"]
    assert completed("chatmarks app en") == ["enable"]
    assert completed("chatmarks config show --or") == ["--origin"]
    assert completed("chatmarks call recentcontact/mark") == ["recentcontact/mark_contact"]
    assert completed("chatmarks completion ") == ["bash", "zsh", "fish"]


def test_bash_takes_the_line_and_completes_with_it(tmp_path: Path) -> None:
    # Whatever is installed: the program that is under test is the one that bash finds.
    program = tmp_path / "chatmarks"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m chatmarks "$@"\n')
    program.chmod(0o755)
    bash = shutil.which("bash")
    assert bash
    script = (
        'eval "$(chatmarks completion bash)"\n'
        "COMP_WORDS=(chatmarks call recentcontact/sea) COMP_CWORD=2\n"
        '_chatmarks_completion chatmarks\necho "${COMPREPLY[@]}"\n'
        "complete -p chatmarks\n"
    )
    finished = subprocess.run(
        [bash, "--norc", "-c", script],
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    reply, registered = finished.stdout.splitlines()
    assert reply == "recentcontact/search_contact_group"
    assert registered.endswith("_chatmarks_completion chatmarks")


def test_the_runner_and_the_program_agree_on_the_version() -> None:
    assert (
        CliRunner().invoke(main, ["--version"]).stdout.split()[1:]
        == run("--version").stdout.split()[1:]
    )
