"""The one writer of a process: takes whatever updates wait and commits them together.

Many callers share one sync. A unit of work decides before it writes, so one that refuses has written
nothing and only its caller hears of it; any other exception rolls back the whole group, and every
caller in it gets that exception. Nothing is retried. Results leave only after the commit returned.
"""

from __future__ import annotations

import asyncio
import logging
import math
import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Generic, Protocol, TypeVar

import apsw

from chatmarks.book import Account
from chatmarks.store import Busy

log = logging.getLogger("chatmarks")

Returned = TypeVar("Returned")

BUSY_SECONDS_MAX = 2.0
"""How long after its arrival a call may wait for another process that keeps the file locked; below
the three seconds in which clients expect an answer."""

_TURN_SECONDS = 0.25

_GROUP_SECONDS = 0.1
"""After this the group is closed, so that another process gets its turn."""

_PAUSE_SECONDS = 0.0005
"""How long the lock is left alone between two groups: long enough for who polls for it."""

_CHECKPOINT_PAGES = 1000


class Refused(Exception):
    """A unit of work ended before it wrote anything, with its `__cause__` for its caller."""


class Writes(Protocol):
    """What the units of a transaction that change a book gather, to be written together."""

    def begin(self, connection: apsw.Connection, accounts: Iterable[Account]) -> None:
        """Begin anew, with changes of `accounts` to come; whatever was gathered and not written is
        forgotten."""

    def write(self, connection: apsw.Connection) -> None:
        """Write what was gathered."""


class _Unit(Generic[Returned]):
    """A piece of work that waits for the writer: on the book of the account `changes`, or on whatever
    it likes where that is None. `left`: its caller went away."""

    def __init__(
        self,
        work: Callable[[apsw.Connection], Returned],
        changes: Account | None,
        future: asyncio.Future[Returned],
    ) -> None:
        self.work = work
        self.changes = changes
        self.future = future
        self.arrived_at = time.monotonic()
        self.left = False
        self.answer: Returned | None = None
        self.error: BaseException | None = None

    def settle(self) -> None:
        if self.future.done():
            return
        if isinstance(self.error, Exception) and not isinstance(self.error, StopIteration):
            self.future.set_exception(self.error)
        elif self.error is not None:
            # What no future may carry, as it would end or cancel whoever waits.
            self.future.set_exception(RuntimeError(f"a change raised {self.error!r}"))
        else:
            self.future.set_result(self.answer)  # type: ignore[arg-type] # set by the work


