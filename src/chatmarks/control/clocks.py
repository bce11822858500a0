"""A clock for each app, which can be frozen, set, moved and let go."""

from __future__ import annotations

import time
from collections.abc import Callable

from msgspec import Struct

NOW_MAX = 253_402_300_799
"""The last second of the year 9999, in Unix time. A clock shows 0 at least."""


class ClockState(Struct, frozen=True):
    """What an app's clock shows: Unix seconds, whether it stands still, and by how many seconds it is
    ahead of the machine's."""

    now: float
    frozen: bool
    ahead_seconds: float


class _Clock(Struct, frozen=True):
    """`base` is what it shows when it stands still, else what is added to the machine's time."""

    base: float
    frozen: bool


_MACHINE = _Clock(0.0, frozen=False)


class Clocks:
    """The clocks of all apps. Those that nobody touched show the machine's time."""

    def __init__(self, machine: Callable[[], float] = time.time) -> None:
        self._machine = machine
        self._clocks: dict[int, _Clock] = {}

    def __bool__(self) -> bool:
        """Whether somebody touched one."""
        return bool(self._clocks)

    def now(self, sdkappid: int) -> float:
        """The time of an app, in Unix seconds."""
        clock = self._clocks.get(sdkappid, _MACHINE)
        return clock.base if clock.frozen else self._machine() + clock.base

    def state(self, sdkappid: int) -> ClockState:
        """What an app's clock shows now."""
        clock = self._clocks.get(sdkappid, _MACHINE)
        machine = self._machine()
        shown = clock.base if clock.frozen else machine + clock.base
        ahead = clock.base - machine if clock.frozen else clock.base
        return ClockState(round(shown, 3), clock.frozen, round(ahead, 3))

    def change(self, sdkappid: int, now: float, *, frozen: bool) -> None:
        """Let an app's clock show `now`, and stand still there or go on from there."""
        self._clocks[sdkappid] = _Clock(now if frozen else now - self._machine(), frozen)

    def let_go(self, sdkappid: int) -> None:
        """Let an app have the machine's time again."""
        self._clocks.pop(sdkappid, None)
