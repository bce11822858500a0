"""Short forms of what load does to a server, and that each would be found."""

from __future__ import annotations

from pathlib import Path

import pytest

from proofs import soak
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
