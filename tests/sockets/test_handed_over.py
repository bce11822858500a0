"""Sockets that who starts the server listens on: a server follows another, and nobody is refused."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Iterator

import pytest

from harness import ADMIN
from process import PROGRAM, Client, Server

GET = "recentcontact/get_contact_group"
BODY = {"From_Account": ADMIN, "StartIndex": 0}
RESTARTS = 3
AS_SYSTEMD = """
import os, sys
for number, handed in enumerate(sys.argv[1].split(","), 3):
    os.dup2(int(handed), number)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


@pytest.fixture
def bound() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


class Caller:
    """Calls over a new connection each time until told that it is enough."""

    def __init__(self, bound: socket.socket) -> None:
        self._url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        self.is_enough = False
        self.calls = 0

    async def work(self) -> None:
        while not self.is_enough:
            async with Client(self._url) as client:
                await client.ok(GET, BODY)
            self.calls += 1


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_rolling_restart_refuses_no_connection(
    bound: socket.socket, file_url: str, workers: int
) -> None:
    def started() -> Server:
        return Server(
            *("--store", file_url, "--workers", str(workers)),
            listening=("--fd", str(bound.fileno()), "--admin-port", "0"),
            pass_fds=(bound.fileno(),),
        )

    server = await asyncio.to_thread(started)
    assert server.url == f"http://127.0.0.1:{bound.getsockname()[1]}"
    callers = [Caller(bound) for _ in range(4)]
    working = [asyncio.create_task(caller.work()) for caller in callers]
    for _ in range(RESTARTS):
        before = [caller.calls for caller in callers]
        follower = await asyncio.to_thread(started)
        assert await asyncio.to_thread(server.stop) == 0
        server = follower
        while any(  # noqa: ASYNC110 - numbers have no event
            caller.calls == old for caller, old in zip(callers, before, strict=True)
        ):
            await asyncio.sleep(0.01)
    for caller in callers:
        caller.is_enough = True
    # A connection that was refused, or ended without an answer, raises here.
    await asyncio.gather(*working)
    assert server.stop() == 0


async def test_connections_wait_while_there_is_no_server(bound: socket.socket, file_url: str) -> None:
    early = asyncio.create_task(_called(bound))
    await asyncio.sleep(0.2)
    assert not early.done()
    with contextlib.closing(bound):
        server = await asyncio.to_thread(
            Server,
            *("--store", file_url),
            listening=("--fd", str(bound.fileno()), "--admin-port", "0"),
            pass_fds=(bound.fileno(),),
        )
        assert (await early)["ErrorCode"] == 0
        server.stop()


async def _called(bound: socket.socket) -> dict[str, object]:
    async with Client(f"http://127.0.0.1:{bound.getsockname()[1]}") as client:
        return await client.call(GET, BODY)


async def test_sockets_come_as_systemd_hands_them_over(bound: socket.socket) -> None:
    with socket.create_server(("127.0.0.1", 0)) as admin:
        numbers = (admin.fileno(), bound.fileno())
        server = Server(
            environ={"LISTEN_FDS": "2", "LISTEN_FDNAMES": "admin:api"},
            program=(sys.executable, "-c", AS_SYSTEMD, ",".join(map(str, numbers)), *PROGRAM[1:]),
            listening=(),
            pass_fds=numbers,
        )
        assert server.url == f"http://127.0.0.1:{bound.getsockname()[1]}"
        assert server.announced["admin_url"] == f"http://127.0.0.1:{admin.getsockname()[1]}"
        assert (await _called(bound))["ErrorCode"] == 0
        assert server.stop() == 0
