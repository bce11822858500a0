"""Measures a case: all of its subjects are started, then they take turns."""

from __future__ import annotations

import contextlib
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from bench import calls, machine
from bench.cases import Case, Cell
from bench.generator import Heard, program_path, saturate
from bench.pacer import pace
from bench.results import CaseResult, CellResult, Figures
from bench.subjects import Started, Workshop

_FLOORS = ("fixed bytes", "dictionary", "nginx")


class Plan(Struct, frozen=True):
    """How often and how long."""

    rounds: int
    seconds: int


class WentWrong(Exception):
    """A server did not answer as it must, so its figures mean nothing."""


def measure(case: Case, plan: Plan, workshop: Workshop, cores: machine.Cores) -> CaseResult:
    """Start everybody, let each warm up for as long as a round, then measure in turns."""
    cells = [cell for cell in case.cells if cell.subject != "nginx" or program_path("nginx")]
    with contextlib.ExitStack() as stack:
        answer = b""
        started: dict[str, Started] = {}
        # Floors come last, since their answers are those of a real server.
        for cell in sorted(cells, key=lambda cell: cell.subject in _FLOORS):
            # A database of ours is no part of the server: it goes to the other core.
            if cell.subject.startswith("postgres"):
                workshop.database()
            with machine.on_core(cores.server):
                subject = stack.enter_context(workshop.start(cell, answer))
            started[cell.name] = subject
            answer = _checked_answer(cell, subject, workshop, answer)
        rate = None
        for cell in cells:
            path = _calls_file(cell, started[cell.name], workshop, 0)
            _ask(cell, started[cell.name], path, plan.seconds, None)
            if cell.name == case.half_of:
                heard = _ask(cell, started[cell.name], path, plan.seconds, None)
                rate = heard.calls / heard.seconds / 2
        rounds: dict[str, list[Figures]] = {cell.name: [] for cell in cells}
        for number in range(1, plan.rounds + 1):
            # Nobody always comes first, or always after the same one's writes.
            first = number % len(cells)
            for cell in cells[first:] + cells[:first]:
                subject = started[cell.name]
                figures = _measured(cell, subject, workshop, number, plan.seconds, rate, cores)
                rounds[cell.name].append(figures)
        return CaseResult(
            case.name,
            case.title,
            datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            _circumstances(cells, workshop),
            plan.seconds,
            [
                CellResult(cell.name, machine.peak_mb(started[cell.name].pids()), rounds[cell.name])
                for cell in cells
            ],
            rate,
        )


def _measured(
    cell: Cell,
    subject: Started,
    workshop: Workshop,
    number: int,
    seconds: int,
    rate: float | None,
    cores: machine.Cores,
) -> Figures:
    """One round of one cell."""
    pids = subject.pids()
    database = subject.database() if subject.database else []
    refused_before = subject.refused()
    path = _calls_file(cell, subject, workshop, number)
    began_at = time.perf_counter()
    before = machine.cpu_seconds(pids), machine.cpu_seconds(database)
    busy_before = machine.busy_seconds(cores.server), machine.busy_seconds(cores.generator)
    heard = _ask(cell, subject, path, seconds, rate)
    took = time.perf_counter() - began_at
    cpu, database_cpu = (
        machine.cpu_seconds(several) - earlier
        for several, earlier in zip((pids, database), before, strict=True)
    )
    busy, generator_busy = (
        machine.busy_seconds(core) - earlier
        for core, earlier in zip((cores.server, cores.generator), busy_before, strict=True)
    )
    if heard.failed or subject.refused() != refused_before:
        raise WentWrong(f"{cell.name}: {heard.failed} calls failed, or were refused")
    return Figures(
        round(heard.calls / heard.seconds, 1),
        round(heard.p50_ms, 3),
        round(heard.p99_ms, 3),
        round(cpu / heard.calls * 1e6, 1),
        round(database_cpu / heard.calls * 1e6, 1) if database else None,
        round(max(0.0, (busy - cpu) / took), 3),
        round(generator_busy / took, 3),
    )


def _circumstances(cells: list[Cell], workshop: Workshop) -> str:
    described = f"{machine.described()}; 4 KiB synced in {machine.sync_ms(workshop.folder):.1f} ms"
    if any(cell.subject == "synapse" for cell in cells):
        from bench.peer import version

        return f"{described}; {version()}"
    return described


def _calls_file(cell: Cell, subject: Started, workshop: Workshop, number: int) -> Path:
    """The calls of a round, written once for all that have the same."""
    path = workshop.folder / "calls"
    if workshop.written != (cell.load, number):
        if subject.paths:
            path.write_text("".join(f"GET\t{called}\t\n" for called in subject.paths))
        else:
            calls.write(path, cell.load, workshop.query, number)
        workshop.written = cell.load, number
    return path


def _ask(cell: Cell, subject: Started, path: Path, seconds: int, rate: float | None) -> Heard:
    if rate is None:
        return saturate(subject.url, path, cell.load.clients, seconds, subject.headers)
    return pace(subject.url, path, cell.load.clients, seconds, rate)


def _checked_answer(cell: Cell, subject: Started, workshop: Workshop, expected: bytes) -> bytes:
    """What a server answers to the first call of its load. A floor must answer the same."""
    if subject.paths:
        return expected
    path = _calls_file(cell, subject, workshop, 0)
    _, called, body = path.read_text().partition("\n")[0].split("\t")
    with urllib.request.urlopen(subject.url + called, body.encode()) as page:
        answer: bytes = page.read()
    if _timeless(answer)["ErrorCode"] != 0:
        raise WentWrong(f"{cell.name} answered {answer[:500]!r}")
    if cell.subject in _FLOORS and _timeless(answer) != _timeless(expected):
        raise WentWrong(f"{cell.name} answered {answer[:500]!r}, not {expected[:500]!r}")
    return answer


def _timeless(answer: bytes) -> dict[str, Any]:
    """An answer without times, which depend on how a store was filled."""
    decoded: dict[str, Any] = msgspec.json.decode(answer)
    for record in decoded.get("ContactResultItem", []):
        del record["Timestamp"]
    return decoded
