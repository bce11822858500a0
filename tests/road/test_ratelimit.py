"""Call caps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmarks.ratelimit import RateLimit
from harness import NOW, SDKAPPID

KEY = (SDKAPPID, "recentcontact/mark_contact")


@pytest.mark.parametrize("cap", [1, 2, 200])
def test_as_many_calls_as_the_cap_are_let_through_in_one_second(cap: int) -> None:
    limit = RateLimit()
    assert [limit.admit(KEY, cap, NOW) for _ in range(cap + 2)] == [True] * cap + [False] * 2


def test_the_next_second_begins_at_zero() -> None:
    limit = RateLimit()
    assert [limit.admit(KEY, 1, NOW) for _ in range(2)] == [True, False]
    assert [limit.admit(KEY, 1, NOW + 1) for _ in range(2)] == [True, False]


def test_a_clock_that_was_set_back_does_not_shut_callers_out() -> None:
    limit = RateLimit()
    assert limit.admit(KEY, 1, NOW)
    assert limit.admit(KEY, 1, NOW - 3600)


def test_the_first_second_of_all_is_counted_too() -> None:
    limit = RateLimit()
    assert [limit.admit(KEY, 1, 0) for _ in range(2)] == [True, False]


@pytest.mark.parametrize("other", [(SDKAPPID + 1, KEY[1]), (SDKAPPID, "x"), (SDKAPPID, "")])
def test_every_app_and_every_command_is_counted_by_itself(other: tuple[int, str]) -> None:
    limit = RateLimit()
    assert limit.admit(KEY, 1, NOW)
    assert limit.admit(other, 1, NOW)
    assert not limit.admit(KEY, 1, NOW)
    assert not limit.admit(other, 1, NOW)


def test_a_refused_call_is_not_counted() -> None:
    limit = RateLimit()
    assert [limit.admit(KEY, 2, NOW) for _ in range(9)] == [True] * 2 + [False] * 7
    assert limit.admit(KEY, 3, NOW)
    assert not limit.admit(KEY, 3, NOW)


@given(st.lists(st.integers(0, 3), max_size=60).map(sorted), st.integers(1, 5))
def test_no_second_ever_sees_more_calls_than_the_cap_nor_less_than_it_could(
    seconds: list[int], cap: int
) -> None:
    limit = RateLimit()
    admitted = [second for second in seconds if limit.admit(KEY, cap, second)]
    for second in range(4):
        assert admitted.count(second) == min(cap, seconds.count(second))


def test_what_was_counted_in_a_past_second_is_forgotten() -> None:
    limit = RateLimit()
    for number in range(1000):
        limit.admit((number, "x"), 1, NOW)
    limit.admit(KEY, 1, NOW + 1)
    assert len(limit._counts) == 1
