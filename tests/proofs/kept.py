"""What was done of a proof, kept after each slice, so that it goes on where it was ended."""

from __future__ import annotations

import datetime as dt
import os
import platform
from pathlib import Path

import msgspec
from msgspec import Struct

from proofs.part import Done


class Record(Struct):
    """What was done of a part: its slices by number, of one seed."""

    seed: int
    machine: str
    began: str
    seconds: float = 0.0
    slices: dict[int, Done] = {}

    @property
    def count(self) -> int:
        return sum(done.count for done in self.slices.values())

    @property
    def violations(self) -> list[str]:
        return [each for _, done in sorted(self.slices.items()) for each in done.violations]

    @property
    def figures(self) -> dict[str, float]:
        """The largest of each figure."""
        found: dict[str, float] = {}
        for done in self.slices.values():
            for name, value in done.figures.items():
                found[name] = max(found.get(name, value), value)
        return found


def record_of(directory: Path, part: str, seed: int | None) -> Record | None:
    """What was kept of a part, None where there is nothing of that seed; None: of any."""
    path = _path(directory, part)
    if not path.exists():
        return None
    record = msgspec.json.decode(path.read_bytes(), type=Record)
    return record if seed in (None, record.seed) else None


def begun(seed: int) -> Record:
    """A record with nothing done."""
    now = dt.datetime.now(dt.UTC).date().isoformat()
    return Record(seed, f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores", now)


def keep(directory: Path, part: str, record: Record) -> None:
    """Keep a record in the place of the one before."""
    directory.mkdir(parents=True, exist_ok=True)
    path = _path(directory, part)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(record)))
    fresh.replace(path)


def _path(directory: Path, part: str) -> Path:
    return directory / f"{part}.json"
