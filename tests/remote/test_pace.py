"""How many calls go out in a second, on a clock that stands still until it is moved."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable

import pytest

from chatmarks.remote.pace import Pace


class Time:
    """A clock whose sleepers wake in the order of their times, each a little late."""

    def __init__(self, late: Callable[[], float] = lambda: 0.0) -> None:
        self.now = 0.0
        self.late = late
        self.sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.now + seconds + self.late(), len(self.sleepers), future))
        await future

    async def run(self, *work: Awaitable[None]) -> None:
        """Run `work` to its end, moving on whenever all of it sleeps."""
        tasks = [asyncio.ensure_future(each) for each in work]
        while not all(task.done() for task in tasks):
            for _ in range(20):
                await asyncio.sleep(0)
            if self.sleepers:
                self.sleepers.sort(key=lambda sleeper: sleeper[:2])
                at, _, future = self.sleepers.pop(0)
                self.now = max(self.now, at)
                future.set_result(None)
        await asyncio.gather(*tasks)


def most_in_a_second(times: list[float]) -> int:
    times = sorted(times)
    return max(sum(begin <= at < begin + 1.0 for at in times) for begin in times)


async def arrivals(
    pace: Pace, time: Time, count: int, travel: Callable[[], tuple[float, float]]
) -> list[float]:
    """When `count` calls of 16 callers arrived; `travel` draws how long a call and its answer take."""
    arrived: list[float] = []
    left = iter(range(count))

    async def caller() -> None:
        for _ in left:
            there, back = travel()
            async with pace.call():
                await time.sleep(there)
                arrived.append(time())
                await time.sleep(back)

    await time.run(*(caller() for _ in range(16)))
    return arrived


async def test_calls_go_out_evenly_and_as_many_as_the_budget_allows() -> None:
    time = Time(late=lambda: 0.001)
    pace = Pace(150, clock=time, sleep=time.sleep)
    arrived = await arrivals(pace, time, 900, lambda: (0.0, 0.01))
    assert arrived[-1] == pytest.approx(900 / 150, abs=0.1)
    assert most_in_a_second(arrived) <= 155
    assert max(later - at for at, later in itertools.pairwise(arrived)) < 0.02
    assert pace.calls == 900


async def test_no_second_has_more_than_a_tenth_above_the_budget_however_calls_bunch() -> None:
    draw = random.Random(1)
    time = Time(late=lambda: draw.choice([0.0, 0.0, 0.001, 0.3]))
    pace = Pace(150, clock=time, sleep=time.sleep)
    travel = lambda: (draw.choice([0.0, 0.01, 0.5]), draw.choice([0.0, 0.2]))  # noqa: E731 - short
    assert most_in_a_second(await arrivals(pace, time, 1500, travel)) <= 165


async def test_a_budget_of_one_is_a_call_a_second() -> None:
    time = Time()
    pace = Pace(1, clock=time, sleep=time.sleep)
    arrived = await arrivals(pace, time, 5, lambda: (0.0, 0.1))
    assert most_in_a_second(arrived) == 1


async def test_a_refusal_slows_down_once_and_the_rate_recovers_slowly() -> None:
    time = Time()
    pace = Pace(100, clock=time, sleep=time.sleep)
    sent: list[float] = []

    async def refused_together() -> None:
        async with pace.call() as first, pace.call() as second:
            sent.extend([first, second])
        for at in sent:
            pace.slow_down(at)

    async def refused() -> None:
        async with pace.call() as at:
            sent.append(at)
        pace.slow_down(at)

    await time.run(refused_together())
    assert pace.slowed == 1
    assert pace.rate == pytest.approx(70)
    await time.run(refused())
    assert sent[2] >= sent[1] + 1.0
    assert pace.rate == pytest.approx(49, abs=1)
    time.now += 1 + 10
    assert pace.rate == pytest.approx(69, abs=1)
    time.now += 60
    assert pace.rate == 100


async def test_the_rate_never_falls_below_one_a_second() -> None:
    time = Time()
    pace = Pace(10, clock=time, sleep=time.sleep)
    for _ in range(40):
        pace.slow_down(time())
        time.now += 0.001
    assert pace.rate == 1
