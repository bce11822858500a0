"""The lane over real sockets, where what it asks does not go well."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest

from chatmarks.asgi import public
from chatmarks.book import Account, Book
from chatmarks.cache import BookCache
from chatmarks.engines.memory import MemoryStore
from chatmarks.engines.sqlite import SqliteStore
from chatmarks.lane import Lane
from chatmarks.listen import bind, http, listening
from chatmarks.seal import Seal
from chatmarks.serve import loop_factory
from chatmarks.service import Asked, Service
from harness import ADMIN, SDKAPPID, make_app
from process import signed_query

BODY = b'{"From_Account":"%b","StartIndex":0}' % ADMIN.encode()
QUERY = signed_query()


class Faulty:
    """What stands before a service and has a bug: it fails where a call names a fault."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.finish, self.handle = service.finish, service.handle
        self.refuse, self.problem = service.refuse, service.problem

    def answer(self, asked: Asked) -> bytes | Awaitable[bytes]:
        if asked.path == "/v4/fault/at_once":
            raise RuntimeError("a fault at once")
        if asked.path == "/v4/fault/later":
            return self._late()
        return self.service.answer(asked)

    async def _late(self) -> bytes:
        await asyncio.sleep(0)
        raise RuntimeError("a fault later")


def request(path: str) -> bytes:
    head = f"POST /v4/{path}?{QUERY} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\n\r\n"
    return head.encode() + BODY


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[socket.socket]:
    store = MemoryStore()
    await make_app(store)
    road = Faulty(Service(store, Seal(), loopback=True))
    with bind("127.0.0.1", 0) as bound:
        async with listening(http(public(road), lane=Lane(road)), bound):
            yield bound


@pytest.mark.parametrize("fault", ["at_once", "later"])
async def test_a_fault_ends_its_connection_and_calls_beside_it_are_answered(
    fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with served() as bound:
        address = bound.getsockname()
        opened = [await asyncio.open_connection(*address) for _ in range(5)]
        for number, (_, writer) in enumerate(opened):
            path = "recentcontact/get_contact_group" if number else f"fault/{fault}"
            writer.write(request(path))
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionResetError):
                assert await opened[0][0].read() == b""
            for reader, _ in opened[1:]:
                assert b'"ErrorCode":0' in await reader.readuntil(b'"ErrorDisplay":""}')
        for _, writer in opened:
            writer.close()
    faults = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [f"/v4/fault/{fault}" in record.getMessage() for record in faults] == [True]


class Gated:
    """What stands before a service and holds the calls that go the long way until its gate opens."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.answer, self.handle = service.answer, service.handle
        self.refuse, self.problem = service.refuse, service.problem
        self.gate = asyncio.get_running_loop().create_future()
        self.held = asyncio.Event()

    async def finish(self, asked: Asked) -> bytes:
        self.held.set()
        await self.gate
        return await self.service.finish(asked)


def test_a_call_whose_last_byte_came_after_a_change_of_another_process_shows_it(tmp_path: Path) -> None:
    # With the loop of a real server, which reads sockets between two rounds of callbacks.
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        answer = runner.run(_answer_after_a_change(tmp_path / "books.db"))
    assert b'"GroupName":"made elsewhere"' in answer


async def _answer_after_a_change(path: Path) -> bytes:
    account, loop = Account(SDKAPPID, ADMIN), asyncio.get_running_loop()
    store = await SqliteStore.open(str(path), BookCache())
    await make_app(store)
    road = Gated(Service(store, Seal(), loopback=True))
    question = request("recentcontact/get_contact_group")

    def elsewhere() -> None:
        """Another process changes the book; then the client, who was told, ends its question."""
        store.read_at_once(account)
        other = threading.Thread(target=lambda: asyncio.run(_make_group(path, account)))
        other.start()
        other.join()
        raw.sendall(question[-1:])
        time.sleep(0.05)

    with bind("127.0.0.1", 0) as bound, socket.socket() as raw:
        async with listening(http(public(road), lane=Lane(road)), bound):
            raw.connect(bound.getsockname())
            raw.settimeout(10)
            # From here on neither the caller nor the book has to be looked up.
            raw.sendall(question)
            await asyncio.to_thread(raw.recv, 1 << 16)
            # The second of two calls waits for the first, and for its own last byte.
            raw.sendall(request("no/command") + question[:-1])
            await road.held.wait()
            road.gate.set_result(None)
            loop.call_soon(elsewhere)
            answers = b""
            while answers.count(b'"ErrorDisplay"') < 2:
                answers += await asyncio.to_thread(raw.recv, 1 << 16)
    await store.close()
    return answers.rpartition(b"HTTP/1.1 200")[2]


async def _make_group(path: Path, account: Account) -> None:
    def change(book: Book) -> tuple[Book, None]:
        return book.with_group("made elsewhere"), None

    store = await SqliteStore.open(str(path), BookCache())
    await store.update(account, change)
    await store.close()
