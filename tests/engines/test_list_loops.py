"""A loop that feeds cursors back, while messages, pins, marks and deletions come between its pages,
meets every conversation that was in the list throughout exactly once, on every engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatmarks.book import Account
from chatmarks.store import Membership, Message, Store
from harness import SDKAPPID, Caller, Clock, make_caller

Action = tuple[str, int]

ROOMS = range(20, 24)
ACTIONS = st.tuples(
    st.sampled_from(["message", "message", "pin", "unpin", "delete", "mark", "join"]),
    st.integers(0, ROOMS.stop - 1),
)
CURSORS = {
    "recentcontact/get_list": {
        name: name for name in ("TimeStamp", "StartIndex", "TopTimeStamp", "TopStartIndex")
    },
    "x/1/recentcontact/query": {"TimeStamp": "NextTimeStamp", "StartIndex": "NextStartIndex"},
}
ASKED: dict[str, dict[str, Any]] = {
    "recentcontact/get_list": {"AssistFlags": 63},
    "x/1/recentcontact/query": {"InList": 1, "Limit": 2},
}
numbers = count()


class Walk:
    """One account, what is done to it, and a loop over its list."""

    def __init__(self, caller: Caller, clock: Clock, userid: str) -> None:
        self.caller, self.clock, self.store = caller, clock, caller.service.store
        self.userid, self.account = userid, Account(SDKAPPID, userid)

    async def do(self, action: Action) -> None:
        """Change something, as another caller would between two pages."""
        kind, number = action
        if kind == "join":
            number = ROOMS[number % len(ROOMS)]
        name = self.name(number)
        # Some come in the same second.
        self.clock.now += number % 2
        match kind:
            case "message" if number not in ROOMS:
                await self.store.converse(self.account, name, int(self.clock.now))
            case "message" | "join":
                await self.to_room(name, is_message=kind == "message")
            case "delete":
                await self.call("recentcontact/delete", {**self.contact(number), "ToGroupid": name})
            case "mark":
                item = {"OptType": 1, "ContactItem": self.contact(number), "SetMark": [number]}
                await self.call("recentcontact/mark_contact", {"MarkItem": [item]})
            case _:
                operation = 1 if kind == "pin" else 2
                body = {"OperationType": operation, "RecentContactItem": [self.contact(number)]}
                await self.call("x/1/recentcontact/top", body)

    async def to_room(self, name: str, *, is_message: bool) -> None:
        found = await self.store.chat_groups(SDKAPPID, [name])
        if not found:
            await self.caller.chat_groups(name)
            found = await self.store.chat_groups(SDKAPPID, [name])
        group, now = found[name], int(self.clock.now)
        if is_message:
            assert await self.store.post(SDKAPPID, group, Message(now, now, None))
        else:
            await self.store.join(self.account, group, Membership("Member", now))

    def name(self, number: int) -> str:
        return f"{self.userid}r{number}" if number in ROOMS else f"p{number}"

    def contact(self, number: int) -> dict[str, Any]:
        if number in ROOMS:
            return {"Type": 2, "ToGroupId": self.name(number)}
        return {"Type": 1, "To_Account": self.name(number)}

    async def call(self, command: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self.caller.call(command, {"From_Account": self.userid, **body})

    async def listed(self) -> set[str]:
        """What is in the list at this moment, as the store has it."""
        found = await self.store.conversations(self.account, 500)
        return {each.peer.id for each in found.conversations}

    async def pages(self, command: str, between: Sequence[Sequence[Action]]) -> None:
        """Read page by page, with `between` done before each further one."""
        cursors, steps = CURSORS[command], iter(between)
        cursor = dict.fromkeys(cursors, 0)
        met: Counter[str] = Counter()
        throughout = await self.listed()
        for page in count():
            # Every page but the last has two conversations, and there are never more than this.
            assert page <= ROOMS.stop
            answer = await self.call(command, ASKED[command] | cursor)
            items = answer["SessionItem" if "SessionItem" in answer else "ContactItem"]
            met.update(
                item.get("To_Account") or item.get("GroupId") or item["ToGroupId"] for item in items
            )
            if answer["CompleteFlag"]:
                break
            for action in next(steps, ()):
                await self.do(action)
                throughout &= await self.listed()
            cursor = {field: answer[source] for field, source in cursors.items()}
        assert {name for name in throughout if met[name] != 1} == set()
        assert max(met.values(), default=1) == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    before=st.lists(ACTIONS, min_size=10, max_size=40),
    between=st.lists(st.lists(ACTIONS, min_size=1, max_size=6), min_size=2, max_size=8),
    command=st.sampled_from(sorted(CURSORS)),
)
async def test_a_loop_meets_what_stays_exactly_once(
    store: Store, before: list[Action], between: list[list[Action]], command: str
) -> None:
    clock = Clock()
    caller = await make_caller(store, clock, get_page_size=2, list_size_max=500)
    userid = f"walker{next(numbers)}"
    await caller.accounts(userid)
    walk = Walk(caller, clock, userid)
    for action in before:
        await walk.do(action)
    await walk.pages(command, between)
