"""The last hour of what was counted."""

from __future__ import annotations

import asyncio

from chatmarks.history import SAMPLE_SECONDS, SAMPLES_MAX, History, sampling
from chatmarks.metrics import BOUNDS, Counts


def counts(done: int, failed: int = 0, number: int = 0) -> Counts:
    """So many calls, all in one class of duration."""
    classes = [0.0] * (len(BOUNDS) + 2)
    classes[number] = done + failed
    return Counts({"a": {0: done}, "b": {51006: failed}}, {"a": classes})


def test_a_span_tells_calls_failures_and_latency() -> None:
    now = [0.0]
    history = History(lambda: now[0])
    history.add(counts(10))
    now[0] = 10.0
    history.add(counts(40, 10))
    (span,) = history.spans()
    assert (span.calls_per_second, span.failed_per_second) == (4.0, 1.0)
    assert span.median_ms == span.p99_ms == BOUNDS[0] * 1000
    assert history.codes() == {0: 30, 51006: 10}


def test_calls_slower_than_every_bound_are_told_as_twice_the_last() -> None:
    history = History()
    history.add(Counts())
    history.add(counts(1, number=len(BOUNDS)))
    assert history.spans()[0].p99_ms == BOUNDS[-1] * 2000


def test_a_count_that_fell_is_none() -> None:
    history = History()
    history.add(counts(10))
    history.add(counts(5))
    assert history.spans()[0].calls_per_second == 0
    assert history.spans()[0].median_ms == 0
    assert history.codes() == {}


def test_no_more_than_an_hour_is_kept() -> None:
    now = [0.0]
    history = History(lambda: now[0])
    assert (history.spans(), history.codes()) == ([], {})
    for number in range(2 * SAMPLES_MAX):
        now[0] = number * SAMPLE_SECONDS
        history.add(counts(number))
    spans = history.spans()
    assert spans[-1].at - spans[0].at == 3600 - SAMPLE_SECONDS


async def test_counts_that_cannot_be_told_once_do_not_end_a_history() -> None:
    async def broken() -> Counts:
        raise OSError

    async with sampling(broken) as history:
        await asyncio.sleep(0)
    assert history.spans() == []
