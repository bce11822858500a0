"""The calls per second of every case as a picture: bars, and lines from the least round to the most."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from msgspec.structs import replace

from bench.results import CaseResult, Results, spread

_WIDTH, _LABELS, _NUMBERS = 860, 220, 90
_BAR, _GAP, _TITLE = 14, 6, 26
_COLOURS = {"fixed bytes": "#9aa5b1", "dictionary": "#9aa5b1", "synapse": "#9aa5b1"}
_OWN = "#2b6cb0"


def svg(results: Results) -> str:
    """Each case on a scale of its own; floors and others are grey. Paced cases have no saturation, and
    beside nginx nobody else's bar would be seen."""
    cases = [
        replace(case, cells=[cell for cell in case.cells if cell.name != "nginx"])
        for case in results.cases
        if case.rate is None
    ]
    parts: list[str] = []
    y = 8
    for case in cases:
        parts += _case(case, y)
        y += _height(case)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" width="{_WIDTH}"'
        f' height="{y}" font-family="sans-serif" font-size="11">'
        f'<rect width="{_WIDTH}" height="{y}" fill="#ffffff"/>'
    )
    return "\n".join([head, *parts, "</svg>", ""])


def _height(case: CaseResult) -> int:
    return _TITLE + len(case.cells) * (_BAR + _GAP) + _GAP


def _case(case: CaseResult, top: int) -> Iterator[str]:
    spreads = [spread(cell.values("calls_per_second")) for cell in case.cells]
    scale = (_WIDTH - _LABELS - _NUMBERS) / max(values.most for values in spreads)
    title = escape(f"Calls per second, {case.title}")
    yield f'<text x="8" y="{top + 14}" font-weight="bold" fill="#1a202c">{title}</text>'
    for number, (cell, values) in enumerate(zip(case.cells, spreads, strict=True)):
        y = top + _TITLE + number * (_BAR + _GAP)
        colour, middle = _COLOURS.get(cell.name, _OWN), y + _BAR / 2
        least, most = (_LABELS + value * scale for value in (values.least, values.most))
        yield f'<text x="{_LABELS - 8}" y="{y + 11}" text-anchor="end">{escape(cell.name)}</text>'
        yield (
            f'<rect x="{_LABELS}" y="{y}" width="{values.median * scale:.1f}" height="{_BAR}"'
            f' fill="{colour}"/>'
        )
        yield f'<path d="M{least:.1f} {middle}H{most:.1f}" stroke="#1a202c" stroke-width="1.5"/>'
        yield f'<text x="{most + 6:.1f}" y="{y + 11}">{values.median:,.0f}</text>'
