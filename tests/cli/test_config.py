"""The settings: where they come from, and what each mistake is answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chatmarks.config import ConfigError, Settings, load
from chatmarks.declared import DeclaredApp
from harness import KEY


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def mistakes(flags: dict[str, Any], **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load(flags, environ)
    return raised.value.lines


def from_file(folder: Path, text: str, flags: dict[str, Any] | None = None) -> Settings:
    (folder / "chatmarks.toml").write_text(text)
    return load({"config": "chatmarks.toml", **(flags or {})}, {})


def test_without_any_setting_the_documented_defaults_hold() -> None:
    settings = load({}, {})
    assert (settings.host, settings.port) == ("127.0.0.1", 8600)
    assert (settings.admin_host, settings.admin_port) == ("127.0.0.1", 8601)
    assert settings.store == "sqlite:///chatmarks.db"
    assert settings.apps == ()
    assert settings.admin_token is None
    assert settings.master_key is None


def test_flags_come_before_variables_and_variables_before_the_file(folder: Path) -> None:
    (folder / "chatmarks.toml").write_text('port = 1\nhost = "127.0.0.2"\nstore = "memory:"\n')
    environ = {"CHATMARKS_CONFIG": "chatmarks.toml", "CHATMARKS_PORT": "2", "CHATMARKS_HOST": "::1"}
    settings = load({"port": 3}, environ)
    assert (settings.port, settings.host, settings.store) == (3, "::1", "memory:")


def test_dev_serves_the_demo_app_from_memory_unless_told_otherwise() -> None:
    settings = load({"dev": True}, {})
    assert settings.store == "memory:"
    assert settings.apps == (DeclaredApp(1400000000, ("administrator",), (KEY,)),)
    own = {"CHATMARKS_APP": "7:boss", "CHATMARKS_APP_KEY": "own", "CHATMARKS_STORE": "sqlite:///x"}
    settings = load({"dev": True}, own)
    assert settings.store == "sqlite:///x"
    assert settings.apps == (DeclaredApp(7, ("boss",), ("own",)),)


def test_apps_are_declared_in_the_file(folder: Path) -> None:
    (folder / "second").write_text("second key\n")
    settings = from_file(
        folder,
        """
        [[apps]]
        sdkappid = 7
        admins = ["boss", "deputy"]
        keys = ["first key"]
        key_files = ["second"]
        profile = "documented"
        overrides = { pooling = "split" }

        [[apps]]
        sdkappid = 8
        admins = ["boss"]
        keys = ["k"]
        """,
    )
    assert settings.apps == (
        DeclaredApp(
            7, ("boss", "deputy"), ("first key", "second key"), "documented", {"pooling": "split"}
        ),
        DeclaredApp(8, ("boss",), ("k",)),
    )


def test_secrets_come_from_files_too(folder: Path) -> None:
    (folder / "token").write_text("secret\n")
    (folder / "master").write_bytes(b"m" * 32)
    settings = load(
        {"admin_host": "0.0.0.0"},
        {"CHATMARKS_ADMIN_TOKEN_FILE": "token", "CHATMARKS_MASTER_KEY_FILE": "master"},
    )
    assert settings.admin_token == "secret"
    assert settings.master_key == b"m" * 32


@pytest.mark.parametrize(
    ("flags", "environ", "line"),
    [
        ({"port": "http"}, {}, "--port: 'http' is not a port; 0 to 65535 are allowed"),
        ({}, {"CHATMARKS_PORT": "65536"}, "CHATMARKS_PORT: '65536' is not a port; 0 to 65535"),
        ({}, {"CHATMARKS_HOST": ""}, "CHATMARKS_HOST: '' is not a text of one character or more"),
        ({"admin_host": "0.0.0.0"}, {}, "admin_host: 0.0.0.0 is not loopback; CHATMARKS_ADMIN_TOKEN"),
        (
            {"dev": True, "host": "0.0.0.0"},
            {},
            "host: 0.0.0.0 is not loopback, and the key of app 1400000000 is",
        ),
        ({}, {"CHATMARKS_APP": "x"}, "CHATMARKS_APP: 'x' is not of the form sdkappid:admin"),
        ({}, {"CHATMARKS_APP": "7:"}, "CHATMARKS_APP: the admin is empty"),
        ({}, {"CHATMARKS_APP": "7:a"}, "CHATMARKS_APP: CHATMARKS_APP_KEY or CHATMARKS_APP_KEY_FILE"),
        (
            {},
            {"CHATMARKS_APP": "7:a", "CHATMARKS_APP_KEY": "ü"},
            "the key of app 7 must be printable ASCII",
        ),
        (
            {},
            {"CHATMARKS_ADMIN_TOKEN": "a", "CHATMARKS_ADMIN_TOKEN_FILE": "b"},
            "CHATMARKS_ADMIN_TOKEN and CHATMARKS_ADMIN_TOKEN_FILE: only one of the two is allowed",
        ),
        ({}, {"CHATMARKS_MASTER_KEY_FILE": "gone"}, "CHATMARKS_MASTER_KEY_FILE: gone cannot be read"),
        ({"workers": "0"}, {}, "--workers: '0' is not a number of workers; 1 to 64 are allowed"),
        (
            {},
            {"CHATMARKS_WORKERS": "65"},
            "CHATMARKS_WORKERS: '65' is not a number of workers; 1 to 64",
        ),
        (
            {"workers": "2", "store": "memory:"},
            {},
            "workers: 2 processes cannot share the store memory:, which lives in one; name another",
        ),
        ({"workers": "2", "dev": True}, {}, "workers: 2 processes cannot share the store memory:"),
        ({"config": "gone"}, {}, "gone: cannot be read: No such file or directory"),
    ],
)
def test_each_mistake_is_one_line_that_names_the_setting(
    flags: dict[str, Any], environ: dict[str, str], line: str
) -> None:
    (only,) = mistakes(flags, **environ)
    assert only.startswith(line)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("port = ", "chatmarks.toml: is not TOML: "),
        ("prot = 1", "chatmarks.toml: prot: no such setting; known: admin_fd, admin_host, "),
        ("port = true", "chatmarks.toml: port: True is not a port"),
        ("workers = true", "chatmarks.toml: workers: True is not a number of workers; 1 to 64"),
        ("store = 5", "chatmarks.toml: store: 5 is not a text of one character or more"),
        ("apps = 5", "chatmarks.toml: apps: is not a list of tables ([[apps]])"),
        ("[[apps]]\nsdkappid = 7", "chatmarks.toml: apps[0]: Object missing required field `admins`"),
        (
            '[[apps]]\nsdkappid = 0\nadmins = ["a"]\nkeys = ["k"]',
            "chatmarks.toml: apps[0]: sdkappid is 0; 1 to ",
        ),
        (
            '[[apps]]\nsdkappid = 7\nadmins = [""]\nkeys = ["k"]',
            "chatmarks.toml: apps[0]: admin '' is ",
        ),
        (
            '[[apps]]\nsdkappid = 7\nadmins = []\nkeys = ["k"]',
            "chatmarks.toml: apps[0]: there is no admin",
        ),
        ('[[apps]]\nsdkappid = 7\nadmins = ["a"]', "chatmarks.toml: apps[0]: there are 0 keys; 1 to 2"),
        (
            '[[apps]]\nsdkappid = 7\nadmins = ["a"]\nkeys = ["\\n"]',
            "chatmarks.toml: apps[0]: a key must be printable ASCII",
        ),
        (
            '[[apps]]\nsdkappid = 7\nadmins = ["a"]\nkey_files = ["gone"]',
            "chatmarks.toml: apps[0]: gone cannot be read: No such file or directory",
        ),
        (
            '[[apps]]\nsdkappid = 7\nadmins = ["a"]\nkeys = ["k"]\nprofile = "gold"',
            "chatmarks.toml: apps[0]: profile 'gold' is unknown; known: default, documented",
        ),
        (
            2 * '[[apps]]\nsdkappid = 7\nadmins = ["a"]\nkeys = ["k"]\n',
            "app 7 is declared twice",
        ),
    ],
)
def test_each_mistake_in_the_file_is_one_line(folder: Path, text: str, line: str) -> None:
    (folder / "chatmarks.toml").write_text(text)
    (only,) = mistakes({"config": "chatmarks.toml"})
    assert only.startswith(line)


def test_all_mistakes_are_told_at_once() -> None:
    assert len(mistakes({"port": "a", "admin_port": "b", "dev": True, "host": "0.0.0.0"})) == 3


def test_the_file_may_declare_the_demo_app_otherwise(folder: Path) -> None:
    settings = from_file(
        folder,
        """
        [[apps]]
        sdkappid = 1400000000
        admins = ["boss"]
        keys = ["k"]
        profile = "lenient"
        """,
        {"dev": True},
    )
    assert settings.apps == (DeclaredApp(1400000000, ("boss",), ("k",), "lenient"),)


def test_a_declared_app_has_the_profile_that_a_variable_names() -> None:
    settings = load({"dev": True}, {"CHATMARKS_APP_PROFILE": "lenient"})
    assert settings.apps[0].profile == "lenient"
    (line,) = mistakes({"dev": True}, CHATMARKS_APP_PROFILE="gold")
    assert line == (
        "CHATMARKS_APP_PROFILE: profile 'gold' is unknown; known: default, documented, lenient,"
        " 2024-07, 2026-04"
    )


def test_a_secret_that_is_set_but_empty_is_not_set(folder: Path) -> None:
    (folder / "token").touch()
    assert load({}, {"CHATMARKS_ADMIN_TOKEN": ""}).admin_token is None
    assert load({}, {"CHATMARKS_ADMIN_TOKEN_FILE": "token"}).admin_token is None
    assert len(mistakes({"admin_host": "0.0.0.0"}, CHATMARKS_ADMIN_TOKEN="")) == 1


def test_there_are_1_to_64_workers(folder: Path) -> None:
    assert load({}, {}).workers == 1
    assert load({"workers": "64"}, {}).workers == 64
    assert load({"dev": True, "workers": "1"}, {}).store == "memory:"
    assert load({"dev": True, "store": "sqlite:///x"}, {"CHATMARKS_WORKERS": "2"}).workers == 2
    assert from_file(folder, "workers = 3").workers == 3


def test_the_admin_listener_has_the_names_it_is_given() -> None:
    settings = load({}, {"CHATMARKS_ADMIN_NAMES": "marks.example, 10.0.0.5"})
    assert settings.admin_names == ("marks.example", "10.0.0.5")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_the_published_key_is_served_on_loopback(host: str) -> None:
    assert load({"dev": True, "host": host}, {}).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "example.org"])
def test_dev_off_loopback_needs_a_key_of_its_own(host: str) -> None:
    assert len(mistakes({"dev": True, "host": host})) == 1
    assert load({"dev": True, "host": host}, {"CHATMARKS_APP_KEY": "own"}).host == host
