"""Both sides of every documented limit, seen by a client on a socket."""

from __future__ import annotations

import itertools

import pytest

from harness import account
from process import Client

CREATE = "recentcontact/create_contact_group"
MARK = "recentcontact/mark_contact"
SEARCH = "recentcontact/search_contact_group"

_names = itertools.count(1)


@pytest.fixture
async def owner(client: Client) -> str:
    """An account that no other test uses."""
    userid = f"owner{next(_names)}"
    await client.ok("im_open_login_svc/account_import", {"UserID": userid})
    return userid


def group(owner: str, name: str, members: int = 0) -> object:
    items = [account(f"peer{number}") for number in range(members)]
    return {"From_Account": owner, "GroupContactItem": [{"GroupName": name, "ContactItem": items}]}


def marks(owner: str, first: int, count: int) -> object:
    items = [
        {"OptType": 1, "ContactItem": account(f"peer{number}"), "SetMark": [0]}
        for number in range(first, first + count)
    ]
    return {"From_Account": owner, "MarkItem": items}


async def test_the_20th_group_is_made_and_the_21st_refused(client: Client, owner: str) -> None:
    codes = [await client.code(CREATE, group(owner, f"group{number}")) for number in range(21)]
    assert codes == [0] * 20 + [51010]


@pytest.mark.parametrize(
    ("name", "code"),
    [("a" * 32, 0), ("a" * 33, 51011), ("标" * 10 + "ab", 0), ("标" * 11, 51011)],
    ids=["32 bytes", "33 bytes", "32 bytes in 12 characters", "33 bytes in 11 characters"],
)
async def test_a_name_has_32_bytes_at_most(client: Client, owner: str, name: str, code: int) -> None:
    assert await client.code(CREATE, group(owner, name)) == code


@pytest.mark.parametrize(("count", "code"), [(0, 51006), (1, 0), (100, 0), (101, 51006)])
async def test_one_call_marks_1_to_100_conversations(
    client: Client, owner: str, count: int, code: int
) -> None:
    assert await client.code(MARK, marks(owner, 0, count)) == code


@pytest.mark.parametrize(("count", "code"), [(0, 0), (100, 0), (101, 51006)])
async def test_a_group_begins_with_100_conversations_at_most(
    client: Client, owner: str, count: int, code: int
) -> None:
    assert await client.code(CREATE, group(owner, "begun", count)) == code


@pytest.mark.parametrize(("count", "code"), [(0, 50002), (1, 0), (300, 0), (301, 50002)])
async def test_one_call_searches_1_to_300_conversations(
    client: Client, owner: str, count: int, code: int
) -> None:
    items = [account(f"peer{number}") for number in range(count)]
    assert await client.code(SEARCH, {"From_Account": owner, "ContactItem": items}) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [("c" * 256, 0), ("c" * 257, 50002), ("标" * 85 + "c", 0), ("标" * 85 + "cc", 50002)],
    ids=["256 bytes", "257 bytes", "256 bytes in 86 characters", "257 bytes in 87 characters"],
)
async def test_a_custom_mark_has_256_bytes_at_most(
    client: Client, owner: str, text: str, code: int
) -> None:
    item = {"OptType": 2, "ContactItem": account("peer"), "CustomMark": text}
    assert await client.code(MARK, {"From_Account": owner, "MarkItem": [item]}) == code


async def test_of_1001_conversations_the_first_1000_are_marked(client: Client, owner: str) -> None:
    for first in range(0, 900, 100):
        await client.ok(MARK, marks(owner, first, 100))
    await client.ok(MARK, marks(owner, 900, 50))
    last = await client.ok(MARK, marks(owner, 950, 100))
    codes = [item["ResultCode"] for item in last["ResultItem"]]
    assert codes == [0] * 50 + [51008] * 50
    again = await client.ok(MARK, marks(owner, 900, 100))
    assert {item["ResultCode"] for item in again["ResultItem"]} == {0}
    page = {"From_Account": owner, "StartIndex": 0}
    seen = []
    while True:
        answer = await client.ok("recentcontact/get_contact_group", page)
        seen += [item["To_Account"] for item in answer["ContactItem"]]
        if answer["CompleteFlag"]:
            break
        page["StartIndex"] = answer["NextStartIndex"]
    assert seen == [f"peer{number}" for number in range(1000)]
