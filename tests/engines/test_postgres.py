"""What only the PostgreSQL engine promises: outcomes that nobody knows, other servers, its SQL."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import asyncpg
import pytest

import postgres
from chatmarks.book import EMPTY_BOOK, Account, Book
from chatmarks.engines import BadStore, open_store, shown
from chatmarks.engines import statements as sql
from chatmarks.engines.connections import CHANGE_SECONDS_MAX, Target
from chatmarks.engines.migrate import migrate
from chatmarks.engines.migrations import NOTHING, revisions, upgrade_script
from chatmarks.engines.schema import REVISION
from chatmarks.store import Busy, Store, UnknownAccount
from harness import account, make_caller

ALICE = Account(1400000000, "alice")
PATIENCE = 3.0
EVERYTHING = {"From_Account": "alice", "StartIndex": 0}
SQL_STATE = "SELECT count(*) FROM conversation"


def mark(userid: str, text: str = "text") -> dict[str, Any]:
    return {
        "From_Account": "alice",
        "MarkItem": [{"OptType": 2, "ContactItem": account(userid), "CustomMark": text}],
    }


@pytest.fixture(scope="module")
def own_server() -> Iterator[Any]:
    """A server that a test may stop, with our tables."""
    with postgres.server() as server:
        postgres.make_tables(server.get_uri())
        yield server


@pytest.fixture
def own_url(own_server: Any) -> str:
    url: str = own_server.get_uri()
    postgres.empty(url)
    return url


@pytest.fixture
async def own_store(own_url: str) -> AsyncIterator[Store]:
    store = await open_store(own_url)
    yield store
    await store.close()


def schema_url(url: str, name: str) -> str:
    """Another schema of the same database, without tables."""
    postgres.run(url, f"DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}")
    return postgres.with_options(url, search_path=name)


async def do(url: str, *scripts: str) -> None:
    """Run each script of SQL in a transaction of its own."""
    for script in scripts:
        await asyncio.to_thread(postgres.run, url, script)


async def configured(url: str, change: str) -> None:
    """Change how the whole server is set up."""
    await do(url, f"ALTER SYSTEM {change}", "SELECT pg_reload_conf()")


async def refusal(url: str) -> str:
    with pytest.raises(BadStore) as refused:
        await open_store(url)
    return str(refused.value)


# What is wrong at a start.


async def test_a_server_that_is_not_there_is_told_with_the_url_but_not_the_password() -> None:
    text = await refusal("postgresql://me:secret@127.0.0.1:1/books")
    assert text.startswith("store postgresql://me:…@127.0.0.1:1/books cannot be opened: ")
    assert "secret" not in text


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        (
            "postgresql://me:secret@a:1,b:2/books?pool_size=3",
            "postgresql://me:…@a:1,b:2/books?pool_size=3",
        ),
        ("postgresql:///books?host=/tmp&password=secret", "postgresql:///books?host=/tmp&password=…"),
        ("sqlite:///a:b@c.db", "sqlite:///a:b@c.db"),
        (
            "postgresql://me@a:1/books?application_name=x@y",
            "postgresql://me@a:1/books?application_name=x@y",
        ),
        (
            "postgresql://me:a@b@h:1/books?application_name=x@y",
            "postgresql://me:…@h:1/books?application_name=x@y",
        ),
        ("postgresql://me:half/secret@h/books", "postgresql://me:…@h/books"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, seen: str) -> None:
    assert shown(url) == seen


async def test_a_database_that_is_not_there_is_named(postgres_url: str) -> None:
    url = urlsplit(postgres_url)._replace(path="/nowhere").geturl()
    assert 'database "nowhere" does not exist' in await refusal(url)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("pool_size", "0"),
        ("pool_size", "x"),
        ("statement_cache_size", "-1"),
        ("target_session_attrs", "any"),
        ("target_session_attrs", "prefer-standby"),
    ],
)
async def test_a_wrong_option_of_the_url_is_named(postgres_url: str, option: str, value: str) -> None:
    assert f"{option} is '{value}'" in await refusal(
        postgres.with_options(postgres_url, **{option: value})
    )


async def test_an_empty_database_is_told_how_to_get_tables(postgres_url: str) -> None:
    url = await asyncio.to_thread(schema_url, postgres_url, "bare")
    text = await refusal(url)
    assert "has no tables yet; chatmarks migrate --store 'postgresql://" in text


async def test_an_older_schema_is_refused_with_the_line_that_brings_it_up(postgres_url: str) -> None:
    url = await asyncio.to_thread(schema_url, postgres_url, "older")
    await do(url, upgrade_script("postgresql", NOTHING, "0001"))
    text = await refusal(url)
    assert f"has schema '0001', this chatmarks needs '{REVISION}'; chatmarks migrate --store" in text


async def test_a_newer_schema_is_refused(postgres_url: str) -> None:
    url = await asyncio.to_thread(schema_url, postgres_url, "newer")
    await migrate(url, dry_run=False)
    await do(url, "UPDATE alembic_version SET version_num = '9999'")
    assert "a newer chatmarks wrote it" in await refusal(url)
    with pytest.raises(BadStore, match="a newer chatmarks wrote it"):
        await migrate(url, dry_run=False)


async def test_a_missing_right_is_named(own_url: str) -> None:
    await do(
        own_url,
        "CREATE ROLE reader LOGIN;"
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO reader;"
        "REVOKE UPDATE ON conversation FROM reader",
    )
    text = await refusal(own_url.replace("postgres:@", "reader:@"))
    assert text.endswith("the user lacks the right to UPDATE on conversation")
    await do(own_url, "DROP OWNED BY reader; DROP ROLE reader")


async def test_a_user_whose_commits_are_not_synced_is_refused(postgres_url: str) -> None:
    text = await refusal(postgres.with_options(postgres_url, synchronous_commit="off"))
    assert "synchronous_commit is off" in text


# Migrations.


def columns(url: str) -> list[Any]:
    return postgres.rows(
        url,
        "SELECT table_name, column_name, data_type, is_nullable, collation_name, column_default"
        " FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1, 2",
    ) + postgres.rows(
        url,
        "SELECT tablename, indexname, regexp_replace(indexdef, ' ON [^.]*[.]', ' ON ')"
        " FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1, 2",
    )


@pytest.mark.parametrize("revision", revisions())
def test_tables_of_every_schema_are_brought_up_to_what_fresh_ones_are(
    postgres_url: str, revision: str
) -> None:
    url = schema_url(postgres_url, "step")
    postgres.run(url, upgrade_script("postgresql", NOTHING, revision))
    upgrade = postgres.wait(migrate(url, dry_run=False))
    assert (upgrade.since, upgrade.until) == (revision, REVISION)
    assert columns(url) == columns(postgres_url)


async def test_rows_of_a_schema_without_lists_begin_with_no_message(postgres_url: str) -> None:
    url = await asyncio.to_thread(schema_url, postgres_url, "rows")
    await do(
        url,
        upgrade_script("postgresql", NOTHING, "0002"),
        "INSERT INTO account VALUES ('1400000000:alice', 1, 0, '{}');"
        "INSERT INTO chat_group VALUES ('1400000000:room', 'Public', 'a', '', 5, 7, 1400000000, 1);"
        "INSERT INTO membership VALUES ('1400000000:alice', '1400000000:room', 7, 'Member', 9)",
    )
    await migrate(url, dry_run=False)
    store = await open_store(url)
    (room,) = (await store.conversations(ALICE, 100)).conversations
    assert (room.peer.id, room.begun_at, room.last_at, room.is_empty) == ("room", 9, 9, True)
    await store.close()


def test_a_dry_run_changes_nothing(postgres_url: str) -> None:
    url = schema_url(postgres_url, "dry")
    plan = postgres.wait(migrate(url, dry_run=True))
    assert plan.since == NOTHING
    assert "CREATE TABLE conversation" in plan.script
    assert columns(url) == []


@pytest.mark.parametrize("revision", [NOTHING, *revisions()[:-1]])
async def test_of_several_migrations_at_once_one_does_it(postgres_url: str, revision: str) -> None:
    url = await asyncio.to_thread(schema_url, postgres_url, "race")
    if revision != NOTHING:
        script = upgrade_script("postgresql", NOTHING, revision)
        await do(url, script)
    done = await asyncio.gather(*(migrate(url, dry_run=False) for _ in range(4)))
    assert {upgrade.until for upgrade in done} == {REVISION}
    assert await asyncio.to_thread(columns, url) == await asyncio.to_thread(columns, postgres_url)


def test_a_migration_that_fails_leaves_nothing_behind(postgres_url: str) -> None:
    url = schema_url(postgres_url, "failing")
    postgres.run(url, upgrade_script("postgresql", NOTHING, "0001"))
    postgres.run(url, "CREATE TABLE property (mine text)")
    before = columns(url)
    with pytest.raises(BadStore, match="cannot be migrated"):
        postgres.wait(migrate(url, dry_run=False))
    assert columns(url) == before


# Several writers.


async def test_writers_of_one_account_in_several_stores_lose_nothing(postgres_url: str) -> None:
    stores = [await open_store(postgres_url) for _ in range(3)]
    await stores[0].create_account(ALICE)
    callers = [await make_caller(store) for store in stores]
    await callers[0].accounts("alice")

    async def write(number: int) -> None:
        for turn in range(8):
            peer = f"peer{number}x{turn}"
            await callers[number % 3].ok("recentcontact/mark_contact", mark(peer))

    await asyncio.gather(*(write(number) for number in range(9)))
    book = (await stores[0].read(ALICE)).book
    assert len(book.entries) == 72
    assert [entry.position for entry in book.entries.values()] == list(range(72))
    for store in stores:
        await store.close()


async def test_a_database_that_wants_transactions_repeated_gets_them_repeated(
    postgres_url: str,
) -> None:
    url = postgres.with_options(postgres_url, default_transaction_isolation="serializable")
    stores = [await open_store(url) for _ in range(2)]
    callers = [await make_caller(store) for store in stores]
    await callers[0].accounts("alice")

    async def write(number: int) -> None:
        for turn in range(10):
            await callers[number].ok("recentcontact/mark_contact", mark(f"peer{number}x{turn}"))

    await asyncio.gather(write(0), write(1))
    assert len((await stores[0].read(ALICE)).book.entries) == 20
    for store in stores:
        await store.close()


async def test_a_deletion_among_writes_leaves_no_row_behind(postgres_url: str) -> None:
    stores = [await open_store(postgres_url) for _ in range(2)]
    callers = [await make_caller(store) for store in stores]
    for _ in range(10):
        await callers[0].accounts("alice")
        calls = [
            callers[number % 2].code("recentcontact/mark_contact", mark(f"peer{number}"))
            for number in range(8)
        ]
        deleting = callers[1].code(
            "im_open_login_svc/account_delete", {"DeleteItem": [{"UserID": "alice"}]}
        )
        codes = await asyncio.gather(*calls[:4], deleting, *calls[4:])
        assert set(codes) <= {0, 50001}
        statement = "SELECT 1 FROM conversation WHERE owner = $1"
        assert await asyncio.to_thread(postgres.rows, postgres_url, statement, ALICE.owner) == []
    for store in stores:
        await store.close()


async def test_a_change_goes_on_when_its_caller_leaves(postgres_url: str) -> None:
    store = await open_store(postgres_url)
    await store.create_account(ALICE)
    blocker = await asyncpg.connect(postgres_url)
    await blocker.execute("BEGIN")
    await blocker.execute("SELECT 1 FROM account WHERE owner = $1 FOR UPDATE", ALICE.owner)

    def change(book: Book) -> tuple[Book, None]:
        return book.with_group("work"), None

    leaving = asyncio.create_task(store.update(ALICE, change))
    await asyncio.sleep(0.3)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await blocker.execute("COMMIT")
    await blocker.close()
    await store.close()
    store = await open_store(postgres_url)
    assert (await store.read(ALICE)).book.groups == {"work": 1}
    await store.close()


async def test_who_waits_too_long_for_a_locked_row_is_busy_and_has_written_nothing(
    postgres_url: str,
) -> None:
    store = await open_store(postgres_url)
    await store.create_account(ALICE)
    blocker = await asyncpg.connect(postgres_url)
    await blocker.execute("BEGIN")
    await blocker.execute("SELECT 1 FROM account WHERE owner = $1 FOR UPDATE", ALICE.owner)
    began = time.monotonic()
    with pytest.raises(Busy):
        await store.delete_account(ALICE)
    assert CHANGE_SECONDS_MAX - 0.1 < time.monotonic() - began < PATIENCE
    await blocker.execute("ROLLBACK")
    await blocker.close()
    await asyncio.sleep(0.2)
    assert (await store.read(ALICE)).book is not None
    await store.close()


# Outcomes that nobody knows.


async def test_a_commit_that_no_standby_confirmed_is_not_acknowledged(
    own_url: str, own_store: Store
) -> None:
    caller = await make_caller(own_store)
    await caller.accounts("alice")
    await caller.ok("recentcontact/mark_contact", mark("first"))
    await configured(own_url, "SET synchronous_standby_names = 'nobody'")
    try:
        waiting = asyncio.create_task(caller.call("recentcontact/mark_contact", mark("second")))
        statement = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        until = time.monotonic() + CHANGE_SECONDS_MAX - 0.3
        while time.monotonic() < until:
            if await asyncio.to_thread(postgres.rows, own_url, statement):
                break
        answer = await waiting
        assert answer["ErrorCode"] == 50005, answer
        # It may be there, and here it is; but nobody said so.
        assert await asyncio.to_thread(postgres.rows, own_url, SQL_STATE) == [(2,)]
        # One that is not cancelled waits for its standby, and its caller not for ever.
        began = time.monotonic()
        assert await caller.code("recentcontact/mark_contact", mark("third")) == 50005
        assert time.monotonic() - began < PATIENCE
        with pytest.raises(Busy):
            await own_store.check()
    finally:
        await configured(own_url, "RESET synchronous_standby_names")
    await own_store.check()
    assert await caller.code("recentcontact/mark_contact", mark("fourth")) == 0


async def test_a_connection_that_is_ended_at_the_server_fails_no_question(
    own_url: str, own_store: Store
) -> None:
    caller = await make_caller(own_store)
    await caller.accounts("alice")
    for _ in range(5):
        await asyncio.to_thread(
            postgres.rows,
            own_url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
        )
        assert await caller.code("recentcontact/get_contact_group", EVERYTHING) == 0


async def test_a_server_that_turned_read_only_is_left_for_another(
    own_url: str, own_store: Store
) -> None:
    caller = await make_caller(own_store)
    await caller.accounts("alice")
    await configured(own_url, "SET default_transaction_read_only = on")
    try:
        assert await _eventually(caller, lambda code: code == 50005)
    finally:
        url = postgres.with_options(own_url, default_transaction_read_only="off")
        await configured(url, "RESET default_transaction_read_only")
    assert await _eventually(caller, lambda code: code == 0)


async def _eventually(caller: Any, good: Callable[[int], bool]) -> bool:
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if good(await caller.code("recentcontact/mark_contact", mark("x"))):
            return True
        await asyncio.sleep(0.05)
    return False


async def _under_load(
    caller: Any, act: Callable[[], Awaitable[None]]
) -> list[tuple[float, float, int]]:
    """When each call of eight clients began, how long it took, and its code, while `act` is done."""
    seen: list[tuple[float, float, int]] = []
    stop = asyncio.Event()

    async def client(number: int) -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            began = time.monotonic()
            code = await caller.code("recentcontact/mark_contact", mark(f"u{number}", f"{turn}"))
            seen.append((began, time.monotonic() - began, code))
            if code:
                await asyncio.sleep(0.02)

    clients = [asyncio.create_task(client(number)) for number in range(8)]
    try:
        await act()
    finally:
        stop.set()
        await asyncio.gather(*clients)
    return seen


async def _made_behind(own_url: str, act: Awaitable[Any]) -> None:
    """Do something to an account that is not there, which makes the account before it is through."""
    connection = await asyncpg.connect(own_url)
    try:
        async with connection.transaction():
            # Whoever deletes conversations waits here.
            await connection.execute("LOCK TABLE conversation IN EXCLUSIVE MODE")
            acting = asyncio.ensure_future(act)
            await asyncio.sleep(0.5)
            await connection.execute(sql.PUT_ACCOUNTS, [ALICE.owner], [7], [1], ["{}"])
            row = [[each] for each in (ALICE.owner, 1, "bob", 0, 1, "", 0, 0)]
            await connection.execute(sql.PUT_CONVERSATIONS, *row)
        await acting
    finally:
        await connection.close()


@pytest.mark.parametrize("how", ["deleted", "put away"])
async def test_who_deletes_an_account_that_is_gone_leaves_alone_the_one_that_comes_after_it(
    own_url: str, own_store: Store, how: str
) -> None:
    if how == "deleted":
        await _made_behind(own_url, own_store.delete_account(ALICE))
    else:
        await _made_behind(own_url, own_store.put_wholes([], gone=[ALICE.owner]))
    kept = await own_store.read(ALICE)
    assert len(kept.book.entries) == 1


@pytest.mark.parametrize("how", ["stopped", "killed", "frozen"])
async def test_while_the_server_is_away_calls_fail_in_time_and_work_soon_after_its_return(
    own_server: Any, own_url: str, own_store: Store, how: str
) -> None:
    caller = await make_caller(own_store)
    await caller.accounts("alice")
    service = caller.service
    away = back = 0.0

    async def act() -> None:
        nonlocal away, back
        await asyncio.sleep(0.5)
        assert await service.problem() is None
        pid = own_server.get_pid()
        if how == "stopped":
            await asyncio.to_thread(own_server.stop)
        else:
            # The first of them first, or it could make another one meanwhile.
            os.kill(pid, signal.SIGSTOP)
            processes = _with_children(pid)
            for process in processes:
                os.kill(process, signal.SIGSTOP if how == "frozen" else signal.SIGKILL)
        away = time.monotonic()
        await asyncio.sleep(4)
        assert await service.problem() == "the store cannot be used"
        if how == "frozen":
            for process in processes:
                os.kill(process, signal.SIGCONT)
        else:
            await asyncio.to_thread(own_server.ensure_postgres_running)
        back = time.monotonic()
        await asyncio.sleep(5)
        assert await service.problem() is None

    seen = await _under_load(caller, act)
    assert {code for _, _, code in seen} == {0, 50005}
    assert max(seconds for _, seconds, _ in seen) < PATIENCE
    assert {code for began, _, code in seen if away + 0.5 < began < back - 2} == {50005}
    assert {code for began, _, code in seen if began > back + 4} == {0}


async def test_a_store_whose_server_hangs_is_closed_all_the_same(own_server: Any, own_url: str) -> None:
    store = await open_store(own_url)
    await store.create_account(ALICE)
    pid = own_server.get_pid()
    os.kill(pid, signal.SIGSTOP)
    processes = _with_children(pid)
    try:
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        asking = asyncio.create_task(store.versions([ALICE]))
        await asyncio.sleep(0.1)
        async with asyncio.timeout(8):
            await store.close()
        with pytest.raises(Busy):
            await asking
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


def _with_children(pid: int) -> list[int]:
    import psutil

    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


# The URL.


def test_each_host_of_a_url_is_tried_by_itself_the_one_that_was_found_first() -> None:
    target = Target("postgresql://me@a:1,b:2,c:3/books?target_session_attrs=read-write&pool_size=7")
    assert target.pool_size == 7
    rest = "/books?target_session_attrs=read-write"
    assert target.urls() == [f"postgresql://me@{host}{rest}" for host in ("a:1", "b:2", "c:3")]
    target.prefer(2)
    assert target.urls() == [f"postgresql://me@{host}{rest}" for host in ("c:3", "a:1", "b:2")]
    target.prefer(0)
    assert target.urls()[0].startswith("postgresql://me@c:3/")


async def test_a_host_that_is_not_there_hides_no_other(own_url: str) -> None:
    folder = quote(dict(parse_qsl(urlsplit(own_url).query))["host"], safe="")
    url = f"postgresql://postgres@127.0.0.1:1,{folder}:5432/postgres?target_session_attrs=read-write"
    store = await open_store(url)
    await store.create_account(ALICE)
    with pytest.raises(UnknownAccount):
        await store.read(Account(1, "nobody"))
    assert (await store.read(ALICE)).book == EMPTY_BOOK
    await store.close()
