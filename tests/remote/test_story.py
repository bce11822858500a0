"""A move with faults on both servers, and kills in between."""

from __future__ import annotations

from pathlib import Path

from chatmarks.client import Control
from remote.story import moved


def faulty(control: Control) -> None:
    """What a network and a busy service do, now and then."""
    control.faults.rate(every=89, times=3)
    control.faults.rate("app", every=131, times=2)
    control.faults.drop(probability=0.01, seed=1)
    control.faults.drop(kept=True, probability=0.01, seed=2)
    control.faults.answer(50004, probability=0.01, seed=3)
    control.faults.answer(50005, kept=True, probability=0.01, seed=4)
    control.faults.latency(80, probability=0.05, seed=5)


def test_a_move_that_is_killed_again_and_again_loses_nothing_and_keeps_its_budget(
    tmp_path: Path,
) -> None:
    figures = moved(tmp_path, 200, 3, faults=faulty)
    assert figures.conversations > 3000
    assert figures.pull_differences == 0
    assert figures.push_differences == 0
    assert set(figures.push_differences_with_ids) == {"GroupId", "Timestamp"}
    assert 30 < figures.pull_most_in_a_second <= 165
    assert 30 < figures.push_most_in_a_second <= 165
