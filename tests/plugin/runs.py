"""Runs of pytest in a process of their own, with nothing but the plugin."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

NOWHERE = "http://127.0.0.1:9"
"""A proxy that does not answer: who wants the network does not get it."""

_OURS = ("CHATMARKS_", "PYTEST_")


class Run(NamedTuple):
    """What a run came to: its exit code, how many tests ended how, and all that it wrote."""

    code: int
    counts: dict[str, int]
    text: str


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), NOWHERE)
    return {**kept, **proxies, "NO_PROXY": "", **more}


def run(folder: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> Run:
    """Run the tests of a folder."""
    # Other plugins that are installed here are not what is tested, and take their time.
    plain = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-W", "error")
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", *plain, *arguments],
        cwd=folder,
        env=environment(**(environ or {})),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    text = finished.stdout + finished.stderr
    last = re.findall(r"^=*\s*((?:\d+ \w+(?:, )?)+) in [\d.]+s", text, re.MULTILINE)
    counts = last[-1] if last else ""
    found = {name.rstrip("s"): int(count) for count, name in re.findall(r"(\d+) (\w+)", counts)}
    return Run(finished.returncode, found, text)


def tried(folder: Path, tests: str, *arguments: str, **environ: str) -> Run:
    """Run a file of tests."""
    (folder / "test_it.py").write_text(tests, encoding="utf-8")
    return run(folder, *arguments, environ=environ)
