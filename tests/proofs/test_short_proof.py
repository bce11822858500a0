"""A short form of each part of the proof, and five faults planted on purpose that it must find."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from histories.planted import FAULTS, planted
from histories.recorder import PLANTED, Way
from proofs import disk, power
from proofs.history import recorded
from proofs.part import Work


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(secrets.randbits(32), 1, tmp_path)


def test_failing_disks(monkeypatch: pytest.MonkeyPatch, work: Work) -> None:
    monkeypatch.setattr(disk, "_ROUNDS", 12)
    done = disk.run(work)
    assert not done.violations, "\n\n".join(done.violations)
    assert done.count > 12


def test_power_cuts(monkeypatch: pytest.MonkeyPatch, work: Work) -> None:
    monkeypatch.setattr(power, "_CUTS", 40)
    done = power.run(work)
    assert not done.violations, "\n\n".join(done.violations)
    assert done.count == 40


@pytest.mark.parametrize(
    ("engine", "way", "workers"),
    [("sqlite", "crashed", 1), ("sqlite", "faulty", 1), ("postgresql", "worker", 2)],
)
def test_crashes(work: Work, engine: str, way: Way, workers: int) -> None:
    done = recorded(engine, (way,), histories=3, workers=workers)(work)
    assert not done.violations, "\n\n".join(done.violations)


_SEEDS = 100
"""None is chosen: a history meets the fault sooner or later, most within the first few."""

FOUND_BY: dict[str, tuple[Way, int]] = {
    "check-before-arrival": ("unharmed", 1),
    "marker-after-commit": ("died", 3),
    "counted-version": ("unharmed", 20),
    "row-of-another": ("unharmed", 3),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: str) -> None:
    if fault == "answer-before-commit":
        monkeypatch.setattr(power, "_CUTS", 10)
        with planted(fault):
            assert power.run(Work(1, 0, tmp_path)).violations
        return
    way, histories = FOUND_BY[fault]
    prove = recorded("sqlite", (way,), histories=histories, environ={PLANTED: fault})
    assert any(prove(Work(seed, 0, tmp_path)).violations for seed in range(_SEEDS))
