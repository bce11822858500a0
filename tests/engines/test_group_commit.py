"""The one writer of a process: what waits is committed together, and no fault is answered with OK."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from chatmarks.book import Account, Book, Edit, Peer, PeerType
from chatmarks.cache import BookCache
from chatmarks.engines import group_commit, sqlite
from chatmarks.engines.book_writes import BookWrites
from chatmarks.engines.group_commit import GroupCommit, Refused
from chatmarks.engines.sqlite import SqliteStore
from chatmarks.store import Change, UnknownAccount
from harness import NOW

ALICE = Account(1400000000, "alice")
BOB = Account(1400000000, "bob")
PATIENCE = 10.0

FAULTS = {"sync": apsw.IOError, "write": apsw.IOError, "full": apsw.FullError}
faults = pytest.mark.parametrize("fault", FAULTS)


class Disk(apsw.VFS):
    """A disk that fails on demand, and counts the syncs of logs that went well."""

    def __init__(self) -> None:
        self.fault = ""
        self.log_syncs = 0
        self.below = apsw.vfs_names()[0]
        super().__init__("failing", self.below, makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        return DiskFile(self, name, flags)


class DiskFile(apsw.VFSFile):
    def __init__(self, disk: Disk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self.disk = disk
        self.is_log = bool(flags[0] & apsw.SQLITE_OPEN_WAL)
        super().__init__(disk.below, name, flags)

    def xSync(self, flags: int) -> None:
        if self.disk.fault == "sync" or (self.disk.fault == "checkpoint" and not self.is_log):
            raise FAULTS["sync"]("the disk failed")
        super().xSync(flags)
        self.disk.log_syncs += self.is_log

    def xWrite(self, data: bytes, offset: int) -> None:
        if self.disk.fault in ("write", "full"):
            raise FAULTS[self.disk.fault]("the disk failed")
        super().xWrite(data, offset)


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk()
    yield disk
    disk.fault = ""
    disk.unregister()


@pytest.fixture
async def store(disk: Disk, tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """A store on the disk, with the accounts alice and bob."""
    store = await SqliteStore.open(f"{tmp_path}/books.db", BookCache())
    await store.create_account(ALICE)
    await store.create_account(BOB)
    yield store
    disk.fault = ""
    await store.close()


class Bench:
    """A writer on a table of words, with a count of its connections and commits."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connections = 0
        self.commits = 0
        self.commit_may_end = threading.Event()
        self.commit_may_end.set()
        self.commit_began = threading.Event()
        with apsw.Connection(str(path)) as connection:
            connection.execute("CREATE TABLE word (text TEXT NOT NULL UNIQUE)")
        connection.close()
        self.writer = GroupCommit(self.connect, BookWrites())

    def connect(self) -> apsw.Connection:
        connection = apsw.Connection(str(self.path))
        connection.execute("PRAGMA journal_mode = WAL")
        connection.set_commit_hook(self.count)
        self.connections += 1
        return connection

    def count(self) -> bool:
        self.commits += 1
        self.commit_began.set()
        return not self.commit_may_end.wait(PATIENCE)

    def words(self) -> list[str]:
        """What anyone else sees."""
        connection = apsw.Connection(str(self.path))
        found = [text for (text,) in connection.execute("SELECT text FROM word ORDER BY rowid")]
        connection.close()
        return found


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path / "words.db")
    yield bench
    bench.commit_may_end.set()
    await bench.writer.close()


def saying(text: str) -> Callable[[apsw.Connection], str]:
    """Work that writes a word and returns it."""

    def work(connection: apsw.Connection) -> str:
        connection.execute("INSERT INTO word (text) VALUES (?)", (text,))
        return text

    return work


def refusing(_: apsw.Connection) -> str:
    raise Refused from LookupError("refused")


