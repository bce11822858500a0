"""The cores of this machine, who runs on which, and what a process took. Linux only: from /proc."""

from __future__ import annotations

import contextlib
import os
import platform
import statistics
import time
from collections.abc import Generator, Iterable
from pathlib import Path

from msgspec import Struct

_TICKS = os.sysconf("SC_CLK_TCK")
_SYNCS = 50
# Of the times that /proc/stat tells of a core.
_IDLE, _WAITING = 3, 4


class Cores(Struct, frozen=True):
    """One core for who is measured, another for who measures, and for a database."""

    server: int
    generator: int


def cores() -> Cores:
    """The last core for the server: interrupts come to the first."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:  # noqa: PLR2004 - one each
        raise SystemExit("two cores are needed: one for the server, one for who measures it")
    return Cores(allowed[-1], allowed[0])


@contextlib.contextmanager
def on_core(core: int) -> Generator[None, None, None]:
    """What is started in the block stays on `core`."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(pids: Iterable[int]) -> float:
    """What processes took of a core since they began; one that is gone counts nothing."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(stat[11]) + int(stat[12])
    return total / _TICKS


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    return [pid, *(int(child) for listed in children for child in listed.read_text().split())]


def peak_mb(pids: Iterable[int]) -> float:
    """The most memory that processes held at once, as if all of them had held theirs together."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                total += int(line.split()[1])
    return total * 1024 / 1e6


def busy_seconds(core: int) -> float:
    """How long a core was not idle since the machine started, whoever had it."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            # Guests are counted in the first of these already.
            times = [int(text) for text in line.split()[1:9]]
            return (sum(times) - times[_IDLE] - times[_WAITING]) / _TICKS
    raise AssertionError(f"/proc/stat has no core {core}")


def sync_ms(folder: Path) -> float:
    """How long the disk under `folder` takes to keep 4 KiB, in the median."""
    path = folder / "sync"
    took = []
    with path.open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            began_at = time.perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began_at)
    path.unlink()
    return statistics.median(took) * 1000


def described() -> str:
    """Processor, cores, memory and system, in a line."""
    model = next(
        (
            line.partition(": ")[2]
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB,"
        f" Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}"
    )
