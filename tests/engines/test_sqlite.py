"""What only the engine of one file promises: durable, private, and safe with several processes."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import stat
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import apsw
import pytest

from chatmarks.book import Account, Book, Edit, Peer, PeerType
from chatmarks.cache import BookCache
from chatmarks.engines import BadStore, chat_groups, group_commit, open_store
from chatmarks.engines.schema import APPLICATION_ID, REVISION
from chatmarks.engines.sqlite import SqliteStore
from chatmarks.store import App, Busy, Change, ChatGroup, Membership, Store, UnknownAccount
from harness import NOW

SDKAPPID = 1400000000
ALICE = Account(SDKAPPID, "alice")
ROOM = ChatGroup("room", "Public", "a room", "alice")
SPAWN = multiprocessing.get_context("spawn")
PATIENCE = 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books.db"


def marking(peer_id: str) -> Change[int]:
    """A change that marks a conversation and answers how many there were before."""
    edit = Edit(Peer(PeerType.ACCOUNT, peer_id), set_marks=1)
    return lambda book: (book.with_edits([edit], NOW, "shared")[0], len(book.entries))


async def opened(path: Path) -> Store:
    return await open_store(f"sqlite:///{path}")


async def peer_ids(store: Store, account: Account = ALICE) -> set[str]:
    return {peer.id for peer in (await store.read(account)).book.entries}


def content(path: Path) -> bytes:
    return path.read_bytes()


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def rows(path: Path, table: str) -> list[tuple[Any, ...]]:
    """The rows of a table, seen from outside."""
    connection = apsw.Connection(str(path))
    found = connection.execute(f"SELECT * FROM {table}").fetchall()
    connection.close()
    return found


# Where the file is, and how it is kept.


async def test_a_reopened_store_has_the_same_books_chat_groups_and_apps(path: Path) -> None:
    store = await opened(path)
    app = await store.change_app(SDKAPPID, lambda _: App(SDKAPPID, (b"\0key",), ("administrator",)))
    await store.create_account(ALICE)
    await store.update(ALICE, lambda book: (book.with_group("work"), None))
    edit = Edit(Peer(PeerType.CHAT_GROUP, "room"), 1 << 63, custom_mark="text", join=0b10)
    await store.update(ALICE, lambda book: (book.with_edits([edit], NOW, "shared")[0], None))
    await store.create_chat_group(SDKAPPID, ROOM)
    await store.join(ALICE, ROOM, Membership("Owner", NOW))
    before = await store.read(ALICE)
    await store.close()

    store = await opened(path)
    assert await store.read(ALICE) == before
    assert before.book.groups == {"work": 1}
    assert await store.apps() == [app]
    assert await store.known_accounts(SDKAPPID, ["administrator", "alice", "bob"]) == {
        "administrator",
        "alice",
    }
    assert await store.create_chat_group(SDKAPPID, ROOM) == ROOM
    assert await store.members(SDKAPPID, ROOM) == {"alice": Membership("Owner", NOW)}
    await store.close()


async def test_three_slashes_are_a_path_from_here_and_four_one_from_the_root(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    relative = await open_store("sqlite:///books.db")
    await relative.create_account(ALICE)
    absolute = await open_store(f"sqlite:///{path}")
    assert await absolute.known_accounts(SDKAPPID, ["alice"]) == {"alice"}
    await relative.close()
    await absolute.close()


async def test_missing_folders_are_made(path: Path) -> None:
    deep = path.parent / "a" / "b" / "books.db"
    store = await opened(deep)
    await store.create_account(ALICE)
    await store.close()
    assert rows(deep, "account")


async def test_only_its_owner_may_read_the_file_and_what_lies_beside_it(path: Path) -> None:
    before = os.umask(0)
    try:
        store = await opened(path)
        await store.create_account(ALICE)
    finally:
        os.umask(before)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"books.db": 0o600, "books.db-wal": 0o600, "books.db-shm": 0o600}
    await store.close()


async def test_a_closed_store_is_one_file(path: Path) -> None:
    store = await opened(path)
    await store.create_account(ALICE)
    await store.close()
    assert names(path.parent) == ["books.db"]


async def test_the_log_is_written_ahead_and_synced_at_every_commit(path: Path) -> None:
    store = await SqliteStore.open(str(path), BookCache())
    full = 2
    assert store._reader.pragma("journal_mode") == "wal"
    assert store._reader.pragma("synchronous") == full
    assert await store._writer.do(lambda writer: writer.pragma("journal_mode")) == "wal"
    assert await store._writer.do(lambda writer: writer.pragma("synchronous")) == full
    await store.close()


async def test_a_write_touches_only_the_rows_that_it_changes(path: Path) -> None:
    store = await opened(path)
    await store.create_account(ALICE)
    edits = [Edit(Peer(PeerType.ACCOUNT, f"user{number}"), set_marks=1) for number in range(1000)]
    await store.update(ALICE, lambda book: (book.with_edits(edits, NOW, "shared")[0], None))
    counter = apsw.Connection(str(path))
    before = counter.execute("SELECT count(*) FROM conversation WHERE updated_at = ?", (NOW,)).get
    counter.execute("UPDATE conversation SET updated_at = 7")
    counter.close()
    edit = Edit(Peer(PeerType.ACCOUNT, "user5"), custom_mark="text")
    await store.update(ALICE, lambda book: (book.with_edits([edit], NOW, "shared")[0], None))
    changed = [row for row in rows(path, "conversation") if row[-1] != 7]
    assert before == 1000
    assert changed == [(ALICE.owner, 1, "user5", 5, 1, "text", 0, NOW)]
    await store.close()


# What is no store.


def make_other_database(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE customer (name TEXT); INSERT INTO customer VALUES ('Ann')")
    connection.close()


def make_text_file(path: Path) -> None:
    path.write_text("Dear diary,\n" * 100)


def make_short_text_file(path: Path) -> None:
    path.write_text("no\n")


def make_directory(path: Path) -> None:
    path.mkdir()


def stamp(path: Path, *revisions: str) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("CREATE TABLE alembic_version (version_num TEXT NOT NULL)")
    connection.executemany(
        "INSERT INTO alembic_version VALUES (?)", ((revision,) for revision in revisions)
    )
    connection.close()


def make_newer_store(path: Path) -> None:
    stamp(path, "9999")


def make_unstamped_store(path: Path) -> None:
    stamp(path)


NO_STORES: list[tuple[Callable[[Path], None], str]] = [
    (make_other_database, "another program"),
    (make_text_file, "not a database"),
    (make_short_text_file, "not a database"),
    (make_directory, "directory"),
    (make_newer_store, "'9999'"),
    (make_unstamped_store, "damaged: no schema is stamped"),
]


@pytest.mark.parametrize(("make", "reason"), NO_STORES)
async def test_what_is_no_store_is_refused_with_its_path_and_the_reason(
    path: Path, make: Callable[[Path], None], reason: str
) -> None:
    make(path)
    with pytest.raises(BadStore) as refusal:
        await opened(path)
    assert str(path) in str(refusal.value)
    assert reason in str(refusal.value)


async def test_a_newer_store_is_refused_with_both_schemas(path: Path) -> None:
    make_newer_store(path)
    with pytest.raises(BadStore, match=rf"'9999'.*'{REVISION}'.*newer chatmarks"):
        await opened(path)


async def test_a_file_of_another_program_is_not_called_a_newer_store(path: Path) -> None:
    make_other_database(path)
    with pytest.raises(BadStore) as refusal:
        await opened(path)
    assert "newer" not in str(refusal.value)


@pytest.mark.parametrize(
    "make", [make_other_database, make_text_file, make_short_text_file, make_newer_store]
)
async def test_a_refused_file_is_left_as_it_was(path: Path, make: Callable[[Path], None]) -> None:
    make(path)
    before = content(path)
    with pytest.raises(BadStore):
        await opened(path)
    assert content(path) == before
    assert names(path.parent) == ["books.db"]


async def test_a_path_below_a_file_is_refused(path: Path) -> None:
    make_text_file(path)
    with pytest.raises(BadStore, match=r"books\.db"):
        await opened(path / "books.db")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "memory",
        "memory:x",
        "books.db",
        "sqlite",
        "sqlite:///",
        "sqlite:books.db",
        "sqlite://books.db",
        "SQLITE:///books.db",
        "mysql:///books",
    ],
)
async def test_a_url_of_no_engine_is_refused_with_those_that_are_known(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadStore) as refusal:
        await open_store(url)
    assert repr(url) in str(refusal.value)
    assert "memory:" in str(refusal.value)
    assert "sqlite:///" in str(refusal.value)
    assert names(tmp_path) == []


@pytest.mark.parametrize("found", ["3.40.1", "3.51.2"])
async def test_an_sqlite_that_can_damage_the_file_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch, found: str
) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: found)
    with pytest.raises(BadStore, match=rf"{found}.*3\.51\.3"):
        await opened(path)
    assert names(path.parent) == []


@pytest.mark.parametrize("found", ["3.51.3", "3.100.0", "4.0.0"])
async def test_a_sound_sqlite_is_taken(path: Path, monkeypatch: pytest.MonkeyPatch, found: str) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: found)
    store = await opened(path)
    assert await store.create_account(ALICE) is True
    await store.close()


# Another connection that keeps the file locked.


async def test_a_lock_longer_than_the_patience_is_busy_and_nothing_is_kept(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "BUSY_SECONDS_MAX", 0.05)
    monkeypatch.setattr(group_commit, "_TURN_SECONDS", 0.05)
    store = await opened(path)
    await store.create_account(ALICE)
    await store.update(ALICE, marking("x"))
    before = await store.read(ALICE)
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    for call in (
        store.update(ALICE, marking("y")),
        store.create_account(Account(SDKAPPID, "bob")),
        store.delete_account(ALICE),
        store.create_chat_group(SDKAPPID, ROOM),
        store.delete_chat_group(SDKAPPID, "room"),
        store.join(ALICE, ROOM, Membership("Member", NOW)),
        store.leave(ALICE, ROOM),
        store.change_app(SDKAPPID, lambda _: App(SDKAPPID)),
        store.check(),
    ):
        with pytest.raises(Busy):
            await call
    assert await store.read(ALICE) == before
    other.execute("ROLLBACK")
    other.close()
    assert await store.read(ALICE) == before
    assert await store.known_accounts(SDKAPPID, ["alice", "bob"]) == {"alice"}
    assert await store.known_chat_groups(SDKAPPID, ["room"]) == set()
    assert await store.apps() == []
    await store.close()


async def test_a_store_that_was_busy_works_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "BUSY_SECONDS_MAX", 0.05)
    monkeypatch.setattr(group_commit, "_TURN_SECONDS", 0.05)
    store = await opened(path)
    await store.create_account(ALICE)
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy):
        await store.update(ALICE, marking("x"))
    other.execute("ROLLBACK")
    other.close()
    await store.check()
    assert await store.update(ALICE, marking("y")) == 0
    assert await peer_ids(store) == {"y"}
    await store.close()


async def test_a_lock_shorter_than_the_patience_is_waited_for(path: Path) -> None:
    store = await opened(path)
    await store.create_account(ALICE)
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    asyncio.get_running_loop().call_later(0.2, other.execute, "ROLLBACK")
    assert await store.update(ALICE, marking("x")) == 0
    assert not other.in_transaction
    other.close()
    await store.close()


async def test_reads_do_not_wait_for_a_writer(path: Path) -> None:
    store = await opened(path)
    await store.create_account(ALICE)
    await store.update(ALICE, marking("x"))
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE; DELETE FROM conversation; DELETE FROM account")
    assert await peer_ids(store) == {"x"}
    assert await store.known_accounts(SDKAPPID, ["alice"]) == {"alice"}
    other.execute("COMMIT")
    other.close()
    assert await store.versions([ALICE]) == [None]
    await store.close()


async def test_a_file_that_stays_locked_cannot_be_opened(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "BUSY_SECONDS_MAX", 0.05)
    monkeypatch.setattr(group_commit, "_TURN_SECONDS", 0.05)
    other = apsw.Connection(str(path))
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(BadStore, match="locked"):
        await opened(path)
    other.close()


# Several stores on one file.


async def test_a_second_store_in_the_process_sees_every_change_at_its_next_read(path: Path) -> None:
    one, two = await opened(path), await opened(path)
    await one.create_account(ALICE)
    assert await two.create_account(ALICE) is False
    for number in range(20):
        assert await one.update(ALICE, marking(f"one {number}")) == 2 * number
        assert len(await peer_ids(two)) == 2 * number + 1
        assert await two.update(ALICE, marking(f"two {number}")) == 2 * number + 1
        assert len(await peer_ids(one)) == 2 * number + 2
        assert await one.versions([ALICE]) == await two.versions([ALICE])
    await two.change_app(SDKAPPID, lambda _: App(SDKAPPID, profile="documented"))
    assert await one.app(SDKAPPID) == await two.app(SDKAPPID)
    await two.delete_account(ALICE)
    assert await one.versions([ALICE]) == [None]
    await one.close()
    await two.close()


def answer_reads(path: Path, pipe: Connection) -> None:
    """Until told to stop: say how many conversations there are, and write one."""

    async def serve() -> None:
        store = await opened(path)
        while pipe.recv():
            before = await peer_ids(store)
            await store.update(ALICE, marking(f"child {len(before)}"))
            pipe.send(len(before))
        await store.close()

    asyncio.run(serve())


async def test_a_store_in_another_process_sees_every_change_at_its_next_read(path: Path) -> None:
    store = await opened(path)
    await store.create_account(ALICE)
    pipe, theirs = SPAWN.Pipe()
    child = SPAWN.Process(target=answer_reads, args=(path, theirs), daemon=True)
    child.start()
    for number in range(20):
        assert await store.update(ALICE, marking(f"parent {number}")) == 2 * number
        pipe.send("go on")
        assert await asyncio.to_thread(pipe.poll, PATIENCE)
        assert pipe.recv() == 2 * number + 1
        assert len(await peer_ids(store)) == 2 * number + 2
    pipe.send("")
    child.join(PATIENCE)
    assert child.exitcode == 0
    await store.close()


def write_marks(path: Path, name: str, start: Barrier) -> None:
    """Write to one account of both processes and to one of this process, several at once."""
    mine = Account(SDKAPPID, name)

    async def write(store: Store, writer: int) -> None:
        for number in range(20):
            await store.update(ALICE, marking(f"{name} {writer} {number}"))
            await store.update(mine, marking(f"{name} {writer} {number}"))

    async def work() -> None:
        store = await opened(path)
        await store.create_account(mine)
        start.wait(PATIENCE)
        await asyncio.gather(*(write(store, writer) for writer in range(4)))
        await store.close()

    asyncio.run(work())


async def test_two_processes_that_write_at_once_lose_nothing_and_are_never_busy(path: Path) -> None:
    store = await opened(path)
    await store.create_account(ALICE)
    start = SPAWN.Barrier(2)
    owners = ("one", "two")
    children = [
        SPAWN.Process(target=write_marks, args=(path, owner, start), daemon=True) for owner in owners
    ]
    for child in children:
        child.start()
    for child in children:
        await asyncio.to_thread(child.join, PATIENCE)
    assert [child.exitcode for child in children] == [0, 0]
    written = {name: {f"{name} {w} {n}" for w in range(4) for n in range(20)} for name in owners}
    assert await peer_ids(store, Account(SDKAPPID, "one")) == written["one"]
    assert await peer_ids(store, Account(SDKAPPID, "two")) == written["two"]
    assert await peer_ids(store) == written["one"] | written["two"]
    await store.close()


def start_stores(paths: list[Path], name: str, start: Barrier) -> None:
    """Open each store at the same moment as the other processes do."""

    async def work() -> None:
        for path in paths:
            start.wait(PATIENCE)
            store = await opened(path)
            assert await store.create_account(Account(SDKAPPID, name))
            await store.close()

    asyncio.run(work())


def test_starters_at_once_on_a_fresh_path_make_one_store(tmp_path: Path) -> None:
    paths = [tmp_path / str(number) / "books.db" for number in range(20)]
    start = SPAWN.Barrier(3)
    owners = ("one", "two", "three")
    children = [
        SPAWN.Process(target=start_stores, args=(paths, owner, start), daemon=True) for owner in owners
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(PATIENCE)
    assert [child.exitcode for child in children] == [0, 0, 0]
    for path in paths:
        assert {row[0] for row in rows(path, "account")} == {f"{SDKAPPID}:{name}" for name in owners}
        assert rows(path, "alembic_version") == [(REVISION,)]


def write_until_killed(path: Path, pipe: Connection) -> None:
    """Write without end and tell each conversation after its update was answered."""

    async def write(store: Store, writer: int) -> None:
        for number in range(10**6):
            await store.update(ALICE, marking(f"{writer} {number}"))
            pipe.send(f"{writer} {number}")

    async def work() -> None:
        store = await opened(path)
        await store.create_account(ALICE)
        await asyncio.gather(*(write(store, writer) for writer in range(4)))

    asyncio.run(work())


async def test_what_was_answered_before_a_kill_is_there(path: Path) -> None:
    pipe, theirs = SPAWN.Pipe(duplex=False)
    child = SPAWN.Process(target=write_until_killed, args=(path, theirs), daemon=True)
    child.start()
    theirs.close()
    answered: set[str] = set()
    while len(answered) < 50:
        assert await asyncio.to_thread(pipe.poll, PATIENCE)
        answered.add(pipe.recv())
    child.kill()
    child.join(PATIENCE)
    assert child.exitcode == -signal.SIGKILL
    while pipe.poll():
        try:
            answered.add(pipe.recv())
        except EOFError:
            break
    store = await opened(path)
    kept = await peer_ids(store)
    assert answered <= kept
    # At most the one update that each of the four writers had not told yet.
    assert len(kept - answered) <= 4
    await store.close()


async def test_a_delete_among_eight_writers_leaves_no_row(path: Path) -> None:
    stores = [await opened(path), await opened(path)]
    bystander = Account(SDKAPPID, "alice2")
    for account in (ALICE, bystander):
        await stores[0].create_account(account)
    await stores[0].update(bystander, marking("x"))
    refused: list[int] = []
    begun = asyncio.Event()

    async def write(writer: int) -> None:
        try:
            for number in range(100):
                if await stores[writer % 2].update(ALICE, marking(f"{writer} {number}")) == 40:
                    begun.set()
        except UnknownAccount:
            refused.append(writer)

    async def delete() -> None:
        await begun.wait()
        assert await stores[0].delete_account(ALICE) is True

    await asyncio.gather(delete(), *map(write, range(8)))
    assert sorted(refused) == list(range(8))
    assert [row[0] for row in rows(path, "account")] == [bystander.owner]
    assert [row[0] for row in rows(path, "conversation")] == [bystander.owner]
    for store in stores:
        await store.close()


# What must not stop the writer.


async def test_a_call_after_the_end_is_refused_rather_than_waited_for(path: Path) -> None:
    store = await opened(path)
    await store.close()
    with pytest.raises(RuntimeError, match="the store is closed"):
        await store.create_account(ALICE)


@pytest.mark.parametrize("wrong", [StopIteration(), asyncio.CancelledError(), SystemExit(3)])
async def test_whatever_a_change_raises_the_writer_goes_on(path: Path, wrong: BaseException) -> None:
    def change(_: Book) -> tuple[Book, None]:
        raise wrong

    store = await opened(path)
    await store.create_account(ALICE)
    with pytest.raises(RuntimeError, match="a change raised"):
        await store.update(ALICE, change)
    await store.update(ALICE, marking("bob"))
    assert await peer_ids(store) == {"bob"}
    await store.close()


# Memberships.


async def test_chat_groups_and_members_are_found_through_indexes(path: Path) -> None:
    await (await opened(path)).close()
    connection = apsw.Connection(str(path))
    statements: list[tuple[str, Any]] = []

    def note(_: apsw.Cursor, statement: str, bindings: Any) -> bool:
        statements.append((statement, bindings))
        return True

    connection.exec_trace = note
    chat_groups.found(connection, SDKAPPID, ["room"])
    chat_groups.listed(connection, SDKAPPID, "Public", 5, 10)
    chat_groups.members(connection, SDKAPPID, ROOM)
    chat_groups.leave(connection, ALICE, ROOM)
    chat_groups.delete(connection, SDKAPPID, "room")
    connection.exec_trace = None
    assert len(statements) == 7
    for statement, bindings in statements:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", bindings).fetchall()
        details = [str(row[3]) for row in plan]
        assert details[0].startswith("SEARCH"), (statement, details)
        assert not [detail for detail in details if "TEMP B-TREE" in detail], (statement, details)
    connection.close()


async def test_deleting_an_account_leaves_no_row_of_a_membership(path: Path) -> None:
    store = await opened(path)
    await store.create_account(ALICE)
    await store.join(ALICE, ROOM, Membership("Member", NOW))
    assert len(rows(path, "membership")) == 1
    await store.delete_account(ALICE)
    with pytest.raises(UnknownAccount):
        await store.join(ALICE, ROOM, Membership("Member", NOW))
    await store.close()
    assert rows(path, "membership") == []
