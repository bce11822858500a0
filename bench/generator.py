"""Who asks as fast as answers come: wrk."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

_SCRIPT = Path(__file__).with_name("wrk.lua")
_TIMEOUT_SECONDS = 10

PACKAGES = {"wrk": "wrk", "nginx": "nginx-light"}
"""Programs, and the packages of Debian that have them."""


class Heard(Struct, frozen=True):
    """What a generator was answered: how many calls in how many seconds, how many of them failed, and
    how long an answer took."""

    calls: int
    seconds: float
    failed: int
    p50_ms: float
    p99_ms: float


def lacking() -> list[str]:
    """The programs that are not installed."""
    return [program for program in PACKAGES if not program_path(program)]


def program_path(program: str) -> str | None:
    """Where a program is. Debian has servers where only root looks."""
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")


def saturate(url: str, calls: Path, clients: int, seconds: int, headers: tuple[str, ...]) -> Heard:
    """Ask with as many clients, each as soon as it has its answer."""
    finished = subprocess.run(
        [
            "wrk",
            "--threads=1",
            f"--connections={clients}",
            f"--duration={seconds}s",
            f"--timeout={_TIMEOUT_SECONDS}s",
            f"--script={_SCRIPT}",
            url,
            "--",
            calls,
            *headers,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    told: dict[str, Any] = msgspec.json.decode(finished.stderr.splitlines()[-1])
    return Heard(
        told["calls"],
        told["microseconds"] / 1e6,
        told["failed"],
        told["p50"] / 1000,
        told["p99"] / 1000,
    )
