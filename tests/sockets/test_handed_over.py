"""Sockets that who starts the server listens on. `tests/proofs` has one server follow another."""

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
