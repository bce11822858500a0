"""What counts as a difference between two answers."""

from __future__ import annotations

from typing import Any

import pytest

from chatmarks.parity.asks import Reply
from chatmarks.parity.comparing import difference
from chatmarks.usersig import WRONG_KEY

BASE = {"ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "", "ErrorDisplay": ""}
FAIL = {"ActionStatus": "FAIL", "ErrorInfo": "their text", "ErrorDisplay": ""}
OURS = FAIL | {"ErrorInfo": WRONG_KEY}


def path(theirs: dict[str, Any], ours: dict[str, Any]) -> str | None:
    found = difference(Reply(BASE | theirs, 0), Reply(BASE | ours, 0))
    return found.path if found else None


def sessions(*names: str, flag: int = 1, index: int = 0) -> dict[str, Any]:
    items = [{"Type": 1, "To_Account": name, "MsgTime": 5, "TopFlag": 0} for name in names]
    return {"SessionItem": items, "CompleteFlag": flag, "TimeStamp": 9, "StartIndex": index}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"Timestamp": 100}, {"Timestamp": 102}),
        ({}, {"NextStartIndex": 0}),
        ({"CompleteTime": 100}, {}),
        ({"ResultItem": [{"ResultInfo": "no"}]}, {"ResultItem": [{"ResultInfo": "not so"}]}),
        ({"MsgKey": "1_2_3"}, {"MsgKey": "1_2_4"}),
        (FAIL | {"ErrorCode": 50002}, {**FAIL, "ErrorCode": 50002, "ErrorInfo": "ours"}),
        (sessions("a", "b"), sessions("b", "a")),
        (sessions("a", flag=0, index=7), sessions("b", flag=0, index=8)),
    ],
    ids=["times", "left out", "extra", "texts", "keys", "unknown text", "order", "parts of lists"],
)
def test_what_may_differ_is_no_difference(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    assert path(theirs, ours) is None


@pytest.mark.parametrize(
    ("theirs", "ours", "where"),
    [
        ({"Timestamp": 100}, {"Timestamp": 103}, "Timestamp"),
        ({"Timestamp": True}, {"Timestamp": 1}, "Timestamp"),
        ({"Timestamp": "100"}, {"Timestamp": 100}, "Timestamp"),
        ({"GroupItem": []}, {}, "GroupItem"),
        ({}, {"GroupItem": []}, "GroupItem"),
        ({"A": [{"B": 1}, {"B": 2}]}, {"A": [{"B": 1}, {"B": 3}]}, "A[1].B"),
        ({"A": [1, 2]}, {"A": [1]}, "A"),
        ({"ResultItem": [{}]}, {"ResultItem": [{"ResultInfo": ""}]}, "ResultItem[0].ResultInfo"),
        ({"ErrorInfo": None}, {}, "ErrorInfo"),
        (sessions("a"), sessions("b"), "SessionItem[0].To_Account"),
        (sessions("a", "b", flag=0), sessions("b", flag=0), "SessionItem"),
        (sessions("a", flag=0), sessions("a"), "CompleteFlag"),
        (
            FAIL | {"ErrorCode": 70009},
            {**FAIL, "ErrorCode": 70009, "ErrorInfo": WRONG_KEY},
            "ErrorInfo",
        ),
    ],
)
def test_anything_else_is_one_and_says_where(
    theirs: dict[str, Any], ours: dict[str, Any], where: str
) -> None:
    assert path(theirs, ours) == where


def test_no_answer_at_all_differs_from_one() -> None:
    found = difference(Reply({}, 0, "HTTP 502: gone"), Reply(BASE, 0))
    assert found is not None
    assert (found.path, found.theirs, found.ours) == ("(the whole answer)", "HTTP 502: gone", BASE)
