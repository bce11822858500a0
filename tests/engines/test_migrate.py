"""Stores of older schemas are brought up, whole or not at all, and kept as they were."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import apsw
import pytest

from chatmarks.book import Account
from chatmarks.engines import BadStore, open_store
from chatmarks.engines.backup import backup, restore
from chatmarks.engines.file import run, stamp_of
from chatmarks.engines.migrate import migrate, migrate_file
from chatmarks.engines.migrations import NOTHING, revisions, upgrade_script
from chatmarks.engines.schema import REVISION, tables
from chatmarks.engines.verify import shapes, verify
from chatmarks.seal import Seal
from chatmarks.service import Service
from chatmarks.store import Message
from harness import KEY, Caller, Clock, account, chat_group

SCHEMAS = Path(__file__).parent / "schemas"
OLDER = revisions()[:-1]


def older_store(path: Path, revision: str = "0001") -> Path:
    """A store as the program of that schema wrote it."""
    connection = apsw.Connection(str(path))
    run(connection, (SCHEMAS / f"sqlite-{revision}.sql").read_text(encoding="utf-8"))
    connection.close()
    path.chmod(0o600)
    return path


def revision_of(path: Path) -> str:
    connection = apsw.Connection(str(path))
    try:
        return stamp_of(connection, path)
    finally:
        connection.close()


def copies(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir() if ".schema-" in file.name)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def problems(path: Path) -> list[str]:
    found: list[str] = []
    verify(path, lambda problem: found.append(problem.line), lambda _done, _total: None)
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books.db"


def test_the_newest_revision_is_the_one_that_this_program_reads() -> None:
    assert revisions()[-1] == REVISION


def test_there_is_a_store_of_every_older_schema_to_test_with() -> None:
    assert [file.stem for file in sorted(SCHEMAS.glob("sqlite-*.sql"))] == [
        f"sqlite-{revision}" for revision in OLDER
    ]


@pytest.mark.parametrize("revision", [NOTHING, *OLDER])
def test_a_fresh_store_has_the_shape_of_one_that_was_brought_up(revision: str, path: Path) -> None:
    fresh = apsw.Connection(":memory:")
    run(fresh, tables())
    raised = apsw.Connection(str(path))
    if revision != NOTHING:
        run(raised, (SCHEMAS / f"sqlite-{revision}.sql").read_text(encoding="utf-8"))
    run(raised, upgrade_script("sqlite", revision, REVISION))
    assert shapes(raised) == shapes(fresh)
    raised.close()


@pytest.mark.parametrize("revision", OLDER)
async def test_a_store_of_an_older_schema_is_brought_up_at_start_with_a_copy_kept(
    revision: str, path: Path
) -> None:
    older_store(path, revision)
    store = await open_store(f"sqlite:///{path}")
    caller = Caller(Service(store, Seal(), loopback=True, clock=Clock()), Clock(), key=KEY)
    everyone = [account("bob"), account("carol"), chat_group("room")]
    found = await caller.ok(
        "recentcontact/search_contact_group", {"From_Account": "alice", "ContactItem": everyone}
    )
    assert [item.get("ContactGroupId") for item in found["ContactResultItem"]] == [[1], None, [1]]
    assert found["ContactResultItem"][0]["StandardMark"] == f"1{'0' * 62}1"
    assert found["ContactResultItem"][1]["CustomMark"] == "quote ' \" 👩\u200d👧 \n line"
    await caller.ok(
        "recentcontact/create_contact_group",
        {"From_Account": "alice", "GroupContactItem": [{"GroupName": "new"}]},
    )
    await store.close()
    assert revision_of(path) == REVISION
    assert problems(path) == []
    (copy,) = copies(path)
    assert copy == f"books.db.schema-{revision}"
    kept = path.with_name(copy)
    assert revision_of(kept) == revision
    assert mode(kept) == 0o600
    # What was kept is a store as any other.
    again = await open_store(f"sqlite:///{kept}")
    assert (await again.read(Account(1400000000, "alice"))).book.groups == {"work": 1, "朋友'é": 2}
    await again.close()


def test_a_second_copy_takes_nothing_from_the_first(path: Path) -> None:
    older_store(path)
    migrate_file(path)
    first = path.with_name("books.db.schema-0001").read_bytes()
    path.unlink()
    migrate_file(older_store(path))
    assert copies(path) == ["books.db.schema-0001", "books.db.schema-0001-2"]
    assert path.with_name("books.db.schema-0001").read_bytes() == first


def test_of_several_that_start_at_once_one_brings_the_store_up(path: Path) -> None:
    older_store(path)
    script = (
        "import asyncio, sys; from chatmarks.engines import open_store;"
        "asyncio.run(asyncio.wait_for(open_store(sys.argv[1]), 60))"
    )
    starting = [subprocess.Popen([sys.executable, "-c", script, f"sqlite:///{path}"]) for _ in range(4)]
    assert [process.wait(timeout=60) for process in starting] == [0, 0, 0, 0]
    assert revision_of(path) == REVISION
    assert copies(path) == ["books.db.schema-0001"]
    assert problems(path) == []


def test_who_comes_while_another_migrates_waits_and_does_nothing(path: Path) -> None:
    older_store(path)
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    done = []
    waiting = threading.Thread(target=lambda: done.append(migrate_file(path)))
    waiting.start()
    waiting.join(3)
    assert waiting.is_alive()
    run(other, upgrade_script("sqlite", "0001", REVISION))
    other.execute("COMMIT")
    waiting.join(30)
    assert [(upgrade.since, upgrade.copy) for upgrade in done] == [(REVISION, None)]
    assert copies(path) == []


def test_a_migration_that_fails_leaves_the_store_as_it_was(path: Path) -> None:
    older_store(path)
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE property (mine TEXT)")
    connection.close()
    with pytest.raises(BadStore, match=r"cannot be migrated: .*property"):
        asyncio.run(migrate(f"sqlite:///{path}", dry_run=False))
    assert revision_of(path) == "0001"
    assert copies(path) == []


def test_a_dry_run_tells_the_sql_and_changes_nothing(path: Path) -> None:
    before = older_store(path).read_bytes()
    plan = asyncio.run(migrate(f"sqlite:///{path}", dry_run=True))
    assert (plan.since, plan.until, plan.copy) == ("0001", REVISION, None)
    assert "CREATE TABLE property" in plan.script
    assert path.read_bytes() == before
    assert copies(path) == []


def test_a_store_of_the_newest_schema_is_left_alone(path: Path) -> None:
    migrate_file(older_store(path))
    before = path.read_bytes()
    upgrade = asyncio.run(migrate(f"sqlite:///{path}", dry_run=False))
    assert (upgrade.since, upgrade.script, upgrade.copy) == (REVISION, "", None)
    assert path.read_bytes() == before


@pytest.mark.parametrize("dry_run", [True, False])
def test_what_is_no_store_is_not_migrated(path: Path, *, dry_run: bool) -> None:
    def attempt(url: str) -> None:
        asyncio.run(migrate(url, dry_run=dry_run))

    with pytest.raises(BadStore, match="no store"):
        attempt(f"sqlite:///{path}")
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE other (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(BadStore, match="another program"):
        attempt(f"sqlite:///{path}")
    assert path.read_bytes() == before
    with pytest.raises(BadStore, match="not one file"):
        attempt("memory:")


def test_a_store_with_two_stamps_is_refused(path: Path) -> None:
    older_store(path)
    connection = apsw.Connection(str(path))
    connection.execute("INSERT INTO alembic_version VALUES ('0002')")
    connection.close()
    with pytest.raises(BadStore, match="several schemas"):
        asyncio.run(open_store(f"sqlite:///{path}"))
    assert copies(path) == []


def test_an_older_store_is_not_verified_but_told_how_to_be_brought_up(path: Path) -> None:
    older_store(path)
    with pytest.raises(BadStore, match=rf"'0001'.*needs '{REVISION}'; chatmarks migrate --store"):
        problems(path)


@pytest.mark.parametrize("revision", OLDER[: OLDER.index("0003")])
async def test_members_and_chat_groups_of_an_older_schema_begin_with_no_message(
    revision: str, path: Path
) -> None:
    store = await open_store(f"sqlite:///{older_store(path, revision)}")
    alice = Account(1400000000, "alice")
    room = (await store.chat_groups(1400000000, ["room"]))["room"]
    assert (room.message_seq, room.shown_seq, room.shown_at) == (0, 0, 0)
    (empty,) = (await store.conversations(alice, 100)).conversations
    assert (empty.begun_at, empty.last_at, empty.pinned_at, empty.is_empty) == (
        1700000000,
        1700000000,
        0,
        True,
    )
    assert await store.post(1400000000, room, Message(1700000005, 1700000005, None)) is not None
    await store.converse(alice, "bob", 1700000006)
    found = {one.peer.id: one.last_at for one in (await store.conversations(alice, 100)).conversations}
    assert found == {"room": 1700000005, "bob": 1700000006}
    await store.close()
    assert problems(path) == []


def test_an_older_store_can_be_backed_up_and_restored_to_a_newer_one(
    path: Path, tmp_path: Path
) -> None:
    older_store(path)
    backup(path, tmp_path / "copy.db", force=False, advance=lambda _done, _total: None)
    assert revision_of(tmp_path / "copy.db") == "0001"
    new = tmp_path / "new.db"
    told: list[str] = []
    counts = restore(
        tmp_path / "copy.db",
        new,
        force=False,
        found=lambda problem: told.append(problem.line),
        advance=lambda _done, _total: None,
    )
    assert counts["account"] == 4
    assert told == problems(new) == []
    assert revision_of(new) == REVISION
    assert revision_of(tmp_path / "copy.db") == "0001"


def test_a_start_that_migrates_nothing_does_not_load_the_tool(path: Path) -> None:
    script = (
        "import asyncio, sys; from chatmarks.engines import open_store;"
        "asyncio.run(open_store(sys.argv[1])); assert 'alembic' not in sys.modules"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", script, f"sqlite:///{path}"], check=True, timeout=60)
