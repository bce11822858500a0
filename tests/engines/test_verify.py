"""`verify` finds every row that no chatmarks would have written, and nothing in one that it wrote."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import apsw
import pytest

from chatmarks.book import Account, Edit, Peer, PeerType
from chatmarks.engines import BadStore, open_store
from chatmarks.engines.verify import verify
from chatmarks.limits import PROFILES
from chatmarks.soundness import Problem
from chatmarks.store import App, ChatGroup, Membership, Message
from harness import NOW

SDKAPPID = 1400000000
ALICE = Account(SDKAPPID, "alice")
BOB = Peer(PeerType.ACCOUNT, "bob")
ADMIN = Membership("Admin", NOW)
ROOM = Peer(PeerType.CHAT_GROUP, "@TGS#1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sound store with everything in it that a store can have."""
    asyncio.run(fill(tmp_path / "books.db"))
    return tmp_path / "books.db"


async def fill(path: Path) -> None:
    store = await open_store(f"sqlite:///{path}")
    app = App(SDKAPPID, (b"\0key", b"\0older"), ("boss",), sources=("10.0.0.0/8",))
    await store.change_app(SDKAPPID, lambda _: app)
    for userid in ("alice", "a:b c", "z" * 32):
        await store.create_account(Account(SDKAPPID, userid))
    edits = [
        Edit(BOB, set_marks=1 << 63, custom_mark="é" * 128, join=0b10),
        Edit(ROOM, join=0b110),
        Edit(Peer(PeerType.ACCOUNT, "gone"), set_marks=1),
        Edit(Peer(PeerType.ACCOUNT, "gone"), clear_marks=1),
    ]
    await store.update(
        ALICE,
        lambda book: (
            book.with_group("work").with_group("字" * 21).with_edits(edits, NOW, "shared")[0],
            None,
        ),
        told_at=NOW,
    )
    await store.update(
        ALICE, lambda book: (book.with_group_renamed("work", "office"), None), told_at=NOW
    )
    await store.update(ALICE, lambda book: (book.with_group_renamed("office", "work"), None))
    await store.create_chat_group(SDKAPPID, ChatGroup("@TGS#1", "Public", "a room", "alice"))
    await store.create_chat_group(SDKAPPID, ChatGroup("open", "Community", "another", ""))
    room = (await store.chat_groups(SDKAPPID, ["@TGS#1"]))["@TGS#1"]
    await store.join(ALICE, room, ADMIN)
    await store.post(SDKAPPID, room, Message(NOW, NOW, "k"))
    await store.post(SDKAPPID, room, Message(NOW, NOW, None, shows=False))
    await store.unlist(ALICE, ROOM)
    for userid in ("z" * 32, "a:b c"):
        await store.converse(ALICE, userid, NOW, key=userid, now=NOW)
    await store.pin(ALICE, [Peer(PeerType.ACCOUNT, "a:b c")], NOW, 50)
    await store.close()


def alter(path: Path, *statements: str) -> None:
    connection = apsw.Connection(str(path))
    for statement in statements:
        connection.execute(statement)
    connection.close()


def lines(path: Path) -> list[str]:
    found: list[Problem] = []
    verify(path, found.append, lambda _done, _total: None)
    return [problem.line for problem in found]


def test_a_store_that_chatmarks_wrote_has_no_problem_and_all_its_rows_are_counted(path: Path) -> None:
    found: list[Problem] = []
    told: list[tuple[int, int]] = []
    counts = verify(path, found.append, lambda *progress: told.append(progress))
    assert found == []
    assert counts == {
        "account": 4,
        "conversation": 2,
        "chat_group": 2,
        "membership": 1,
        "recent": 2,
        "app": 1,
        "event": 2,
    }
    assert told[0] == (0, 14)
    assert told[-1] == (14, 14)


def test_events_that_no_chatmarks_would_have_written_are_told(path: Path) -> None:
    alter(
        path,
        "UPDATE event SET seq = 5, content = '[1]' WHERE seq = 2",
        "UPDATE event SET owner = '7:alice', token = 0 WHERE seq = 1",
    )
    assert lines(path) == [
        f"event {SDKAPPID}:1: has number 1 and token 0; both must be above 0",
        f"event {SDKAPPID}:1: its account 7:alice is none of the app",
        f"event {SDKAPPID}:5: comes after number 1; no number may be missing",
        f"event {SDKAPPID}:5: its content cannot be read: Expected `str`, got `int` - at `$[0]`",
    ]


