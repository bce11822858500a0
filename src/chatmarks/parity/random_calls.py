"""Calls drawn at random: few names, so that calls meet each other, and both sides of every limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from chatmarks.parity.asks import Ask
from chatmarks.parity.bodies import (
    CREATE,
    GET_LIST,
    MARK,
    SEND,
    TAKE_OFF,
    TEXT,
    UPDATE,
    Item,
    account,
    chat_group,
    delete_group,
    get,
    rename,
    search,
)

NAMES = ["work", "work", "Work", "é", "e\u0301", "'\"\\\t", "👩‍👧", " a ", "%_*", "\u202ea", "'; --"]
LONG_NAMES = ["é" * 16, "é" * 16 + "x", "é" * 32, "é" * 32 + "x", ""]
TEXTS = ["", "text", '"\\\n\u2028', "é" * 128, "é" * 128 + "x", "<b>&amp;</b>"]
BITS = [0, 1, 3, 31, 32, 63, 63, 64, -1]
BAD_CONTACTS: list[Item] = [
    {"Type": 3, "To_Account": "a"},
    {"Type": 1, "To_Account": ""},
    {"Type": 2},
    {"Type": 2, "ToGroupId": "é"},
    {"Type": 1, "To_Account": "x" * 33},
]
COUNTS = [100, 101]
_RARE = 0.06


class _Draw:
    """Draws parts of calls of one account."""

    def __init__(
        self, draw: Random, owners: tuple[str, str], people: Sequence[Item], room: str
    ) -> None:
        self.draw = draw
        self.owners = owners
        self.contacts = [*people, *people, chat_group(room), chat_group(f"{room}-not")]
        self.contacts.append(account(owners[1]))

    @property
    def owner(self) -> str:
        return self.owners[self.rarely()]

    def rarely(self) -> bool:
        return self.draw.random() < _RARE

    def name(self) -> str:
        return self.draw.choice(LONG_NAMES if self.rarely() else NAMES)

    def contact(self) -> Item:
        if self.rarely():
            return self.draw.choice(BAD_CONTACTS)
        found = self.draw.choice(self.contacts)
        return found | {"Type": str(found["Type"])} if self.rarely() else found

    def some(self, part: Callable[[], Any], *, least: int = 1) -> list[Any]:
        """A few of `part`, or now and then none, or as many as a call may have, or one more."""
        if self.rarely():
            count = self.draw.choice([0, *COUNTS])
            return [part()] * count
        return [part() for _ in range(self.draw.randint(least, 4))]

    def mark_item(self) -> Item:
        draw = self.draw
        item = {"OptType": draw.choice([1, 2, 3]), "ContactItem": self.contact()}
        # Mostly what is allowed, or few calls would go through.
        bits = BITS if self.rarely() else BITS[:6]
        for field in ("SetMark", "ClearMark"):
            if draw.random() < 0.6:  # noqa: PLR2004 - mostly there
                item[field] = draw.sample(bits, draw.randint(0, 3))
        if draw.random() < 0.6:  # noqa: PLR2004 - likewise
            item["CustomMark"] = draw.choice(TEXTS if self.rarely() else TEXTS[:4])
        return item

    def change(self) -> Item:
        return {"ContactOptType": self.draw.choice([1, 1, 2]), "ContactItem": self.contact()}

    def mark(self) -> Ask:
        return Ask(MARK, {"From_Account": self.owner, "MarkItem": self.some(self.mark_item)})

    def create(self) -> Ask:
        group = {"GroupName": self.name(), "ContactItem": self.some(self.contact, least=0)}
        groups = [group] * self.draw.choice([0, 2]) if self.rarely() else [group]
        return Ask(CREATE, {"From_Account": self.owner, "GroupContactItem": groups})

    def update(self) -> Ask:
        update = {
            "UpdateGroupType": 2,
            "OldGroupName": self.name(),
            "ContactUpdateItem": self.some(self.change),
        }
        return Ask(UPDATE, {"From_Account": self.owner, "UpdateType": 1, "UpdateGroup": update})

    def rename(self) -> Ask:
        return rename(self.owner, self.name(), self.name())

    def delete_group(self) -> Ask:
        return delete_group(self.owner, *[self.name()] * (2 if self.rarely() else 1))

    def search(self) -> Ask:
        return search(self.owner, *self.some(self.contact))

    def get(self) -> Ask:
        return get(self.owner, self.draw.choice([1, 3, -1]) if self.rarely() else 0)

    def get_list(self) -> Ask:
        cursor = dict.fromkeys(("TimeStamp", "StartIndex", "TopTimeStamp", "TopStartIndex"), 0)
        flags = self.draw.choice([7, 15, 63])
        return Ask(GET_LIST, {"From_Account": self.owner, **cursor, "AssistFlags": flags})

    def take_off(self) -> Ask:
        contact = self.contact()
        body = {"From_Account": self.owner, "Type": contact["Type"], "ClearRamble": 0}
        if "ToGroupId" in contact:
            body["ToGroupid"] = contact["ToGroupId"]
        else:
            body["To_Account"] = contact.get("To_Account", "")
        return Ask(TAKE_OFF, body)

    def send(self) -> Ask:
        body = {
            "From_Account": self.owner,
            "To_Account": self.contacts[0]["To_Account"],
            "MsgRandom": self.draw.randrange(2**32),
            "MsgBody": TEXT,
        }
        return Ask(SEND, body)


def drawn_calls(
    draw: Random, owners: tuple[str, str], people: Sequence[Item], room: str, count: int
) -> Iterator[Ask]:
    """`count` calls for the first of `owners`, who knows `people` and the chat group `room`, now and
    then for the second, who was never imported."""
    drawn = _Draw(draw, owners, people, room)
    weights = {
        drawn.mark: 6,
        drawn.create: 5,
        drawn.update: 4,
        drawn.rename: 2,
        drawn.delete_group: 2,
        drawn.search: 4,
        drawn.get: 4,
        drawn.get_list: 2,
        drawn.take_off: 1,
        drawn.send: 1,
    }
    for part in draw.choices(list(weights), list(weights.values()), k=count):
        yield part()