class GroupCommit:
    """A writer thread with a connection of its own, which `connect` opens. `writes` is for that thread
    alone.

    `connect` is called again after a fault: what a failed commit or sync left behind in a
    connection is not built upon. `failed_at` is when the last fault was, on the monotonic clock;
    `commits`, `units`, `seconds` and `faults` count what was done since the beginning.
    """

    def __init__(self, connect: Callable[[], apsw.Connection], writes: Writes) -> None:
        self._connect = connect
        self._writes = writes
        self._busy_until = 0.0
        self._wal_pages = 0
        self._connection: apsw.Connection | None = self._connected()
        self.failed_at = -math.inf
        self.commits = self.units = self.faults = 0
        self.seconds = 0.0
        self._closed = False
        self._queue: queue.SimpleQueue[_Unit[Any] | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="chatmarks-writer", daemon=True)
        self._thread.start()

    async def do(
        self, work: Callable[[apsw.Connection], Returned], *, changes: Account | None = None
    ) -> Returned:
        """Run `work` in a transaction and return its answer once that is committed. Work that writes no
        row itself, but through `writes` the book of an account, names that as `changes`.

        Raises the cause of a `Refused` that `work` raised; `Busy` when another process kept the
        file locked; the exception of a fault, after which the outcome is unknown. A caller that
        leaves before its work began has it dropped; after that it is done all the same.
        """
        future: asyncio.Future[Returned] = self._loop.create_future()
        unit = _Unit(work, changes, future)
        if self._closed:
            raise RuntimeError("the store is closed")
        self._queue.put(unit)
        try:
            return await future
        finally:
            unit.left = True

    async def close(self) -> None:
        """Commit what waits, then stop."""
        self._closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        if self._connection is not None:
            self._connection.close()

    def _run(self) -> None:
        pending: deque[_Unit[Any]] = deque()
        while self._take(pending):
            done = self._commit(pending)
            self._loop.call_soon_threadsafe(_settle, done)
            self._checkpoint()
            if pending:
                time.sleep(_PAUSE_SECONDS)

    def _take(self, pending: deque[_Unit[Any]]) -> bool:
        """Add to `pending` what waits, at least one unit; False when there will be no more."""
        while not pending or not self._queue.empty():
            unit = self._queue.get()
            if unit is None:
                # Put back for the next time: what is pending still has to be done.
                self._queue.put(None)
                return bool(pending)
            pending.append(unit)
        return True

    def _commit(self, pending: deque[_Unit[Any]]) -> list[_Unit[Any]]:
        """Do the first of `pending` in one transaction, as many as there is time for; these."""
        group: list[_Unit[Any]] = []
        try:
            connection = self._begun(pending[0])
            if connection is None:
                return _late(pending)
            began_at = time.monotonic()
            full_at = began_at + _GROUP_SECONDS
            accounts = [unit.changes for unit in pending if unit.changes is not None]
            self._writes.begin(connection, accounts)
            while pending and (not group or time.monotonic() < full_at):
                group.append(pending.popleft())
                self._do(group[-1], connection)
            self._writes.write(connection)
            connection.execute("COMMIT")
            self.commits += 1
            self.units += len(group)
            self.seconds += time.monotonic() - began_at
        except BaseException as fault:  # noqa: BLE001 - it becomes the answer of every caller
            self._abandon()
            if not group:
                group.extend(pending)
                pending.clear()
            for unit in group:
                unit.error = fault
        return group

    def _do(self, unit: _Unit[Any], connection: apsw.Connection) -> None:
        if unit.left:
            return
        if unit.changes is None:
            self._writes.write(connection)
        try:
            unit.answer = unit.work(connection)
        except Refused as refusal:
            unit.error = refusal.__cause__
        if unit.changes is None:
            self._writes.begin(connection, ())

    def _begun(self, first: _Unit[Any]) -> apsw.Connection | None:
        """The connection in a transaction; None when another process keeps the file locked."""
        now = time.monotonic()
        # Whoever waited long behind others of this process still gets a neighbour's turn to wait.
        self._busy_until = max(first.arrived_at + BUSY_SECONDS_MAX, now + _TURN_SECONDS)
        try:
            if self._connection is None:
                self._connection = self._connected()
            self._connection.execute("BEGIN IMMEDIATE")
        except apsw.BusyError:
            return None
        return self._connection

    def _checkpoint(self) -> None:
        """Move the log into the file when it is long. Here, as SQLite keeps silent about errors of
        the checkpoints that it makes by itself, and only after the callers have their answers."""
        if self._connection is None or self._wal_pages < _CHECKPOINT_PAGES:
            return
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:
            return
        except apsw.Error:
            log.exception("a checkpoint failed; nothing acknowledged is lost, the log grows")
            self._abandon()

    def _connected(self) -> apsw.Connection:
        connection = self._connect()
        connection.set_busy_handler(self._wait)
        connection.set_wal_hook(self._note_wal)
        return connection

    def _wait(self, _: int) -> bool:
        """Wait a moment for another process; False when the time is over.

        SQLite's own handler waits in steps of up to 100 ms, in which a busy neighbour commits often.
        """
        time.sleep(random.uniform(0.0001, 0.001))  # noqa: S311 - no secret
        return time.monotonic() < self._busy_until

    def _note_wal(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _abandon(self) -> None:
        """Roll back by closing: an open transaction goes, and so does the connection's state."""
        self.failed_at = time.monotonic()
        self.faults += 1
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except apsw.Error:
                log.exception("closing the writer's connection after a fault")


def _late(pending: deque[_Unit[Any]]) -> list[_Unit[Any]]:
    """The first of `pending` and all others whose time is over; who came later has some left."""
    group = [pending.popleft()]
    while pending and pending[0].arrived_at + BUSY_SECONDS_MAX <= time.monotonic():
        group.append(pending.popleft())
    for unit in group:
        unit.error = Busy()
    return group


def _settle(units: list[_Unit[Any]]) -> None:
    for unit in units:
        unit.settle()
