"""What a server counts of itself, in the form of Prometheus.

A call costs a look-up in a dictionary; everything else is done when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import TYPE_CHECKING

from chatmarks.errors import Code
from chatmarks.service import Observed
from chatmarks.store import Store

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_BOUNDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Upper bounds of the classes of duration, in seconds."""


class Metrics:
    """Counts calls, and asks the store for its own counts. Commands and codes are bounded by their
    tables, so the number of series is."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._calls: dict[tuple[str, Code], int] = {}
        self._durations: dict[str, list[float]] = {}

    def observe(self, call: Observed) -> None:
        """Count a call."""
        key = (call.command, call.code)
        self._calls[key] = self._calls.get(key, 0) + 1
        durations = self._durations.get(call.command)
        if durations is None:
            durations = self._durations[call.command] = [0.0] * (len(_BOUNDS) + 2)
        durations[bisect_left(_BOUNDS, call.seconds)] += 1
        durations[-1] += call.seconds

    def text(self) -> bytes:
        """All metrics as Prometheus reads them."""
        # Imported here: 30 ms of start-up, paid by whoever asks first.
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> Iterator[Metric]:
        """What the library asks for when the metrics are read."""
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

        calls = CounterMetricFamily(
            "chatmarks_calls", "Calls answered, by command and ErrorCode.", labels=("command", "code")
        )
        for (command, code), count in self._calls.items():
            calls.add_metric((command, str(code.value)), count)
        yield calls
        durations = HistogramMetricFamily(
            "chatmarks_call_seconds", "Time from a whole request to its answer.", labels=("command",)
        )
        for command, (*classes, total) in self._durations.items():
            durations.add_metric((command,), _cumulated(classes), total)
        yield durations
        for name, (meaning, value) in self._store.counts().items():
            yield CounterMetricFamily(f"chatmarks_store_{name}", meaning, value=value)


def _cumulated(classes: list[float]) -> list[tuple[str, float]]:
    """Buckets as Prometheus wants them: each counts what is at or below its bound."""
    buckets, sum_so_far = [], 0.0
    for bound, count in zip([*map(str, _BOUNDS), "+Inf"], classes, strict=True):
        sum_so_far += count
        buckets.append((bound, sum_so_far))
    return buckets
