"""Crashes between snapshot and swap, and in the middle of a restore."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

from control import crashing


def test_of_100_crashes_each_leaves_one_whole_snapshot(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, crashing.__file__, str(tmp_path), "100"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    states = Counter(ended.stdout.splitlines())
    # Both sides of the swap were met, and nothing else.
    assert states.keys() == {"old", "new"}, states
    assert states.total() == 100
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["a.ndjson"]
