"""Histories of two servers on one store, whose servers, workers and disks fail meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from histories.proof import fresh_store, prove
from histories.recorder import Way
from proofs.part import Done, Part, Work

_HISTORIES = 100

_CRASHES: tuple[Way, ...] = ("crashed", "crashed", "crashed", "killed", "died")
_CRASHES_OF_WORKERS: tuple[Way, ...] = ("worker", "crashed", "worker", "killed", "worker")
_HARMS: Mapping[str, tuple[Way, ...]] = {
    "sqlite": ("unharmed",) * 17 + ("killed", "died", "faulty"),
    "postgresql": ("unharmed",) * 18 + ("killed", "died"),
}


def recorded(
    engine: str,
    ways: tuple[Way, ...],
    *,
    histories: int = _HISTORIES,
    environ: Mapping[str, str] | None = None,
    workers: int = 1,
) -> Callable[[Work], Done]:
    """What records and checks histories on an engine, which go those ways in turn."""

    def run(work: Work) -> Done:
        first = work.number * histories
        planned = [(number, ways[number % len(ways)]) for number in range(first, first + histories)]
        with fresh_store(engine) as url:
            tally = asyncio.run(
                prove(engine, url, work.seed, planned, work.directory, environ=environ, workers=workers)
            )
        return Done(histories, tuple(tally.problems), {"calls in a slice": tally.calls})

    return run


PARTS = (
    *(
        Part(
            f"crash-{engine}",
            "what was acknowledged before servers were killed at any moment, or died right after a"
            " commit, is there when they are back; what was not is there whole, or not at all",
            "crashes",
            10,
            recorded(engine, _CRASHES, histories=50),
        )
        for engine in _HARMS
    ),
    Part(
        "crash-workers",
        "the same where workers of a server are killed, on PostgreSQL",
        "crashes",
        5,
        recorded("postgresql", _CRASHES_OF_WORKERS, histories=40, workers=2),
    ),
    *(
        Part(
            f"history-{engine}",
            "each account is linearizable over two servers, whichever is killed, dies after a commit"
            + (", or has a failing disk" if engine == "sqlite" else ""),
            "histories",
            50,
            recorded(engine, ways),
        )
        for engine, ways in _HARMS.items()
    ),
)