def test_how_far_readers_of_feeds_have_come_is_sound(path: Path) -> None:
    alter(path, "INSERT INTO property VALUES ('feed_reader:1400000000:mirror', '{}')")
    assert lines(path) == []


async def test_the_event_with_which_a_feed_begins_is_sound(path: Path) -> None:
    store = await open_store(f"sqlite:///{path}")
    app = App(SDKAPPID, (b"\0key",), ("boss",), feed=True)
    await store.change_app(SDKAPPID, lambda _: app)
    await store.close()
    assert lines(path) == []


def test_a_store_that_is_an_unfinished_copy_is_sound(path: Path) -> None:
    alter(path, "INSERT INTO property VALUES ('unfinished_copy_from', 'sqlite:////books.db')")
    alter(path, "INSERT INTO property VALUES ('unfinished_copy_run', '0123456789abcdef')")
    assert lines(path) == []


def test_a_store_with_an_unfinished_restore_is_sound(path: Path) -> None:
    alter(path, "INSERT INTO property VALUES ('unfinished_restores', '{}')")
    assert lines(path) == []


def test_a_store_with_an_unfinished_pull_is_sound(path: Path) -> None:
    alter(path, "INSERT INTO property VALUES ('unfinished_pull:1400000001', '{}')")
    assert lines(path) == []


async def test_a_store_that_is_open_is_verified_with_what_is_still_in_its_log(path: Path) -> None:
    store = await open_store(f"sqlite:///{path}")
    await store.create_account(Account(SDKAPPID, "new"))
    assert verify(path, lambda _: None, lambda *_: None)["account"] == 5
    await store.create_account(Account(SDKAPPID, "newer"))
    await store.close()
    assert [file.name for file in path.parent.iterdir()] == ["books.db"]


A = "account 1400000000:alice"
C = "conversation 1400000000:alice"
TO_BOB = "UPDATE conversation SET {} WHERE peer_id = 'bob'"
TO_ALICE = "UPDATE account SET {} WHERE owner = '1400000000:alice'"
TO_ROOM = "UPDATE chat_group SET {} WHERE id = '1400000000:open'"
G = "chat_group 1400000000:open"
M = "membership 1400000000:alice 1400000000:@TGS#1"
R = "recent 1400000000:alice a:b c"
TO_RECENT = "UPDATE recent SET {} WHERE userid = 'a:b c'"
S = "sent 1400000000:alice a:b c"
TO_SENT = "UPDATE sent SET {} WHERE message_key = 'a:b c'"
P = "app 1400000000"
UNREAD = "file: its rows were not read, because of the above"


def groups(text: str) -> str:
    return TO_ALICE.format(f"contact_groups = '{text}'")


