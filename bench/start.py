"""How long `chatmarks serve --dev` takes to its first answer, and what it holds when idle.

Starts it as a user would, ten times after one that warms the file cache. Linux only: memory is read
from /proc.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("chatmarks")
ROUNDS = 10


def start() -> tuple[float, float]:
    """Milliseconds to the first answer, and MB held a second later."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [PROGRAM, "serve", "--dev", "--json", "--port", "0", "--admin-port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout
    url = json.loads(process.stdout.readline())["url"]
    with urllib.request.urlopen(f"{url}/v4/recentcontact/get_contact_group", b"{}") as answer:
        answer.read()
    took = time.perf_counter() - began
    time.sleep(1)
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    process.terminate()
    process.wait()
    process.stdout.close()
    return took * 1000, pages * 4096 / 1e6


def main() -> None:
    """Print median, best and worst."""
    start()
    rounds = [start() for _ in range(ROUNDS)]
    for name, unit, figures in zip(
        ("first answer", "idle memory"), ("ms", "MB"), zip(*rounds, strict=True), strict=True
    ):
        print(
            f"{name}: median {statistics.median(figures):.0f} {unit},"
            f" best {min(figures):.0f}, worst {max(figures):.0f}, of {ROUNDS}"
        )


if __name__ == "__main__":
    main()
