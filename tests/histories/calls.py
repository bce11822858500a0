"""Random calls to one account, with few names, so that they meet each other."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec

from harness import account, chat_group
from histories.model import CHAT_GROUP, DELETE, IMPORT

Body = dict[str, Any]
Draw = Callable[[random.Random, str], Body]

GET = "recentcontact/get_contact_group"
SEARCH = "recentcontact/search_contact_group"
MARK = "recentcontact/mark_contact"
CREATE = "recentcontact/create_contact_group"
UPDATE = "recentcontact/update_contact_group"
FORGET = "recentcontact/del_contact_group"

CONTACTS = [
    *(account(f"peer{number}") for number in range(4)),
    chat_group(CHAT_GROUP),
    chat_group("nowhere"),
]
_GROUPS = ["work", "home", "friends"]
_BITS = [0, 1, 3, 63]


def _contacts(chance: random.Random, most: int) -> list[Body]:
    return chance.sample(CONTACTS, chance.randint(1, most))


def _mark(chance: random.Random, userid: str) -> Body:
    # A text of its own: whoever reads it knows whose it is.
    text = f"{chance.getrandbits(32):08x}" if chance.random() < 0.9 else ""
    items = [
        {
            "OptType": chance.choice([1, 2, 3]),
            "ContactItem": contact,
            "SetMark": chance.sample(_BITS, chance.randint(0, 2)),
            "ClearMark": chance.sample(_BITS, chance.randint(0, 2)),
            "CustomMark": text,
        }
        for contact in _contacts(chance, 3)
    ]
    return {"From_Account": userid, "MarkItem": items}


def _create(chance: random.Random, userid: str) -> Body:
    group = {"GroupName": chance.choice(_GROUPS), "ContactItem": _contacts(chance, 2)}
    return {"From_Account": userid, "GroupContactItem": [group]}


def _update(chance: random.Random, userid: str) -> Body:
    old, new = chance.choice(_GROUPS), chance.choice(_GROUPS)
    changes = [
        {"ContactOptType": chance.choice([1, 2]), "ContactItem": contact}
        for contact in _contacts(chance, 3)
    ]
    rename = {"UpdateGroupType": 1, "OldGroupName": old, "NewGroupName": new}
    change = {"UpdateGroupType": 2, "OldGroupName": old, "ContactUpdateItem": changes}
    return {
        "From_Account": userid,
        "UpdateType": 1,
        "UpdateGroup": rename if chance.random() < 0.3 else change,
    }


def _forget(chance: random.Random, userid: str) -> Body:
    return {"From_Account": userid, "GroupName": [chance.choice(_GROUPS)]}


def _get(chance: random.Random, userid: str) -> Body:
    return {"From_Account": userid, "StartIndex": chance.choice([0, 0, 0, 1, 3])}


def _search(chance: random.Random, userid: str) -> Body:
    return {"From_Account": userid, "ContactItem": _contacts(chance, 6)}


def _import(_: random.Random, userid: str) -> Body:
    return {"UserID": userid}


def _delete(_: random.Random, userid: str) -> Body:
    return {"DeleteItem": [{"UserID": userid}]}


_DRAWS: dict[str, tuple[int, Draw]] = {
    MARK: (30, _mark),
    CREATE: (12, _create),
    UPDATE: (12, _update),
    FORGET: (4, _forget),
    GET: (16, _get),
    SEARCH: (16, _search),
    IMPORT: (8, _import),
    DELETE: (2, _delete),
}
"""How often each command is drawn, and how its body is. An account that is gone soon comes back."""


_CHURN = {DELETE: 20, IMPORT: 20}
"""Otherwise where accounts come and go."""


def draw(chance: random.Random, userid: str, *, churning: bool = False) -> tuple[str, bytes]:
    """The path and the body of a call to the account `userid`; which comes and goes if `churning`."""
    usual = {path: weight for path, (weight, _) in _DRAWS.items()}
    weights = [*(usual | _CHURN if churning else usual).values()]
    (path,) = chance.choices([*_DRAWS], weights)
    return path, msgspec.json.encode(_DRAWS[path][1](chance, userid))


def everything(userid: str) -> tuple[str, bytes]:
    """The call that asks for the whole account."""
    return GET, msgspec.json.encode({"From_Account": userid, "StartIndex": 0})
