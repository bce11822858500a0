"""A copy of a store is whole or not there, and a restored one never lies about a version."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from chatmarks.book import Account, Edit, Peer, PeerType
from chatmarks.engines import BadStore, backup, open_store
from chatmarks.soundness import Problem
from chatmarks.store import App
from harness import NOW

SDKAPPID = 1400000000
OWNERS = [Account(SDKAPPID, f"owner{number}") for number in range(40)]


def quiet(_done: int, _total: int) -> None:
    """For whom progress does not matter."""


def none(problem: Problem) -> None:
    raise AssertionError(problem.line)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of some dozen pages."""
    (tmp_path / "store").mkdir()
    path = tmp_path / "store" / "books.db"
    asyncio.run(fill(path))
    return path


async def fill(path: Path) -> None:
    store = await open_store(f"sqlite:///{path}")
    await store.change_app(SDKAPPID, lambda _: App(SDKAPPID, (b"\0key",), ("boss",)))
    edits = [Edit(Peer(PeerType.ACCOUNT, f"p{n}"), custom_mark="x" * 200) for n in range(20)]
    for owner in OWNERS:
        await store.create_account(owner)
        await store.update(owner, lambda book: (book.with_edits(edits, NOW, "shared")[0], None))
    await store.close()


def rows(path: Path, statement: str) -> list[tuple[object, ...]]:
    connection = apsw.Connection(str(path))
    found: list[tuple[object, ...]] = connection.execute(statement).fetchall()
    connection.close()
    return found


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


EVERYTHING = "SELECT * FROM conversation"
VERSIONS = "SELECT owner, version FROM account"
REVISIONS = "SELECT revision, json_extract(content, '$.revision') FROM app"


