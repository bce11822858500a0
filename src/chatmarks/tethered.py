"""A server in a process that ends with the one that started it, however that ends. Both ends are here:
what starts it, and `python -m chatmarks.tethered serve …`, which ends when its standard input does.

It needs nothing of the client, so that a test run can load that while the server starts.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

OWN_FILE = "sqlite"
"""The store that is an SQLite file of the server's own."""

_START_SECONDS_MAX = 30.0
_END_SECONDS_MAX = 10.0
_TOLD_CHARACTERS_MAX = 4000
_STANDARD_INPUT = 0


class NotStarted(Exception):
    """The server did not start; the text has what it said about it."""


class Tethered:
    """A `chatmarks serve --dev --control` on free ports, which begins to start. `store`: `OWN_FILE`, a
    URL, or None for the memory."""

    def __init__(self, store: str | None = None) -> None:
        self._folder = TemporaryDirectory(prefix="chatmarks-")
        folder = Path(self._folder.name)
        self._errors = folder / "stderr"
        if store == OWN_FILE:
            store = f"sqlite:///{folder}/books.db"
        # -P: where the tests are may be a folder called chatmarks, too.
        program = [sys.executable, "-P", "-m", "chatmarks.tethered"]
        command = [
            *program,
            "serve",
            "--dev",
            "--control",
            "--json",
            "--port",
            "0",
            "--admin-port",
            "0",
        ]
        with self._errors.open("w") as errors:
            self.process = subprocess.Popen(  # noqa: S603 - this very package
                command if store is None else [*command, "--store", store],
                # What the settings of somebody's own server say is not for this one.
                env={name: value for name, value in os.environ.items() if not _is_ours(name)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                # Ctrl-C is for the run, which then ends the server.
                start_new_session=True,
            )

    def announced(self) -> dict[str, Any]:
        """What it announces when it answers calls. Raises `NotStarted`."""
        timer = threading.Timer(_START_SECONDS_MAX, self.process.kill)
        timer.start()
        try:
            line = _pipe(self.process.stdout).readline()
        finally:
            timer.cancel()
        if line:
            announced: dict[str, Any] = json.loads(line)
            return announced
        code = self.process.wait()
        said = self.said()
        self.close()
        raise NotStarted(f"the chatmarks server did not start (exit {code}):\n{said}")

    def said(self) -> str:
        """The end of what it wrote to standard error."""
        return self._errors.read_text(errors="replace")[-_TOLD_CHARACTERS_MAX:] or "it said nothing"

    def close(self) -> None:
        """End it."""
        _pipe(self.process.stdin).close()
        try:
            self.process.wait(_END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        _pipe(self.process.stdout).close()
        self._folder.cleanup()


def _is_ours(variable: str) -> bool:
    return variable.startswith("CHATMARKS_")


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe
    return pipe


def _end_with_input() -> None:
    while os.read(_STANDARD_INPUT, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    from chatmarks.cli import main

    threading.Thread(target=_end_with_input, daemon=True).start()
    main(prog_name="chatmarks")
