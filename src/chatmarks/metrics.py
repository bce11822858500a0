"""What a server counts of itself, in the form of Prometheus.

A call costs a look-up in a dictionary; everything else is done when somebody asks. What a process
counted is a value, so that the counts of several can be summed before they are shown.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from chatmarks.service import Observed
from chatmarks.store import Store

if TYPE_CHECKING:
    from prometheus_client.core import Metric

BOUNDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Upper bounds of the classes of duration, in seconds."""


class Counts(Struct, frozen=True):
    """What was counted. `calls`: by command and ErrorCode; `durations`: by command, how many calls
    fell into each class, then their seconds together; `store`: the store's counts, each by its name
    with its meaning. Commands and codes are bounded by their tables, so the number of series is."""

    calls: dict[str, dict[int, int]] = {}
    durations: dict[str, list[float]] = {}
    store: dict[str, tuple[str, float]] = {}


class Lag(Struct, frozen=True):
    """How far a reader is behind: how many events, and how old the oldest of them is, in seconds;
    `left`: how many accounts it is still to try again."""

    sdkappid: int
    reader: str
    events: int
    seconds: float
    left: int = 0


class Workers(Struct, frozen=True):
    """Of several workers: how many answer calls, and how many took the place of another."""

    answering: int
    replaced: int


class Metrics:
    """Counts the calls of a process, and asks its store for the store's own counts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._calls: dict[str, dict[int, int]] = {}
        self._durations: dict[str, list[float]] = {}

    def observe(self, call: Observed) -> None:
        """Count a call."""
        durations = self._durations.get(call.command)
        if durations is None:
            durations = self._durations[call.command] = [0.0] * (len(BOUNDS) + 2)
            self._calls[call.command] = {}
        durations[bisect_left(BOUNDS, call.seconds)] += 1
        durations[-1] += call.seconds
        calls, code = self._calls[call.command], int(call.code)
        calls[code] = calls.get(code, 0) + 1

    def counts(self) -> Counts:
        """What was counted until now."""
        return Counts(
            {command: dict(codes) for command, codes in self._calls.items()},
            {command: list(durations) for command, durations in self._durations.items()},
            dict(self._store.counts()),
        )


def summed(parts: Iterable[Counts]) -> Counts:
    """The counts of several processes as one, added in the order given."""
    calls: defaultdict[str, Counter[int]] = defaultdict(Counter)
    durations: dict[str, list[float]] = {}
    store: dict[str, tuple[str, float]] = {}
    for part in parts:
        for command, codes in part.calls.items():
            calls[command].update(codes)
        for command, more in part.durations.items():
            so_far = durations.get(command, [0.0] * len(more))
            durations[command] = [one + other for one, other in zip(so_far, more, strict=True)]
        for name, (meaning, value) in part.store.items():
            store[name] = (meaning, store.get(name, (meaning, 0))[1] + value)
    return Counts({command: dict(codes) for command, codes in calls.items()}, durations, store)


def text(counts: Counts, workers: Workers | None = None, lags: Sequence[Lag] = ()) -> bytes:
    """All metrics as Prometheus reads them; `workers` when there are several, `lags` of the readers of
    feeds that the store knows."""
    # Imported here: 30 ms of start-up, paid by whoever asks first.
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(counts, workers, lags))
    return generate_latest(registry)


class _Families:
    """The metrics as the library wants to be told them."""

    def __init__(self, counts: Counts, workers: Workers | None, lags: Sequence[Lag]) -> None:
        self._counts = counts
        self._workers = workers
        self._lags = lags

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        calls = CounterMetricFamily(
            "chatmarks_calls", "Calls answered, by command and ErrorCode.", labels=("command", "code")
        )
        for command, codes in self._counts.calls.items():
            for code, count in codes.items():
                calls.add_metric((command, str(code)), count)
        yield calls
        durations = HistogramMetricFamily(
            "chatmarks_call_seconds", "Time from a whole request to its answer.", labels=("command",)
        )
        for command, (*classes, total) in self._counts.durations.items():
            durations.add_metric((command,), _cumulated(classes), total)
        yield durations
        for name, (meaning, value) in self._counts.store.items():
            yield CounterMetricFamily(f"chatmarks_store_{name}", meaning, value=value)
        yield from self._feeds()
        if workers := self._workers:
            yield GaugeMetricFamily(
                "chatmarks_workers", "Worker processes that answer calls.", value=workers.answering
            )
            yield CounterMetricFamily(
                "chatmarks_workers_replaced",
                "Workers that took the place of one that ended.",
                value=workers.replaced,
            )

    def _feeds(self) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily

        labels = ("sdkappid", "reader")
        events = GaugeMetricFamily(
            "chatmarks_feed_waiting",
            "Events of a feed that a reader is still to be told.",
            labels=labels,
        )
        seconds = GaugeMetricFamily(
            "chatmarks_feed_lag_seconds", "Age of the oldest of them.", labels=labels
        )
        left = GaugeMetricFamily(
            "chatmarks_feed_left_accounts", "Accounts that it is still to try again.", labels=labels
        )
        for lag in self._lags:
            name = str(lag.sdkappid), lag.reader
            events.add_metric(name, lag.events)
            seconds.add_metric(name, lag.seconds)
            left.add_metric(name, lag.left)
        yield from (events, seconds, left)


def _cumulated(classes: list[float]) -> list[tuple[str, float]]:
    """Buckets as Prometheus wants them: each counts what is at or below its bound."""
    buckets, sum_so_far = [], 0.0
    for bound, count in zip([*map(str, BOUNDS), "+Inf"], classes, strict=True):
        sum_so_far += count
        buckets.append((bound, sum_so_far))
    return buckets
