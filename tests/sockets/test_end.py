"""SIGTERM: who asks is told that it is the end, and nobody holds it up. `tests/proofs` has the load."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import httpx
import pytest

from process import Server

DRAINED_SECONDS_MAX = 10.0
# What a server may take to hear of a signal.
HEARD_SECONDS = 0.5


@pytest.mark.parametrize("workers", [1, 2])
async def test_who_is_silent_or_amid_a_request_has_a_second_more(tmp_path: Path, workers: int) -> None:
    server = Server("--store", f"sqlite:///{tmp_path}/books.db", "--workers", str(workers))
    address = ("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
    silent, amid = [await asyncio.open_connection(*address) for _ in range(2)]
    amid[1].write(b"GET /healthz HT")
    async with httpx.AsyncClient(trust_env=False) as admin:
        ready = f"{server.announced['admin_url']}/readyz"
        assert (await admin.get(ready)).text == "ok\n"
        server.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(HEARD_SECONDS)
        amid[1].write(b"TP/1.1\r\nHost: x\r\n\r\n")
        silent[1].write(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        answers = [await asyncio.wait_for(each[0].read(), 5) for each in (amid, silent)]
        assert (await admin.get(ready)).text == "not ready: the server is ending\n"
    assert all(b"connection: close\r\n" in answer.lower() for answer in answers)
    assert answers[0].endswith(b"\r\n\r\nok\n")
    assert answers[1].startswith(b"HTTP/1.1 503 ")
    assert answers[1].endswith(b"not ready: the server is ending\n")
    for _, writer in (amid, silent):
        writer.close()
    assert server.process.wait(DRAINED_SECONDS_MAX) == 0
    server.stdout.close()


async def test_a_client_that_reads_no_answer_does_not_hold_the_end_of_the_server() -> None:
    server = Server()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
    reader._transport.pause_reading()  # type: ignore[attr-defined] # no other way to be deaf
    writer.write(b"GET /openapi HTTP/1.1\r\nHost: x\r\n\r\n" * 50_000)
    await asyncio.sleep(HEARD_SECONDS)
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(server.process.wait, 30) == 0
    assert time.monotonic() - began < DRAINED_SECONDS_MAX
    writer.close()
    server.stdout.close()
