from __future__ import annotations

import pytest

from commands.steps import (
    CREATE,
    DELETE_ACCOUNTS,
    FRIEND,
    GET,
    OWNER,
    Body,
    creation,
    page,
)
from harness import ADMIN, Caller


def deleting(*userids: object) -> Body:
    return {"DeleteItem": [{"UserID": userid} for userid in userids]}


async def test_each_account_has_its_result_in_order_and_the_call_is_ok(caller: Caller) -> None:
    unknown = {
        "ResultCode": 70107,
        "ResultInfo": "Err_TLS_PT_Open_Login_Account_Not_Exist",
    }
    assert await caller.ok(DELETE_ACCOUNTS, deleting("nobody", OWNER, OWNER)) == {
        "ResultItem": [
            unknown | {"UserID": "nobody"},
            {"ResultCode": 0, "ResultInfo": "", "UserID": OWNER},
            unknown | {"UserID": OWNER},
        ],
        "ActionStatus": "OK",
        "ErrorCode": 0,
        "ErrorInfo": "",
        "ErrorDisplay": "",
    }


async def test_a_deleted_account_is_unknown_and_comes_back_empty(caller: Caller) -> None:
    await caller.ok(CREATE, creation("work", FRIEND))
    await caller.ok(DELETE_ACCOUNTS, deleting(OWNER))
    assert await caller.code(GET, page()) == 50001
    await caller.accounts(OWNER)
    answer = await caller.ok(GET, page())
    assert (answer["ContactItem"], answer["GroupItem"]) == ([], [])


async def test_others_keep_what_they_filed_of_a_deleted_account(caller: Caller) -> None:
    await caller.accounts("user_0002")
    await caller.ok(CREATE, creation("work", FRIEND))
    await caller.ok(DELETE_ACCOUNTS, deleting("user_0002"))
    assert len((await caller.ok(GET, page()))["ContactItem"]) == 1


async def test_an_admin_of_the_app_is_not_deleted(caller: Caller) -> None:
    (result,) = (await caller.ok(DELETE_ACCOUNTS, deleting(ADMIN)))["ResultItem"]
    assert (result["ResultCode"], result["UserID"]) == (70402, ADMIN)
    assert await caller.code(GET, page() | {"From_Account": ADMIN}) == 0


@pytest.mark.parametrize("userid", ["", "x" * 33, "usér", "a\0b"])
async def test_what_cannot_be_an_account_does_not_exist(caller: Caller, userid: str) -> None:
    (result,) = (await caller.ok(DELETE_ACCOUNTS, deleting(userid)))["ResultItem"]
    assert (result["ResultCode"], result["UserID"]) == (70107, userid)


async def test_1_to_100_accounts_may_be_deleted(caller: Caller) -> None:
    assert await caller.code(DELETE_ACCOUNTS, deleting()) == 70402
    assert await caller.code(DELETE_ACCOUNTS, deleting(OWNER, *["a"] * 100)) == 70402
    assert await caller.code(GET, page()) == 0
    answer = await caller.ok(DELETE_ACCOUNTS, deleting(OWNER, *["a"] * 99))
    assert [result["ResultCode"] for result in answer["ResultItem"]] == [0] + [70107] * 99


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (deleting(OWNER, 5), 60015),
        (deleting(None), 60015),
        (deleting(*[OWNER] * 101, 5), 60015),
        ({}, 70402),
        ({"DeleteItem": None}, 70402),
        ({"DeleteItem": [OWNER]}, 70402),
        ({"DeleteItem": [{"UserID": OWNER}, {}]}, 70402),
    ],
)
async def test_a_wrong_body_deletes_nothing(caller: Caller, body: Body, code: int) -> None:
    assert await caller.code(DELETE_ACCOUNTS, body) == code
    assert await caller.code(GET, page()) == 0
