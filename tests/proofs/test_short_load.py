"""Short forms of what load does to a server, and that each would be found."""

from __future__ import annotations

from pathlib import Path

import pytest

from proofs import ending, following, overload, soak
from proofs.crowd import Change, Heard
from proofs.part import Work
from proofs.soak import Sample
from proofs.vitals import Vitals


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(7, 0, tmp_path)


def test_a_soak(monkeypatch: pytest.MonkeyPatch, work: Work) -> None:
    monkeypatch.setattr(soak, "_SECONDS", 6.0)
    monkeypatch.setattr(soak, "_SAMPLE_SECONDS", 0.5)
    # Of seconds on a busy machine nothing can be said.
    monkeypatch.setattr(soak, "_TOLERANCE", 100.0)
    monkeypatch.setattr(soak, "_MORE_MIB", 100.0)
    done = soak.run(work)
    assert not done.violations, "\n\n".join(done.violations)
    assert done.count > 300


STEADY = Sample(Vitals(80.0, 30, 0.0), 0.2, 2.0, 1.0)


@pytest.mark.parametrize(
    ("late", "told"),
    [
        (Sample(Vitals(120.0, 30, 0.0), 0.2, 2.0, 1.0), "MiB grew from 80 to 120"),
        (Sample(Vitals(80.0, 50, 0.0), 0.2, 2.0, 1.0), "files grew from 30 to 50"),
        (Sample(Vitals(80.0, 30, 0.0), 0.4, 2.0, 1.0), "CPU ms of a call grew from 0.2 to 0.4"),
        (
            Sample(Vitals(80.0, 30, 0.0), 0.2, 4.0, 1.0),
            "median by that of a refusal grew from 2 to 4",
        ),
    ],
)
def test_what_grows_is_found(late: Sample, told: str) -> None:
    assert soak.grown([STEADY] * 40) == []
    assert soak.grown([STEADY] * 30 + [late] * 10) == [told]
    # A slower machine is not a slower server.
    slow = Sample(Vitals(80.0, 30, 0.0), 0.2, 20.0, 10.0)
    assert soak.grown([STEADY] * 30 + [slow] * 10) == []


def test_an_overload(monkeypatch: pytest.MonkeyPatch, work: Work) -> None:
    for name, seconds in (("CAPACITY", 1.0), ("USUAL", 2.0), ("OVERLOAD", 3.0)):
        monkeypatch.setattr(overload, f"_{name}_SECONDS", seconds)
    # How often is asked, and what is normal, depends on what else the machine does.
    monkeypatch.setattr(overload, "_TIMES", 2.0)
    monkeypatch.setattr(overload, "_NORMAL_SECONDS_MAX", 30.0)
    done = overload.run(work)
    assert not done.violations, "\n\n".join(done.violations)
    assert done.count > 100


def test_a_change_that_is_covered_or_was_never_made_is_found() -> None:
    first, second = Change("user0", "first", 0.0, 1.0), Change("user0", "second", 2.0, 3.0)
    beside, unknown = Change("user0", "beside", 0.5, 2.5), Change("user0", "unknown", 0.0)
    assert overload.possible([first, second]) == {"second"}
    assert overload.possible([first, second, beside, unknown]) == {"second", "beside", "unknown"}


def test_what_is_slower_than_usual_is_not_normal() -> None:
    usual = Heard(100, 100, taken=[0.01] * 100)
    assert overload.is_normal(usual, usual)
    assert not overload.is_normal(Heard(100, 99, busy=1, taken=[0.01] * 99), usual)
    assert not overload.is_normal(Heard(100, 100, taken=[0.03] * 100), usual)
    assert not overload.is_normal(Heard(100, 100, taken=[0.01] * 95 + [0.5] * 5), usual)


def test_ends(monkeypatch: pytest.MonkeyPatch, work: Work) -> None:
    monkeypatch.setattr(ending, "_ROUNDS", 3)
    done = ending.run(work)
    assert not done.violations, "\n\n".join(done.violations)


def test_followers(monkeypatch: pytest.MonkeyPatch, work: Work) -> None:
    monkeypatch.setattr(following, "_RESTARTS", 2)
    done = following.run(work)
    assert not done.violations, "\n\n".join(done.violations)
    assert done.count > 100
