from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmarks.book import Book, Entry, Peer, PeerType
from chatmarks.store import Kept, Recent, Whole, draw_version
from commands.listing import OWNER_ACCOUNT, QUERY, TOP, asking, enter, pinning, talk
from commands.steps import (
    CREATE,
    FRIEND,
    GET,
    MARK,
    ROOM,
    bits,
    creation,
    marking,
    memory_caller,
    page,
    text,
)
from harness import NOW, Caller, account


def names(answer: dict[str, Any]) -> list[str]:
    return [item.get("To_Account") or item["ToGroupId"] for item in answer["ContactItem"]]


async def everything(caller: Caller, **conditions: Any) -> list[str]:
    """The conversations of all pages, in order."""
    found: list[str] = []
    cursor = {"TimeStamp": 0, "StartIndex": 0}
    while True:
        answer = await caller.ok(QUERY, asking(**conditions, **cursor))
        found += names(answer)
        following = {
            "TimeStamp": answer["NextTimeStamp"],
            "StartIndex": answer["NextStartIndex"],
        }
        if answer["CompleteFlag"]:
            assert not any(following.values())
            return found
        assert following != cursor
        cursor = following


@pytest.fixture
async def kept(caller: Caller) -> Caller:
    """A caller whose `OWNER` has marked the friend, filed the room, and talked with two."""
    await caller.ok(MARK, marking(bits(FRIEND, 0, 33), text(FRIEND, "Due: today")))
    await caller.ok(CREATE, creation("folder", FRIEND, ROOM))
    await caller.ok(CREATE, creation("empty"))
    await talk(caller.service.store, "user_0002", 10)
    await talk(caller.service.store, "plain", 20)
    await caller.ok(TOP, pinning(FRIEND))
    return caller


async def test_without_conditions_all_with_data_come_with_counts(kept: Caller) -> None:
    assert await kept.ok(QUERY, asking()) == {
        "ContactItem": [
            {
                "Type": 1,
                "To_Account": "user_0002",
                "MsgTime": 10,
                "TopFlag": 1,
                "StandardMark": f"{1 << 33 | 1:b}",
                "CustomMark": "Due: today",
                "ContactGroupId": [1],
                "Timestamp": NOW,
            },
            {
                "Type": 2,
                "ToGroupId": "room",
                "StandardMark": "",
                "ContactGroupId": [1],
                "Timestamp": NOW,
            },
        ],
        "CompleteFlag": 1,
        "NextTimeStamp": 0,
        "NextStartIndex": 0,
        "TotalCount": 2,
        "GroupCount": [{"GroupId": 1, "Count": 2}],
        "MarkCount": [{"Mark": 0, "Count": 1}, {"Mark": 33, "Count": 1}],
        "GroupItem": [{"GroupName": "folder", "GroupId": 1}, {"GroupName": "empty", "GroupId": 2}],
        "ActionStatus": "OK",
        "ErrorCode": 0,
        "ErrorInfo": "",
        "ErrorDisplay": "",
    }
    assert names(await kept.ok(GET, page())) == await everything(kept)


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({"GroupName": "folder"}, ["user_0002", "room"]),
        ({"GroupName": "empty"}, []),
        ({"MarkAll": [0, 33]}, ["user_0002"]),
        ({"MarkAll": [0, 1]}, []),
        ({"MarkAny": [0, 1]}, ["user_0002"]),
        ({"MarkNone": [0]}, ["room"]),
        ({"CustomMarkText": "today"}, ["user_0002"]),
        ({"CustomMarkText": "Today"}, []),
        ({"TopFlag": 1}, ["user_0002"]),
        ({"TopFlag": 0}, ["room"]),
        ({"InList": 0}, ["room"]),
        ({"InList": 1}, ["user_0002", "plain"]),
        ({"InList": 1, "TopFlag": 0}, ["plain"]),
        ({"InList": 0, "TopFlag": 1}, []),
        ({"InList": 1, "GroupName": "folder"}, ["user_0002"]),
        ({"InList": 1, "MarkNone": [0]}, ["plain"]),
    ],
)
async def test_all_conditions_must_hold(
    kept: Caller, conditions: dict[str, Any], found: list[str]
) -> None:
    assert await everything(kept, **conditions) == found


async def test_an_empty_chat_group_is_in_the_list(kept: Caller) -> None:
    await enter(kept.service.store, "room", 30)
    assert await everything(kept, InList=1, MarkNone=[0], GroupName="folder") == ["room"]


async def test_counts_are_of_all_pages(kept: Caller) -> None:
    answer = await kept.ok(QUERY, asking(Limit=1))
    assert (names(answer), answer["CompleteFlag"], answer["TotalCount"]) == (["user_0002"], 0, 2)
    assert answer["GroupCount"] == [{"GroupId": 1, "Count": 2}]


