"""What a call costs with the journal on and the console open, beside the same server without either.

    python bench/watched.py            100,000 accounts, 2,000 calls a second, 11 rounds

Two servers with books in memory take turns. Nine of ten calls search, one marks; each is due at a time
of its own, on one of 32 connections. One console is open: its overview, the journal and a book, all of
which go on. The CPU is that of the server's process.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import statistics
import sys
import time
from pathlib import Path

import httpx
import msgspec

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from bench.feed import cpu_seconds
from console.visitor import Visitor
from histories.wire import Wire
from process import Client, Server

ACCOUNTS, CONNECTIONS, RATE, ROUNDS, SECONDS = 100_000, 32, 2000, 11, 8.0
_CONTACT = {"Type": 1, "To_Account": "peer"}


class Subject:
    """A server, and what was measured of it in each round."""

    def __init__(self, *arguments: str) -> None:
        self.server = Server("--log-calls", "none", *arguments)
        self.microseconds: list[float] = []
        self.p99: list[float] = []

    async def fill(self) -> None:
        """Import the accounts."""
        async with Client(self.server.url) as client:
            for begin in range(0, ACCOUNTS, 100):
                names = [f"user{number}" for number in range(begin, begin + 100)]
                await client.ok("im_open_login_svc/multiaccount_import", {"Accounts": names})

    async def measure(self) -> None:
        """Offer calls for a round."""
        taken: list[float] = []
        began_at = time.perf_counter() + 0.1
        pid = self.server.process.pid
        used = cpu_seconds(pid)
        await asyncio.gather(*(self._connection(each, began_at, taken) for each in range(CONNECTIONS)))
        self.microseconds.append(1e6 * (cpu_seconds(pid) - used) / len(taken))
        self.p99.append(1e3 * statistics.quantiles(taken, n=100)[-1])

    async def _connection(self, first: int, began_at: float, taken: list[float]) -> None:
        async with Wire(self.server.url) as wire:
            for number in range(first, int(RATE * SECONDS), CONNECTIONS):
                due = began_at + number / RATE
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                await wire.call(*_drawn(number))
                taken.append(time.perf_counter() - due)


def _drawn(number: int) -> tuple[str, bytes]:
    """A call to an account at random."""
    owner = {"From_Account": f"user{random.randrange(ACCOUNTS)}"}
    if number % 10:
        return "recentcontact/search_contact_group", _json(owner | {"ContactItem": [_CONTACT]})
    item = {"OptType": 1, "ContactItem": _CONTACT, "SetMark": [0]}
    return "recentcontact/mark_contact", _json(owner | {"MarkItem": [item]})


def _json(body: object) -> bytes:
    return msgspec.json.encode(body)


async def look(server: Server) -> None:
    """Have the console open until cancelled. Raises where it cannot be, or is no longer."""
    visitor = Visitor(server.announced["admin_url"])
    visitor.get("/console")
    async with httpx.AsyncClient(
        base_url=server.announced["admin_url"],
        cookies=visitor.http.cookies,
        trust_env=False,
        timeout=None,
    ) as http:

        async def follow(path: str) -> None:
            async with http.stream("GET", path) as events:
                events.raise_for_status()
                async for _ in events.aiter_lines():
                    pass

        async def reload() -> None:
            while True:
                (await http.get("/console")).raise_for_status()
                await asyncio.sleep(5)

        book = "/console/books/watch?sdkappid=1400000000&account=user1"
        await asyncio.gather(follow("/console/journal/follow"), follow(book), reload())


async def main() -> None:
    """Measure in turns, and print the ratios."""
    plain, watched = Subject(), Subject("--control")
    for subject in (plain, watched):
        await subject.fill()
    looking = asyncio.create_task(look(watched.server))
    for number in range(ROUNDS):
        for subject in (plain, watched):
            await subject.measure()
        if looking.done():
            looking.result()
        print(f"round {number + 1}", *(f"{each.microseconds[-1]:.0f} us" for each in (plain, watched)))
    looking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await looking
    for name in ("microseconds", "p99"):
        ratios = [b / a for a, b in zip(getattr(plain, name), getattr(watched, name), strict=True)]
        told = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"{name}, with by without: {told}")
    for subject in (plain, watched):
        subject.server.stop()


if __name__ == "__main__":
    asyncio.run(main())
