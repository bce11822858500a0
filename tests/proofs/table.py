"""The figures of a proof as one table, for the terminal and for docs/guarantees.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from proofs.kept import Record
from proofs.part import Part

DOCUMENT = Path(__file__).parents[2] / "docs" / "guarantees.md"

_BEGIN, _END = "<!-- proof: begin -->\n", "<!-- proof: end -->\n"

_HEAD = ("Part", "Of", "Rounds or inputs", "Seconds", "Violations", "Seed")


def table(done: Sequence[tuple[Part, Record]]) -> str:
    """For people at a terminal."""
    rows = [_HEAD, *(_row(part, record) for part, record in done)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _row(part: Part, record: Record) -> tuple[str, ...]:
    done = "all" if len(record.slices) >= part.slices else f"{len(record.slices)}/{part.slices}"
    return (
        part.name,
        done,
        f"{record.count:,} {part.unit}",
        f"{record.seconds:,.0f}",
        str(len(record.violations)),
        str(record.seed),
    )


def publish(done: Sequence[tuple[Part, Record]]) -> None:
    """Write it into the document, with what else was measured."""
    head = ("Part", "What it would refute", *_HEAD[2:], "Begun", "Machine")
    lines = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|"]
    for part, record in done:
        _, of, count, *others = _row(part, record)
        rounds = count if of == "all" else f"{count} (slices {of})"
        cells = (f"`{part.name}`", part.promise, rounds, *others, record.began, record.machine)
        lines.append(f"| {' | '.join(cells)} |")
    figures = [
        f"- `{part.name}`: " + ", ".join(f"{name} {value:,.6g}" for name, value in found.items())
        for part, record in done
        if (found := record.figures)
    ]
    if figures:
        lines += ["", "The largest of each figure that was met:", "", *figures]
    before, _, rest = DOCUMENT.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    DOCUMENT.write_text(f"{before}{_BEGIN}" + "\n".join(lines) + f"\n{_END}{after}")
