"""Plots of the last hour, drawn as the points of an SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from chatmarks.history import SAMPLE_SECONDS, SAMPLES_MAX, Span

WIDTH, HEIGHT = 600, 140
_SECONDS = SAMPLE_SECONDS * (SAMPLES_MAX - 1)


class Line(Struct, frozen=True):
    """One line of a plot: its name in the catalogue, its newest value, and its points, `x,y x,y`, in
    runs where samples are missing between."""

    name: str
    last: float
    runs: tuple[str, ...]


class Plot(Struct, frozen=True):
    """A plot: what is at its top and at half of its height, and its lines."""

    top: float
    half: float
    lines: tuple[Line, ...]


def plot(
    spans: Sequence[Span], now: float, lines: Sequence[tuple[str, Callable[[Span], float]]]
) -> Plot:
    """The plot of `spans` in the hour before `now` (Unix seconds): a line for each name, of what its
    function gives."""
    values = [value(span) for span in spans for _, value in lines]
    top = _round_top(max(values, default=0.0))
    drawn = []
    for name, value in lines:
        runs: list[list[str]] = []
        before = 0.0
        for span in spans:
            x = WIDTH * (1 - (now - span.at) / _SECONDS)
            if not 0 <= x <= WIDTH:
                continue
            if span.at - before > 3 * SAMPLE_SECONDS:
                runs.append([])
            before = span.at
            runs[-1].append(f"{x:.1f},{HEIGHT - HEIGHT * value(span) / top:.1f}")
        last = value(spans[-1]) if spans else 0.0
        drawn.append(Line(name, last, tuple(" ".join(run) for run in runs)))
    return Plot(top, top / 2, tuple(drawn))


def _round_top(most: float) -> float:
    """A round number that is `most` or a bit more; 1 at least."""
    top = 1.0
    while True:
        for step in (1, 2, 5):
            if top * step >= most:
                return top * step
        top *= 10
