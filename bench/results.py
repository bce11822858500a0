"""What was measured, as it is kept, and what follows from it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from msgspec import Struct

from bench.cases import RATIOS, Ratio

FOREIGN_MAX = 0.05
"""What share of its core a server may have to leave to others, for its figures to count."""


class Figures(Struct, frozen=True):
    """One round of one cell. CPU is that of a call, in the server and in its database; `foreign`: the
    share of the server's core that others took; `generator_busy`: that of the other core in use."""

    calls_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_microseconds: float
    database_microseconds: float | None
    foreign: float
    generator_busy: float


class CellResult(Struct, frozen=True):
    """All rounds of one cell, and the most memory its processes held."""

    name: str
    peak_mb: float
    rounds: list[Figures]

    def values(self, figure: str) -> list[float]:
        """One figure of each round."""
        return [getattr(one, figure) for one in self.rounds]


class CaseResult(Struct, frozen=True):
    """A case, measured at one time; `rate`: calls per second, where they were paced."""

    name: str
    title: str
    made_at: str
    machine: str
    seconds: float
    cells: list[CellResult]
    rate: float | None = None

    def cell(self, name: str) -> CellResult | None:
        """The cell of that name, None where it was not measured."""
        return next((cell for cell in self.cells if cell.name == name), None)


class Results(Struct, frozen=True):
    """All that is known."""

    cases: list[CaseResult] = []

    def case(self, name: str) -> CaseResult | None:
        """The case of that name, None where it was not measured."""
        return next((case for case in self.cases if case.name == name), None)

    def with_cases(self, measured: Iterable[CaseResult], order: Sequence[str]) -> Results:
        """These in the place of earlier ones of the same name."""
        known = {case.name: case for case in (*self.cases, *measured)}
        return Results([known[name] for name in order if name in known])


class Spread(Struct, frozen=True):
    """Median, least and most of some rounds."""

    median: float
    least: float
    most: float


class Compared(Struct, frozen=True):
    """A ratio, computed within each round, and whether its median reaches the goal. `by_cpu`: what the
    ratio of two rates would be if only the CPU of a call decided it; others on the core matter less."""

    ratio: Ratio
    spread: Spread
    by_cpu: Spread | None

    @property
    def is_reached(self) -> bool:
        if self.ratio.at_least:
            return self.spread.median >= self.ratio.goal
        return self.spread.median <= self.ratio.goal


def spread(values: Sequence[float]) -> Spread:
    """How values spread."""
    return Spread(statistics.median(values), min(values), max(values))


def disturbed(results: Results) -> list[str]:
    """The cases in which others took too much of the server's core, in the median of some cell."""
    return [
        case.name
        for case in results.cases
        if any(spread(cell.values("foreign")).median > FOREIGN_MAX for cell in case.cells)
    ]


def compared(results: Results) -> list[Compared]:
    """Every ratio whose two cells were measured, in one case, so in turns."""
    found = []
    for ratio in RATIOS:
        assert ratio.of[0] == ratio.by[0]
        case = results.case(ratio.of[0])
        of, by = (case.cell(name) if case else None for _, name in (ratio.of, ratio.by))
        if of and by:
            rates = ratio.figure == "calls_per_second"
            by_cpu = _divided(by, of, "cpu_microseconds") if rates else None
            found.append(Compared(ratio, _divided(of, by, ratio.figure), by_cpu))
    return found


def _divided(of: CellResult, by: CellResult, figure: str) -> Spread:
    pairs = zip(of.values(figure), by.values(figure), strict=True)
    return spread([one / other for one, other in pairs])
