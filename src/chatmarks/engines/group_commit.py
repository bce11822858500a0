"""The one writer of a process: takes whatever updates wait and commits them together.

Many callers share one sync. A unit of work decides before it writes, so one that refuses has written
nothing and only its caller hears of it; any other exception rolls back the whole group, and every
caller in it gets that exception. Nothing is retried. Results leave only after the commit returned.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import apsw

from chatmarks.store import Busy

log = logging.getLogger("chatmarks")

Answer = TypeVar("Answer")

_GROUP_MAX = 256


class Refused(Exception):
    """A unit of work ended before it wrote anything, with its `__cause__` for its caller."""


class _Unit(Generic[Answer]):
    """A piece of work that waits for the writer. `left`: its caller went away."""

    def __init__(
        self, work: Callable[[apsw.Connection], Answer], future: asyncio.Future[Answer]
    ) -> None:
        self.work = work
        self.future = future
        self.left = False
        self.answer: Answer | None = None
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
    """A writer thread with a connection of its own, which `connect` opens.

    `connect` is called again after a fault: what a failed commit or sync left behind in a
    connection is not built upon. `failed` tells whether the last commit did.
    """

    def __init__(self, connect: Callable[[], apsw.Connection]) -> None:
        self._connect = connect
        self._connection: apsw.Connection | None = connect()
        self.failed = False
        self._closed = False
        self._waiting: queue.SimpleQueue[_Unit[Any] | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="chatmarks-writer", daemon=True)
        self._thread.start()

    async def do(self, work: Callable[[apsw.Connection], Answer]) -> Answer:
        """Run `work` in a transaction and return its answer once that is committed.

        Raises the cause of a `Refused` that `work` raised; `Busy` when another process kept the
        file locked; the exception of a fault, after which the outcome is unknown. A caller that
        leaves before its work began has it dropped; after that it is done all the same.
        """
        future: asyncio.Future[Answer] = self._loop.create_future()
        unit = _Unit(work, future)
        if self._closed:
            raise RuntimeError("the store is closed")
        self._waiting.put(unit)
        try:
            return await future
        finally:
            unit.left = True

    async def close(self) -> None:
        """Commit what waits, then stop."""
        self._closed = True
        self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)
        if self._connection is not None:
            self._connection.close()

    def _run(self) -> None:
        going = True
        while going:
            units: list[_Unit[Any]] = []
            unit = self._waiting.get()
            while unit is not None:
                units.append(unit)
                if len(units) == _GROUP_MAX or self._waiting.empty():
                    break
                unit = self._waiting.get()
            going = unit is not None
            if units:
                self._commit(units)
                self._loop.call_soon_threadsafe(_settle, units)

    def _commit(self, units: list[_Unit[Any]]) -> None:
        try:
            if self._connection is None:
                self._connection = self._connect()
            self._connection.execute("BEGIN IMMEDIATE")
            for unit in units:
                if unit.left:
                    continue
                try:
                    unit.answer = unit.work(self._connection)
                except Refused as refusal:
                    unit.error = refusal.__cause__
            self._connection.execute("COMMIT")
            self.failed = False
        except BaseException as fault:  # noqa: BLE001 - it becomes the answer of every caller
            self.failed = True
            self._abandon()
            for unit in units:
                unit.error = Busy() if isinstance(fault, apsw.BusyError) else fault

    def _abandon(self) -> None:
        """Roll back by closing: an open transaction goes, and so does the connection's state."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except apsw.Error:
                log.exception("closing the writer's connection after a fault")


def _settle(units: list[_Unit[Any]]) -> None:
    for unit in units:
        unit.settle()
