"""Calls through a store with bad luck: the acknowledged is there, and nothing of the rest."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from chatmarks.book import Account
from chatmarks.commands import COMMANDS
from chatmarks.engines import open_store
from chatmarks.store import AppChatGroup, Store, UnknownAccount, Whole
from harness import ADMIN, NOW, SDKAPPID, Caller, Clock, account, chat_group, make_caller
from nasty import Fate, NastyStore

USERIDS = ["alice", "bob", "carol", "dave"]
GROUP_IDS = ["room", "hall"]
GROUP_NAMES = ["work", "friends", "Work"]
CALLS = 400
TEXT = [{"MsgType": "TIMTextElem", "MsgContent": {"Text": "hello"}}]

# What each service answers when the store is busy, and after a fault.
BUSY_AND_FAULT = {
    "recentcontact": (50005, 50004),
    "im_open_login_svc": (70169, 70500),
    "group_open_http_svc": (10002, 10002),
    "openim": (20004, 91000),
    "x": (50005, 50004),
}


def drawn_call(draw: random.Random) -> tuple[str, dict[str, Any]]:
    """A call on one account or chat group, most of them good."""
    owner, name = draw.choice([*USERIDS, "nobody"]), draw.choice(GROUP_NAMES)
    userid, group_id = draw.choice(USERIDS), draw.choice([*GROUP_IDS, "nowhere"])
    contacts = [account(userid), chat_group(group_id)]
    changes = [{"ContactOptType": draw.choice([1, 2]), "ContactItem": contact} for contact in contacts]
    marks = [
        {"OptType": 3, "ContactItem": contact, "SetMark": [draw.randrange(65)], "CustomMark": name}
        for contact in contacts
    ]
    members = {"UpdateGroupType": 2, "OldGroupName": name, "ContactUpdateItem": changes}
    rename = {
        "UpdateGroupType": 1,
        "OldGroupName": name,
        "NewGroupName": draw.choice(GROUP_NAMES),
    }
    calls: list[tuple[str, dict[str, Any]]] = [
        (
            "recentcontact/create_contact_group",
            {
                "From_Account": owner,
                "GroupContactItem": [{"GroupName": name, "ContactItem": contacts}],
            },
        ),
        (
            "recentcontact/update_contact_group",
            {"From_Account": owner, "UpdateType": 1, "UpdateGroup": members},
        ),
        (
            "recentcontact/update_contact_group",
            {"From_Account": owner, "UpdateType": 1, "UpdateGroup": rename},
        ),
        ("recentcontact/del_contact_group", {"From_Account": owner, "GroupName": [name]}),
        ("recentcontact/mark_contact", {"From_Account": owner, "MarkItem": marks}),
        ("recentcontact/mark_contact", {"From_Account": owner, "MarkItem": marks}),
        ("recentcontact/get_contact_group", {"From_Account": owner, "StartIndex": 0}),
        ("recentcontact/search_contact_group", {"From_Account": owner, "ContactItem": contacts}),
        ("im_open_login_svc/account_import", {"UserID": userid}),
        ("im_open_login_svc/multiaccount_import", {"Accounts": [userid]}),
        ("im_open_login_svc/account_check", {"CheckItem": [{"UserID": userid}]}),
        ("im_open_login_svc/account_delete", {"DeleteItem": [{"UserID": userid}]}),
        (
            "group_open_http_svc/create_group",
            {
                "Type": "Public",
                "Name": name,
                "GroupId": group_id,
                "Owner_Account": userid,
                "MemberList": [{"Member_Account": draw.choice(USERIDS)}],
            },
        ),
        ("group_open_http_svc/destroy_group", {"GroupId": group_id}),
        (
            "group_open_http_svc/add_group_member",
            {"GroupId": group_id, "MemberList": [{"Member_Account": userid}]},
        ),
        (
            "group_open_http_svc/delete_group_member",
            {"GroupId": group_id, "MemberToDel_Account": [userid]},
        ),
        ("group_open_http_svc/get_group_info", {"GroupIdList": [group_id]}),
        ("group_open_http_svc/get_appid_group_list", {}),
    ]
    return draw.choice(calls)


async def book_of(store: Store, userid: str) -> object:
    """The book, or None where there is no account."""
    try:
        return (await store.read(Account(SDKAPPID, userid))).book
    except UnknownAccount:
        return None


@pytest.mark.parametrize("seed", range(3))
async def test_the_acknowledged_is_kept_and_the_refused_leaves_no_trace(
    store: Store, seed: int
) -> None:
    nasty = NastyStore(store, seed, [Fate.PLAIN, Fate.PLAIN, *Fate])
    clock = Clock()
    caller = await make_caller(nasty, clock)
    # A service without bad luck, which is told only what was acknowledged.
    model = await make_caller(await open_store("memory:"), clock)
    for userid in USERIDS:
        await store.create_account(Account(SDKAPPID, userid))
        await model.service.store.create_account(Account(SDKAPPID, userid))
    draw = random.Random(seed)
    acknowledged = 0
    for _ in range(CALLS):
        path, body = drawn_call(draw)
        nasty.last = Fate.PLAIN
        answer = await caller.raw(path, body)
        code = msgspec.json.decode(answer)["ErrorCode"]
        busy, fault = BUSY_AND_FAULT[path.partition("/")[0]]
        if nasty.last is Fate.BUSY:
            assert code == busy
        elif nasty.last is Fate.DIES:
            assert code == fault
        else:
            assert answer == await model.raw(path, body)
            acknowledged += code == 0
        clock.now += 1
        for userid in (*USERIDS, ADMIN, "nobody"):
            assert await book_of(store, userid) == await book_of(model.service.store, userid)
    known = await store.known_chat_groups(SDKAPPID, [*GROUP_IDS, "nowhere"])
    assert known == await model.service.store.known_chat_groups(SDKAPPID, [*GROUP_IDS, "nowhere"])
    caller.service.store = store
    asked = {"GroupIdList": GROUP_IDS}
    infos = await caller.raw("group_open_http_svc/get_group_info", asked)
    assert infos == await model.raw("group_open_http_svc/get_group_info", asked)
    assert acknowledged > CALLS // 4
    assert min(nasty.met[fate] for fate in Fate) > CALLS // 20


GOOD_CALLS: dict[str, dict[str, Any]] = {
    "recentcontact/create_contact_group": {
        "From_Account": "alice",
        "GroupContactItem": [{"GroupName": "friends", "ContactItem": [account("bob")]}],
    },
    "recentcontact/update_contact_group": {
        "From_Account": "alice",
        "UpdateType": 1,
        "UpdateGroup": {"UpdateGroupType": 1, "OldGroupName": "work", "NewGroupName": "friends"},
    },
    "recentcontact/del_contact_group": {"From_Account": "alice", "GroupName": ["work"]},
    "recentcontact/mark_contact": {
        "From_Account": "alice",
        "MarkItem": [{"OptType": 1, "ContactItem": account("bob"), "SetMark": [63]}],
    },
    "recentcontact/get_contact_group": {"From_Account": "alice", "StartIndex": 0},
    "recentcontact/search_contact_group": {"From_Account": "alice", "ContactItem": [account("bob")]},
    "im_open_login_svc/account_import": {"UserID": "erin"},
    "im_open_login_svc/multiaccount_import": {"Accounts": ["erin"]},
    "im_open_login_svc/account_check": {"CheckItem": [{"UserID": "alice"}]},
    "im_open_login_svc/account_delete": {"DeleteItem": [{"UserID": "alice"}]},
    "group_open_http_svc/create_group": {
        "Type": "Public",
        "Name": "a hall",
        "GroupId": "hall",
        "MemberList": [{"Member_Account": "bob"}],
    },
    "group_open_http_svc/destroy_group": {"GroupId": "room"},
    "group_open_http_svc/get_appid_group_list": {},
    "group_open_http_svc/get_group_info": {"GroupIdList": ["room"]},
    "group_open_http_svc/add_group_member": {
        "GroupId": "room",
        "MemberList": [{"Member_Account": "bob"}],
    },
    "group_open_http_svc/delete_group_member": {
        "GroupId": "room",
        "MemberToDel_Account": ["alice"],
    },
    "group_open_http_svc/send_group_msg": {"GroupId": "room", "Random": 7, "MsgBody": TEXT},
    "group_open_http_svc/import_group_msg": {
        "GroupId": "room",
        "MsgList": [{"From_Account": "alice", "SendTime": NOW, "MsgBody": TEXT}],
    },
    "openim/sendmsg": {
        "From_Account": "alice",
        "To_Account": "bob",
        "MsgRandom": 7,
        "MsgBody": TEXT,
    },
    "openim/batchsendmsg": {
        "From_Account": "alice",
        "To_Account": ["bob"],
        "MsgRandom": 7,
        "MsgBody": TEXT,
    },
    "openim/importmsg": {
        "SyncFromOldSystem": 1,
        "From_Account": "alice",
        "To_Account": "bob",
        "MsgRandom": 7,
        "MsgTimeStamp": NOW,
        "MsgBody": TEXT,
    },
    "recentcontact/get_list": {
        "From_Account": "alice",
        "TimeStamp": 0,
        "StartIndex": 0,
        "TopTimeStamp": 0,
        "TopStartIndex": 0,
        "AssistFlags": 15,
    },
    "recentcontact/delete": {"From_Account": "alice", "Type": 2, "ToGroupid": "room"},
    "x/1/recentcontact/top": {
        "From_Account": "alice",
        "OperationType": 1,
        "RecentContactItem": [chat_group("room")],
    },
    "x/1/recentcontact/query": {"From_Account": "alice"},
    "x/1/recentcontact/who": {"ContactItem": account("bob")},
}
commands = pytest.mark.parametrize("path", COMMANDS)


async def prepared(store: Store) -> Caller:
    """A caller of `store`, with alice, bob, alice's group work, and the chat group room."""
    caller = await make_caller(store)
    await caller.accounts("alice", "bob")
    await caller.chat_groups("room")
    group = {"GroupName": "work", "ContactItem": [account("bob"), chat_group("room")]}
    create = {"From_Account": "alice", "GroupContactItem": [group]}
    await caller.ok("recentcontact/create_contact_group", create)
    join = {"GroupId": "room", "MemberList": [{"Member_Account": "alice"}]}
    await caller.ok("group_open_http_svc/add_group_member", join)
    return caller


