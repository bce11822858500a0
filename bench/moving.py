"""Measure `chatmarks copy`, `export` and `import`: python bench/moving.py [ACCOUNTS] [CONVERSATIONS].

Makes a SQLite store and copies it to another, and to the PostgreSQL of CHATMARKS_BENCH_POSTGRES,
if any, whose tables must be empty. Each command is a process of its own: its time has the start in it,
and that of a copy the comparison at its end.
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from chatmarks.book import Account, Book, Entry, Peer, PeerType
from chatmarks.engines import open_store, shown
from chatmarks.store import App, Kept, Membership, Whole, draw_version

SDKAPPID = 1400000000
ROWS_AT_ONCE = 5000


def whole(number: int, conversations: int) -> Whole:
    """An account as they are: two groups, marks here and there, one membership."""
    entries = {
        Peer(PeerType.ACCOUNT, f"user_{number:08}_{n:04}"): Entry(
            n, 1 << 34 if n % 2 else 0, "x" * 64 if n % 10 == 0 else "", 2 << n % 2, 1_700_000_000
        )
        for n in range(conversations)
    }
    book = Book({"group_0001": 1, "group_0002": 2}, entries, conversations)
    joined = {(f"@TGS#{number % 100}", 5): Membership("Member", 1_700_000_000)}
    return Whole(Account(SDKAPPID, f"owner_{number:08}"), Kept(draw_version(), book), joined)


async def fill(url: str, accounts: int, conversations: int) -> None:
    """Make the store that is copied."""
    store = await open_store(url)
    await store.put_apps([App(SDKAPPID, revision=1)])
    at_once = max(1, ROWS_AT_ONCE // (conversations + 2))
    for first in range(0, accounts, at_once):
        # Few at once: the memory of this process counts as that of those which it starts.
        numbers = range(first, min(first + at_once, accounts))
        await store.put_wholes([whole(number, conversations) for number in numbers])
    await store.close()


def measure(label: str, rows: int, *arguments: str) -> None:
    """Run a command and print its time; afterwards the most memory that any so far had."""
    began_at = time.perf_counter()
    program = [sys.executable, "-m", "chatmarks", *arguments]
    subprocess.run(program, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    took = time.perf_counter() - began_at
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(f"{label:34} {took:7.1f} s {rows / took:9,.0f} rows/s   {memory} MB at most so far")


def main() -> None:
    """Print a line for each command."""
    given = [int(text) for text in sys.argv[1:3]]
    accounts, conversations = (*given, *(100_000, 5)[len(given) :])
    postgres = os.environ.get("CHATMARKS_BENCH_POSTGRES")
    with tempfile.TemporaryDirectory() as folder:
        source, target, third, export = (
            f"sqlite:///{folder}/from.db",
            f"sqlite:///{folder}/to.db",
            f"sqlite:///{folder}/third.db",
            str(Path(folder) / "all.ndjson"),
        )
        asyncio.run(fill(source, accounts, conversations))
        # An account, its conversations and its membership.
        rows = accounts * (conversations + 2)
        print(f"{accounts} accounts with {conversations} conversations: {rows} rows")
        measure("copy, SQLite to SQLite", rows, "copy", "--leave-open", source, target)
        measure("the same again, nothing to do", rows, "copy", source, target)
        measure("compare", rows, "copy", "--compare", source, target)
        if postgres:
            print(f"PostgreSQL: {shown(postgres)}")
            measure("copy, SQLite to PostgreSQL", rows, "copy", "--leave-open", source, postgres)
            measure("the same again, nothing to do", rows, "copy", source, postgres)
            measure("copy, PostgreSQL to SQLite", rows, "copy", postgres, third)
        measure("export", rows, "export", export, "--store", source)
        measure("import", rows, "import", export, "--store", f"sqlite:///{folder}/new.db")


if __name__ == "__main__":
    main()
