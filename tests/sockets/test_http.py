"""What stands in front of the calls: HTTP as clients really speak it, and its bounds."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import socket
from pathlib import Path
from typing import Any

import pytest

from harness import ADMIN
from process import Client, Server, serving, signed_query

GET = "recentcontact/get_contact_group"
BODY = json.dumps({"From_Account": ADMIN, "StartIndex": 0}).encode()
H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
IDLE = 10_000
WEBSOCKET = "Connection: Upgrade\r\nUpgrade: websocket\r\n"


class Raw:
    """A connection on which bytes are written as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, server: Server) -> Raw:
        port = int(server.url.rsplit(":", 1)[1])
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0.02)

    async def answer(self) -> tuple[str, dict[str, Any]]:
        """The head and the parsed body of the next answer."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        size = int(head.split("content-length: ")[1].split("\r\n")[0])
        return head, json.loads(await self.reader.readexactly(size))

    async def rest(self) -> bytes:
        """Whatever comes until the server closes."""
        return await asyncio.wait_for(self.reader.read(), 20)

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


def head(more: str = f"Content-Length: {len(BODY)}\r\n", method: str = "POST") -> bytes:
    return f"{method} /v4/{GET}?{signed_query()} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode()


def chunked(body: bytes) -> bytes:
    return b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"


@pytest.mark.parametrize("offer", ["", H2C, WEBSOCKET], ids=["no offer", "h2c", "websocket"])
@pytest.mark.parametrize("form", ["in one piece", "body apart", "byte by byte", "chunked"])
async def test_a_request_is_answered_whatever_other_protocol_it_offers(
    server: Server, offer: str, form: str
) -> None:
    raw = await Raw.to(server)
    if form == "chunked":
        await raw.send(head(f"Transfer-Encoding: chunked\r\n{offer}") + chunked(BODY))
    else:
        start = head(f"Content-Length: {len(BODY)}\r\n{offer}")
        whole = start + BODY
        await raw.send(
            *{
                "in one piece": [whole],
                "body apart": [start, BODY],
                "byte by byte": [whole[:5], whole[5:-3], whole[-3:]],
            }[form]
        )
    _, answer = await raw.answer()
    assert answer["ErrorCode"] == 0
    # The connection is good for another call.
    await raw.send(head() + BODY)
    assert (await raw.answer())[1]["ErrorCode"] == 0
    await raw.close()


async def test_pipelined_requests_with_offers_are_all_answered(server: Server) -> None:
    raw = await Raw.to(server)
    await raw.send((head(f"Content-Length: {len(BODY)}\r\n{H2C}") + BODY) * 5 + head() + BODY)
    assert [(await raw.answer())[1]["ErrorCode"] for _ in range(6)] == [0] * 6
    await raw.close()


async def test_connection_close_is_heeded_and_keep_alive_is_the_default(server: Server) -> None:
    raw = await Raw.to(server)
    for _ in range(3):
        await raw.send(head() + BODY)
        assert "connection: close" not in (await raw.answer())[0]
    await raw.send(head(f"Content-Length: {len(BODY)}\r\nConnection: close\r\n") + BODY)
    assert "connection: close" in (await raw.answer())[0]
    assert await raw.rest() == b""
    await raw.close()


async def test_a_head_of_64_kib_is_answered_and_a_longer_one_refused(server: Server) -> None:
    raw = await Raw.to(server)
    await raw.send(head(f"Content-Length: {len(BODY)}\r\nX: {'x' * 60_000}\r\n") + BODY)
    assert (await raw.answer())[1]["ErrorCode"] == 0
    await raw.close()
    raw = await Raw.to(server)
    await raw.send(head(f"X: {'x' * 100_000}\r\n"))
    assert (await raw.rest()).startswith(b"HTTP/1.1 400 ")
    await raw.close()


async def test_a_head_that_never_ends_is_cut_off_early(server: Server) -> None:
    raw = await Raw.to(server)
    raw.writer.write(b"POST / HTTP/1.1\r\nX: " + b"x" * (8 << 20))
    # Closed with much of it unread, a connection is reset, often before the answer is read.
    with contextlib.suppress(ConnectionResetError):
        assert (await raw.rest()).startswith(b"HTTP/1.1 400 ")
    raw.writer.close()


async def test_a_head_that_comes_too_slowly_is_cut_off(server: Server) -> None:
    raw = await Raw.to(server)
    await raw.send(b"POST / HTTP/1.1\r\nX: y")
    rest = await raw.rest()
    assert rest.startswith(b"HTTP/1.1 400 ")
    assert b"within 10 seconds" in rest
    await raw.close()


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"CONNECT x:1 HTTP/1.1\r\n\r\n"]
)
async def test_what_is_no_request_is_400_and_the_end(server: Server, sent: bytes) -> None:
    raw = await Raw.to(server)
    await raw.send(sent)
    assert (await raw.rest()).startswith(b"HTTP/1.1 400 ")
    await raw.close()


async def test_a_body_over_1_mib_is_60008_and_the_client_reads_it(server: Server) -> None:
    async with Client(server.url) as client:
        answer = await client.call(GET, {"From_Account": ADMIN, "x": "x" * (8 << 20)})
    assert answer["ErrorCode"] == 60008


async def test_a_client_that_waits_for_100_continue_gets_it(server: Server) -> None:
    raw = await Raw.to(server)
    await raw.send(head(f"Content-Length: {len(BODY)}\r\nExpect: 100-continue\r\n"))
    assert await raw.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    await raw.send(BODY)
    assert (await raw.answer())[1]["ErrorCode"] == 0
    await raw.close()


async def test_10000_idle_connections_and_a_slow_one_keep_nobody_from_an_answer() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with serving() as server, contextlib.ExitStack() as stack:
            address = ("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
            for _ in range(IDLE):
                stack.enter_context(socket.create_connection(address))
            slow = await Raw.to(server)
            dripping = asyncio.create_task(drip(slow, head()))
            async with Client(server.url) as client:
                for _ in range(20):
                    assert await client.code(GET, json.loads(BODY)) == 0
            dripping.cancel()
            await slow.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def drip(raw: Raw, data: bytes) -> None:
    """Send a byte at a time, a few each second."""
    for byte in data:
        await raw.send(bytes([byte]))
        await asyncio.sleep(0.2)


async def test_a_body_that_does_not_come_does_not_hold_the_end_of_the_server() -> None:
    with serving() as server:
        raw = await Raw.to(server)
        await raw.send(head() + BODY[:1])
        loop = asyncio.get_running_loop()
        began = loop.time()
        server.process.terminate()
        assert await asyncio.to_thread(server.process.wait, 30) == 0
        assert loop.time() - began < 5
        assert await raw.rest() == b""
        await raw.close()
        server.stdout.close()


def mark(text: str) -> bytes:
    """A whole request that writes, and so has to wait."""
    item = {
        "OptType": 2,
        "ContactItem": {"Type": 1, "To_Account": ADMIN},
        "CustomMark": text,
    }
    body = json.dumps({"From_Account": ADMIN, "MarkItem": [item]}).encode()
    path = f"/v4/recentcontact/mark_contact?{signed_query()}"
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def marks_in(answer: dict[str, Any]) -> list[str]:
    assert answer["ErrorCode"] == 0, answer
    return [item["CustomMark"] for item in answer.get("ContactItem", [])]


@pytest.mark.parametrize("pieces", [1, 2, 7])
async def test_pipelined_calls_are_answered_in_their_order_whatever_has_to_wait(
    tmp_path: Path, pieces: int
) -> None:
    question = head() + BODY
    sent = b"".join((mark("one"), question, question, mark("two"), mark("three"), question))
    size = -(-len(sent) // pieces)
    with serving("--store", f"sqlite:///{tmp_path}/books.db") as server:
        raw = await Raw.to(server)
        await raw.send(*(sent[begin : begin + size] for begin in range(0, len(sent), size)))
        answers = [(await asyncio.wait_for(raw.answer(), 20)) for _ in range(6)]
        names = [head.split("x-request-id: ")[1].split("\r\n")[0] for head, _ in answers]
        assert len({*names}) == 6
        found = [body for _, body in answers if "resultitem" not in str(body).lower()]
        assert list(map(marks_in, found)) == [["one"], ["one"], ["three"]]
        # The connection is as good as before.
        await raw.send(question)
        assert marks_in((await asyncio.wait_for(raw.answer(), 20))[1]) == ["three"]
        await raw.close()


async def test_a_call_whose_answer_is_under_way_is_answered_at_the_end_of_the_server(
    tmp_path: Path,
) -> None:
    with serving("--store", f"sqlite:///{tmp_path}/books.db") as server:
        connections = [await Raw.to(server) for _ in range(50)]
        for number, raw in enumerate(connections):
            raw.writer.write(mark(f"text {number}"))
        # Some are read by now, and some of these wait for their commit.
        await asyncio.sleep(0.005)
        server.process.terminate()
        answered = []
        for raw in connections:
            # Reset, where the server had not read it.
            with contextlib.suppress(ConnectionResetError):
                answered.append(await raw.rest())
                await raw.close()
        assert await asyncio.to_thread(server.process.wait, 20) == 0
        server.stdout.close()
    # What was read is answered whole; what was not is not answered at all.
    assert all(b'"ErrorCode":0' in answer for answer in answered if answer)
    assert any(answered)


@pytest.mark.parametrize("one", [mark("text"), head("", method="OPTIONS")], ids=["calls", "no calls"])
async def test_requests_that_come_faster_than_answers_do_not_pile_up(one: bytes) -> None:
    with serving() as server:
        raw = await Raw.to(server)
        status = Path(f"/proc/{server.process.pid}/status")
        before = _kilobytes(status)
        reading = asyncio.create_task(_read_all(raw.reader))
        piece = one * (65536 // len(one))
        peak = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(4):
                while True:
                    raw.writer.write(piece)
                    await raw.writer.drain()
                    peak = max(peak, _kilobytes(status))
        peak = max(peak, _kilobytes(status))
        reading.cancel()
        raw.writer.transport.abort()
        assert peak - before < 100_000


def _kilobytes(status: Path) -> int:
    """The memory of a process."""
    return int(status.read_text().split("VmRSS:")[1].split()[0])


async def _read_all(reader: asyncio.StreamReader) -> None:
    while await reader.read(1 << 20):
        pass
