"""`chatmarks app`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from harness import KEY

Invoke = Callable[..., Result]


def listed(invoke: Invoke) -> list[dict[str, Any]]:
    result = invoke("app", "list", "--json")
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.output.splitlines()]


def refused(result: Result) -> str:
    """The one line of a refusal."""
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("chatmarks: ")
    return line.removeprefix("chatmarks: ")


@pytest.fixture
def made(invoke: Invoke) -> str:
    """An app 7 in the default store; its key."""
    result = invoke("app", "create", "--sdkappid", "7")
    assert result.exit_code == 0, result.output
    return str(result.output.splitlines()[1].removeprefix("key "))


def test_create_prints_a_key_of_64_hex_digits_and_list_never_does(invoke: Invoke, made: str) -> None:
    assert len(bytes.fromhex(made)) == 32
    (row,) = listed(invoke)
    assert row["sdkappid"] == 7
    assert row["enabled"] is True
    assert row["admins"] == ["administrator"]
    assert row["profile"] == "default"
    assert made not in json.dumps(row)
    table = invoke("app", "list").output
    assert "administrator" in table
    assert made not in table


def test_create_takes_admins_profile_switches_and_sources(invoke: Invoke) -> None:
    result = invoke(
        *("app", "create", "--sdkappid", "8", "--admin", "boss", "--admin", "deputy"),
        *("--profile", "documented", "--set", "pooling=split", "--set", "get_page_size=5"),
        *("--set", "check_to_account=true", "--source", "10.0.0.1/8"),
    )
    assert result.exit_code == 0, result.output
    (row,) = listed(invoke)
    assert row["admins"] == ["boss", "deputy"]
    assert row["profile"] == "documented"
    assert row["overrides"] == {"pooling": "split", "get_page_size": 5, "check_to_account": True}
    assert row["sources"] == ["10.0.0.0/8"]
    assert "pooling" in invoke("app", "list").output


def test_create_takes_a_key_from_a_file_and_does_not_print_it(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a key of my own\n")
    result = invoke("app", "create", "--sdkappid", "8", "--key-file", "key")
    assert result.output == "app 8, administrator administrator\n"


def test_an_app_is_made_only_once(invoke: Invoke, made: str) -> None:
    assert refused(invoke("app", "create", "--sdkappid", "7")) == "app 7 exists already"


def test_a_key_is_rotated_by_adding_one_and_dropping_the_other(invoke: Invoke, made: str) -> None:
    (old,) = listed(invoke)[0]["keys"]
    result = invoke("app", "update", "--sdkappid", "7", "--new-key")
    assert result.output.startswith("app 7 is changed\nkey ")
    new, still_old = listed(invoke)[0]["keys"]
    assert still_old == old
    third = invoke("app", "update", "--sdkappid", "7", "--new-key")
    assert refused(third) == "the app would have 3 keys; 1 to 2 are allowed"
    invoke("app", "update", "--sdkappid", "7", "--drop-key", old)
    assert listed(invoke)[0]["keys"] == [new]
    last = invoke("app", "update", "--sdkappid", "7", "--drop-key", new)
    assert refused(last) == "the app would have 0 keys; 1 to 2 are allowed"


def test_an_update_adds_and_removes_and_resets(invoke: Invoke, made: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("second")
    first = invoke(
        *("app", "update", "--sdkappid", "7", "--add-admin", "boss", "--set", "edition=basic"),
        *("--set", "not_admin=50003", "--source", "::1", "--add-key-file", "key"),
    )
    assert first.exit_code == 0, first.output
    (row,) = listed(invoke)
    assert row["admins"] == ["administrator", "boss"]
    assert row["overrides"] == {"edition": "basic", "not_admin": 50003}
    assert row["sources"] == ["::1/128"]
    assert len(row["keys"]) == 2
    second = invoke(
        *("app", "update", "--sdkappid", "7", "--remove-admin", "administrator"),
        *("--unset", "edition", "--any-source", "--profile", "documented"),
    )
    assert second.exit_code == 0, second.output
    (row,) = listed(invoke)
    assert row["admins"] == ["boss"]
    assert row["overrides"] == {"not_admin": 50003}
    assert row["sources"] == []
    assert row["profile"] == "documented"


def test_disable_and_enable_change_the_state(invoke: Invoke, made: str) -> None:
    assert invoke("app", "disable", "--sdkappid", "7").output == "app 7 is disabled\n"
    assert listed(invoke)[0]["enabled"] is False
    assert "disabled" in invoke("app", "list").output
    assert invoke("app", "enable", "--sdkappid", "7").output == "app 7 is enabled\n"
    assert listed(invoke)[0]["enabled"] is True


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--add-admin", "a" * 33), "the administrator 'aaa"),
        (("--remove-admin", "nobody"), "administrator nobody: is no administrator of the app"),
        (("--drop-key", "abc"), "key abc: the app has no such key"),
        (("--set", "colour=red"), "switch colour: no such switch; known: group_name_bytes_max, "),
        (("--set", "edition=gold"), "profile 'default': Invalid enum value 'gold' - at $.edition"),
        (("--set", "get_page_size=0"), "profile 'default': Expected int >= 1 - at $.get_page_size"),
        (("--source", "nowhere"), "'nowhere' does not appear to be an IPv4 or IPv6 network"),
        (("--add-key-file", "gone"), "gone cannot be read: No such file or directory"),
        (("--add-key-file", "empty"), "the key in empty must be printable ASCII"),
    ],
)
def test_a_wrong_update_is_one_clear_line_and_changes_nothing(
    invoke: Invoke, made: str, tmp_path: Path, arguments: tuple[str, ...], line: str
) -> None:
    (tmp_path / "empty").touch()
    before = listed(invoke)
    result = invoke("app", "update", "--sdkappid", "7", "--add-admin", "also", *arguments)
    assert refused(result).startswith(line)
    assert listed(invoke) == before


@pytest.mark.parametrize("command", ["update", "disable", "enable"])
def test_an_app_that_is_not_there_is_said_so(invoke: Invoke, made: str, command: str) -> None:
    result = invoke("app", command, "--sdkappid", "9")
    assert refused(result) == "there is no app 9; chatmarks app list shows them"


def test_keys_are_sealed_under_the_master_key(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "master").write_bytes(bytes(range(32)))
    (tmp_path / "other").write_bytes(bytes(range(1, 33)))
    (tmp_path / "short").write_bytes(b"too short")
    sealing = {"CHATMARKS_MASTER_KEY_FILE": "master"}
    key = invoke("app", "create", "--sdkappid", "7", **sealing).output.split("key ")[1].strip()
    files = b"".join(path.read_bytes() for path in tmp_path.glob("chatmarks.db*"))
    assert key.encode() not in files
    ticket = invoke("sign", "--sdkappid", "7", "--identifier", "administrator", **sealing)
    assert ticket.exit_code == 0, ticket.output
    without = invoke("app", "list")
    assert refused(without).startswith("a key of app 7 is sealed; CHATMARKS_MASTER_KEY_FILE must")
    wrong = invoke("app", "list", CHATMARKS_MASTER_KEY_FILE="other")
    assert refused(wrong) == "a key of app 7 is damaged or was sealed with another master key"
    short = invoke("app", "list", CHATMARKS_MASTER_KEY_FILE="short")
    assert refused(short) == "the master key has 9 bytes; 32 at least are required"


@pytest.mark.parametrize(
    ("store", "line"),
    [
        ("memory:", "store memory: belongs to one process; name the store of the server"),
        (
            "mysql://x",
            "store 'mysql://x' is unknown; memory:, sqlite:///path and postgresql://… are known",
        ),
        ("sqlite:///gone.db", "there is no store 'gone.db'; chatmarks serve and chatmarks app create"),
    ],
)
def test_a_store_that_cannot_be_used_is_one_clear_line(invoke: Invoke, store: str, line: str) -> None:
    assert refused(invoke("app", "list", "--store", store)).startswith(line)


def test_a_store_that_cannot_be_made_is_one_clear_line(invoke: Invoke) -> None:
    store = "sqlite:////proc/none/books.db"
    result = invoke("app", "create", "--sdkappid", "7", "--store", store)
    assert refused(result).startswith("store '/proc/none/books.db' cannot be opened: ")


def test_a_key_that_is_published_or_no_text_is_refused(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "published").write_text(KEY)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    create = ("app", "create", "--sdkappid", "7", "--key-file")
    assert refused(invoke(*create, "published")).endswith("is published; everybody knows it")
    assert refused(invoke(*create, "bytes")) == "bytes is no text"
    assert not (tmp_path / "chatmarks.db").exists()


def test_a_wrong_settings_file_is_one_clear_line(invoke: Invoke) -> None:
    line = refused(invoke("app", "list", "--config", "gone.toml"))
    assert line == "gone.toml: cannot be read: No such file or directory"


def test_a_program_reads_what_each_change_made(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a key of my own")

    def change(*arguments: str) -> Any:
        result = invoke("app", *arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    made = change("create", "--sdkappid", "7")
    assert (made["sdkappid"], made["admins"], len(made["key"])) == (7, ["administrator"], 64)
    assert change("create", "--sdkappid", "8", "--key-file", "key")["key"] is None
    assert len(change("update", "--sdkappid", "7", "--new-key")["key"]) == 64
    assert change("update", "--sdkappid", "7", "--add-admin", "a") == {"sdkappid": 7, "key": None}
    assert change("disable", "--sdkappid", "7") == {"sdkappid": 7, "enabled": False}
    assert change("enable", "--sdkappid", "7") == {"sdkappid": 7, "enabled": True}
