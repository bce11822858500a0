"""Several worker processes behind one socket: the half of their parent.

The parent listens on the public socket and never takes a connection from it, so those that come while a
worker is replaced wait there. It answers the admin listener, for all workers together.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections import deque
from collections.abc import AsyncIterator

from msgspec.structs import replace

from chatmarks.config import Settings, is_loopback
from chatmarks.history import sampling
from chatmarks.listen import DRAIN_SECONDS, http, listening
from chatmarks.metrics import Counts, Metrics, Workers, summed, text
from chatmarks.serve import (
    Behind,
    CannotStart,
    Running,
    admin_when_asked,
    described,
    known_lags,
    opened,
    sockets,
)
from chatmarks.service import Service
from chatmarks.store import Store
from chatmarks.worker import Ask, Begin, Failed, FromWorker, Link, Ready, Report

log = logging.getLogger("chatmarks")

_ANSWER_SECONDS = 0.5
_END_SECONDS = DRAIN_SECONDS + 5
_STEADY_SECONDS = 10.0
_PAUSE_SECONDS_MAX = 30.0
# With -P, and the parent's own path: the modules that the parent has, from where it has them.
_PROGRAM = (
    *(sys.executable, "-P", "-c"),
    "import sys; sys.path[:] = sys.argv[1:]; from chatmarks.worker import main; main()",
)


@contextlib.asynccontextmanager
async def supervising(settings: Settings) -> AsyncIterator[Running]:
    """A server of several processes, from here to the end of the block; then the workers have
    answered calls in flight, and listeners and store are closed.

    Raises `BadStore`, `SealError`, `CannotListen` and `CannotStart`.
    """
    async with contextlib.AsyncExitStack() as stack:
        store, seal = await stack.enter_async_context(opened(settings))
        own = Metrics(store)
        loopback = is_loopback(settings.host)
        service = Service(store, seal, loopback=loopback, observers=[own.observe])
        public_socket, admin_socket = stack.enter_context(sockets(settings))
        crew = Crew(settings, public_socket, store, own)

        async def problem() -> str | None:
            return await service.problem() if crew.answering else "no worker answers calls"

        history = await stack.enter_async_context(sampling(crew.counts))
        ending = asyncio.Event()
        behind = Behind(store, seal, service, service, history, ending, public_socket)
        admin_app = admin_when_asked(problem, crew.metrics, settings, behind)
        await stack.enter_async_context(listening(http(admin_app), admin_socket))
        stack.callback(ending.set)
        await stack.enter_async_context(crew.at_work())
        stack.callback(service.end)
        yield await described(settings, store, public_socket, admin_socket)


class _Worker:
    """A worker as its parent sees it. `counts`: what it last told."""

    def __init__(self, process: Process, link: Link) -> None:
        self.process = process
        self.link = link
        self.counts = Counts()
        self._asked: deque[asyncio.Future[None]] = deque()

    def ask(self) -> asyncio.Future[None]:
        """Ask what it counted; done when it answered, or ended."""
        self.link.send(Ask())
        self._asked.append(asyncio.get_running_loop().create_future())
        return self._asked[-1]

    async def gone(self) -> None:
        """Take its reports until there will be no more."""
        while isinstance(report := await self.link.receive(FromWorker), Report):
            self.counts = report.counts
            if report.asked:
                self._asked.popleft().set_result(None)
        for unanswered in self._asked:
            unanswered.set_result(None)
        await self.link.close()


class _Place:
    """What one worker after another fills. `past`: what those counted that are gone."""

    def __init__(self) -> None:
        self.worker: _Worker | None = None
        self.past = Counts()

    def counts(self) -> Counts:
        return summed([self.past, self.worker.counts if self.worker else Counts()])

    def clear(self) -> None:
        self.past, self.worker = self.counts(), None


class Crew:
    """The workers of a server. Each that ends is replaced, at once, or after a pause that grows when
    one after another ends soon."""

    def __init__(
        self, settings: Settings, public_socket: socket.socket, store: Store, own: Metrics
    ) -> None:
        # Apps were declared once, by the parent, and the admin listener is its own.
        self._settings = replace(settings, apps=(), admin_token=None)
        self._socket = public_socket
        self._own = own
        self._store = store
        self._places = [_Place() for _ in range(settings.workers)]
        self._processes: set[Process] = set()
        self._replaced = 0

    @property
    def answering(self) -> int:
        """How many workers answer calls."""
        return sum(place.worker is not None for place in self._places)

    async def metrics(self) -> bytes:
        """The metrics of all workers together, as Prometheus reads them."""
        workers = Workers(self.answering, self._replaced)
        return text(await self.counts(), workers, await known_lags(self._store))

    async def counts(self) -> Counts:
        """What all workers counted together, also those that are gone. One that does not tell at once
        is counted as it last told."""
        asked = [place.worker.ask() for place in self._places if place.worker]
        if asked:
            await asyncio.wait(asked, timeout=_ANSWER_SECONDS)
        # Place by place, since a sum of fractions depends on their order: one that fell by a rounding
        # when a worker ended would look like a server that started anew.
        return summed([self._own.counts(), *(place.counts() for place in self._places)])

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """All workers, from when all answer calls to the end of the block; then they are told to end
        and waited for. Raises `CannotStart`."""
        keeping: list[asyncio.Task[None]] = []
        try:
            workers = await asyncio.gather(*(self._started() for _ in self._places))
            for place, worker in zip(self._places, workers, strict=True):
                place.worker = worker
                keeping.append(asyncio.create_task(self._keep(place)))
            yield
        finally:
            for task in keeping:
                task.cancel()
            # Ours too, or who connects now would wait for nobody.
            self._socket.close()
            await self._end()

    async def _keep(self, place: _Place) -> None:
        """Whenever the worker of `place` ended, put another there."""
        soon = 0
        while True:
            began = time.monotonic()
            try:
                how = await self._until_ended(place)
            except Exception:
                # Whatever it is, a place must not stay empty, nor be kept by one that nobody hears.
                log.exception("a worker is given up")
                how = await self._given_up(place)
            soon = soon + 1 if time.monotonic() - began < _STEADY_SECONDS else 1
            pause = 0.0 if soon == 1 else min(2.0 ** (soon - 2), _PAUSE_SECONDS_MAX)
            when = f"in {pause:g} s" if pause else "at once"
            log.warning("%s; another takes its place %s", how, when)
            await asyncio.sleep(pause)

    async def _given_up(self, place: _Place) -> str:
        """End the worker of `place` at once; what became of it."""
        worker = place.worker
        if worker is None:
            return "a worker did not start"
        with contextlib.suppress(ProcessLookupError):
            worker.process.kill()
        how = await _end_of(worker.process)
        self._processes.discard(worker.process)
        place.clear()
        return f"worker {worker.process.pid} {how}"

    async def _until_ended(self, place: _Place) -> str:
        """Wait for the end of the worker of `place`, which is started if there is none; how it ended,
        or why it did not start."""
        worker = place.worker
        if worker is None:
            try:
                worker = place.worker = await self._started()
            except CannotStart as error:
                return str(error)
            self._replaced += 1
        await worker.gone()
        how = await _end_of(worker.process)
        self._processes.discard(worker.process)
        place.clear()
        return f"worker {worker.process.pid} {how}"

    async def _started(self) -> _Worker:
        """A new worker that answers calls. Raises `CannotStart`."""
        try:
            process, link = await self._spawned()
        except OSError as error:
            raise CannotStart(f"a worker cannot be started: {error.strerror}") from error
        self._processes.add(process)
        link.send(Begin(self._settings, self._socket.fileno()))
        message = await link.receive(FromWorker)
        if isinstance(message, Ready):
            return _Worker(process, link)
        await link.close()
        how = await _end_of(process)
        self._processes.discard(process)
        if isinstance(message, Failed):
            raise CannotStart(message.problem)
        raise CannotStart(f"a worker {how} before it answered calls")

    async def _spawned(self) -> tuple[Process, Link]:
        ours, theirs = socket.socketpair()
        with theirs:
            link = await Link.over(ours)
            process = await asyncio.create_subprocess_exec(
                *_PROGRAM,
                *sys.path,
                stdin=theirs.fileno(),
                stdout=DEVNULL,
                pass_fds=(self._socket.fileno(),),
                # What the terminal sends goes to the parent alone, which passes it on.
                start_new_session=True,
            )
        return process, link

    async def _end(self) -> None:
        """Tell the workers to end, and wait for them; who does not end in time is killed."""
        waiting = [asyncio.create_task(process.wait()) for process in self._processes]
        try:
            for process in self._processes:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
            if waiting:
                await asyncio.wait(waiting, timeout=_END_SECONDS)
        finally:
            for process in self._processes:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()


async def _end_of(process: Process) -> str:
    """How it ended, when it has."""
    code = await process.wait()
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
