from __future__ import annotations

import pytest

from commands.steps import FRIEND, GET, IMPORT, MARK, OWNER, Body, bits, marking, page, records
from harness import Caller


async def exists(caller: Caller, userid: str) -> bool:
    code = await caller.code(GET, page() | {"From_Account": userid})
    assert code in {0, 50001, 50002}
    return code == 0


@pytest.mark.parametrize("field", ["UserID", "Identifier"])
async def test_an_account_is_made_under_either_name_of_the_field(caller: Caller, field: str) -> None:
    assert not await exists(caller, "new")
    assert await caller.ok(IMPORT, {field: "new"}) == {
        "ActionStatus": "OK",
        "ErrorCode": 0,
        "ErrorInfo": "",
        "ErrorDisplay": "",
    }
    assert await exists(caller, "new")


async def test_of_both_names_userid_counts_unless_it_is_empty(caller: Caller) -> None:
    await caller.ok(IMPORT, {"UserID": "new", "Identifier": "old"})
    await caller.ok(IMPORT, {"UserID": "", "Identifier": "older"})
    assert [await exists(caller, name) for name in ("new", "old", "older")] == [True, False, True]


async def test_importing_an_account_again_keeps_its_book(caller: Caller) -> None:
    await caller.ok(MARK, marking(bits(FRIEND, 0)))
    await caller.ok(IMPORT, {"UserID": OWNER, "Nick": "new nick"})
    assert len(await records(caller, FRIEND)) == 1


@pytest.mark.parametrize(
    ("userid", "code"),
    [
        ("x" * 32, 0),
        ("x" * 33, 70402),
        (" ~", 0),
        ("", 70402),
        ("usér", 70402),
        ("a\0b", 70402),
        ("a\x7f", 70402),
    ],
)
@pytest.mark.parametrize("field", ["UserID", "Identifier"])
async def test_a_userid_is_1_to_32_bytes_of_printable_ascii(
    caller: Caller, field: str, userid: str, code: int
) -> None:
    assert await caller.code(IMPORT, {field: userid}) == code
    assert await exists(caller, userid) is (code == 0)


async def test_no_userid_is_70402(caller: Caller) -> None:
    assert await caller.code(IMPORT, {"Nick": "nick"}) == 70402


@pytest.mark.parametrize("field", ["Nick", "FaceUrl"])
@pytest.mark.parametrize(
    ("value", "code"), [("x" * 500, 0), ("x" * 501, 40601), ("漢" * 166 + "xx", 0), ("漢" * 167, 40601)]
)
async def test_a_profile_value_has_at_most_500_bytes(
    caller: Caller, field: str, value: str, code: int
) -> None:
    assert await caller.code(IMPORT, {"UserID": "new", field: value}) == code
    assert await exists(caller, "new") is (code == 0)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"UserID": 5}, 60015),
        ({"UserID": None}, 60015),
        ({"Identifier": 5}, 60015),
        ({"UserID": "new", "Identifier": True}, 60015),
        ({"UserID": [], "Nick": 5}, 60015),
        ({"UserID": "new", "Nick": 5}, 70402),
        ({"UserID": "new", "FaceUrl": None}, 70402),
        ({"UserID": "x" * 33, "Nick": "x" * 501}, 70402),
        ([], 70402),
    ],
)
async def test_a_wrong_body_makes_no_account(caller: Caller, body: Body, code: int) -> None:
    assert await caller.code(IMPORT, body) == code
    assert not await exists(caller, "new")


async def test_an_account_of_another_app_is_not_ours(caller: Caller) -> None:
    await caller.ok(IMPORT, {"UserID": "new"})
    assert await caller.service.store.known_accounts(caller.sdkappid + 1, ["new"]) == set()
