"""Bodies and steps that the tests of commands share, as wire JSON."""

from __future__ import annotations

from typing import Any

from chatmarks.book import Account
from chatmarks.engines.memory import MemoryStore
from chatmarks.store import Membership
from harness import Caller, Clock, account, chat_group, make_caller

CREATE = "recentcontact/create_contact_group"
UPDATE = "recentcontact/update_contact_group"
DELETE = "recentcontact/del_contact_group"
MARK = "recentcontact/mark_contact"
GET = "recentcontact/get_contact_group"
SEARCH = "recentcontact/search_contact_group"

IMPORT = "im_open_login_svc/account_import"
IMPORT_MANY = "im_open_login_svc/multiaccount_import"
CHECK = "im_open_login_svc/account_check"
DELETE_ACCOUNTS = "im_open_login_svc/account_delete"

CREATE_ROOM = "group_open_http_svc/create_group"
DESTROY_ROOM = "group_open_http_svc/destroy_group"
LIST_ROOMS = "group_open_http_svc/get_appid_group_list"
ROOM_INFO = "group_open_http_svc/get_group_info"
ADD_MEMBERS = "group_open_http_svc/add_group_member"
DELETE_MEMBERS = "group_open_http_svc/delete_group_member"

OWNER = "user_0001"
FRIEND = account("user_0002")
ROOM = chat_group("room")
GHOST = chat_group("ghost")

Body = dict[str, Any]
Item = dict[str, Any]


async def memory_caller(clock: Clock | None = None, **settings: Any) -> Caller:
    """A caller on `memory:` whose app has the account `OWNER` and the chat group of `ROOM`."""
    caller = await make_caller(MemoryStore(), clock, **settings)
    await caller.accounts(OWNER)
    await caller.chat_groups("room")
    return caller


def people(count: int, first: int = 0) -> list[Item]:
    """`count` conversations with accounts, all different."""
    return [account(f"p{number:04}") for number in range(first, first + count)]


def creation(name: str, *items: Item) -> Body:
    return {
        "From_Account": OWNER,
        "GroupContactItem": [{"GroupName": name, "ContactItem": list(items)}],
    }


def renaming(old: str, new: str) -> Body:
    update = {"UpdateGroupType": 1, "OldGroupName": old, "NewGroupName": new}
    return {"From_Account": OWNER, "UpdateType": 1, "UpdateGroup": update}


def change(name: str, *changes: tuple[int, Item]) -> Body:
    """A change of a group's members; each of `changes` is a `ContactOptType` and a conversation."""
    items = [{"ContactOptType": opt, "ContactItem": item} for opt, item in changes]
    update = {"UpdateGroupType": 2, "OldGroupName": name, "ContactUpdateItem": items}
    return {"From_Account": OWNER, "UpdateType": 1, "UpdateGroup": update}


def joining(name: str, *items: Item) -> Body:
    return change(name, *((1, item) for item in items))


def leaving(name: str, *items: Item) -> Body:
    return change(name, *((2, item) for item in items))


def deletion(*names: str) -> Body:
    return {"From_Account": OWNER, "GroupName": list(names)}


def marking(*items: Item) -> Body:
    return {"From_Account": OWNER, "MarkItem": list(items)}


def bits(item: Item, *numbers: int) -> Item:
    """A `MarkItem` that sets `numbers`."""
    return {"OptType": 1, "ContactItem": item, "SetMark": list(numbers)}


def no_bits(item: Item, *numbers: int) -> Item:
    """A `MarkItem` that clears `numbers`."""
    return {"OptType": 1, "ContactItem": item, "ClearMark": list(numbers)}


def text(item: Item, custom_mark: str) -> Item:
    """A `MarkItem` that sets the custom mark."""
    return {"OptType": 2, "ContactItem": item, "CustomMark": custom_mark}


def question(*items: Item) -> Body:
    return {"From_Account": OWNER, "ContactItem": list(items)}


def page(start: int = 0) -> Body:
    return {"From_Account": OWNER, "StartIndex": start}