def content(field: str, value: str) -> str:
    return f"UPDATE app SET content = json_replace(content, '$.{field}', {value})"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (TO_ALICE.format("version = 0"), f"{A}: the version is 0; a positive one is required"),
        (TO_ALICE.format("version = -5"), f"{A}: the version is -5; a positive one is required"),
        (
            TO_ALICE.format("next_position = 1"),
            f"{C} 2:@TGS#1: has position 1; 0 to below 1 are allowed",
        ),
        (
            groups('{"work":1,"play":2,"more":21}'),
            f"{A}: a group has the id 21; 1 to 20 are allowed",
        ),
        (groups('{"work":1,"play":2,"no":0}'), f"{A}: a group has the id 0; 1 to 20 are allowed"),
        (
            groups('{"work":1,"play":2,"":3}'),
            f"{A}: the name of group 3 has 0 bytes; 1 to 64 are allowed",
        ),
        (
            groups('{"work":1,"play":2,"' + "x" * 65 + '":3}'),
            f"{A}: the name of group 3 has 65 bytes; 1 to 64 are allowed",
        ),
        (
            groups('{"work":1,"play":2,"\\u0000":3}'),
            f"{A}: the name of group 3 holds the character U+0000",
        ),
        (groups('{"work":1,"play":2,"also":2}'), f"{A}: 2 groups share the id 2"),
        (groups('{"work":1,"work":2}'), f"{A}: two groups have the same name"),
        (groups("[]"), f"{A}: the groups are not a JSON object of names and ids"),
        (groups('{"work":"1"}'), f"{A}: the groups are not a JSON object of names and ids"),
        (groups("{"), f"{A}: the groups are not a JSON object of names and ids"),
        (
            TO_ALICE.format("contact_groups = CAST(x'ff' AS TEXT)"),
            f"{A}: the groups are not a JSON object of names and ids",
        ),
        (
            groups('{"work":1}'),
            f"{C} 2:@TGS#1: is in groups that do not exist: bits 0x6, there are 0x2",
        ),
        (
            TO_BOB.format("contact_groups = 1"),
            f"{C} 1:bob: is in groups that do not exist: bits 0x1, there are 0x6",
        ),
        (
            TO_BOB.format("contact_groups = -2"),
            f"{C} 1:bob: is in groups that do not exist: bits -0x2, there are 0x6",
        ),
        (
            TO_BOB.format("standard_mark = 0, custom_mark = '', contact_groups = 0"),
            f"{C} 1:bob: has no data; such a record is not kept",
        ),
        (
            TO_BOB.format("updated_at = -1"),
            f"{C} 1:bob: was changed at -1; Unix seconds may not be negative",
        ),
        (
            TO_BOB.format("custom_mark = printf('%.257c', 'x')"),
            f"{C} 1:bob: has a custom mark of 257 bytes; at most 256 are allowed",
        ),
        (
            TO_BOB.format("custom_mark = CAST(x'6100' AS TEXT)"),
            f"{C} 1:bob: has a custom mark with the character U+0000",
        ),
        (
            TO_BOB.format("custom_mark = CAST(x'ff' AS TEXT)"),
            f"{C} 1:bob: has text that is not UTF-8",
        ),
        (
            TO_BOB.format("peer_id = CAST(x'ff0a' AS TEXT)"),
            f"{C} 1:\\xff\\n: has text that is not UTF-8",
        ),
        (
            TO_BOB.format("peer_type = 3"),
            f"{C} 3:bob: has type 3; 1 (account) and 2 (chat group) are allowed",
        ),
        (
            TO_BOB.format("peer_id = printf('%.33c', 'x')"),
            f"{C} 1:{'x' * 33}: has an id that is not 1 to 32 bytes of printable ASCII",
        ),
        (
            TO_BOB.format("peer_id = 'a' || char(10) || 'b'"),
            f"{C} 1:a\\nb: has an id that is not 1 to 32 bytes of printable ASCII",
        ),
        (
            TO_BOB.format("peer_id = ''"),
            f"{C} 1:: has an id that is not 1 to 32 bytes of printable ASCII",
        ),
        (
            TO_BOB.format("peer_type = 2, peer_id = printf('%.129c', 'x')"),
            f"{C} 2:{'x' * 129}: has an id that is not 1 to 128 bytes of printable ASCII",
        ),
        (
            "UPDATE account SET owner = '1400000000' WHERE owner = '1400000000:a:b c'",
            "account 1400000000: the key is not SDKAppID:UserID",
        ),
        (
            "UPDATE account SET owner = '07:x' WHERE owner = '1400000000:a:b c'",
            "account 07:x: the key is not SDKAppID:UserID",
        ),
        (
            f"UPDATE account SET owner = '{2**63}:x' WHERE owner = '1400000000:a:b c'",
            f"account {2**63}:x: the key is not SDKAppID:UserID",
        ),
        (
            "UPDATE account SET owner = CAST(x'373aff' AS TEXT) WHERE owner = '1400000000:a:b c'",
            "account 7:\\xff: the key is not SDKAppID:UserID",
        ),
        ("UPDATE app SET content = '{'", f"{P}: the content is no app: Input data was truncated"),
        (
            "UPDATE app SET content = CAST(x'ff' AS TEXT)",
            f"{P}: the content is no app: it is not UTF-8",
        ),
        (content("sdkappid", "7"), f"{P}: the content is that of app 7"),
        (
            "UPDATE app SET revision = 0, content = json_replace(content, '$.revision', 0)",
            f"{P}: the revision is 0; a positive one is required",
        ),
        (
            content("sealed_keys", 'json(\'["AGs=","AGs=","AGs="]\')'),
            f"{P}: has 3 keys; at most 2 are allowed",
        ),
        (content("sealed_keys", "json('[\"\"]')"), f"{P}: has an empty key"),
        (
            content("profile", "'mine'"),
            f"{P}: profile 'mine' is unknown; known: {', '.join(PROFILES)}",
        ),
        (content("sources", "json('[\"home\"]')"), f"{P}: the source home is no network"),
        (
            "DELETE FROM account WHERE owner = '1400000000:boss'",
            f"{P}: the administrator boss has no account",
        ),
        (
            TO_ROOM.format("type = 'Secret'"),
            f"{G}: the type is Secret; Public, Private, ChatRoom, AVChatRoom, Community are allowed",
        ),
        (TO_ROOM.format("name = ''"), f"{G}: has no name"),
        (TO_ROOM.format("name = CAST(x'ff' AS TEXT)"), f"{G}: has text that is not UTF-8"),
        (TO_ROOM.format("owner_account = printf('%.33c', 'x')"), f"{G}: the owner is no UserID"),
        (
            TO_ROOM.format("name = CAST(x'6100' AS TEXT)"),
            f"{G}: has a name with the character U+0000",
        ),
        (
            TO_ROOM.format("created_at = -1"),
            f"{G}: was made at -1; Unix seconds may not be negative",
        ),
        (TO_ROOM.format("sdkappid = 7"), f"{G}: the app is 7 in the row and 1400000000 in the key"),
        (TO_ROOM.format("place = 7"), f"{G}: the place is 7, which is not that of its id"),
        (
            TO_ROOM.format("incarnation = 0"),
            f"{G}: the incarnation is 0; a positive one is required",
        ),
        (
            "UPDATE membership SET owner = '1400000000:nobody'",
            f"{M.replace('alice', 'nobody')}: its account does not exist",
        ),
        (
            "UPDATE membership SET role = 'King'",
            f"{M}: the role is King; Owner, Admin, Member are allowed",
        ),
        (
            "UPDATE membership SET incarnation = -1",
            f"{M}: the incarnation is -1; a positive one is required",
        ),
        (
            "UPDATE membership SET joined_at = -1",
            f"{M}: began at -1; Unix seconds may not be negative",
        ),
        (
            TO_ROOM.format("shown_seq = 1"),
            f"{G}: message 1 is the newest that shows, and 0 the newest; 0 to the newest are allowed",
        ),
        (
            TO_ROOM.format("shown_seq = -1"),
            f"{G}: message -1 is the newest that shows, and 0 the newest; 0 to the newest are allowed",
        ),
        (
            TO_ROOM.format("shown_at = -1"),
            f"{G}: its newest message is of -1; Unix seconds may not be negative",
        ),
        (
            "UPDATE membership SET listed_from = -1",
            f"{M}: is in the list from message -1 on; 0 to 4294967296 are allowed",
        ),
        (
            "UPDATE membership SET listed_from = 4",
            f"{M}: is in the list from message 4 on, and 2 is the newest; at most 3 is allowed",
        ),
        (
            "UPDATE membership SET pinned_at = -1",
            f"{M}: was pinned at -1; Unix seconds may not be negative",
        ),
        (
            TO_RECENT.format("owner = '1400000000:nobody'"),
            f"{R.replace('alice', 'nobody')}: its account does not exist",
        ),
        (TO_RECENT.format("userid = 'é'"), f"{R.replace('a:b c', 'é')}: is with no UserID"),
        (
            TO_RECENT.format("userid = CAST(x'ff' AS TEXT)"),
            f"{R.replace('a:b c', chr(92) + 'xff')}: is with no UserID",
        ),
        (
            TO_RECENT.format("begun_at = -1"),
            f"{R}: began at -1; Unix seconds may not be negative",
        ),
        (
            TO_RECENT.format("last_at = 7"),
            f"{R}: began at {NOW}, after its newest message, which is of 7",
        ),
        (
            TO_RECENT.format("pinned_at = -1"),
            f"{R}: was pinned at -1; Unix seconds may not be negative",
        ),
        (
            TO_SENT.format("owner = '1400000000:nobody'"),
            f"{S.replace('alice', 'nobody')}: its account does not exist",
        ),
        (TO_SENT.format("kind = 3"), f"{S}: is of kind 3 with incarnation 0"),
        (TO_SENT.format("incarnation = 3"), f"{S}: is of kind 1 with incarnation 3"),
        (TO_SENT.format("sent_at = -1"), f"{S}: has a negative number or time"),
        (
            "INSERT INTO property VALUES ('unfinished_pull:01', '{}')",
            "property unfinished_pull:01: no chatmarks knows it",
        ),
        (
            "INSERT INTO property VALUES ('colour' || char(10), 'red')",
            "property colour\\n: no chatmarks knows it",
        ),
        (TO_ROOM.format("id = 'open'"), "chat_group open: the key is not SDKAppID:GroupId"),
        ("CREATE TABLE mine (x)", "file: table mine does not belong to the schema"),
    ],
)
def test_a_row_altered_by_hand_is_the_one_problem_found(
    path: Path, statement: str, expected: str
) -> None:
    alter(path, statement)
    found = lines(path)
    told = [line for line in found if line != UNREAD]
    if "app 7" in expected:
        assert "app 1400000000: the administrator boss has no account" in told
        told.remove("app 1400000000: the administrator boss has no account")
    assert told == [expected]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "DELETE FROM account WHERE owner = '1400000000:alice'",
            [
                f"{C} 1:bob: its account does not exist",
                f"{C} 2:@TGS#1: its account does not exist",
                f"{M}: its account does not exist",
                f"{R}: its account does not exist",
                f"recent 1400000000:alice {'z' * 32}: its account does not exist",
                f"{S}: its account does not exist",
                f"sent 1400000000:alice {'z' * 32}: its account does not exist",
            ],
        ),
        (
            TO_BOB.format("position = 1"),
            [
                f"{C} 1:bob: shares its position 1 with another conversation",
                f"{C} 2:@TGS#1: shares its position 1 with another conversation",
            ],
        ),
        (
            "UPDATE app SET revision = 5, content = json_replace(content, '$.revision', 6)",
            [f"{P}: the revision is 5 in the row and 6 in the content"],
        ),
        (
            content("admins", "json('[\"a\\n\"]')"),
            [
                f"{P}: the administrator a\\n is no UserID",
                f"{P}: the administrator a\\n has no account",
            ],
        ),
        (
            "UPDATE app SET sdkappid = -1, content = json_replace(content, '$.sdkappid', -1)",
            [
                "app -1: the SDKAppID is not positive",
                "app -1: the administrator boss has no account",
            ],
        ),
        (
            "DROP TABLE chat_group",
            [
                "file: index chat_group_by_place is missing",
                "file: table chat_group is missing",
                UNREAD,
            ],
        ),
        (
            "DROP INDEX membership_by_chat_group",
            ["file: index membership_by_chat_group is missing", UNREAD],
        ),
        (
            "DROP INDEX chat_group_by_place; CREATE INDEX chat_group_by_place ON chat_group (place)",
            ["file: index chat_group_by_place is not as the schema has it", UNREAD],
        ),
        (
            "ALTER TABLE probe ADD COLUMN more TEXT",
            [
                "file: table probe is not as the schema has it",
                UNREAD,
            ],
        ),
        (
            "UPDATE account SET next_position = -1 WHERE owner = '1400000000:a:b c'",
            ["account 1400000000:a:b c: the next position is -1; it may not be negative"],
        ),
    ],
)
def test_damage_that_concerns_several_rows_is_told_of_each(
    path: Path, statement: str, expected: Sequence[str]
) -> None:
    alter(path, statement)
    assert lines(path) == expected


