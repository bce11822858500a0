"""What a server takes of the machine: memory, files, and time of its processors."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from msgspec import Struct

from process import Server

_TICKS = os.sysconf("SC_CLK_TCK")


class Vitals(Struct, frozen=True):
    """Of a server and its workers: resident memory in MiB, open files, seconds of CPU until now."""

    mib: float
    files: int
    cpu: float


def vitals(server: Server) -> Vitals:
    """What it takes now. A process that is gone takes nothing."""
    kib = files = ticks = 0
    for pid in (server.process.pid, *server.workers()):
        process = Path(f"/proc/{pid}")
        with contextlib.suppress(OSError):
            stat = (process / "stat").read_text().rpartition(")")[2].split()
            ticks += int(stat[11]) + int(stat[12])
            status = (process / "status").read_text()
            kib += int(status.partition("VmRSS:")[2].split()[0])
            files += len(list((process / "fd").iterdir()))
    return Vitals(kib / 1024, files, ticks / _TICKS)
