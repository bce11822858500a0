"""Servers that are told to end while they are called: whoever was heard is answered, and told."""

from __future__ import annotations

import asyncio
import random
import signal
import tempfile
import time

import msgspec

from histories.wire import NoAnswer, Wire
from process import Client, Server
from proofs.part import Done, Part, Work

_ROUNDS = 20
_CALLERS = (4, 32)
_CALLS_BEFORE = (0, 30)
_HEARD_SECONDS = 0.5
"""What a server may take to hear of a signal, on a busy machine."""

_DRAINED_SECONDS_MAX = 10.0
_READY = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"
_IMPORT = "im_open_login_svc/account_import"
_MARK = "recentcontact/mark_contact"
_GET = "recentcontact/get_contact_group"


class _Caller:
    """Marks a conversation of an account of its own again and again, over one connection, until an
    answer says that it is the last. `answered`: how many were; `problem`: what went wrong."""

    def __init__(self, server: Server, number: int) -> None:
        self._server = server
        self.userid = f"user{number}"
        self.answered = 0
        self.problem: str | None = None

    async def work(self, told: asyncio.Event) -> None:
        """Call; `told` is set when the server was told to end, and had time to hear of it."""
        async with Wire(self._server.url) as wire:
            while not wire.told_last:
                is_late = told.is_set()
                try:
                    answer = await wire.call(_MARK, self._body())
                except NoAnswer:
                    self.problem = f"{self.userid}: call {self.answered} got no answer"
                    return
                if b'"ErrorCode":0,' not in answer:
                    self.problem = f"{self.userid}: answered {answer.decode()}"
                    return
                self.answered += 1
                if is_late and not wire.told_last:
                    self.problem = (
                        f"{self.userid}: call {self.answered} was not told that it is the last"
                    )
                    return

    def _body(self) -> bytes:
        contact = {"Type": 1, "To_Account": "peer"}
        item = {"OptType": 2, "ContactItem": contact, "CustomMark": str(self.answered + 1)}
        return msgspec.json.encode({"From_Account": self.userid, "MarkItem": [item]})


def run(work: Work) -> Done:
    """Rounds on a server of its own each. Counted are the ends."""
    problems: list[str] = []
    slowest, calls = 0.0, 0
    for number in range(_ROUNDS):
        chance = work.dice(str(number))
        with tempfile.TemporaryDirectory(prefix="chatmarks-end-") as folder:
            found, seconds, answered = asyncio.run(_round(f"sqlite:///{folder}/books.db", chance))
        problems += [f"seed {work.seed}, slice {work.number}, round {number}: {each}" for each in found]
        slowest, calls = max(slowest, seconds), calls + answered
    figures = {"seconds until a server had ended": round(slowest, 2), "calls in a slice": calls}
    return Done(_ROUNDS, tuple(problems), figures)


async def _round(store: str, chance: random.Random) -> tuple[list[str], float, int]:
    """What went wrong, how long the end took, and how many calls were answered."""
    workers = str(chance.choice([1, 1, 2]))
    arguments = ("--store", store, "--log-calls", "none")
    server = await asyncio.to_thread(Server, *arguments, "--workers", workers)
    callers = [_Caller(server, number) for number in range(chance.randint(*_CALLERS))]
    async with Client(server.url) as client:
        for caller in callers:
            await client.ok(_IMPORT, {"UserID": caller.userid})
    port = int(server.url.rpartition(":")[2])
    silent = await asyncio.open_connection("127.0.0.1", port)
    told = asyncio.Event()
    working = [asyncio.create_task(caller.work(told)) for caller in callers]
    enough = chance.randint(*_CALLS_BEFORE)
    # Each has its connection: who comes after the signal may be refused.
    while (  # noqa: ASYNC110 - numbers have no event
        min(caller.answered for caller in callers) <= enough and not _problems(callers)
    ):
        await asyncio.sleep(chance.uniform(0, 0.005))
    server.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    ended = asyncio.create_task(asyncio.to_thread(server.process.wait))
    await asyncio.sleep(_HEARD_SECONDS)
    told.set()
    problems = await _not_ready(*silent)
    await asyncio.wait([ended, *working], timeout=2 * _DRAINED_SECONDS_MAX)
    seconds = time.monotonic() - began
    if not ended.done() or seconds > _DRAINED_SECONDS_MAX:
        problems.append(f"not ended after {seconds:.1f} s")
    server.process.kill()
    if code := await ended:
        problems.append(f"it ended with exit code {code}")
    await asyncio.gather(*working)
    server.stdout.close()
    problems += _problems(callers) + await _lost(arguments, callers)
    return problems, seconds, sum(caller.answered for caller in callers)


def _problems(callers: list[_Caller]) -> list[str]:
    return [caller.problem for caller in callers if caller.problem]


async def _not_ready(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> list[str]:
    """What is wrong with the answer to who was silent, and now asks whether calls are answered."""
    writer.write(_READY)
    answer = b""
    try:
        async with asyncio.timeout(_DRAINED_SECONDS_MAX):
            answer = await reader.read()
    except (OSError, TimeoutError):
        pass
    writer.close()
    is_right = answer.startswith(b"HTTP/1.1 503 ") and b"\r\nconnection: close\r\n" in answer.lower()
    return [] if is_right else [f"/readyz was answered {answer!r}"]


async def _lost(arguments: tuple[str, ...], callers: list[_Caller]) -> list[str]:
    """Accounts that are not as they were acknowledged."""
    found = []
    server = await asyncio.to_thread(Server, *arguments)
    async with Client(server.url) as client:
        for caller in callers:
            if caller.problem is None:
                book = await client.ok(_GET, {"From_Account": caller.userid, "StartIndex": 0})
                texts = [item["CustomMark"] for item in book["ContactItem"]]
                if texts != [str(caller.answered)]:
                    found.append(f"{caller.userid}: {texts} after {caller.answered} answers")
    await asyncio.to_thread(server.stop)
    return found


PART = Part(
    "ending",
    "SIGTERM under load, with workers and without: not ready, `Connection: close` at last answers,"
    " no call that was read is left unanswered, nothing acknowledged lost, ended within 10 s",
    "ends",
    10,
    run,
)
