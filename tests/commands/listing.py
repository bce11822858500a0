"""Conversations in lists, and the reading of lists page by page, as the tests of both need them."""

from __future__ import annotations

from typing import Any

from chatmarks.book import Account
from chatmarks.store import Membership, Message, Store
from commands.steps import OWNER, Body, Item
from harness import SDKAPPID, Answer, Caller

GET_LIST = "recentcontact/get_list"
DELETE_ONE = "recentcontact/delete"
TOP = "x/1/recentcontact/top"
QUERY = "x/1/recentcontact/query"
WHO = "x/1/recentcontact/who"

FIRST = {"TimeStamp": 0, "StartIndex": 0, "TopTimeStamp": 0, "TopStartIndex": 0}
OWNER_ACCOUNT = Account(SDKAPPID, OWNER)


def list_page(flags: int = 7, **cursor: int) -> Body:
    return {"From_Account": OWNER, **FIRST, "AssistFlags": flags, **cursor}


def pinning(*items: Item, operation: int = 1) -> Body:
    return {"From_Account": OWNER, "OperationType": operation, "RecentContactItem": list(items)}


def asking(**conditions: Any) -> Body:
    return {"From_Account": OWNER, **conditions}


async def talk(store: Store, userid: str, at: int) -> None:
    """A message of the time `at` in the conversation of `OWNER` with `userid`."""
    await store.converse(OWNER_ACCOUNT, userid, at)


async def enter(store: Store, group_id: str, at: int) -> None:
    """Let `OWNER` join a chat group."""
    group = (await store.chat_groups(SDKAPPID, [group_id]))[group_id]
    await store.join(OWNER_ACCOUNT, group, Membership("Member", at))


async def post(store: Store, group_id: str, at: int) -> None:
    """A message to a chat group."""
    group = (await store.chat_groups(SDKAPPID, [group_id]))[group_id]
    assert await store.post(SDKAPPID, group, Message(at, at, None))


def names(answer: Answer) -> list[str]:
    """Whom the conversations of a list are with, in order."""
    return [item.get("To_Account") or item["GroupId"] for item in answer["SessionItem"]]


def cursor_of(answer: Answer) -> dict[str, int]:
    return {name: answer[name] for name in FIRST}


async def all_pages(caller: Caller, flags: int = 7) -> list[str]:
    """The conversations of all pages of a list, in order."""
    found: list[str] = []
    cursor = dict(FIRST)
    while True:
        answer = await caller.ok(GET_LIST, list_page(flags, **cursor))
        found += names(answer)
        if answer["CompleteFlag"]:
            return found
        assert cursor_of(answer) != cursor
        cursor = cursor_of(answer)
