"""A clock for each app."""

from __future__ import annotations

from chatmarks.control.clocks import Clocks, ClockState
from harness import Clock


def test_a_clock_that_nobody_touched_shows_the_time_of_the_machine() -> None:
    machine = Clock(1000.5)
    clocks = Clocks(machine)
    assert clocks.now(1) == 1000.5
    assert clocks.state(1) == ClockState(1000.5, frozen=False, ahead_seconds=0)


def test_a_frozen_clock_stands_still_while_the_machine_goes_on() -> None:
    machine = Clock(1000)
    clocks = Clocks(machine)
    clocks.change(1, 2000, frozen=True)
    machine.now = 1010
    assert clocks.now(1) == 2000
    assert clocks.state(1) == ClockState(2000, frozen=True, ahead_seconds=990)


def test_a_clock_that_was_set_goes_on_from_there() -> None:
    machine = Clock(1000)
    clocks = Clocks(machine)
    clocks.change(1, 500, frozen=False)
    machine.now = 1010
    assert clocks.now(1) == 510
    assert clocks.state(1) == ClockState(510, frozen=False, ahead_seconds=-500)


def test_the_clock_of_one_app_is_not_that_of_another() -> None:
    clocks = Clocks(Clock(1000))
    clocks.change(1, 2000, frozen=True)
    assert clocks.now(2) == 1000


def test_a_clock_that_was_let_go_shows_the_time_of_the_machine() -> None:
    clocks = Clocks(Clock(1000))
    clocks.change(1, 2000, frozen=True)
    clocks.let_go(1)
    clocks.let_go(2)
    assert (clocks.now(1), clocks.now(2)) == (1000, 1000)
