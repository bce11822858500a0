from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmarks.book import Account, Book, Entry, Peer, PeerType
from chatmarks.store import Kept, Whole, draw_version
from commands.listing import WHO
from commands.steps import CREATE, FRIEND, MARK, ROOM, bits, creation, marking, memory_caller, text
from harness import SDKAPPID, Caller

PEER = Peer(PeerType.CHAT_GROUP, "room")


def about(item: object = ROOM, **conditions: Any) -> dict[str, Any]:
    return {"ContactItem": item, **conditions}


async def hold(caller: Caller, **entries: Entry) -> None:
    """Give accounts data of the conversation `PEER`, by UserID."""
    wholes = [
        Whole(
            Account(caller.sdkappid, userid),
            Kept(draw_version(), Book({"folder": 1}, {PEER: entry}, 1)),
        )
        for userid, entry in entries.items()
    ]
    await caller.service.store.put_wholes(wholes)


async def everyone(caller: Caller, **conditions: Any) -> list[str]:
    """The accounts of all pages."""
    found: list[str] = []
    start = ""
    while True:
        answer = await caller.ok(WHO, about(StartUserID=start, **conditions))
        found += [each["UserID"] for each in answer["AccountItem"]]
        if answer["CompleteFlag"]:
            assert answer["NextUserID"] == ""
            return found
        assert answer["NextUserID"] > start
        start = answer["NextUserID"]


async def test_nobody_has_one_empty_page(caller: Caller) -> None:
    answer = await caller.ok(WHO, about())
    assert (answer["AccountItem"], answer["CompleteFlag"], answer["NextUserID"]) == ([], 1, "")


async def test_an_account_comes_with_its_data(caller: Caller) -> None:
    await caller.ok(MARK, marking(bits(ROOM, 0, 2), text(ROOM, "ab"), bits(FRIEND, 1)))
    await caller.ok(CREATE, creation("folder", ROOM))
    answer = await caller.ok(WHO, about())
    assert answer["AccountItem"] == [
        {
            "UserID": "user_0001",
            "StandardMark": "101",
            "CustomMark": "ab",
            "ContactGroupId": [1],
            "Timestamp": 1_700_000_000,
        }
    ]
    (other,) = (await caller.ok(WHO, about(FRIEND)))["AccountItem"]
    assert other == {"UserID": "user_0001", "StandardMark": "10", "Timestamp": 1_700_000_000}


async def test_accounts_of_other_apps_are_not_told(caller: Caller) -> None:
    entry = Entry(0, 1, "", 0, 0)
    book = Book({}, {PEER: entry}, 1)
    other = Whole(Account(SDKAPPID + 1, "stranger"), Kept(draw_version(), book))
    await caller.service.store.put_wholes([other])
    assert await everyone(caller) == []


@given(
    held=st.dictionaries(
        st.text("ab%_ ~", min_size=1, max_size=4),
        st.tuples(st.integers(0, 7), st.sampled_from([0, 2])).filter(any),
        max_size=12,
    ),
    mark_all=st.sets(st.integers(0, 2), max_size=2),
    in_group=st.sampled_from([None, 0, 1]),
    limit=st.integers(1, 5),
)
async def test_it_agrees_with_a_plain_scan(
    held: dict[str, tuple[int, int]], mark_all: set[int], in_group: int | None, limit: int
) -> None:
    caller = await memory_caller()
    await hold(
        caller, **{name: Entry(0, marks, "", groups, 0) for name, (marks, groups) in held.items()}
    )
    wanted = sum(1 << bit for bit in mark_all)
    fitting = sorted(
        name
        for name, (marks, groups) in held.items()
        if marks & wanted == wanted and in_group in (None, int(groups > 0))
    )
    conditions: dict[str, Any] = {"MarkAll": sorted(mark_all), "Limit": limit}
    if in_group is not None:
        conditions["InGroup"] = in_group
    assert await everyone(caller, **conditions) == fitting


async def test_a_page_looks_at_a_thousand_records_and_goes_on(caller: Caller) -> None:
    plain = {f"u{number:04}": Entry(0, 1, "", 0, 0) for number in range(1000)}
    await hold(caller, **plain, v=Entry(0, 2, "", 0, 0))
    first = await caller.ok(WHO, about(MarkAll=[1]))
    assert (first["AccountItem"], first["CompleteFlag"]) == ([], 0)
    assert first["NextUserID"] == "u0999"
    assert await everyone(caller, MarkAll=[1]) == ["v"]
    assert len(await everyone(caller, Limit=1000)) == 1001


@pytest.mark.parametrize(
    ("conditions", "named"),
    [
        ({"Limit": 0}, "Limit"),
        ({"Limit": 1001}, "Limit"),
        ({"MarkAll": [64]}, "MarkAll[0]"),
        ({"MarkAll": [0, -1]}, "MarkAll[1]"),
        ({"MarkAll": [0] * 65}, "MarkAll"),
        ({"InGroup": 2}, "InGroup"),
        ({"StartUserID": "x" * 33}, "StartUserID"),
        ({"item": {"Type": 3}}, "ContactItem.Type"),
        ({"item": {"Type": 1}}, "ContactItem.To_Account"),
        ({"item": {"Type": 2, "ToGroupId": ""}}, "ContactItem.ToGroupId"),
    ],
)
async def test_what_is_wrong_is_named(caller: Caller, conditions: dict[str, Any], named: str) -> None:
    answer = await caller.call(WHO, about(**conditions))
    assert answer["ErrorCode"] == 50002
    assert named in answer["ErrorInfo"]