async def everything(store: Store) -> tuple[list[Whole], list[AppChatGroup]]:
    """All that the good calls could change, with versions."""
    return await store.wholes("", 100), await store.all_chat_groups("", 100)


@commands
@pytest.mark.parametrize("fate", [Fate.BUSY, Fate.DIES])
async def test_every_command_answers_its_own_code_and_changes_nothing(
    store: Store, path: str, fate: Fate
) -> None:
    caller = await prepared(store)
    before = await everything(store)
    nasty = NastyStore(store, 0, [fate])
    caller.service.store = nasty
    busy, fault = BUSY_AND_FAULT[path.partition("/")[0]]
    assert await caller.code(path, GOOD_CALLS[path]) == (busy if fate is Fate.BUSY else fault)
    assert nasty.last is fate
    assert await everything(store) == before
    nasty.fates = [Fate.PLAIN]
    assert await caller.code(path, GOOD_CALLS[path]) == 0


@commands
async def test_a_change_that_is_run_twice_answers_and_does_as_one(store: Store, path: str) -> None:
    caller = await prepared(store)
    other = await prepared(await open_store("memory:"))
    caller.service.store = NastyStore(store, 0, [Fate.TWICE])
    assert await caller.raw(path, GOOD_CALLS[path]) == await other.raw(path, GOOD_CALLS[path])
    for userid in ("alice", "bob", "erin"):
        assert await book_of(store, userid) == await book_of(other.service.store, userid)


