"""`chatmarks config`, and that a server refuses the same settings with the same line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from chatmarks.config import Settings
from harness import KEY
from process import run

Invoke = Callable[..., Result]

SEVEN = [
    (("--port", "http"), {}, "--port: 'http' is not a port; 0 to 65535 are allowed"),
    ((), {"CHATMARKS_ADMIN_PORT": "65536"}, "CHATMARKS_ADMIN_PORT: '65536' is not a port; 0 to 65535"),
    (("--admin-host", "0.0.0.0"), {}, "admin_host: 0.0.0.0 is not loopback; CHATMARKS_ADMIN_TOKEN or "),
    (("--dev", "--host", "0.0.0.0"), {}, "host: 0.0.0.0 is not loopback, and the key of app 14000000"),
    ((), {"CHATMARKS_APP": "boss"}, "CHATMARKS_APP: 'boss' is not of the form sdkappid:admin, with a"),
    (
        ("--store", "nothing:"),
        {},
        "store 'nothing:' is unknown; memory:, sqlite:///path and postgresql://… are known",
    ),
    (
        (),
        {"CHATMARKS_MASTER_KEY_FILE": "short"},
        "the master key has 5 bytes; 32 at least are required",
    ),
]


@pytest.mark.parametrize(("arguments", "environ", "line"), SEVEN)
def test_each_of_seven_wrong_settings_is_one_line_and_exit_code_2_for_serve_and_for_check(
    invoke: Invoke, tmp_path: Path, arguments: tuple[str, ...], environ: dict[str, str], line: str
) -> None:
    (tmp_path / "short").write_text("short")
    served = run("serve", *arguments, environ=environ, cwd=tmp_path)
    assert (served.returncode, served.stdout) == (2, "")
    assert served.stderr.startswith(f"chatmarks: {line}")
    assert len(served.stderr.splitlines()) == 1
    checked = invoke("config", "check", *arguments, **environ)
    assert (checked.exit_code, checked.stdout, checked.stderr) == (2, "", served.stderr)
    told = invoke("config", "check", *arguments, "--json", **environ)
    assert told.exit_code == 2
    assert json.loads(told.stdout) == {
        "fine": False,
        "mistakes": [served.stderr.strip().removeprefix("chatmarks: ")],
    }


@pytest.mark.parametrize("arguments", [(), ("--dev",), ("--port", "0", "--store", "memory:")])
def test_good_settings_are_fine_and_nothing_is_made(
    invoke: Invoke, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    result = invoke("config", "check", *arguments)
    assert (result.exit_code, result.output) == (0, "fine\n")
    told = invoke("config", "check", *arguments, "--json")
    assert (told.exit_code, json.loads(told.stdout)) == (0, {"fine": True, "mistakes": []})
    assert not list(tmp_path.iterdir())


def test_each_mistake_has_its_line(invoke: Invoke) -> None:
    result = invoke("config", "check", "--port", "a", "--admin-port", "b", CHATMARKS_APP="c")
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 3)


def test_a_variable_that_is_almost_one_of_a_setting_is_a_mistake_and_any_other_is_not(
    invoke: Invoke,
) -> None:
    result = invoke("config", "check", CHATMARKS_PROT="1")
    assert result.exit_code == 2
    assert result.stderr == (
        "chatmarks: CHATMARKS_PROT: no such setting; did you mean CHATMARKS_PORT?\n"
    )
    # As an orchestrator sets them for a service that is called chatmarks.
    others = {"CHATMARKS_SERVICE_HOST": "10.0.0.1", "CHATMARKS_TEST_POSTGRES": "x"}
    assert invoke("config", "check", **others).output == "fine\n"


def shown(invoke: Invoke, *arguments: str, **environ: str) -> dict[str, Any]:
    result = invoke("config", "show", "--json", *arguments, **environ)
    assert result.exit_code == 0, result.output
    settings: dict[str, Any] = json.loads(result.stdout)["settings"]
    return settings


def test_show_tells_of_each_setting_where_it_came_from(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('port = 1\nadmin_port = 2\nstore = "memory:"\n')
    found = shown(invoke, "--config", "c.toml", "--port", "3", CHATMARKS_ADMIN_PORT="4")
    assert found["port"] == {"value": 3, "origin": "--port"}
    assert found["admin_port"] == {"value": 4, "origin": "CHATMARKS_ADMIN_PORT"}
    assert found["store"] == {"value": "memory:", "origin": "c.toml: store"}
    assert found["host"] == {"value": "127.0.0.1", "origin": "default"}
    with_origin = invoke("config", "show", "--origin", "--config", "c.toml").stdout.splitlines()
    assert ["store", "memory:", "c.toml:", "store"] in [line.split() for line in with_origin]
    without = invoke("config", "show", "--config", "c.toml").stdout.splitlines()
    assert ["store", "memory:"] in [line.split() for line in without]


def test_show_leaves_no_setting_out(invoke: Invoke) -> None:
    found = shown(invoke)
    # The master key is known by its file; apps are shown one by one.
    assert set(Settings.__struct_fields__) - {"master_key", "apps"} <= found.keys()
    assert {"app", "app_key", "app_key_file", "app_profile", "admin_token_file"} <= found.keys()
    assert found["master_key_file"] == {"value": None, "origin": "default"}


@pytest.mark.parametrize("more", [(), ("--origin",), ("--json",)])
def test_show_never_shows_a_secret(invoke: Invoke, tmp_path: Path, more: tuple[str, ...]) -> None:
    (tmp_path / "hidden").write_text("SECRET" * 6)
    (tmp_path / "c.toml").write_text(
        'admin_token = "SECRET"\n[[apps]]\nsdkappid = 7\nadmins = ["boss"]\nkeys = ["SECRET"]\n'
        '[[apps]]\nsdkappid = 8\nadmins = ["boss"]\nkey = "SECRET"\n'
    )
    for environ in (
        {"CHATMARKS_APP": "9:boss", "CHATMARKS_APP_KEY": "SECRET"},
        {"CHATMARKS_ADMIN_TOKEN": "SECRET", "CHATMARKS_MASTER_KEY_FILE": "hidden"},
        {"CHATMARKS_STORE": "postgresql://user:SECRET@SECRET@host/books"},
        {"CHATMARKS_APP_KEY_FILE": "hidden", "CHATMARKS_APP": "9:boss"},
    ):
        result = invoke("config", "show", "--config", "c.toml", *more, **environ)
        # The second app of the file is wrong, and shown all the same.
        assert result.exit_code == 2
        assert "apps[1]" in result.stdout
        assert "SECRET" not in result.output
    assert KEY not in invoke("config", "show", "--dev", *more).output


def test_of_secrets_show_tells_whether_and_where_they_are_set(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret")
    unset = shown(invoke)
    assert unset["admin_token"] == {"value": "not set", "origin": "default"}
    assert unset["app_key"] == {"value": "not set", "origin": "default"}
    found = shown(invoke, "--dev", CHATMARKS_ADMIN_TOKEN_FILE="token")
    assert found["admin_token"] == {"value": "set", "origin": "CHATMARKS_ADMIN_TOKEN_FILE"}
    assert found["app_key"] == {"value": "set", "origin": "default"}
    assert shown(invoke, CHATMARKS_APP_KEY="k")["app_key"]["origin"] == "CHATMARKS_APP_KEY"


def test_show_shows_the_apps_of_the_file(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        '[[apps]]\nsdkappid = 7\nadmins = ["boss"]\nkeys = ["k"]\nprofile = "lenient"\n'
    )
    found = shown(invoke, "--config", "c.toml")
    assert found["apps[0]"] == {
        "value": {"sdkappid": 7, "admins": ["boss"], "profile": "lenient", "keys": "set"},
        "origin": "c.toml: apps[0]",
    }


def test_wrong_settings_are_shown_as_they_came_with_their_mistakes(invoke: Invoke) -> None:
    result = invoke("config", "show", "--origin", CHATMARKS_PORT="http", CHATMARKS_HOST="a\x1bb")
    assert result.exit_code == 2
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["port", "http", "CHATMARKS_PORT"] in rows
    assert ["host", '"a\\u001bb"', "CHATMARKS_HOST"] in rows
    assert result.stderr.startswith("chatmarks: CHATMARKS_PORT: 'http' is not a port")


@pytest.mark.parametrize("command", ["check", "show"])
def test_a_file_that_cannot_be_read_is_one_clear_line(invoke: Invoke, command: str) -> None:
    result = invoke("config", command, "--config", "gone.toml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "chatmarks: gone.toml: cannot be read: No such file or directory\n"
