"""SIGTERM under load: who asks is told that it is the end, and whoever was heard is answered."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import httpx
import pytest

from harness import account
from process import Client, Server

CLIENTS = 16
DRAINED_SECONDS_MAX = 10.0
# What a server may take to hear of a signal.
HEARD_SECONDS = 0.5
MARK = "/v4/recentcontact/mark_contact"


class Writer:
    """Calls over one connection until it is told that the answer is the last. `told_late`: an answer
    that did not tell, to a call that was made long after the signal."""

    def __init__(self, server: Server, number: int) -> None:
        self.server, self.number = server, number
        self.answered = 0
        self.signalled = float("inf")
        self.told_late = False

    async def work(self) -> None:
        async with Client(self.server.url) as client:
            while True:
                began = time.monotonic()
                items = [
                    {"OptType": 2, "ContactItem": account("peer"), "CustomMark": str(self.answered)}
                ]
                answer = await client.http.post(
                    f"{MARK}?{client.query}",
                    json={"From_Account": f"writer{self.number}", "MarkItem": items},
                )
                assert answer.json()["ErrorCode"] == 0
                self.answered += 1
                if answer.headers.get("connection") == "close":
                    return
                self.told_late |= began > self.signalled + HEARD_SECONDS


@pytest.mark.parametrize("workers", [1, 2])
async def test_calls_in_flight_are_answered_with_word_that_it_is_the_end(
    file_url: str, workers: int
) -> None:
    server = Server("--store", file_url, "--workers", str(workers))
    writers = [Writer(server, number) for number in range(CLIENTS)]
    async with Client(server.url) as client:
        for writer in writers:
            await client.ok("im_open_login_svc/account_import", {"UserID": f"writer{writer.number}"})
    working = [asyncio.create_task(writer.work()) for writer in writers]
    while min(writer.answered for writer in writers) < 5:  # noqa: ASYNC110 - a number has no event
        await asyncio.sleep(0.01)
    server.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    for writer in writers:
        writer.signalled = began
    # A connection that ends without an answer raises here.
    async with asyncio.timeout(DRAINED_SECONDS_MAX):
        await asyncio.gather(*working)
        assert await asyncio.to_thread(server.process.wait) == 0
    assert not any(writer.told_late for writer in writers)
    server.stdout.close()

    with_all = Server("--store", file_url)
    async with Client(with_all.url) as client:
        for writer in writers:
            found = await client.ok(
                "recentcontact/get_contact_group",
                {"From_Account": f"writer{writer.number}", "StartIndex": 0},
            )
            assert found["ContactItem"][0]["CustomMark"] == str(writer.answered - 1)
    with_all.stop()


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