class Hold:
    """Work that keeps the writer busy until it is let go, so that what comes meanwhile waits."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.may_end = threading.Event()

    def __call__(self, _: apsw.Connection) -> str:
        self.began.set()
        assert self.may_end.wait(PATIENCE)
        return "held"


async def waiting(call: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """`call` as a task that has begun."""
    task = asyncio.create_task(call)
    await asyncio.sleep(0)
    return task


async def held(writer: GroupCommit) -> tuple[Hold, asyncio.Task[Any]]:
    """The writer in the middle of a unit of work."""
    hold = Hold()
    task = await waiting(writer.do(hold))
    assert await asyncio.to_thread(hold.began.wait, PATIENCE)
    return hold, task


def marking(peer_id: str) -> Change[int]:
    """A change that marks a conversation and answers how many there were before."""
    edit = Edit(Peer(PeerType.ACCOUNT, peer_id), set_marks=1)
    return lambda book: (book.with_edits([edit], NOW, "shared")[0], len(book.entries))


def failing(_: Book) -> tuple[Book, int]:
    raise LookupError("refused")


async def peer_ids(store: SqliteStore, account: Account) -> list[str]:
    return [peer.id for peer in (await store.read(account)).book.entries]


# Groups.


async def test_units_that_wait_share_one_commit(bench: Bench) -> None:
    hold, first = await held(bench.writer)
    rest = [await waiting(bench.writer.do(saying(f"word {number}"))) for number in range(50)]
    hold.may_end.set()
    assert await first == "held"
    assert await asyncio.gather(*rest) == [f"word {number}" for number in range(50)]
    assert bench.commits == 2
    assert bench.words() == [f"word {number}" for number in range(50)]


async def test_a_unit_that_comes_alone_is_committed_at_once(bench: Bench) -> None:
    for number in range(3):
        assert await bench.writer.do(saying(f"word {number}")) == f"word {number}"
        assert bench.commits == number + 1
        assert len(bench.words()) == number + 1


async def test_a_group_that_takes_too_long_is_committed_and_the_rest_comes_after(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "_GROUP_SECONDS", 0)
    hold, first = await held(bench.writer)
    rest = [await waiting(bench.writer.do(saying(f"word {number}"))) for number in range(5)]
    hold.may_end.set()
    await asyncio.gather(first, *rest)
    assert bench.commits == 6
    assert bench.words()[-5:] == [f"word {number}" for number in range(5)]


async def test_no_answer_leaves_before_its_commit_returned(bench: Bench) -> None:
    bench.commit_may_end.clear()
    task = await waiting(bench.writer.do(saying("word")))
    assert await asyncio.to_thread(bench.commit_began.wait, PATIENCE)
    await asyncio.sleep(0)
    assert not task.done()
    assert bench.words() == []
    bench.commit_may_end.set()
    assert await task == "word"
    assert bench.words() == ["word"]


async def test_a_refusing_unit_affects_only_its_caller(bench: Bench) -> None:
    hold, first = await held(bench.writer)
    works = (saying("one"), refusing, saying("two"), refusing)
    rest = [await waiting(bench.writer.do(work)) for work in works]
    hold.may_end.set()
    answers = await asyncio.gather(first, *rest, return_exceptions=True)
    assert [str(answer) for answer in answers] == ["held", "one", "refused", "two", "refused"]
    assert [type(answer) for answer in answers[1:]] == [str, LookupError, str, LookupError]
    assert bench.words() == ["one", "two"]
    assert (bench.commits, bench.connections) == (2, 1)


async def test_an_sql_error_rolls_back_the_whole_group_and_all_of_it_hear_of_it(bench: Bench) -> None:
    runs: list[str] = []

    def noting(text: str) -> Callable[[apsw.Connection], str]:
        def work(connection: apsw.Connection) -> str:
            runs.append(text)
            return saying(text)(connection)

        return work

    hold, first = await held(bench.writer)
    rest = [await waiting(bench.writer.do(noting(text))) for text in ("one", "two", "one", "three")]
    hold.may_end.set()
    assert await first == "held"
    answers = await asyncio.gather(*rest, return_exceptions=True)
    assert [type(answer) for answer in answers[:3]] == [apsw.ConstraintError] * 3
    # Who had begun is not tried again; who had not is done in the next group.
    assert answers[3] == "three"
    assert runs == ["one", "two", "one", "three"]
    assert bench.words() == ["three"]


async def test_any_other_exception_of_a_unit_rolls_back_its_group(bench: Bench) -> None:
    def breaking(connection: apsw.Connection) -> str:
        saying("half")(connection)
        raise ZeroDivisionError

    hold, _ = await held(bench.writer)
    rest = [await waiting(bench.writer.do(work)) for work in (saying("one"), breaking)]
    hold.may_end.set()
    answers = await asyncio.gather(*rest, return_exceptions=True)
    assert [type(answer) for answer in answers] == [ZeroDivisionError] * 2
    assert bench.words() == []


async def test_a_connection_is_opened_anew_after_a_fault_and_only_then(bench: Bench) -> None:
    await bench.writer.do(saying("one"))
    with pytest.raises(apsw.ConstraintError):
        await bench.writer.do(saying("one"))
    await bench.writer.do(saying("two"))
    with pytest.raises(LookupError):
        await bench.writer.do(refusing)
    await bench.writer.do(saying("three"))
    assert bench.connections == 2
    assert bench.words() == ["one", "two", "three"]


async def test_a_connection_that_cannot_be_opened_again_is_a_fault_until_it_can(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> apsw.Connection:
        raise apsw.CantOpenError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(bench.writer, "_connect", broken)
        await bench.writer.do(saying("one"))
        with pytest.raises(apsw.ConstraintError):
            await bench.writer.do(saying("one"))
        for _ in range(2):
            with pytest.raises(apsw.CantOpenError):
                await bench.writer.do(saying("two"))
    assert await bench.writer.do(saying("two")) == "two"
    assert bench.words() == ["one", "two"]


# Callers that leave.


async def test_work_of_a_caller_who_left_before_it_began_is_dropped(bench: Bench) -> None:
    hold, first = await held(bench.writer)
    leaver = await waiting(bench.writer.do(saying("dropped")))
    stayer = await waiting(bench.writer.do(saying("kept")))
    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver
    hold.may_end.set()
    await asyncio.gather(first, stayer)
    assert bench.words() == ["kept"]


async def test_work_of_a_caller_who_left_while_the_group_before_his_turn_ran_is_dropped(
    bench: Bench,
) -> None:
    hold, _ = await held(bench.writer)
    second = Hold()
    stayer = await waiting(bench.writer.do(second))
    leaver = await waiting(bench.writer.do(saying("dropped")))
    hold.may_end.set()
    assert await asyncio.to_thread(second.began.wait, PATIENCE)
    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver
    second.may_end.set()
    assert await stayer == "held"
    assert bench.words() == []


async def test_work_of_a_caller_who_left_after_it_began_is_committed(bench: Bench) -> None:
    hold = Hold()

    def work(connection: apsw.Connection) -> str:
        saying("begun")(connection)
        return hold(connection)

    leaver = await waiting(bench.writer.do(work))
    assert await asyncio.to_thread(hold.began.wait, PATIENCE)
    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver
    hold.may_end.set()
    assert await bench.writer.do(saying("next")) == "next"
    assert bench.words() == ["begun", "next"]


async def test_callers_who_all_leave_do_no_harm(bench: Bench) -> None:
    hold, first = await held(bench.writer)
    leavers = [await waiting(bench.writer.do(saying(f"word {number}"))) for number in range(5)]
    for leaver in (first, *leavers):
        leaver.cancel()
    await asyncio.gather(first, *leavers, return_exceptions=True)
    hold.may_end.set()
    assert await bench.writer.do(saying("next")) == "next"
    assert bench.words() == ["next"]


async def test_close_commits_what_waits(bench: Bench) -> None:
    hold, first = await held(bench.writer)
    rest = [await waiting(bench.writer.do(saying(f"word {number}"))) for number in range(5)]
    closing = await waiting(bench.writer.close())
    hold.may_end.set()
    await closing
    assert await asyncio.gather(first, *rest) == ["held", *(f"word {number}" for number in range(5))]
    assert bench.words() == [f"word {number}" for number in range(5)]
    assert not bench.writer._thread.is_alive()


# Updates of a store in one group.


async def test_a_later_update_of_the_group_sees_what_an_earlier_one_did(store: SqliteStore) -> None:
    hold, _ = await held(store._writer)
    tasks = [
        await waiting(store.update(ALICE, marking("x"))),
        await waiting(store.update(BOB, marking("x"))),
        await waiting(store.update(ALICE, marking("y"))),
        await waiting(store.update(ALICE, marking("x"))),
    ]
    hold.may_end.set()
    assert await asyncio.gather(*tasks) == [0, 0, 1, 2]
    assert await peer_ids(store, ALICE) == ["x", "y"]


async def test_creates_updates_and_deletes_of_one_group_happen_in_their_order(
    store: SqliteStore,
) -> None:
    hold, _ = await held(store._writer)
    tasks = [
        await waiting(store.update(ALICE, marking("x"))),
        await waiting(store.delete_account(ALICE)),
        await waiting(store.update(ALICE, marking("y"))),
        await waiting(store.create_account(ALICE)),
        await waiting(store.update(ALICE, marking("z"))),
    ]
    hold.may_end.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(answers.pop(2), UnknownAccount)
    assert answers == [0, True, True, 0]
    assert await peer_ids(store, ALICE) == ["z"]


async def test_a_refusing_change_in_a_group_affects_only_its_caller(store: SqliteStore) -> None:
    hold, _ = await held(store._writer)
    changes = (marking("x"), failing, marking("y"))
    tasks = [await waiting(store.update(ALICE, change)) for change in changes]
    hold.may_end.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [int, LookupError, int]
    assert await peer_ids(store, ALICE) == ["x", "y"]


async def test_every_commit_syncs_the_log_before_its_answer(disk: Disk, store: SqliteStore) -> None:
    for number in range(5):
        before = disk.log_syncs
        await store.update(ALICE, marking(f"user{number}"))
        assert disk.log_syncs > before


async def test_updates_of_a_group_share_one_sync(disk: Disk, store: SqliteStore) -> None:
    hold, first = await held(store._writer)
    tasks = [await waiting(store.update(ALICE, marking(f"user{number}"))) for number in range(20)]
    hold.may_end.set()
    await first
    before = disk.log_syncs
    await asyncio.gather(*tasks)
    assert disk.log_syncs - before <= 2
    assert len(await peer_ids(store, ALICE)) == 20


# A disk that fails.


@faults
async def test_a_failed_commit_is_never_answered_with_ok(
    disk: Disk, store: SqliteStore, fault: str
) -> None:
    hold, first = await held(store._writer)
    tasks = [
        await waiting(store.update(ALICE, marking("x"))),
        await waiting(store.update(BOB, marking("x"))),
        await waiting(store.create_account(Account(1400000000, "carol"))),
    ]
    disk.fault = fault
    hold.may_end.set()
    await asyncio.gather(first, return_exceptions=True)
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [FAULTS[fault]] * 3


@faults
async def test_reads_go_on_while_nothing_can_be_written(
    disk: Disk, store: SqliteStore, fault: str
) -> None:
    await store.update(ALICE, marking("x"))
    disk.fault = fault
    with pytest.raises(FAULTS[fault]):
        await store.update(ALICE, marking("y"))
    assert await peer_ids(store, ALICE) == ["x"]


@faults
async def test_a_store_works_again_when_its_disk_does(
    disk: Disk, store: SqliteStore, fault: str
) -> None:
    # Whatever the check says, which is the next test's matter.
    await store.update(ALICE, marking("x"))
    disk.fault = fault
    for _ in range(3):
        with pytest.raises(FAULTS[fault]):
            await store.update(ALICE, marking("y"))
    disk.fault = ""
    assert await store.update(BOB, marking("z")) == 0
    assert await store.update(ALICE, marking("z")) == len(await peer_ids(store, ALICE)) - 1
    assert {"x", "z"} <= set(await peer_ids(store, ALICE))


@faults
async def test_a_check_fails_while_the_disk_does_and_no_longer(
    disk: Disk, store: SqliteStore, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_TROUBLE_SECONDS", 0)
    disk.fault = fault
    for _ in range(2):
        with pytest.raises(FAULTS[fault]):
            await store.check()
    disk.fault = ""
    await store.check()


@faults
async def test_a_check_fails_for_ten_seconds_after_a_fault_whatever_went_well_since(
    disk: Disk, store: SqliteStore, fault: str
) -> None:
    disk.fault = fault
    with pytest.raises(FAULTS[fault]):
        await store.update(ALICE, marking("x"))
    disk.fault = ""
    assert await store.update(BOB, marking("y")) == 0
    with pytest.raises(RuntimeError, match="failed a moment ago"):
        await store.check()
    store._writer.failed_at -= 10
    await store.check()


@faults
async def test_a_check_fails_after_a_failed_update_even_if_it_went_well_just_before(
    disk: Disk, store: SqliteStore, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_TROUBLE_SECONDS", 0)
    await store.check()
    disk.fault = fault
    with pytest.raises(FAULTS[fault]):
        await store.update(ALICE, marking("x"))
    with pytest.raises(FAULTS[fault]):
        await store.check()
    disk.fault = ""
    await store.check()


async def test_a_check_writes_at_most_once_a_second(disk: Disk, store: SqliteStore) -> None:
    await store.check()
    before = disk.log_syncs
    for _ in range(20):
        await store.check()
    assert disk.log_syncs <= before + 1


@faults
async def test_what_was_answered_before_a_fault_is_there_after_a_crash(
    disk: Disk, store: SqliteStore, tmp_path: Path, fault: str
) -> None:
    await store.update(ALICE, marking("x"))
    disk.fault = fault
    with pytest.raises(FAULTS[fault]):
        await store.update(ALICE, marking("y"))
    after_crash = tmp_path / "after the crash"
    after_crash.mkdir()
    for name in ("books.db", "books.db-wal"):
        shutil.copy(tmp_path / name, after_crash)
    disk.fault = ""
    reopened = await SqliteStore.open(f"{after_crash}/books.db", BookCache())
    assert (await peer_ids(reopened, ALICE))[0] == "x"
    await reopened.check()
    await reopened.close()


async def test_a_checkpoint_that_fails_loses_nothing_and_is_not_kept_silent(
    disk: Disk, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "_CHECKPOINT_PAGES", 1)
    disk.fault = "checkpoint"
    assert await store.update(ALICE, marking("x")) == 0
    with pytest.raises(RuntimeError, match="failed a moment ago"):
        await store.check()
    assert await store.update(ALICE, marking("y")) == 1
    disk.fault = ""
    # After a turn of the writer the last checkpoint that could fail is over.
    await store._writer.do(lambda _: None)
    store._writer.failed_at -= 10
    await store.check()
    assert await peer_ids(store, ALICE) == ["x", "y"]


async def test_a_long_log_is_moved_into_the_file(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "_CHECKPOINT_PAGES", 8)
    for number in range(50):
        await store.update(ALICE, marking(f"peer {number}"))
    log_pages = (tmp_path / "books.db-wal").stat().st_size // 4096
    assert log_pages < 50
