"""What `docs/operating.md` and `deploy/` name exists, and what exists is named there."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click

from chatmarks import config, declared
from chatmarks.cli import main

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
VARIABLE = re.compile(r"CHATMARKS_[A-Z_]+[A-Z]")


def variables() -> set[str]:
    """Every variable that is looked for."""
    source = "".join(map(inspect.getsource, (config, declared)))
    asked = re.findall(r'reader\.(\w+)\("(\w+)"', source)
    names = {name for _, name in asked} | {f"{name}_file" for how, name in asked if how == "secret"}
    return {f"CHATMARKS_{name.upper()}" for name in names} | set(VARIABLE.findall(source))


def commands(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        for below in command.commands.values():
            yield from commands(below)


def flags(*found: click.Command) -> set[str]:
    return {option for command in found for given in command.params for option in given.opts}


def rows() -> list[list[str]]:
    """The table of settings: flag, variable, TOML key, default."""
    table = PAGE.partition("| Flag | Variable |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip(" `") for cell in line.split("|")[1:5]] for line in table]


def test_every_variable_that_is_named_exists_and_every_one_that_exists_is_in_the_table() -> None:
    assert set(VARIABLE.findall(PAGE)) <= variables()
    assert {row[1] for row in rows()} - {"-"} == variables()


def test_every_flag_of_serve_is_in_the_table_and_no_other() -> None:
    assert {row[0] for row in rows()} - {"-"} == flags(main.commands["serve"])


def test_every_flag_of_ours_that_is_named_exists() -> None:
    spans = re.findall(r"`([^`\n]+)`", PAGE) + re.findall(r"^\$ (.*)", PAGE, re.MULTILINE)
    ours = [span for span in spans if re.match(r"--|(\w+=\S+ )?chatmarks ", span)]
    named = {flag for span in ours for flag in re.findall(r"--[a-z-]+", span)}
    assert {"--dev", "--source", "--drop-key"} <= named
    assert named - {"--require-hashes"} <= flags(*commands(main))


def test_every_toml_key_is_in_the_table_and_no_other() -> None:
    assert {row[2] for row in rows()} - {"-"} == config._KNOWN


def test_every_default_in_the_table_is_the_one_that_counts() -> None:
    settings = config.load({}, {})
    written = {key: default for _, _, key, default in rows() if hasattr(settings, key)}
    assert {
        "host",
        "port",
        "admin_host",
        "admin_port",
        "admin_names",
        "store",
        "apps",
    } <= written.keys()
    counting = {key: getattr(settings, key) for key in written}
    words = {None: "none", (): "none", False: "off"}
    # Not a look-up by the value alone: 0 is equal to False, and is a number here.
    assert written == {
        key: str(value) if isinstance(value, int) and value is not False else words.get(value, value)
        for key, value in counting.items()
    }


def test_the_toml_example_is_taken_but_for_its_files(tmp_path: Path) -> None:
    example = PAGE.partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "key").write_text("own key")
    path = tmp_path / "chatmarks.toml"
    path.write_text(example.replace("/etc/chatmarks/key", str(tmp_path / "key")), encoding="utf-8")
    settings = config.load({"config": str(path)}, {})
    assert settings.store == tomllib.loads(example)["store"]
    assert [(app.sdkappid, app.keys) for app in settings.apps] == [(1400000001, ("own key",))]


def test_every_variable_that_the_deployment_files_name_exists() -> None:
    files = [ROOT / "deploy" / name for name in ("Containerfile", "compose.yaml", "chatmarks.service")]
    for file in files:
        named = set(VARIABLE.findall(file.read_text(encoding="utf-8")))
        assert named, file
        assert named <= variables(), file


def test_the_wheel_runs_the_demo_without_the_checkout(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CHATMARKS_")}
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, env=environ)
    (wheel,) = tmp_path.glob("chatmarks-*.whl")
    unpacked = tmp_path / "unpacked"
    subprocess.run(
        [*pip, "install", "--no-deps", "--no-index", "--target", str(unpacked), str(wheel)],
        check=True,
        env=environ,
    )
    assert (unpacked / "chatmarks/py.typed").exists()
    environ["PYTHONPATH"] = str(unpacked)
    where = [sys.executable, "-c", "import chatmarks; print(chatmarks.__file__)"]
    found = subprocess.run(where, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True)
    assert found.stdout.startswith(str(unpacked))
    told = subprocess.run(
        [sys.executable, "-m", "chatmarks", "demo"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert '"StandardMark": "11111110"' in told.stdout
