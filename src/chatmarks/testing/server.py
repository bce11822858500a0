"""A server of a test run, in a process that ends with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from typing import IO, Any

from chatmarks.client import Control

_START_SECONDS_MAX = 30.0
_END_SECONDS_MAX = 10.0
_TOLD_CHARACTERS_MAX = 4000

OWN_FILE = "sqlite"
"""The store that is an SQLite file of the server's own."""


class NotStarted(Exception):
    """The server did not start; the text has what it said about it."""


class Server:
    """A `chatmarks serve --dev --control` on free ports. `url`: of the API; `admin_url`: of the admin
    listener; `control`: controls it. Raises `NotStarted`."""

    def __init__(self, store: str | None = None) -> None:
        self._folder = TemporaryDirectory(prefix="chatmarks-")
        folder = Path(self._folder.name)
        self._errors = folder / "stderr"
        self._process = self._started(_store(store, folder))
        announced = self._announced()
        self.url: str = announced["url"]
        self.admin_url: str = announced["admin_url"]
        self.control = Control(self.admin_url, url=self.url)

    def __repr__(self) -> str:
        return f"Server({self.url!r})"

    def _started(self, store: list[str]) -> subprocess.Popen[str]:
        ports = ["--port", "0", "--admin-port", "0"]
        # -P: where the tests are may be a folder called chatmarks, too.
        program = [sys.executable, "-P", "-m", "chatmarks.tethered"]
        command = [*program, "serve", "--dev", "--control", "--json"]
        # What the settings of somebody's own server say is not for this one.
        environ = {name: value for name, value in os.environ.items() if not _is_ours(name)}
        with self._errors.open("w") as errors:
            return subprocess.Popen(  # noqa: S603 - this very package
                [*command, *ports, *store],
                env=environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                # Ctrl-C is for the run, which then ends the server.
                start_new_session=True,
            )

    def _announced(self) -> dict[str, Any]:
        timer = Timer(_START_SECONDS_MAX, self._process.kill)
        timer.start()
        try:
            line = _pipe(self._process.stdout).readline()
        finally:
            timer.cancel()
        if line:
            announced: dict[str, Any] = json.loads(line)
            return announced
        self._process.wait()
        said = self.said()
        self._cleared()
        raise NotStarted(
            f"the chatmarks server did not start (exit {self._process.returncode}):\n{said}"
        )

    def said(self) -> str:
        """The end of what it wrote to standard error."""
        return self._errors.read_text(errors="replace")[-_TOLD_CHARACTERS_MAX:] or "it said nothing"

    def ended(self) -> int | None:
        """Its exit code where it ended by itself, else None."""
        return self._process.poll()

    def close(self) -> None:
        """End it."""
        self.control.close()
        _pipe(self._process.stdin).close()
        try:
            self._process.wait(_END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._cleared()

    def _cleared(self) -> None:
        _pipe(self._process.stdin).close()
        _pipe(self._process.stdout).close()
        self._folder.cleanup()


def _store(store: str | None, folder: Path) -> list[str]:
    if store is None:
        return []
    return ["--store", f"sqlite:///{folder}/books.db" if store == OWN_FILE else store]


def _is_ours(variable: str) -> bool:
    return variable.startswith("CHATMARKS_")


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe
    return pipe
