"""What a change costs in an app with a feed beside one without: CPU of the server, changes a second.

Two servers, each on a SQLite file of its own, take turns. Marks of one conversation of 1,000 accounts,
by 32 clients. The CPU is that of the server's process, so what else the machine does counts for little.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from process import Client, Server

CLIENTS, ACCOUNTS, ROUNDS, SECONDS = 32, 1000, 7, 2.0
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """What a process has used until now."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


class Subject:
    """A server, and what was measured of it in each round."""

    def __init__(self, folder: Path, name: str, environ: dict[str, str]) -> None:
        self.name = name
        self.server = Server("--store", f"sqlite:///{folder}/{name}.db", environ=environ)
        self.microseconds: list[float] = []
        self.rates: list[float] = []

    async def fill(self) -> None:
        async with Client(self.server.url) as client:
            self._query = client.query
            for begin in range(0, ACCOUNTS, 100):
                names = [f"user{number}" for number in range(begin, begin + 100)]
                await client.ok("im_open_login_svc/multiaccount_import", {"Accounts": names})
        self._calls = self._drawn()

    def _drawn(self) -> Iterator[bytes]:
        """Calls each of which changes something."""
        for number in itertools.count():
            item = {
                "OptType": 2,
                "ContactItem": {"Type": 1, "To_Account": "peer"},
                "CustomMark": str(number),
            }
            body = msgspec.json.encode({"From_Account": f"user{number % ACCOUNTS}", "MarkItem": [item]})
            head = (
                f"POST /v4/recentcontact/mark_contact?{self._query} HTTP/1.1\r\nHost: x\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            yield head.encode() + body

    async def measure(self) -> None:
        end = time.monotonic() + SECONDS
        began, used = time.monotonic(), cpu_seconds(self.server.process.pid)
        calls = sum(await asyncio.gather(*(self._client(end) for _ in range(CLIENTS))))
        used = cpu_seconds(self.server.process.pid) - used
        self.microseconds.append(used / calls * 1e6)
        self.rates.append(calls / (time.monotonic() - began))

    async def _client(self, end: float) -> int:
        port = int(self.server.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        calls = 0
        while time.monotonic() < end:
            writer.write(next(self._calls))
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
            answer = await reader.readexactly(size)
            assert b'"ErrorCode":0' in answer, answer
            calls += 1
        writer.close()
        return calls


async def main() -> None:
    """Measure, and print what came of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        without = Subject(folder, "without", {})
        with_feed = Subject(folder, "with", {"CHATMARKS_APP_FEED": "true"})
        subjects = [without, with_feed]
        for subject in subjects:
            await subject.fill()
            await subject.measure()
            subject.microseconds.clear()
            subject.rates.clear()
        for number in range(ROUNDS):
            for subject in subjects if number % 2 else subjects[::-1]:
                await subject.measure()
        for subject in subjects:
            subject.server.kill()
    for subject in subjects:
        print(
            f"{subject.name} feed: {statistics.median(subject.microseconds):.0f} us of CPU a change,"
            f" {statistics.median(subject.rates):.0f} changes a second"
        )
    _tell("CPU", with_feed.microseconds, without.microseconds)
    _tell("rate", with_feed.rates, without.rates)


def _tell(what: str, ones: list[float], others: list[float]) -> None:
    ratios = sorted(one / other for one, other in zip(ones, others, strict=True))
    middle = statistics.median(ratios)
    print(f"{what} with by without: {middle:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


if __name__ == "__main__":
    asyncio.run(main())
