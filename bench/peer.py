"""Synapse, the Matrix server, whose room tags are the nearest to what is measured here: labels that an
account puts on its rooms. Installed from PyPI into a folder of its own, kept between runs."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import urllib.request
from collections.abc import Generator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench.machine import family
from bench.stores import cache
from bench.subjects import Started, free_port, running, wait_for

_ROOMS = 20
_TAGS = ("m.favourite", "u.work")
_NO_LIMIT = {"per_second": 1_000_000, "burst_count": 1_000_000}


def installed() -> Path:
    """The interpreter that has Synapse; installs it where it is not there yet."""
    folder = cache() / "synapse"
    python = folder / "bin/python"
    if not (folder / "bin/synapse_homeserver").exists():
        print(f"installing matrix-synapse, once: {folder}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = ["-m", "pip", "--disable-pip-version-check", "--quiet", "install", "matrix-synapse"]
        subprocess.run([python, *install], check=True)
    return python


def version() -> str:
    """Which Synapse that is."""
    script = "import importlib.metadata as m; print(m.version('matrix-synapse'))"
    command = [str(installed()), "-c", script]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return f"Synapse {told}"


@contextlib.contextmanager
def synapse(folder: Path) -> Generator[Started, None, None]:
    """A Synapse on SQLite, without caps and without a log of calls, in which one account has tags on
    rooms."""
    program = [str(installed()), "-m", "synapse.app.homeserver"]
    settings, more = folder / "settings.yaml", folder / "more.yaml"
    port = free_port()
    subprocess.run(
        [
            *program,
            "--generate-config",
            "--server-name=localhost",
            f"--config-path={settings}",
            "--report-stats=no",
            f"--data-directory={folder}",
        ],
        check=True,
        cwd=folder,
        capture_output=True,
    )
    log = folder / "localhost.log.config"
    log.write_text(log.read_text().replace("level: INFO", "level: WARNING"))
    more.write_text(json.dumps(_settings(port)))
    paths = (f"--config-path={settings}", f"--config-path={more}")
    with (
        (folder / "errors").open("w") as errors,
        running(*program, *paths, cwd=folder, stderr=errors) as process,
    ):
        wait_for(port)
        url = f"http://127.0.0.1:{port}"
        token, tagged = _tagged(url)
        yield Started(
            url,
            lambda: family(process.pid),
            headers=(f"Authorization: Bearer {token}",),
            paths=tagged,
        )


def _settings(port: int) -> dict[str, Any]:
    listener = {
        "port": port,
        "bind_addresses": ["127.0.0.1"],
        "type": "http",
        "tls": False,
        "resources": [{"names": ["client"], "compress": False}],
    }
    return {
        "listeners": [listener],
        "enable_registration": True,
        "enable_registration_without_verification": True,
        "trusted_key_servers": [],
        "rc_message": _NO_LIMIT,
        "rc_registration": _NO_LIMIT,
        "rc_room_creation": _NO_LIMIT,
    }


def _tagged(url: str) -> tuple[str, tuple[str, ...]]:
    """Make an account with rooms and tags; its token, and where each room's tags are read."""
    registration = {
        "username": "owner",
        "password": "a password",
        "auth": {"type": "m.login.dummy"},
    }
    account = _ask(url, "POST", "/register", registration)
    token = account["access_token"]
    paths = []
    for _ in range(_ROOMS):
        room = _ask(url, "POST", "/createRoom", {}, token)["room_id"]
        path = f"/user/{quote(account['user_id'])}/rooms/{quote(room)}/tags"
        for tag in _TAGS:
            _ask(url, "PUT", f"{path}/{tag}", {"order": 0.5}, token)
        assert set(_ask(url, "GET", path, None, token)["tags"]) == set(_TAGS)
        paths.append(f"/_matrix/client/v3{path}")
    return token, tuple(paths)


def _ask(url: str, method: str, path: str, body: object, token: str = "") -> dict[str, Any]:
    request = urllib.request.Request(
        f"{url}/_matrix/client/v3{path}",
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {token}"} if token else {},
        method=method,
    )
    with urllib.request.urlopen(request) as page:
        answer: dict[str, Any] = json.load(page)
        return answer
