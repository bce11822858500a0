from __future__ import annotations

import pytest

from commands.steps import CHECK, FRIEND, IMPORT_MANY, MARK, OWNER, Body, bits, marking, records
from harness import Caller


async def imported(caller: Caller, *userids: str) -> list[str]:
    """Those of `userids` that are accounts."""
    body = {"CheckItem": [{"UserID": userid} for userid in userids]}
    results = (await caller.ok(CHECK, body))["ResultItem"]
    return [result["UserID"] for result in results if result["AccountStatus"] == "Imported"]


@pytest.mark.parametrize(
    "body",
    [
        {"Accounts": ["a", "b"]},
        {"AccountList": [{"UserID": "a", "Nick": "A"}, {"UserID": "b", "FaceUrl": "http://b"}]},
        {"Accounts": ["a"], "AccountList": [{"UserID": "b"}]},
    ],
)
async def test_accounts_are_made_from_either_form(caller: Caller, body: Body) -> None:
    assert await caller.ok(IMPORT_MANY, body) == {
        "FailAccounts": [],
        "ActionStatus": "OK",
        "ErrorCode": 0,
        "ErrorInfo": "",
        "ErrorDisplay": "",
    }
    assert await imported(caller, "a", "b", "c") == ["a", "b"]


async def test_what_cannot_be_made_is_named_in_order_and_the_others_are_made(caller: Caller) -> None:
    new = [{"UserID": "ok"}, {"UserID": "n", "Nick": "x" * 501}, {"UserID": "f", "FaceUrl": "x" * 501}]
    new.append({"UserID": "all", "Nick": "x" * 500, "FaceUrl": "x" * 500})
    body = {"Accounts": ["x" * 33, "x" * 32, "", "usér", "a\0b"], "AccountList": new}
    answer = await caller.ok(IMPORT_MANY, body)
    assert answer["FailAccounts"] == ["x" * 33, "", "usér", "a\0b", "n", "f"]
    assert await imported(caller, "x" * 32, "ok", "n", "f", "all") == ["x" * 32, "ok", "all"]


async def test_an_account_that_exists_does_not_fail_and_keeps_its_book(caller: Caller) -> None:
    await caller.ok(MARK, marking(bits(FRIEND, 0)))
    answer = await caller.ok(IMPORT_MANY, {"AccountList": [{"UserID": OWNER}, {"UserID": OWNER}]})
    assert answer["FailAccounts"] == []
    assert len(await records(caller, FRIEND)) == 1


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (100, 0, 0),
        (101, 0, 70402),
        (0, 100, 0),
        (0, 101, 70402),
        (50, 50, 0),
        (50, 51, 70402),
        (0, 0, 70402),
    ],
)
async def test_1_to_100_accounts_are_taken(caller: Caller, old: int, new: int, code: int) -> None:
    body = {
        "Accounts": [f"o{number}" for number in range(old)],
        "AccountList": [{"UserID": f"n{number}"} for number in range(new)],
    }
    assert await caller.code(IMPORT_MANY, body) == code
    made = await imported(caller, "o0", "n0")
    assert bool(made) is (code == 0)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"Accounts": ["a", 5]}, 60015),
        ({"Accounts": ["a", None]}, 60015),
        ({"AccountList": [{"UserID": "a"}, {"UserID": 5}]}, 60015),
        ({"AccountList": [{"UserID": None}]}, 60015),
        ({"Accounts": ["a"] * 101 + [5]}, 60015),
        ({"Accounts": "a"}, 70402),
        ({"Accounts": None}, 70402),
        ({"AccountList": {"UserID": "a"}}, 70402),
        ({"AccountList": ["a"]}, 70402),
        ({"AccountList": [{"UserID": "a", "Nick": 5}]}, 70402),
        ({}, 70402),
    ],
)
async def test_a_wrong_body_makes_no_account(caller: Caller, body: Body, code: int) -> None:
    assert await caller.code(IMPORT_MANY, body) == code
    assert await imported(caller, "a") == []
