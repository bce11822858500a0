"""The bodies that scripts send, and a look into what comes back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from chatmarks.parity.asks import Ask, Reply

Item = dict[str, Any]
T = TypeVar("T")

MARK = "recentcontact/mark_contact"
CREATE = "recentcontact/create_contact_group"
UPDATE = "recentcontact/update_contact_group"
DELETE_GROUP = "recentcontact/del_contact_group"
SEARCH = "recentcontact/search_contact_group"
GET = "recentcontact/get_contact_group"
GET_LIST = "recentcontact/get_list"
TAKE_OFF = "recentcontact/delete"
IMPORT = "im_open_login_svc/account_import"
IMPORT_MANY = "im_open_login_svc/multiaccount_import"
CHECK_ACCOUNTS = "im_open_login_svc/account_check"
DELETE_ACCOUNTS = "im_open_login_svc/account_delete"
CREATE_CHAT_GROUP = "group_open_http_svc/create_group"
DESTROY_CHAT_GROUP = "group_open_http_svc/destroy_group"
SEND = "openim/sendmsg"
SEND_MANY = "openim/batchsendmsg"

TEXT = [{"MsgType": "TIMTextElem", "MsgContent": {"Text": "hello"}}]


def account(userid: str) -> Item:
    """A conversation with an account."""
    return {"Type": 1, "To_Account": userid}


def chat_group(group_id: str) -> Item:
    """A conversation with a chat group."""
    return {"Type": 2, "ToGroupId": group_id}


def marks(contact: Item, *, bits: Sequence[int] = (), clear: Sequence[int] = ()) -> Item:
    """An item that sets and clears standard marks."""
    return {"OptType": 1, "ContactItem": contact, "SetMark": list(bits), "ClearMark": list(clear)}


def custom(contact: Item, text: str = "x") -> Item:
    """An item that sets the custom mark, which no edition lacks."""
    return {"OptType": 2, "ContactItem": contact, "CustomMark": text}


def mark(owner: str, *items: Item) -> Ask:
    """Mark conversations."""
    return Ask(MARK, {"From_Account": owner, "MarkItem": list(items)})


def create(owner: str, name: str, *contacts: Item) -> Ask:
    """Make a group."""
    group = {"GroupName": name, "ContactItem": list(contacts)}
    return Ask(CREATE, {"From_Account": owner, "GroupContactItem": [group]})


def rename(owner: str, old: str, new: str) -> Ask:
    """Rename a group."""
    update = {"UpdateGroupType": 1, "OldGroupName": old, "NewGroupName": new}
    return Ask(UPDATE, {"From_Account": owner, "UpdateType": 1, "UpdateGroup": update})


def change(owner: str, name: str, *, join: Sequence[Item] = (), leave: Sequence[Item] = ()) -> Ask:
    """Change the conversations of a group."""
    items = [{"ContactOptType": 1, "ContactItem": item} for item in join]
    items += [{"ContactOptType": 2, "ContactItem": item} for item in leave]
    update = {"UpdateGroupType": 2, "OldGroupName": name, "ContactUpdateItem": items}
    return Ask(UPDATE, {"From_Account": owner, "UpdateType": 1, "UpdateGroup": update})


def delete_group(owner: str, *names: str) -> Ask:
    """Delete a group."""
    return Ask(DELETE_GROUP, {"From_Account": owner, "GroupName": list(names)})


def search(owner: str, *contacts: Item) -> Ask:
    """Look conversations up."""
    return Ask(SEARCH, {"From_Account": owner, "ContactItem": list(contacts)})


def get(owner: str, start: int = 0) -> Ask:
    """A page of all that an account has."""
    return Ask(GET, {"From_Account": owner, "StartIndex": start})


def found(value: Any, *path: str | int) -> Any:
    """What stands at `path` in an answer; None where there is nothing."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def listed(reply: Reply, *path: str | int) -> list[Any]:
    """The list at `path`; empty where there is none."""
    value = found(reply.answer, *path)
    return value if isinstance(value, list) else []


def records(reply: Reply) -> list[Any]:
    """The records of an answer to `search` or `get`."""
    return listed(reply, "ContactResultItem") or listed(reply, "ContactItem")


def group_ids(reply: Reply) -> dict[str, Any]:
    """The groups of an answer to `search` or `get`, by their names."""
    return {
        str(found(item, "GroupName")): found(item, "GroupId") for item in listed(reply, "GroupItem")
    }


def stamps(reply: Reply) -> list[int]:
    """The times of the records of an answer; 0 for what is none."""
    times = [found(record, "Timestamp") for record in records(reply)]
    return [time if isinstance(time, int) else 0 for time in times]


def result_codes(reply: Reply) -> list[Any]:
    """The codes of the single items of a change, in their order."""
    items = (
        listed(reply, "ResultItem")
        or listed(reply, "GroupResultItem", 0, "ResultItem")
        or listed(reply, "UpdateGroupResult", "ContactResultItem")
    )
    return [found(item, "ResultCode") for item in items]


def batches(items: Sequence[T], size: int = 100) -> Iterator[Sequence[T]]:
    """`items` in parts of at most `size`, the documented bound of most calls."""
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]
