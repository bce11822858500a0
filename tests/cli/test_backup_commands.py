"""`chatmarks backup`, `restore` and `verify`."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from click.testing import Result

from process import PROGRAM

Invoke = Callable[..., Result]

COUNTS = "accounts: 1, conversations: 0, chat groups: 0, memberships: 0, recents: 0, apps: 1, events: 0"


@pytest.fixture(autouse=True)
def _made(invoke: Invoke) -> None:
    """The default store, with an app in it."""
    result = invoke("app", "create", "--sdkappid", "7")
    assert result.exit_code == 0, result.output


def refused(result: Result) -> str:
    """The last line of a refusal."""
    assert result.exit_code == 2
    assert result.stdout == ""
    line = result.stderr.splitlines()[-1]
    assert line.startswith("chatmarks: ")
    return str(line.removeprefix("chatmarks: "))


def damage(name: str, statement: str = "UPDATE account SET version = 0") -> None:
    connection = apsw.Connection(name)
    connection.execute(statement)
    connection.close()


def test_a_backup_is_restored_and_verified(invoke: Invoke, tmp_path: Path) -> None:
    made = invoke("backup", "copy.db")
    assert made.exit_code == 0, made.output
    size = (tmp_path / "copy.db").stat().st_size
    verify = "chatmarks verify --store sqlite:///copy.db reads it through"
    assert made.output == f"copy.db has {size} bytes; {verify}\n"
    restored = invoke("restore", "copy.db", "--store", "sqlite:///new.db")
    assert restored.exit_code == 0, restored.output
    assert restored.output == f"new.db is restored: {COUNTS}\n"
    for store in ("copy.db", "new.db"):
        verified = invoke("verify", "--store", f"sqlite:///{store}")
        assert verified.exit_code == 0
        assert verified.output == f"problems: 0; {COUNTS}\n"


def test_the_store_can_come_from_a_variable(invoke: Invoke, tmp_path: Path) -> None:
    assert invoke("backup", "copy.db").exit_code == 0
    elsewhere = invoke("restore", "copy.db", CHATMARKS_STORE="sqlite:///elsewhere.db")
    assert elsewhere.exit_code == 0
    assert (tmp_path / "elsewhere.db").exists()


def test_neither_a_backup_nor_a_store_is_replaced_without_force(invoke: Invoke) -> None:
    assert invoke("backup", "copy.db").exit_code == 0
    assert refused(invoke("backup", "copy.db")) == "backup 'copy.db' exists; --force replaces it"
    assert invoke("backup", "copy.db", "--force").exit_code == 0
    assert refused(invoke("restore", "copy.db")) == ("store 'chatmarks.db' exists; --force replaces it")
    assert invoke("restore", "copy.db", "--force").exit_code == 0


@pytest.mark.parametrize("command", [("backup", "x.db"), ("restore", "x.db"), ("verify",)])
def test_a_store_that_is_no_file_is_refused(invoke: Invoke, command: tuple[str, ...]) -> None:
    line = refused(invoke(*command, "--store", "memory:"))
    assert line == "store 'memory:' is not one file; sqlite:///path is"
    assert "--store" in refused(invoke(*command, "--store", ""))


def test_a_store_or_a_backup_that_is_not_there_is_refused(invoke: Invoke, tmp_path: Path) -> None:
    absent = ("--store", "sqlite:///none.db")
    assert refused(invoke("backup", "x.db", *absent)) == "there is no store 'none.db'"
    assert refused(invoke("verify", *absent)) == "there is no store 'none.db'"
    for force in ((), ("--force",)):
        deep = ("--store", "sqlite:///deep/new.db")
        assert refused(invoke("restore", "none", *force, *deep)) == "there is no backup 'none'"
    assert [file.name for file in tmp_path.iterdir()] == ["chatmarks.db"]


def test_verify_prints_a_line_for_each_problem_and_ends_with_1(invoke: Invoke) -> None:
    damage("chatmarks.db")
    result = invoke("verify")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "account 7:administrator: the version is 0; a positive one is required",
        f"problems: 1; {COUNTS}",
    ]


def test_verify_as_json_is_one_object(invoke: Invoke) -> None:
    counts = {
        "account": 1,
        "conversation": 0,
        "chat_group": 0,
        "membership": 0,
        "recent": 0,
        "app": 1,
        "event": 0,
    }
    sound = invoke("verify", "--json")
    assert sound.exit_code == 0
    assert json.loads(sound.stdout) == {"sound": True, "rows": counts, "problems": []}
    damage("chatmarks.db")
    damaged = invoke("verify", "--json")
    assert damaged.exit_code == 1
    problem = {
        "table": "account",
        "owner": "7:administrator",
        "row": "",
        "problem": "the version is 0; a positive one is required",
    }
    assert json.loads(damaged.stdout) == {"sound": False, "rows": counts, "problems": [problem]}


def test_a_damaged_backup_is_refused_with_its_first_20_problems(invoke: Invoke) -> None:
    assert invoke("backup", "copy.db").exit_code == 0
    damage(
        "copy.db",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30)"
        " INSERT INTO account SELECT '7:a' || i, 0, 0, '{}' FROM n",
    )
    result = invoke("restore", "copy.db", "--force")
    assert refused(result) == (
        "backup 'copy.db' is damaged, problems: 30; the store was left as it was"
    )
    assert len(result.stderr.splitlines()) == 21
    assert invoke("verify").exit_code == 0


def test_a_store_that_stays_locked_is_busy(invoke: Invoke) -> None:
    locked = apsw.Connection("chatmarks.db")
    locked.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
    locked.execute("BEGIN EXCLUSIVE")
    busy = "the store is busy; another process keeps it locked"
    assert refused(invoke("verify")) == busy
    assert refused(invoke("backup", "copy.db")) == busy
    locked.close()
    assert invoke("verify").exit_code == 0


@pytest.mark.parametrize("command", ["backup", "restore", "verify"])
def test_each_help_has_examples(invoke: Invoke, command: str) -> None:
    assert "Examples:" in invoke(command, "--help").output


def on_a_terminal(folder: Path, *arguments: str) -> tuple[str, str]:
    """What a command prints, and what a person sees beside it."""
    screen, stderr = pty.openpty()
    ended = subprocess.run(
        [*PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        cwd=folder,
        check=True,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(stderr)
    seen = b""
    try:
        while more := os.read(screen, 65536):
            seen += more
    except OSError:  # Linux says so when the other end is closed.
        pass
    os.close(screen)
    return ended.stdout, seen.decode()


def test_people_at_a_terminal_see_progress_and_programs_do_not(invoke: Invoke, tmp_path: Path) -> None:
    for command, label in (("backup", "copying"), ("restore", "restoring"), ("verify", "reading")):
        arguments = {
            "backup": ("copy.db",),
            "restore": ("copy.db", "--force"),
            "verify": (),
        }[command]
        printed, seen = on_a_terminal(tmp_path, command, *arguments)
        assert label in seen
        assert label not in printed
    assert invoke("verify").stderr == ""
