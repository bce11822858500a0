"""What is exported from any engine and taken into any other is the same, but lives a new life."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from chatmarks.book import Account, Book, Entry, Peer, PeerType
from chatmarks.engines import open_store
from chatmarks.exports import Content, Taken, check, take_in, tell_existing, write
from chatmarks.limits import CUSTOM_MARK_BYTES_MAX, GROUP_NAME_BYTES_MAX
from chatmarks.moving import BATCH
from chatmarks.store import (
    App,
    AppChatGroup,
    ChatGroup,
    Conversation,
    Kept,
    Membership,
    Message,
    Recent,
    Store,
    Totals,
    Whole,
)
from harness import AWKWARD, NOW

SDKAPPID = 1400000000
HIGHEST = 2**63 - 1
ALICE = Account(SDKAPPID, "alice")
BOB = Account(SDKAPPID, "b o:b")
ROOM = ChatGroup("@TGS#1", "Public", "a room", "alice", NOW, 5, 9, 7, NOW + 5)
HALL = ChatGroup("hall", "Community", AWKWARD["emoji"], "", NOW + 1, 6)

NAMES = [text for text in AWKWARD.values() if len(text.encode()) <= GROUP_NAME_BYTES_MAX]
MARKS = [text for text in AWKWARD.values() if len(text.encode()) <= CUSTOM_MARK_BYTES_MAX]

ALICES = Book(
    {name: number for number, name in zip(range(20, 0, -1), NAMES, strict=False)},
    {
        Peer(PeerType.ACCOUNT, f"peer{number}"): Entry(3 * number + 7, 1 << 63 | number, text, 0, NOW)
        for number, text in enumerate(MARKS)
    }
    | {
        Peer(PeerType.CHAT_GROUP, "@TGS#1"): Entry(1000, (1 << 64) - 1, "", 1 << 20 | 1 << 19, 0),
        Peer(PeerType.ACCOUNT, "@TGS#1"): Entry(HIGHEST - 1, 0, "x", 0, HIGHEST),
    },
    HIGHEST,
)
WHOLES = [
    Whole(
        ALICE,
        Kept(7, ALICES),
        {
            ("@TGS#1", 5): Membership("Owner", NOW, 6, NOW + 9),
            ("hall", 6): Membership("Admin", 0),
            # Of an earlier chat group of that id, and of one that is gone.
            ("hall", 4): Membership("Member", NOW),
            ("gone", 9): Membership("Member", NOW),
        },
        {"b o:b": Recent(NOW, NOW + 3, NOW + 7), "~": Recent(0, HIGHEST)},
    ),
    Whole(BOB, Kept(8, Book({}, {}, 3))),
    Whole(Account(HIGHEST, "~"), Kept(9, Book({}, {}, 0))),
]
KEYS = (b"\0key", bytes(range(256)))
APP = App(
    SDKAPPID,
    KEYS,
    ("alice", "boss"),
    "documented",
    {"pooling": "split", "calls_per_second": 5, "check_to_account": True},
    ("10.0.0.0/8", "::1/128"),
    enabled=False,
    revision=77,
)


@pytest.fixture
async def model() -> AsyncIterator[Store]:
    """A second store, in memory."""
    opened = await open_store("memory:")
    yield opened
    await opened.close()


async def fill(store: Store) -> None:
    await store.put_wholes(WHOLES)
    await store.put_chat_groups([AppChatGroup(SDKAPPID, ROOM), AppChatGroup(SDKAPPID, HALL)])
    await store.put_apps([APP, App(HIGHEST, revision=5)])


async def exported(store: Store, sdkappid: int | None = None, *, with_keys: bool = False) -> bytes:
    file = BytesIO()
    await write(store, file, lambda *_: None, sdkappid=sdkappid, with_keys=with_keys)
    return file.getvalue()


def checked(text: bytes) -> tuple[list[str], Content]:
    """What is wrong with an export, and what it holds."""
    found: list[str] = []
    content = check(
        BytesIO(text),
        len(text),
        lambda number, problem: found.append(f"{number}: {problem}"),
        lambda *_: None,
    )
    return found, content


async def imported(store: Store, text: bytes, *, replacing: bool = False) -> Taken:
    found, content = checked(text)
    assert found == []
    return await take_in(store, BytesIO(text), content, lambda *_: None, replacing=replacing)


def lines_of(text: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.split(b"\n") if line]


def without_time(text: bytes) -> bytes:
    """An export without its first line, which tells when it was written."""
    return text.partition(b"\n")[2]


async def test_what_goes_through_an_export_is_the_same_in_every_engine(
    store: Store, model: Store
) -> None:
    await fill(store)
    text = await exported(store, with_keys=True)
    assert await imported(model, text) == Taken(2, 2, 3, [])
    assert without_time(await exported(model, with_keys=True)) == (
        # The administrator that had no account has one now.
        without_time(await with_boss(text))
    )
    again = await exported(model, with_keys=True)
    await imported(store, again, replacing=True)
    assert without_time(await exported(store, with_keys=True)) == without_time(again)


async def with_boss(text: bytes) -> bytes:
    """The export with an empty account boss."""
    store = await open_store("memory:")
    await imported(store, text)
    await store.create_account(Account(SDKAPPID, "boss"))
    return await exported(store, with_keys=True)


async def test_books_keep_ids_positions_and_times_and_get_new_versions(
    store: Store, model: Store
) -> None:
    await fill(model)
    await imported(store, await exported(model))
    alice = await store.read(ALICE)
    assert alice.book == ALICES
    assert list(alice.book.groups) == list(ALICES.groups)
    assert list(alice.book.entries) == list(ALICES.entries)
    assert (await store.read(BOB)).book.next_position == 3
    assert alice.version not in (0, 7)
    again = await exported(model)
    await imported(store, again, replacing=True)
    assert (await store.read(ALICE)).version != alice.version


async def test_a_chat_group_taken_off_a_list_during_an_export_comes_back_with_its_next_message(
    store: Store,
) -> None:
    await fill(store)
    # As many messages came after the chat group's line was written.
    ahead = {("@TGS#1", 5): Membership("Owner", NOW, ROOM.message_seq + 5)}
    await store.put_wholes([replace(WHOLES[0], memberships=ahead, recents={})])
    await imported(store, await exported(store), replacing=True)
    room = (await store.chat_groups(SDKAPPID, ["@TGS#1"]))["@TGS#1"]
    assert (await store.members(SDKAPPID, room))["alice"].listed_from == room.message_seq + 1
    assert (await store.conversations(ALICE, 100)).conversations == ()
    await store.post(SDKAPPID, room, Message(NOW, NOW, None))
    (found,) = (await store.conversations(ALICE, 100)).conversations
    assert found.peer.id == "@TGS#1"


async def test_apps_get_new_revisions_and_their_administrators_are_accounts(
    store: Store, model: Store
) -> None:
    await fill(model)
    await imported(store, await exported(model, with_keys=True))
    found = await store.app(SDKAPPID)
    assert found is not None
    assert replace(found, revision=77) == APP
    assert found.revision not in (0, 77)
    assert await store.known_accounts(SDKAPPID, ["boss"]) == {"boss"}


async def test_chat_groups_get_new_incarnations_and_keep_their_members(
    store: Store, model: Store
) -> None:
    await fill(model)
    # One who joined the same incarnation, and is in no line of the export.
    await store.put_wholes(
        [Whole(Account(SDKAPPID, "late"), Kept(1, Book({}, {}, 0)), WHOLES[0].memberships)]
    )
    await imported(store, await exported(model))
    found = await store.chat_groups(SDKAPPID, ["@TGS#1", "hall"])
    assert {replace(group, incarnation=1) for group in found.values()} == {
        replace(ROOM, incarnation=1),
        replace(HALL, incarnation=1),
    }
    assert {found["@TGS#1"].incarnation, found["hall"].incarnation}.isdisjoint({5, 6})
    assert await store.members(SDKAPPID, found["@TGS#1"]) == {
        "alice": Membership("Owner", NOW, 6, NOW + 9)
    }
    assert await store.members(SDKAPPID, found["hall"]) == {"alice": Membership("Admin", 0)}
    (alice, *_) = await store.wholes("", 1)
    assert len(alice.memberships) == 2


async def listed(store: Store, account: Account) -> set[Conversation]:
    return set((await store.conversations(account, 100)).conversations)


async def test_lists_are_what_they_were_behind_an_export(store: Store, model: Store) -> None:
    await fill(model)
    await imported(store, await exported(model))
    (alice, *_) = await store.wholes("", 1)
    assert alice.recents == WHOLES[0].recents
    assert await listed(store, ALICE) == await listed(model, ALICE)
    pinned = {one.peer.id for one in await listed(store, ALICE) if one.pinned_at}
    assert pinned == {"@TGS#1", "b o:b"}


async def test_an_export_of_the_time_before_lists_is_taken_in(store: Store) -> None:
    text = b"".join(json.dumps(line).encode() + b"\n" for line in SOUND)
    assert await imported(store, text) == Taken(1, 1, 1, [])
    (room,) = await listed(store, Account(7, "alice"))
    assert (room.begun_at, room.last_at, room.pinned_at, room.is_empty) == (NOW, NOW, 0, True)


async def test_no_number_of_an_export_is_more_than_a_double_can_hold_but_for_absurd_times(
    store: Store,
) -> None:
    await fill(store)
    text = (await exported(store, with_keys=True)).replace(str(HIGHEST).encode(), b"0")
    text = text.replace(str(HIGHEST - 1).encode(), b"0")

    def numbers(value: Any) -> list[int]:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            return [number for item in value for number in numbers(item)]
        return [value] if isinstance(value, int) else []

    assert max(number for line in lines_of(text) for number in numbers(line)) < 2**53


async def test_keys_are_only_in_an_export_that_was_asked_for_them(store: Store) -> None:
    await fill(store)
    assert b"SealedKeys" not in await exported(store)
    assert b"SealedKeys" in await exported(store, with_keys=True)


async def test_an_app_whose_line_says_that_it_has_no_keys_loses_those_of_the_store(
    store: Store,
) -> None:
    await store.change_app(7, lambda _: App(7, (b"\0key",), ("boss",)))
    text = (await exported(store, with_keys=True)).replace(
        b'"SealedKeys":["AGtleQ=="]', b'"SealedKeys":[]'
    )
    assert b'"SealedKeys":[]' in text
    await imported(store, text, replacing=True)
    app = await store.app(7)
    assert app is not None
    assert app.sealed_keys == ()


async def test_an_app_whose_line_has_no_keys_keeps_those_of_the_store(
    store: Store, model: Store
) -> None:
    await fill(model)
    text = await exported(model)
    await imported(store, text)
    app = await store.app(SDKAPPID)
    assert app is not None
    assert app.sealed_keys == ()
    await store.put_apps([replace(app, sealed_keys=KEYS)])
    await imported(store, text, replacing=True)
    app = await store.app(SDKAPPID)
    assert app is not None
    assert app.sealed_keys == KEYS


async def test_one_app_is_exported_with_all_of_its_own_and_nothing_else(store: Store) -> None:
    wholes = [
        Whole(Account(sdkappid, userid), Kept(1, Book({}, {}, 0)))
        for sdkappid in (7, 70, 77, 8)
        for userid in ("a", "b")
    ]
    await store.put_wholes(wholes)
    await store.put_chat_groups([AppChatGroup(sdkappid, ROOM) for sdkappid in (7, 70)])
    await store.put_apps([App(sdkappid) for sdkappid in (7, 70)])
    head, *items, end = lines_of(await exported(store, 7))
    assert (head["Apps"], head["ChatGroups"], head["Accounts"]) == (1, 1, 2)
    assert [item["Line"] for item in items] == ["App", "ChatGroup", "Account", "Account"]
    assert {item["SdkAppid"] for item in items} == {"7"}
    assert end == {"Line": "End", "Apps": 1, "ChatGroups": 1, "Accounts": 2, "Lines": 6}


@pytest.mark.parametrize("count", [0, 1, BATCH - 2, BATCH - 1, BATCH, 2 * BATCH + 1])
async def test_exports_of_whatever_length_say_how_long_they_are(
    store: Store, model: Store, count: int
) -> None:
    wholes = [
        Whole(Account(7, f"{number:05}"), Kept(1, Book({}, {}, number))) for number in range(count)
    ]
    await store.put_wholes(wholes)
    text = await exported(store)
    lines = lines_of(text)
    assert len(lines) == lines[-1]["Lines"] == count + 2
    assert (await imported(model, text)).accounts == count
    found = await model.wholes("", count + 1)
    assert [whole.kept.book.next_position for whole in found] == list(range(count))


async def test_what_exists_is_told_with_the_numbers_of_its_lines(store: Store, model: Store) -> None:
    await fill(model)
    text = await exported(model)
    _, content = checked(text)
    found: list[str] = []

    def tell(number: int, problem: str) -> None:
        found.append(f"{number}: {problem}")

    await tell_existing(store, content, tell)
    assert found == []
    await store.create_account(BOB)
    await store.create_chat_group(SDKAPPID, HALL)
    await store.put_apps([App(HIGHEST)])
    await tell_existing(store, content, tell)
    assert found == [
        f"3: app {HIGHEST} exists",
        f"5: chat group {SDKAPPID}:hall exists",
        f"7: account {SDKAPPID}:b o:b exists",
    ]


async def test_what_was_made_since_the_check_is_left_alone_and_named(
    store: Store, model: Store
) -> None:
    await fill(model)
    text = await exported(model)
    await store.put_wholes([Whole(ALICE, Kept(3, Book({"own": 1}, {}, 0)))])
    await store.create_chat_group(SDKAPPID, replace(ROOM, name="own"))
    await store.change_app(SDKAPPID, lambda _: App(SDKAPPID, profile="lenient"))
    keys = [f"{SDKAPPID}:@TGS#1", ALICE.owner, str(SDKAPPID)]
    assert await imported(store, text) == Taken(1, 1, 2, keys)
    assert await store.read(ALICE) == Kept(3, Book({"own": 1}, {}, 0))
    assert (await store.chat_groups(SDKAPPID, ["@TGS#1"]))["@TGS#1"].name == "own"
    app = await store.app(SDKAPPID)
    assert app is not None
    assert app.profile == "lenient"


async def test_of_an_import_and_servers_that_make_the_same_accounts_each_account_has_one_maker(
    store: Store, model: Store
) -> None:
    accounts = [Account(7, f"{number:05}") for number in range(2 * BATCH)]
    await model.put_wholes([Whole(account, Kept(1, Book({}, {}, 5))) for account in accounts])
    text = await exported(model)
    taken, made = await asyncio.gather(
        imported(store, text),
        asyncio.gather(*(store.create_account(account) for account in accounts[::7])),
    )
    created = [account for account, new in zip(accounts[::7], made, strict=True) if new]
    assert taken.left == sorted(account.owner for account in created)
    assert taken.accounts == 2 * BATCH - len(created)
    for account in accounts:
        book = (await store.read(account)).book
        assert book.next_position == (0 if account in created else 5)


async def test_the_example_of_the_documentation_is_taken_in_and_written_again(store: Store) -> None:
    page = (Path(__file__).parents[2] / "docs/export-format.md").read_text(encoding="utf-8")
    example = page.partition("```ndjson\n")[2].partition("```")[0].encode()
    assert await imported(store, example) == Taken(1, 1, 3, [])
    assert without_time(await exported(store)) == without_time(example)


# What is no sound export.

HEAD = {"chatmarks_export": 1, "CreateTime": NOW, "Apps": 1, "ChatGroups": 1, "Accounts": 1}
APP_LINE = {"Line": "App", "SdkAppid": "7", "Administrators": ["boss"]}
GROUP_LINE = {
    "Line": "ChatGroup",
    "SdkAppid": "7",
    "GroupId": "room",
    "Type": "Public",
    "Name": "a room",
    "CreateTime": NOW,
}
CONTACT = {"Type": 1, "To_Account": "bob", "Position": 0, "StandardMark": "1", "Timestamp": NOW}
ACCOUNT_LINE = {
    "Line": "Account",
    "SdkAppid": "7",
    "UserID": "alice",
    "GroupItem": [{"GroupName": "work", "GroupId": 1}],
    "ContactItem": [CONTACT],
    "NextPosition": 1,
    "JoinedGroup": [{"GroupId": "room", "Role": "Member", "JoinTime": NOW}],
}
END = {"Line": "End", "Apps": 1, "ChatGroups": 1, "Accounts": 1, "Lines": 5}
SOUND = [HEAD, APP_LINE, GROUP_LINE, ACCOUNT_LINE, END]


def problems(*lines: object) -> list[str]:
    text = b"".join(
        line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines
    )
    return checked(text)[0]


def test_a_sound_export_has_no_problem() -> None:
    assert problems(*SOUND) == []


def changed(line: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**line, **changes}.items() if value is not None}


def of_contact(**changes: Any) -> dict[str, Any]:
    return changed(ACCOUNT_LINE, ContactItem=[changed(CONTACT, **changes)])


def of_joined(**changes: Any) -> dict[str, Any]:
    joined = {"GroupId": "room", "Role": "Member", "JoinTime": NOW}
    return changed(ACCOUNT_LINE, JoinedGroup=[changed(joined, **changes)])


def of_list(**changes: Any) -> dict[str, Any]:
    recent = {"To_Account": "bob", "BeginTime": NOW, "MsgTime": NOW}
    return changed(ACCOUNT_LINE, RecentItem=[changed(recent, **changes)])


ALICE_LINE = "4: account 7:alice:"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (changed(APP_LINE, SdkAppid="07"), "2: app 07: SdkAppid is no SDKAppID"),
        (changed(APP_LINE, SdkAppid=7), "2: Expected str, got int - at $.SdkAppid"),
        (changed(APP_LINE, Profile="mine"), "2: app 7: profile 'mine' is unknown; known: default"),
        (changed(APP_LINE, Overrides={"x": 1}), "2: app 7: profile 'default': Object contains unknown"),
        (changed(APP_LINE, Sources=["home"]), "2: app 7: the source home is no network"),
        (changed(APP_LINE, Administrators=["é"]), "2: app 7: the administrator é is no UserID"),
        (changed(APP_LINE, SealedKeys=[""]), "2: app 7: has an empty key"),
        (changed(APP_LINE, SealedKeys=["AA=="] * 3), "2: app 7: has 3 keys; at most 2 are allowed"),
        (changed(APP_LINE, SealedKeys=["?"]), "2: Invalid base64 encoded string - at $.SealedKeys"),
        (changed(APP_LINE, Colour="red"), "2: Object contains unknown field Colour"),
        (changed(GROUP_LINE, GroupId="é"), "3: chat group 7:é: SdkAppid and GroupId are no id"),
        (changed(GROUP_LINE, Type="Secret"), "3: chat group 7:room: the type is Secret; Public, "),
        (changed(GROUP_LINE, Name=""), "3: chat group 7:room: has no name"),
        (changed(GROUP_LINE, Owner_Account="é"), "3: chat group 7:room: the owner is no UserID"),
        (changed(GROUP_LINE, CreateTime=-1), "3: Expected int >= 0 - at $.CreateTime"),
        (changed(GROUP_LINE, CreateTime=None), "3: Object missing required field CreateTime"),
        (changed(GROUP_LINE, MsgSeq=-1), "3: Expected int >= 0 - at $.MsgSeq"),
        (
            changed(GROUP_LINE, MsgSeq=2, ShownMsgSeq=3),
            "3: chat group 7:room: message 3 is the newest that shows, and 2 the newest; 0 to",
        ),
        (of_joined(ListedFrom=-1), "4: Expected int >= 0 - at $.JoinedGroup[0].ListedFrom"),
        (of_joined(TopTime="1"), "4: Expected int, got str - at $.JoinedGroup[0].TopTime"),
        (of_list(To_Account="é"), f"{ALICE_LINE} list é: is with no UserID"),
        (of_list(MsgTime=None), "4: Object missing required field MsgTime - at $.RecentItem[0]"),
        (of_list(MsgTime=NOW - 1), f"{ALICE_LINE} list bob: began at {NOW}, after its newest message"),
        (of_list(Colour="red"), "4: Object contains unknown field Colour - at $.RecentItem[0]"),
        (
            changed(ACCOUNT_LINE, RecentItem=of_list()["RecentItem"] * 2),
            f"{ALICE_LINE} a conversation comes twice in the list",
        ),
        (changed(ACCOUNT_LINE, UserID="é"), "4: account 7:é: SdkAppid and UserID are no account"),
        (changed(ACCOUNT_LINE, UserID="a\n"), "4: account 7:a\\n: SdkAppid and UserID are no account"),
        (
            changed(ACCOUNT_LINE, GroupItem=[{"GroupName": "x", "GroupId": 21}]),
            "4: Expected int <= 20 - at $.GroupItem[0].GroupId",
        ),
        (
            changed(ACCOUNT_LINE, GroupItem=[{"GroupName": "x", "GroupId": n} for n in (1, 2)]),
            f"{ALICE_LINE} two groups have the same name",
        ),
        (
            changed(ACCOUNT_LINE, GroupItem=[{"GroupName": n, "GroupId": 1} for n in "xy"]),
            f"{ALICE_LINE} 2 groups share the id 1",
        ),
        (
            changed(ACCOUNT_LINE, GroupItem=[{"GroupName": "x" * 65, "GroupId": 1}]),
            f"{ALICE_LINE} the name of group 1 has 65 bytes; 1 to 64 are allowed",
        ),
        (
            changed(ACCOUNT_LINE, ContactItem=[CONTACT, changed(CONTACT, Position=1)], NextPosition=2),
            f"{ALICE_LINE} a conversation comes twice",
        ),
        (
            changed(ACCOUNT_LINE, NextPosition=0),
            f"{ALICE_LINE} conversation 1:bob has position 0; 0 to below 0 are allowed",
        ),
        (
            changed(
                ACCOUNT_LINE,
                ContactItem=[
                    changed(CONTACT, To_Account=n, Position=p) for n, p in (("a", 1), ("b", 0))
                ],
                NextPosition=2,
            ),
            f"{ALICE_LINE} the conversations are not in the order of their positions",
        ),
        (of_contact(Type=3), "4: Invalid enum value 3 - at $.ContactItem[0].Type"),
        (of_contact(Type=2), f"{ALICE_LINE} conversation 2: has an id that is not 1 to 128 bytes"),
        (of_contact(StandardMark="2"), "4: Expected str matching regex"),
        (of_contact(StandardMark="1\n"), "4: Expected str matching regex"),
        (of_contact(StandardMark="01"), "4: Expected str matching regex"),
        (of_contact(StandardMark="1" * 65), "4: Expected str matching regex"),
        (of_contact(StandardMark=None), f"{ALICE_LINE} conversation 1:bob has no data"),
        (
            of_contact(CustomMark="x" * 257),
            f"{ALICE_LINE} conversation 1:bob has a custom mark of 257 bytes; at most 256",
        ),
        (of_contact(CustomMark="\0"), f"{ALICE_LINE} conversation 1:bob has a custom mark with the"),
        (of_contact(ContactGroupId=[2]), f"{ALICE_LINE} conversation 1:bob is in groups that do not"),
        (of_contact(ContactGroupId=[0]), "4: Expected int >= 1 - at $.ContactItem[0].ContactGroupId"),
        (of_contact(Position=2**63), "4: Expected int <= 9223372036854775807 - at $.ContactItem"),
        (
            changed(ACCOUNT_LINE, JoinedGroup=[{"GroupId": "hall", "Role": "Admin", "JoinTime": 0}]),
            f"{ALICE_LINE} membership hall: no line before has this chat group",
        ),
        (
            changed(ACCOUNT_LINE, JoinedGroup=[{"GroupId": "room", "Role": "King", "JoinTime": 0}]),
            f"{ALICE_LINE} membership room: the role is King; Owner, Admin, Member are allowed",
        ),
        (
            changed(
                ACCOUNT_LINE, JoinedGroup=[{"GroupId": "room", "Role": "Admin", "JoinTime": 0}] * 2
            ),
            f"{ALICE_LINE} a chat group was joined twice",
        ),
        (changed(ACCOUNT_LINE, Line="Person"), "4: Invalid value 'Person' - at $.Line"),
        (changed(ACCOUNT_LINE, Line=None), "4: Object missing required field Line"),
        (b'{"Line": "Account", "Use\n', "4: "),
        (b"\n", "4: "),
        (b'{"Line": "Account", "SdkAppid": "7", "UserID": "\xff"}\n', "4: "),
        (b'{"Line": "Account", "SdkAppid": "7", "UserID": "\\ud800"}\n', "4: "),
        (b"[]\n", "4: Expected object, got array"),
    ],
)
def test_a_line_that_is_not_sound_is_named_with_what_is_wrong(line: object, expected: str) -> None:
    lines: list[object] = list(SOUND)
    lines[int(expected[0]) - 1] = line
    found = problems(*lines)
    assert len(found) == 1 or "no line before has" in found[-1], found
    assert found[0].startswith(expected)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], "1: is not the first line of an export"),
        ([b"PK\x03\x04"], "1: is not the first line of an export"),
        ([APP_LINE, END], "1: is not the first line of an export"),
        (
            [{"chatmarks_export": 2, "More": 1}],
            "1: the export has format 2; this chatmarks reads 1",
        ),
        ([HEAD], "1: is the last one, and does not say so; the export was cut off"),
        (SOUND[:-1], "4: is the last one, and does not say so; the export was cut off"),
        ([*SOUND, APP_LINE], "6: comes after the last line"),
        (
            [*SOUND[:3], END],
            "4: counts apps: 1, chat groups: 1, accounts: 1, lines: 5; there are apps: 1,",
        ),
        ([HEAD, APP_LINE, APP_LINE], "3: app 7: line 2 has it already"),
        ([HEAD, GROUP_LINE, GROUP_LINE], "3: chat group 7:room: line 2 has it already"),
        ([HEAD, GROUP_LINE, ACCOUNT_LINE, ACCOUNT_LINE], "4: account 7:alice: line 3 has it already"),
    ],
)
def test_an_export_that_is_not_whole_is_told_so(lines: list[object], expected: str) -> None:
    assert problems(*lines)[0].startswith(expected)


def test_an_export_that_was_cut_off_anywhere_is_never_sound() -> None:
    text = b"".join(json.dumps(line).encode() + b"\n" for line in SOUND)
    assert checked(text)[0] == []
    # Without its very last byte, the end of a line, it still says all.
    for size in range(len(text) - 1):
        assert checked(text[:size])[0], size


def test_every_line_that_is_not_sound_is_told_of() -> None:
    found = problems(HEAD, b"{\n", changed(GROUP_LINE, Name=""), changed(ACCOUNT_LINE, UserID=""), END)
    assert [line.partition(":")[0] for line in found] == ["2", "3", "4"]


async def test_nothing_is_left_of_a_store_that_an_export_of_nothing_was_taken_into(
    store: Store, model: Store
) -> None:
    assert await imported(store, await exported(model)) == Taken(0, 0, 0, [])
    assert await store.totals() == Totals(0, 0, 0)