def carrying(command: str, item: object) -> Body:
    """A body of `command` with `item` as its only conversation, for the group `folder`."""
    if command == CREATE:
        return {
            "From_Account": OWNER,
            "GroupContactItem": [{"GroupName": "new", "ContactItem": [item]}],
        }
    if command == UPDATE:
        update = {
            "UpdateGroupType": 2,
            "OldGroupName": "folder",
            "ContactUpdateItem": [{"ContactOptType": 1, "ContactItem": item}],
        }
        return {"From_Account": OWNER, "UpdateType": 1, "UpdateGroup": update}
    if command == MARK:
        return {
            "From_Account": OWNER,
            "MarkItem": [{"OptType": 1, "ContactItem": item, "SetMark": [0]}],
        }
    assert command == SEARCH
    return {"From_Account": OWNER, "ContactItem": [item]}


async def records(caller: Caller, *items: Item) -> list[Item]:
    """What a search finds of `items`."""
    found: list[Item] = (await caller.ok(SEARCH, question(*items)))["ContactResultItem"]
    return found


async def groups(caller: Caller) -> dict[str, int]:
    """All groups of `OWNER`, with their ids."""
    listed = (await caller.ok(GET, page()))["GroupItem"]
    return {group["GroupName"]: group["GroupId"] for group in listed}


async def codes(caller: Caller, command: str, body: Body) -> list[int]:
    """The `ResultCode`s of a call that succeeds as a whole, in order."""
    answer = await caller.ok(command, body)
    if command == CREATE:
        results = answer["GroupResultItem"][0]["ResultItem"]
    elif command == UPDATE:
        results = answer["UpdateGroupResult"]["ContactResultItem"]
    else:
        results = answer["ResultItem"]
    return [result["ResultCode"] for result in results]


async def fill(caller: Caller, count: int, first: int = 0) -> None:
    """Mark `people(count, first)`, 100 a call."""
    items = [bits(item, 0) for item in people(count, first)]
    for start in range(0, count, 100):
        await caller.ok(MARK, marking(*items[start : start + 100]))


async def join_many(caller: Caller, name: str, items: list[Item]) -> None:
    """Add `items` to the group `name`, 100 a call."""
    for start in range(0, len(items), 100):
        body = joining(name, *items[start : start + 100])
        assert set(await codes(caller, UPDATE, body)) == {0}


def room(**fields: object) -> Body:
    """A chat group to create."""
    return {"Type": "Public", "Name": "a room"} | fields


def member_list(*userids: str) -> list[Item]:
    return [{"Member_Account": userid} for userid in userids]


def adding(group_id: str, *userids: str) -> Body:
    return {"GroupId": group_id, "MemberList": member_list(*userids)}


def removing(group_id: str, *userids: str) -> Body:
    return {"GroupId": group_id, "MemberToDel_Account": list(userids)}


async def added(caller: Caller, group_id: str, *userids: str) -> list[int]:
    """The `Result`s of adding accounts, in order."""
    answer = await caller.ok(ADD_MEMBERS, adding(group_id, *userids))
    assert [result["Member_Account"] for result in answer["MemberList"]] == list(userids)
    return [result["Result"] for result in answer["MemberList"]]


async def members_of(caller: Caller, group_id: str) -> dict[str, str]:
    """The members of a chat group with their roles, in order."""
    (info,) = (await caller.ok(ROOM_INFO, {"GroupIdList": [group_id]}))["GroupInfo"]
    assert info["MemberNum"] == len(info["MemberList"])
    return {member["Member_Account"]: member["Role"] for member in info["MemberList"]}


async def crowd(caller: Caller, group_id: str, count: int) -> None:
    """Let `count` accounts join that no test names, without a call for each 300."""
    store, sdkappid = caller.service.store, caller.sdkappid
    group = (await store.chat_groups(sdkappid, [group_id]))[group_id]
    for number in range(count):
        account = Account(sdkappid, f"crowd{number:027}")
        await store.create_account(account)
        await store.join(account, group, Membership("Member", 0))
