"""Connections to PostgreSQL: a bounded pool, deadlines, and what an error means for a change.

The rule is: a change is acknowledged only after its commit was confirmed without a warning; it is
repeated only where the server said that nothing of it was kept. Everything else is `Busy`: unknown.
Nothing here is ever cancelled at the server, since a cancelled commit may be kept without its standby:
what takes too long has its connection closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from chatmarks.store import Busy

log = logging.getLogger("chatmarks")

Returned = TypeVar("Returned")
Connection: TypeAlias = PoolConnectionProxy
Work: TypeAlias = Callable[[Connection], Awaitable[Returned]]

ASK_SECONDS_MAX = 1.0
CHANGE_SECONDS_MAX = 1.9
"""How long a question and a change may take, waiting and repeats included: clients expect an answer
within three seconds, and a call may ask before it changes."""

_CONNECT_SECONDS = 1.0
_OPEN_SECONDS = 10.0
_CONNECTIONS_DEFAULT = 10
_BACK_OFF_SECONDS = 0.005
_WARN_SECONDS = 1.0
_CLOSE_SECONDS = 5.0
_RELEASE_SECONDS = 0.5
_CHANGE_RESERVE_SECONDS = 0.6
"""What must be left when a change gets its connection, as one that is begun too late ends as an unknown
outcome."""
_REPEATABLE = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_ANOTHER_SERVER = (
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)
"""What says that the connection, or the server behind it, is no longer good: 25006, 08xxx, 57Pxx, 28xxx
and 53300."""


class Unconfirmed(Exception):
    """A commit came back with a warning: it may be on no standby."""


class Target:
    """Where to connect: the URL without our own parameters, and its hosts one by one.

    `pool_size` (10 unless told) bounds the connections of a process; `statement_cache_size` is
    asyncpg's, 0 behind a pooler that cannot keep prepared statements. Raises `ValueError`.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.pool_size = _number(
            query.pop("pool_size", str(_CONNECTIONS_DEFAULT)), "pool_size", least=1
        )
        cached = query.pop("statement_cache_size", "100")
        self.statement_cache_size = _number(cached, "statement_cache_size", least=0)
        # A standby may lag, and an answer must not be older than the call.
        mode = query.setdefault("target_session_attrs", "read-write")
        if mode not in ("read-write", "primary"):
            raise ValueError(f"target_session_attrs is {mode!r}; read-write and primary are allowed")
        credentials, separator, hosts = parts.netloc.rpartition("@")
        # A host of the query, as of a socket's directory, counts for all.
        self._places = [] if "host" in query else hosts.split(",")
        self._rest = (parts, credentials + separator, query)

    def urls(self) -> list[str]:
        """A URL for each host: one that starts up or is read only must not hide the next."""
        parts, credentials, query = self._rest
        rest = f"{parts.path}?{urlencode(query, quote_via=quote)}"
        return [f"{parts.scheme}://{credentials}{place}{rest}" for place in self._places or [""]]

    def prefer(self, index: int) -> None:
        """Ask the host that was found first the next time."""
        if index:
            self._places.insert(0, self._places.pop(index))

    def found(self, url: str) -> None:
        """Ask this one first the next time. The order may have changed since it was looked at."""
        self.prefer(self.urls().index(url))

    def silent(self, url: str) -> None:
        """Ask this one last the next time."""
        if self._places:
            self._places.append(self._places.pop(self.urls().index(url)))


def _number(text: str, name: str, *, least: int) -> int:
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise ValueError(f"{name} is {text!r}; a number of {least} or more is required")
    return int(text)