def test_every_damage_of_a_store_is_told_not_only_the_first(path: Path) -> None:
    alter(
        path,
        TO_ALICE.format("version = 0"),
        TO_BOB.format("updated_at = -1"),
        TO_ROOM.format("name = ''"),
    )
    assert len(lines(path)) == 3


def test_wrong_bookkeeping_of_pages_is_found_and_the_rows_are_left_alone(path: Path) -> None:
    alter(path, "PRAGMA journal_mode = DELETE")
    whole = bytearray(path.read_bytes())
    whole[36:40] = (5).to_bytes(4)  # how many pages are free
    path.write_bytes(whole)
    *found, last = lines(path)
    assert last == UNREAD
    assert "file: Freelist: size is 0 but should be 5" in found


def test_a_page_of_garbage_is_found_in_one_line(path: Path) -> None:
    alter(path, "PRAGMA journal_mode = DELETE")
    connection = apsw.Connection(str(path))
    page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'conversation'").get
    size = connection.execute("PRAGMA page_size").get
    connection.close()
    whole = bytearray(path.read_bytes())
    whole[(page - 1) * size : page * size] = b"\xff" * size
    path.write_bytes(whole)
    assert lines(path) == ["file: it cannot be read to its end: database disk image is malformed"]


def test_what_is_no_store_cannot_be_verified(tmp_path: Path) -> None:
    with pytest.raises(BadStore, match="there is no store"):
        lines(tmp_path / "none.db")
    (tmp_path / "text").write_text("no database at all, but long enough to be looked at\n" * 100)
    with pytest.raises(BadStore, match="cannot be read: file is not a database"):
        lines(tmp_path / "text")
    alter(tmp_path / "other.db", "CREATE TABLE other (x)")
    with pytest.raises(BadStore, match="a database of another program"):
        lines(tmp_path / "other.db")
    assert not (tmp_path / "none.db").exists()