async def test_the_text_of_a_fault_stays_in_the_log(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caller = await prepared(store)
    caller.service.store = NastyStore(store, 0, [Fate.DIES])
    path = "recentcontact/mark_contact"
    answer = await caller.call(path, GOOD_CALLS[path])
    assert "Died" not in answer["ErrorInfo"]
    assert "Died" in caplog.text
    assert path in caplog.text


@pytest.mark.parametrize("seed", range(5))
async def test_calls_over_many_accounts_that_broke_off_are_finished_by_repeating_them(
    store: Store, seed: int
) -> None:
    caller = await prepared(store)
    nasty = NastyStore(store, seed, [Fate.PLAIN] * 18 + [Fate.BUSY, Fate.DIES])
    caller.service.store = nasty
    userids = [f"user{number}" for number in range(20)]
    imports = {"Accounts": userids}
    broken = 0
    while await caller.code("im_open_login_svc/multiaccount_import", imports):
        broken += 1
    assert await store.known_accounts(SDKAPPID, userids) == set(userids)
    deletes = {"DeleteItem": [{"UserID": userid} for userid in userids]}
    while await caller.code("im_open_login_svc/account_delete", deletes):
        broken += 1
    assert await store.known_accounts(SDKAPPID, [*userids, "alice"]) == {"alice"}
    assert broken > 0


@pytest.mark.parametrize("seed", range(5))
async def test_messages_that_broke_off_are_sent_once_by_repeating_them(store: Store, seed: int) -> None:
    caller = await prepared(store)
    caller.service.store = NastyStore(store, seed, [*[Fate.PLAIN] * 3, Fate.BUSY, Fate.DIES])
    broken = 0
    for number in range(10):
        many = {"From_Account": "alice", "To_Account": ["bob", ADMIN], "MsgBody": TEXT}
        room = {"GroupId": "room", "MsgBody": TEXT}
        while await caller.code("openim/batchsendmsg", {**many, "MsgRandom": number}):
            broken += 1
        while await caller.code("group_open_http_svc/send_group_msg", {**room, "Random": number}):
            broken += 1
    assert broken > 0
    room_now = (await store.chat_groups(SDKAPPID, ["room"]))["room"]
    assert (room_now.message_seq, room_now.shown_seq) == (10, 10)
    for userid, expected in (("alice", {"bob", ADMIN, "room"}), ("bob", {"alice"})):
        listing = await store.conversations(Account(SDKAPPID, userid), 100)
        assert {one.peer.id for one in listing.conversations} == expected