async def test_edits_and_messages_between_pages_move_nothing(kept: Caller) -> None:
    first = await kept.ok(QUERY, asking(Limit=1))
    await kept.ok(MARK, marking(bits(FRIEND, 5), bits(account("new"), 5)))
    assert await everything(kept, Limit=1) == ["user_0002", "room", "new"]
    second = await kept.ok(QUERY, asking(Limit=1, StartIndex=first["NextStartIndex"]))
    assert names(second) == ["room"]


Kept4 = tuple[int, str, int, int]

BOOKS = st.dictionaries(
    st.integers(0, 30),
    st.tuples(
        st.integers(0, 7), st.sampled_from(["", "ab", "b"]), st.sampled_from([0, 2]), st.integers(0, 2)
    ),
    max_size=12,
)


def whole_of(held: dict[int, Kept4]) -> Whole:
    """The account with these marks, texts and groups, and with a list: 1 in it, 2 pinned."""
    peers = {Peer(PeerType.ACCOUNT, f"p{number}"): value for number, value in held.items()}
    entries = {
        peer: Entry(position, marks, mark_text, groups, 0)
        for position, (peer, (marks, mark_text, groups, _)) in enumerate(peers.items())
        if marks or mark_text or groups
    }
    recents = {
        peer.id: Recent(100 + place % 3, 200, place - 1) for peer, (*_, place) in peers.items() if place
    }
    book = Book({"folder": 1}, entries, len(peers))
    return Whole(OWNER_ACCOUNT, Kept(draw_version(), book), {}, recents)


@given(
    held=BOOKS,
    every=st.sets(st.integers(0, 2), max_size=2),
    some=st.sets(st.integers(0, 2), max_size=2),
    none=st.sets(st.integers(0, 2), max_size=1),
    more=st.fixed_dictionaries(
        {"CustomMarkText": st.sampled_from(["", "b"]), "GroupName": st.sampled_from(["", "folder"])},
        optional={"TopFlag": st.integers(0, 1), "InList": st.integers(0, 1)},
    ),
    limit=st.integers(1, 4),
)
async def test_it_agrees_with_a_plain_scan(
    held: dict[int, Kept4],
    every: set[int],
    some: set[int],
    none: set[int],
    more: dict[str, Any],
    limit: int,
) -> None:
    caller = await memory_caller()
    await caller.service.store.put_wholes([whole_of(held)])
    on_list = more.get("InList") == 1 or more.get("TopFlag") == 1
    fitting = [
        f"p{number}"
        for number, (marks, mark_text, groups, place) in held.items()
        if (place if on_list else marks or mark_text or groups)
        and all(marks >> bit & 1 for bit in every)
        and (not some or any(marks >> bit & 1 for bit in some))
        and not any(marks >> bit & 1 for bit in none)
        and more["CustomMarkText"] in mark_text
        and (not more["GroupName"] or groups)
        and more.get("InList") in (None, int(place > 0))
        and more.get("TopFlag") in (None, int(place > 1))
    ]
    conditions = {"MarkAll": sorted(every), "MarkAny": sorted(some), "MarkNone": sorted(none), **more}
    found = await everything(caller, **conditions, Limit=limit)
    assert (sorted(found) if on_list else found) == (sorted(fitting) if on_list else fitting)
    answer = await caller.ok(QUERY, asking(**conditions, Limit=limit))
    assert answer["TotalCount"] == len(fitting)


@pytest.mark.parametrize(
    ("conditions", "code", "named"),
    [
        ({"GroupName": "none"}, 51009, "GroupName"),
        ({"MarkAll": [64]}, 50002, "MarkAll[0]"),
        ({"MarkAny": [-1]}, 50002, "MarkAny[0]"),
        ({"MarkNone": ["0"]}, 50002, "MarkNone"),
        ({"CustomMarkText": "x" * 257}, 50002, "CustomMarkText"),
        ({"TopFlag": 2}, 50002, "TopFlag"),
        ({"InList": -1}, 50002, "InList"),
        ({"TimeStamp": -1}, 50002, "TimeStamp"),
        ({"StartIndex": -1}, 50002, "StartIndex"),
        ({"Limit": 0}, 50002, "Limit"),
        ({"Limit": 501}, 50002, "Limit"),
        ({"From_Account": "nobody"}, 50001, "From_Account"),
    ],
)
async def test_what_is_wrong_is_named(
    caller: Caller, conditions: dict[str, Any], code: int, named: str
) -> None:
    answer = await caller.call(QUERY, asking() | conditions)
    assert answer["ErrorCode"] == code
    assert named in answer["ErrorInfo"]