class Connections:
    """The pool of a process. Made by `open`, on the loop that will use it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._loop = asyncio.get_running_loop()
        self.commits = self.repeats = self.faults = 0
        self.seconds = 0.0
        self._warned_at = -_WARN_SECONDS
        self._pool = asyncpg.create_pool(
            min_size=0,
            max_size=target.pool_size,
            connect=self._connect,
            reset=_nothing,
        )

    async def open(self) -> None:
        """Connect once, with the patience of a start. Raises what asyncpg and the system raise."""
        await self._pool
        until = time.monotonic() + _OPEN_SECONDS
        while True:
            try:
                async with asyncio.timeout(until - time.monotonic()), self._pool.acquire():
                    return
            except TimeoutError:
                # Of one attempt; the server may be slow, or the machine.
                if time.monotonic() > until:
                    raise

    async def close(self) -> None:
        """Wait for what is under way, then close all; what does not end in time is cut."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def ask(
        self, statement: str, *arguments: object, until: float | None = None
    ) -> list[asyncpg.Record]:
        """The rows of a statement that changes nothing. Raises `Busy`, at `until` on the monotonic
        clock at the latest."""

        async def work(connection: Connection) -> list[asyncpg.Record]:
            rows: list[asyncpg.Record] = await connection.fetch(statement, *arguments)
            return rows

        until = until or time.monotonic() + ASK_SECONDS_MAX
        try:
            return await self._apart(self._once(work, until))
        except TimeoutError as error:
            raise Busy from error
        except _ANOTHER_SERVER:
            # A connection that went bad while it lay idle; a question may be asked again.
            return await self._translated(self._apart(self._once(work, until)))

    async def change(self, work: Work[Returned], *, until: float | None = None) -> Returned:
        """Run `work`, which is one statement or opens a transaction; what it raises leaves.

        It is run again when the server says that nothing was kept because of others. Once begun it
        goes on, even when its caller leaves. Raises `Busy` where the outcome is unknown.
        """
        until = until or time.monotonic() + CHANGE_SECONDS_MAX
        return await self._apart(self._translated(self._changed(work, until)))

    async def _changed(self, work: Work[Returned], until: float) -> Returned:
        pause = _BACK_OFF_SECONDS
        while True:
            began_at = time.monotonic()
            try:
                answer = await self._once(work, until, confirmed=True)
            except _REPEATABLE as error:
                self.repeats += 1
                if time.monotonic() + pause > until:
                    raise Busy from error
                await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - no secret
                pause *= 2
            else:
                self.commits += 1
                self.seconds += time.monotonic() - began_at
                return answer

    async def _once(self, work: Work[Returned], until: float, *, confirmed: bool = False) -> Returned:
        """Run `work` on a connection, which is closed when it is not done in time."""
        reserve = _CHANGE_RESERVE_SECONDS if confirmed else 0
        async with asyncio.timeout(until - reserve - time.monotonic()):
            connection = await self._pool.acquire()
        try:
            warnings: list[asyncpg.PostgresLogMessage] = []

            def note(_connection: object, message: asyncpg.PostgresLogMessage) -> None:
                if message.severity_en == "WARNING":
                    warnings.append(message)

            late = False

            def give_up() -> None:
                nonlocal late
                late = True
                connection.terminate()

            timer = self._loop.call_later(until - time.monotonic(), give_up)
            if confirmed:
                connection.add_log_listener(note)
            try:
                answer = await work(connection)
            except Exception as error:
                if late and confirmed:
                    # A change may wait for others, so this tells nothing about the server.
                    raise TimeoutError("no answer in time") from error
                # What asyncpg trips over when a connection goes away under it can be anything.
                if _is_closed(connection) and not isinstance(error, asyncpg.PostgresError):
                    raise ConnectionResetError("the connection was closed") from error
                raise
            finally:
                timer.cancel()
                if confirmed:
                    # One that was closed meanwhile has none left.
                    with contextlib.suppress(asyncpg.InterfaceError):
                        connection.remove_log_listener(note)
            if warnings:
                raise Unconfirmed(str(warnings[0]))
            return answer
        finally:
            # One that is to be replaced waits for the server to hang up; cut where it does not.
            with contextlib.suppress(TimeoutError):
                await self._pool.release(connection, timeout=_RELEASE_SECONDS)

    async def _translated(self, running: Awaitable[Returned]) -> Returned:
        """What `running` returns; `Busy` where nobody knows how it ended, or it never began."""
        try:
            return await running
        except asyncpg.DataError:
            raise
        except (*_ANOTHER_SERVER, Unconfirmed) as error:
            self.faults += 1
            self._warn(error)
            if not isinstance(error, TimeoutError):
                # The others of the pool go to the same server: each is replaced before its next use.
                await self._pool.expire_connections()
            raise Busy from error

    def _warn(self, error: Exception) -> None:
        """Log a fault, one a second: while a server is away every call has one."""
        now = time.monotonic()
        if now - self._warned_at >= _WARN_SECONDS:
            self._warned_at = now
            log.warning("PostgreSQL: %s (faults so far: %s)", _line(error), self.faults)

    async def _apart(self, running: Awaitable[Returned]) -> Returned:
        """Wait for `running`, which goes on when whoever waits is cancelled."""
        task = asyncio.ensure_future(running)
        # What it raises when nobody waits any more is no news for the log.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    async def _connect(self, *_: object, **options: Any) -> asyncpg.Connection:
        """A connection to the first host that will have us, in the order in which they are given."""
        problem: Exception | None = None
        for url in self._target.urls():
            try:
                connection = await asyncpg.connect(
                    url,
                    timeout=_CONNECT_SECONDS,
                    statement_cache_size=self._target.statement_cache_size,
                    **options,
                )
            except asyncio.CancelledError:
                # The time of whoever asked is over. A host that hangs would take that of the next
                # one too, and of all after it.
                self._target.silent(url)
                raise
            except _ANOTHER_SERVER as error:
                problem = error
                if isinstance(error, TimeoutError):
                    self._target.silent(url)
            else:
                self._target.found(url)
                return connection
        assert problem is not None
        raise problem


def _is_closed(connection: Connection) -> bool:
    try:
        closed: bool = connection.is_closed()
    except asyncpg.InterfaceError:
        # The pool took it back.
        return True
    return closed


async def _nothing(_: object) -> None:
    """Leave a connection as it is: nothing here changes the state of a session."""


def _line(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
