from __future__ import annotations

import pytest

from commands.steps import CHECK, OWNER, Body
from harness import ADMIN, Caller


def checking(*userids: object) -> Body:
    return {"CheckItem": [{"UserID": userid} for userid in userids]}


async def test_each_account_is_answered_in_order_with_its_status(caller: Caller) -> None:
    assert await caller.ok(CHECK, checking("nobody", OWNER, OWNER)) == {
        "ResultItem": [
            {"UserID": "nobody", "ResultCode": 0, "ResultInfo": "", "AccountStatus": "NotImported"},
            {"UserID": OWNER, "ResultCode": 0, "ResultInfo": "", "AccountStatus": "Imported"},
            {"UserID": OWNER, "ResultCode": 0, "ResultInfo": "", "AccountStatus": "Imported"},
        ],
        "ActionStatus": "OK",
        "ErrorCode": 0,
        "ErrorInfo": "",
        "ErrorDisplay": "",
    }


async def test_an_admin_is_an_imported_account(caller: Caller) -> None:
    (result,) = (await caller.ok(CHECK, checking(ADMIN)))["ResultItem"]
    assert result["AccountStatus"] == "Imported"


@pytest.mark.parametrize("userid", ["", "x" * 33, "usér", "a\0b", "USER_0001"])
async def test_what_cannot_be_an_account_is_not_imported(caller: Caller, userid: str) -> None:
    (result,) = (await caller.ok(CHECK, checking(userid)))["ResultItem"]
    assert (result["UserID"], result["AccountStatus"]) == (userid, "NotImported")


async def test_1_to_100_accounts_may_be_checked(caller: Caller) -> None:
    assert await caller.code(CHECK, checking()) == 70402
    assert len((await caller.ok(CHECK, checking(*["a"] * 100)))["ResultItem"]) == 100
    assert await caller.code(CHECK, checking(*["a"] * 101)) == 70402


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (checking("a", 5), 60015),
        (checking(None), 60015),
        (checking(*["a"] * 101, 5), 60015),
        ({}, 70402),
        ({"CheckItem": None}, 70402),
        ({"CheckItem": ["a"]}, 70402),
        ({"CheckItem": [{}]}, 70402),
        ({"CheckItem": {"UserID": "a"}}, 70402),
    ],
)
async def test_a_wrong_body_is_refused(caller: Caller, body: Body, code: int) -> None:
    assert await caller.code(CHECK, body) == code
