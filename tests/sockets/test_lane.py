"""The lane over real sockets, where what it asks does not go well."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Awaitable

import pytest

from chatmarks.asgi import public
from chatmarks.engines.memory import MemoryStore
from chatmarks.lane import Lane
from chatmarks.listen import bind, http, listening
from chatmarks.seal import Seal
from chatmarks.service import Asked, Service
from harness import ADMIN, make_app
from process import signed_query

BODY = b'{"From_Account":"%b","StartIndex":0}' % ADMIN.encode()
QUERY = signed_query()


class Faulty:
    """What stands before a service and has a bug: it fails where a call names a fault."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.finish, self.handle = service.finish, service.handle
        self.refuse, self.ready = service.refuse, service.ready

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
        async with listening((http(public(road), lane=Lane(road)), bound)):
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
