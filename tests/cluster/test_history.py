"""The judge of the cluster's proof: it must see what must not happen."""

from __future__ import annotations

import pytest

from cluster.history import History, Texts, Write


def history() -> History:
    return History(
        "user",
        "w0-",
        [
            Write("w0-own0", ("w0-a", "w0-b"), "first", acknowledged=True),
            Write("w0-own1", ("w0-b", "w0-c"), "second"),
            Write("w0-own2", ("w0-a",), "third", acknowledged=True),
        ],
    )


FIRST_AND_THIRD = {"w0-own0": "first", "w0-own2": "third", "w0-a": "third", "w0-b": "first"}
ALL = FIRST_AND_THIRD | {"w0-own1": "second", "w0-b": "second", "w0-c": "second"}


@pytest.mark.parametrize("found", [FIRST_AND_THIRD, ALL])
def test_an_unknown_write_may_be_there_or_not(found: Texts) -> None:
    assert history().problems(found | {"w1-a": "of somebody else"}) == []


def test_an_acknowledged_write_that_is_not_there_is_lost() -> None:
    found = {peer: text for peer, text in ALL.items() if text != "third"} | {"w0-a": "first"}
    assert history().problems(found) == ["user: lost w0-own2, acknowledged"]


@pytest.mark.parametrize("peer", ["w0-own1", "w0-b", "w0-c"])
def test_an_unknown_write_that_is_there_in_part_is_a_problem(peer: str) -> None:
    found = {**ALL, peer: "other"}
    assert history().problems(found)
    del found[peer]
    assert history().problems(found)


def test_a_write_that_came_after_a_later_one_is_a_problem() -> None:
    assert history().problems(ALL | {"w0-a": "first"}) == ["user: w0-a has 'first', not 'third'"]


def test_what_nobody_wrote_is_a_problem() -> None:
    assert history().problems(ALL | {"w0-x": "?"}) == ["user: w0-x has '?', not None"]
