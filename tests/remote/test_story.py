"""A move with faults on both servers, and kills in between."""

from __future__ import annotations

from pathlib import Path

from remote.story import faulty, moved


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
