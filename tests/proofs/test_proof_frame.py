"""`make proof`: goes on where it was ended, repeats a seed, and tells what it found."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from proofs import __main__ as program
from proofs.kept import record_of
from proofs.part import Done, Part, Work

DRAWN: list[tuple[int, int]] = []


def draw(work: Work) -> Done:
    """Draws a number; one in slice 2 is a violation."""
    number = work.dice().randrange(1000)
    DRAWN.append((work.number, number))
    wrong = (f"{number} is wrong",) if work.number == 2 else ()
    return Done(10, wrong, {"largest": number})


PART = Part("draw", "nothing", "numbers", 4, draw)


@pytest.fixture(autouse=True)
def only_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "PARTS", (PART,))
    DRAWN.clear()


def options(results: Path, **more: object) -> argparse.Namespace:
    said: dict[str, object] = {
        "parts": [],
        "seed": None,
        "slices": None,
        "again": False,
        "table": False,
        "publish": False,
    }
    return argparse.Namespace(results=results, **(said | more))


def test_a_proof_goes_on_where_it_was_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(options(tmp_path, slices=2)) == 0
    assert "2/4  20 numbers" in capsys.readouterr().out
    assert program.main(options(tmp_path)) == 1
    assert [number for number, _ in DRAWN] == [0, 1, 2, 3]
    told = capsys.readouterr().out
    assert "is wrong\n" in told
    record = record_of(tmp_path, "draw", None)
    assert record is not None
    assert record.figures == {"largest": max(number for _, number in DRAWN)}
    assert told.splitlines()[-1].split()[-2:] == ["1", str(record.seed)]


def test_a_seed_gives_the_same_again(tmp_path: Path) -> None:
    program.main(options(tmp_path, seed=7))
    first = list(DRAWN)
    DRAWN.clear()
    program.main(options(tmp_path, seed=7))
    assert DRAWN == []
    program.main(options(tmp_path, seed=7, again=True))
    assert first == DRAWN
    DRAWN.clear()
    program.main(options(tmp_path, seed=8))
    assert [number for _, number in DRAWN] != [number for _, number in first]


def test_what_was_found_is_told_without_doing_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program.main(options(tmp_path, slices=1))
    capsys.readouterr()
    assert program.main(options(tmp_path, table=True)) == 0
    assert len(DRAWN) == 1
    assert "1/4" in capsys.readouterr().out


def test_what_was_found_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    document = tmp_path / "guarantees.md"
    document.write_text("before\n<!-- proof: begin -->\nold\n<!-- proof: end -->\nafter\n")
    monkeypatch.setattr("proofs.table.DOCUMENT", document)
    program.main(options(tmp_path, publish=True, seed=3))
    capsys.readouterr()
    text = document.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert "| `draw` | nothing | 40 numbers |" in text
    assert "- `draw`: largest" in text