def test_a_backup_is_one_private_file_that_needs_no_log(path: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    file = tmp_path / "out" / "copy.db"
    before = os.umask(0)
    try:
        size = backup.backup(path, file, force=False, advance=quiet)
    finally:
        os.umask(before)
    assert size == file.stat().st_size
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert rows(file, "PRAGMA journal_mode") == [("delete",)]
    assert rows(file, EVERYTHING) == rows(path, EVERYTHING)
    assert rows(file, VERSIONS) == rows(path, VERSIONS)
    assert names(file.parent) == ["copy.db"]


def test_writes_between_two_steps_neither_enter_a_backup_nor_make_it_begin_again(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "_PAGES_PER_STEP", 1)
    keeper = apsw.Connection(str(path))
    before = keeper.execute(EVERYTHING).fetchall()
    told: list[int] = []

    def write(done: int, total: int) -> None:
        told.append(done)
        assert total > 20
        keeper.execute("UPDATE conversation SET custom_mark = 'late', updated_at = updated_at + 1")

    backup.backup(path, tmp_path / "copy.db", force=False, advance=write)
    assert told == sorted(set(told)), "it began again"
    assert len(told) > 20
    assert rows(tmp_path / "copy.db", EVERYTHING) == before
    assert keeper.execute("SELECT DISTINCT custom_mark FROM conversation").fetchall() == [("late",)]
    keeper.close()


def test_what_is_still_in_the_log_is_in_the_backup(path: Path, tmp_path: Path) -> None:
    keeper = apsw.Connection(str(path))
    keeper.execute("UPDATE conversation SET custom_mark = 'logged'")
    backup.backup(path, tmp_path / "copy.db", force=False, advance=quiet)
    assert keeper.execute("PRAGMA journal_mode").get == "wal"
    keeper.close()
    assert rows(tmp_path / "copy.db", "SELECT DISTINCT custom_mark FROM conversation") == [("logged",)]


def test_a_backup_replaces_a_file_only_when_told_to(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "copy.db"
    file.write_text("mine")
    with pytest.raises(BadStore, match=r"copy.db' exists; --force replaces it"):
        backup.backup(path, file, force=False, advance=quiet)
    assert file.read_text() == "mine"
    backup.backup(path, file, force=True, advance=quiet)
    assert rows(file, EVERYTHING) == rows(path, EVERYTHING)


def test_a_file_that_appeared_meanwhile_is_not_replaced(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "copy.db"
    with pytest.raises(BadStore, match="exists"):
        backup.backup(path, file, force=False, advance=lambda *_: file.touch())
    assert file.read_bytes() == b""
    assert names(tmp_path) == ["copy.db", "store"]


@pytest.mark.parametrize("force", [False, True])
def test_a_backup_never_takes_the_place_of_the_store_or_of_one_in_use(
    path: Path, tmp_path: Path, *, force: bool
) -> None:
    with pytest.raises(BadStore, match="is the store itself"):
        backup.backup(path, path, force=force, advance=quiet)
    with pytest.raises(BadStore, match="is a directory"):
        backup.backup(path, tmp_path, force=force, advance=quiet)
    with pytest.raises(BadStore, match="cannot be written: No such file"):
        backup.backup(path, tmp_path / "none" / "copy.db", force=force, advance=quiet)
    (tmp_path / "other.db").touch()
    (tmp_path / "other.db-wal").touch()
    with pytest.raises(BadStore, match="in the way" if force else "exists"):
        backup.backup(path, tmp_path / "other.db", force=force, advance=quiet)
    assert rows(path, "SELECT count(*) FROM account") == [(41,)]


def test_a_backup_that_fails_leaves_nothing(path: Path, tmp_path: Path) -> None:
    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backup.backup(path, tmp_path / "copy.db", force=False, advance=stop)
    assert names(tmp_path) == ["store"]


KILLED = """
import os, signal, sys
from pathlib import Path
from chatmarks.engines import backup
backup._PAGES_PER_STEP = 1
def advance(done, total):
    if done == total // 2:
        os.kill(os.getpid(), signal.SIGKILL)
backup.backup(Path(sys.argv[1]), Path(sys.argv[2]), force=True, advance=advance)
"""


def test_a_killed_backup_leaves_no_half_file_under_the_name(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "copy.db"
    backup.backup(path, file, force=False, advance=quiet)
    whole = file.read_bytes()
    ended = subprocess.run([sys.executable, "-c", KILLED, path, file], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert file.read_bytes() == whole
    backup.backup(path, file, force=True, advance=quiet)
    backup.restore(file, tmp_path / "again.db", force=False, found=none, advance=quiet)


# Restoring.


@pytest.fixture
def file(path: Path, tmp_path: Path) -> Path:
    """A backup of the store."""
    backup.backup(path, tmp_path / "copy.db", force=False, advance=quiet)
    return tmp_path / "copy.db"


def test_a_restored_store_has_the_books_and_no_version_or_revision_of_before(
    path: Path, file: Path
) -> None:
    whole = file.read_bytes()
    counts = backup.restore(file, path, force=True, found=none, advance=quiet)
    assert counts == {
        "account": 41,
        "conversation": 800,
        "chat_group": 0,
        "membership": 0,
        "recent": 0,
        "app": 1,
        "event": 0,
    }
    assert rows(path, EVERYTHING) == rows(file, EVERYTHING)
    old, new = ({version for _, version in rows(of, VERSIONS)} for of in (file, path))
    assert len(new) == 41
    assert not old & new
    ((row, in_content),) = rows(path, REVISIONS)
    assert row == in_content
    assert (row, in_content) not in rows(file, REVISIONS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(path.parent) == ["books.db"]
    assert file.read_bytes() == whole


def test_two_restores_of_one_backup_have_different_versions(file: Path, tmp_path: Path) -> None:
    for name in ("one.db", "two.db"):
        backup.restore(file, tmp_path / name, force=False, found=none, advance=quiet)
    one, two = (set(rows(tmp_path / name, VERSIONS)) for name in ("one.db", "two.db"))
    assert not one & two


async def test_a_restored_store_opens_and_takes_writes(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "new.db"
    backup.restore(file, target, force=False, found=none, advance=quiet)
    assert stat.S_IMODE(target.parent.stat().st_mode) == 0o700
    store = await open_store(f"sqlite:///{target}", create=False)
    await store.update(OWNERS[0], lambda book: (book.with_group("after"), None))
    assert (await store.read(OWNERS[0])).book.groups == {"after": 1}
    assert len((await store.read(OWNERS[1])).book.entries) == 20
    await store.close()


def test_a_store_is_replaced_only_when_told_to(path: Path, file: Path) -> None:
    whole = path.read_bytes()
    with pytest.raises(BadStore, match=r"books.db' exists; --force replaces it"):
        backup.restore(file, path, force=False, found=none, advance=quiet)
    assert path.read_bytes() == whole
    with pytest.raises(BadStore, match="is the store itself"):
        backup.restore(path, path, force=True, found=none, advance=quiet)
    assert path.read_bytes() == whole


async def test_a_store_that_is_open_is_not_replaced(path: Path, file: Path) -> None:
    store = await open_store(f"sqlite:///{path}")
    with pytest.raises(BadStore, match="is open in another process; stop its servers first"):
        backup.restore(file, path, force=True, found=none, advance=quiet)
    await store.update(OWNERS[0], lambda book: (book.with_group("goes on"), None))
    await store.close()
    backup.restore(file, path, force=True, found=none, advance=quiet)


def test_the_log_of_a_killed_server_goes_with_its_store(path: Path, file: Path) -> None:
    code = (
        "import apsw, os, sys; c = apsw.Connection(sys.argv[1]);"
        " c.execute(\"UPDATE conversation SET custom_mark = 'lost'\"); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, path], check=False)
    assert names(path.parent) == ["books.db", "books.db-shm", "books.db-wal"]
    backup.restore(file, path, force=True, found=none, advance=quiet)
    assert names(path.parent) == ["books.db"]
    assert rows(path, EVERYTHING) == rows(file, EVERYTHING)


def test_a_log_without_its_store_is_in_the_way_unless_it_may_go(path: Path, file: Path) -> None:
    path.unlink()
    log = path.with_name("books.db-wal")
    log.write_bytes(b"the last changes of a store that was moved away")
    with pytest.raises(BadStore, match=r"books.db-wal' is in the way"):
        backup.restore(file, path, force=False, found=none, advance=quiet)
    assert log.exists()
    backup.restore(file, path, force=True, found=none, advance=quiet)
    assert names(path.parent) == ["books.db"]


def test_who_waited_for_the_lock_of_the_old_file_cannot_write_to_it(path: Path, file: Path) -> None:
    held = backup._locked(path)
    waiting = apsw.Connection(str(path))
    with pytest.raises(apsw.BusyError):
        waiting.execute("SELECT count(*) FROM account")
    with backup._beside(path) as partial:
        partial.write_bytes(file.read_bytes())
        backup._put(partial, path, is_new=False)
    held.close()
    with pytest.raises(apsw.ReadOnlyError):
        waiting.execute("PRAGMA journal_mode = WAL")
    waiting.close()
    assert names(path.parent) == ["books.db"]


def test_a_store_made_meanwhile_is_not_replaced(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "new.db"
    with pytest.raises(BadStore, match="cannot be restored: File exists"):
        backup.restore(file, target, force=False, found=none, advance=lambda *_: target.touch())
    assert target.read_bytes() == b""
    assert names(tmp_path) == ["copy.db", "new.db", "store"]


def test_a_damaged_backup_changes_nothing_and_says_why(path: Path, file: Path) -> None:
    connection = apsw.Connection(str(file))
    connection.execute("UPDATE account SET version = 0")
    connection.close()
    found: list[Problem] = []
    before = rows(path, VERSIONS)
    with pytest.raises(BadStore, match=r"copy.db' is damaged, problems: 41; the store was left"):
        backup.restore(file, path, force=True, found=found.append, advance=quiet)
    assert len(found) == 41
    assert rows(path, VERSIONS) == before
    assert names(path.parent) == ["books.db"]


def test_a_truncated_backup_changes_nothing(path: Path, file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-8192])
    before = rows(path, VERSIONS)
    with pytest.raises(BadStore, match=r"copy.db'"):
        backup.restore(file, path, force=True, found=lambda _: None, advance=quiet)
    assert rows(path, VERSIONS) == before


def other_program(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()


def test_the_database_of_another_program_is_never_replaced(file: Path, tmp_path: Path) -> None:
    other_program(tmp_path / "theirs.db")
    with pytest.raises(BadStore, match="a database of another program"):
        backup.restore(file, tmp_path / "theirs.db", force=True, found=none, advance=quiet)
    (tmp_path / "text").write_text("words that somebody may need\n" * 100)
    with pytest.raises(BadStore, match="no sound SQLite file; move it"):
        backup.restore(file, tmp_path / "text", force=True, found=none, advance=quiet)
    assert (tmp_path / "text").read_text().startswith("words")


def test_an_empty_file_may_be_replaced(file: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    backup.restore(file, tmp_path / "empty.db", force=True, found=none, advance=quiet)
    assert rows(tmp_path / "empty.db", "SELECT count(*) FROM account") == [(41,)]


RESTORED = """
import os, signal, sys
from pathlib import Path
from chatmarks.engines import backup
file, path, left = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
def kill(event, arguments):
    global left
    touches = event in ("open", "os.remove", "os.rename", "os.link")
    if touches and str(path.parent) in str(arguments):
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
sys.addaudithook(kill)
backup.restore(file, path, force=True, found=print, advance=lambda *_: None)
"""

LOGGED = """
import apsw, os, sys
connection = apsw.Connection(sys.argv[1])
connection.execute("UPDATE conversation SET custom_mark = 'logged'")
os._exit(9)
"""


def test_a_restore_killed_at_any_point_leaves_the_old_store_or_the_new_one(
    path: Path, file: Path
) -> None:
    seen: list[str] = []
    for point in range(100):
        # The last changes of the old store are in its log only, as after a power cut.
        subprocess.run([sys.executable, "-c", LOGGED, path], check=False)
        ended = subprocess.run([sys.executable, "-c", RESTORED, file, path, str(point)], check=False)
        ((mark, accounts),) = rows(
            path,
            "SELECT group_concat(DISTINCT custom_mark), (SELECT count(*) FROM account)"
            " FROM conversation",
        )
        assert accounts == 41
        assert mark in ("logged", "x" * 200)
        assert rows(path, "PRAGMA integrity_check") == [("ok",)]
        seen.append("old" if mark == "logged" else "new")
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL
    assert seen[-1] == "new"
    assert seen.index("new") < len(seen) - 1, "no kill fell after the rename"
    assert seen == sorted(seen, reverse=True), "a killed restore was done, a later one was not"
    backup.restore(file, path, force=True, found=none, advance=quiet)
    assert [name for name in names(path.parent) if not name.endswith(".partial")] == ["books.db"]
