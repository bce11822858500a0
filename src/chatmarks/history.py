"""The last hour of what a server counted, a sample every ten seconds."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from itertools import pairwise

from msgspec import Struct

from chatmarks.metrics import BOUNDS, Counts

log = logging.getLogger("chatmarks")

SAMPLE_SECONDS = 10.0
SAMPLES_MAX = 361
"""An hour and its beginning."""

NOTHING_MS = 0.0


class Sample(Struct, frozen=True):
    """What was counted until `at` (Unix seconds), over all commands: calls by code, and how many
    fell into each class of duration."""

    at: float
    codes: Mapping[int, int]
    classes: tuple[float, ...]


class Span(Struct, frozen=True):
    """What happened between two samples. `at`: its end; `median_ms` and `p99_ms`: upper bounds of the
    classes in which half, and 99 of 100, of the calls ended, 0 where there was none."""

    at: float
    calls_per_second: float
    failed_per_second: float
    median_ms: float
    p99_ms: float


class History:
    """The samples of the last hour."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._samples: deque[Sample] = deque(maxlen=SAMPLES_MAX)

    def add(self, counts: Counts) -> None:
        """Keep what was counted until now; what is older than an hour goes."""
        self._samples.append(_sample(self._clock(), counts))

    def spans(self) -> list[Span]:
        """What happened between each two samples, the oldest first."""
        return [_span(before, after) for before, after in pairwise(self._samples)]

    def codes(self) -> dict[int, int]:
        """How many calls of the hour were answered with each code, the most frequent first."""
        if not self._samples:
            return {}
        last, first = self._samples[-1].codes, self._samples[0].codes
        since = Counter({code: count - first.get(code, 0) for code, count in last.items()})
        return {code: count for code, count in since.most_common() if count > 0}


def _sample(at: float, counts: Counts) -> Sample:
    codes: Counter[int] = Counter()
    for of_command in counts.calls.values():
        codes.update(of_command)
    classes = [0.0] * (len(BOUNDS) + 1)
    for durations in counts.durations.values():
        for number, count in enumerate(durations[:-1]):
            classes[number] += count
    return Sample(at, codes, tuple(classes))


def _span(before: Sample, after: Sample) -> Span:
    seconds = max(after.at - before.at, 1e-3)
    # A worker that did not tell in time is counted as it last told, never as less.
    calls = {code: max(0, count - before.codes.get(code, 0)) for code, count in after.codes.items()}
    classes = [max(0.0, now - then) for then, now in zip(before.classes, after.classes, strict=True)]
    total = sum(calls.values())
    failed = total - calls.get(0, 0)
    return Span(
        after.at, total / seconds, failed / seconds, _bound_ms(classes, 0.5), _bound_ms(classes, 0.99)
    )


def _bound_ms(classes: Sequence[float], part: float) -> float:
    """The upper bound of the class in which `part` of all calls had ended, in milliseconds. For the
    last class, which has none, twice the bound before it."""
    wanted = sum(classes) * part
    if not wanted:
        return NOTHING_MS
    so_far = 0.0
    for bound, count in zip((*BOUNDS, BOUNDS[-1] * 2), classes, strict=True):
        so_far += count
        if so_far >= wanted:
            return bound * 1000
    return BOUNDS[-1] * 2000


@contextlib.asynccontextmanager
async def sampling(counts: Callable[[], Awaitable[Counts]]) -> AsyncIterator[History]:
    """A history that is kept until the end of the block."""
    history = History()

    async def keep() -> None:
        while True:
            try:
                history.add(await counts())
            except Exception:
                # A worker that is just going, perhaps: one sample is missing, and the next is not.
                log.exception("what was counted cannot be told")
            await asyncio.sleep(SAMPLE_SECONDS)

    task = asyncio.create_task(keep())
    try:
        yield history
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
