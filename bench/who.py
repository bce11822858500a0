"""How long `who` takes where a million accounts marked one conversation, and the plan it is found by.

Makes a store of as many accounts as the first argument says, a million by default, asks over HTTP for
pages at random places, then for pages with a condition that one account in ten thousand fits.
"""

from __future__ import annotations

import contextlib
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import httpx
import msgspec

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.books import GROUPS, SDKAPPID, UPDATED_AT, userid
from bench.stores import fill
from chatmarks.book import Account, Book, Entry, Peer, PeerType
from chatmarks.engines.lists import HOLDERS
from chatmarks.limits import WHO_ROWS_MAX
from chatmarks.store import Kept, Whole, draw_version
from process import Server, signed_query

ACCOUNTS = 1_000_000
PEER = Peer(PeerType.CHAT_GROUP, "room")
RARE, RARE_EVERY = 63, 10_000
ASKED = 300


def holders(count: int) -> Iterator[Whole]:
    """Accounts that have one conversation each, the same, with a mark that few of them set."""
    for number in range(count):
        marks = 1 | (1 << RARE if number % RARE_EVERY == 0 else 0)
        book = Book(GROUPS, {PEER: Entry(0, marks, "", 2, UPDATED_AT)}, 1)
        yield Whole(Account(SDKAPPID, userid(number)), Kept(draw_version(), book))


def plan(path: Path) -> list[str]:
    """How SQLite finds a page, line by line."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    values = (int(PEER.type), PEER.id, f"{SDKAPPID}:", f"{SDKAPPID};", WHO_ROWS_MAX)
    rows = connection.execute(f"EXPLAIN QUERY PLAN {HOLDERS}", values)
    found = [str(row[3]) for row in rows]
    connection.close()
    return found


def asked(client: httpx.Client, query: str, conditions: dict[str, Any], count: int) -> list[float]:
    """Milliseconds of each of `ASKED` calls that begin behind random accounts."""
    drawn = random.Random(str(conditions))
    took = []
    for _ in range(ASKED):
        body = {
            "ContactItem": {"Type": int(PEER.type), "ToGroupId": PEER.id},
            "StartUserID": userid(drawn.randrange(count)),
            **conditions,
        }
        content = msgspec.json.encode(body)
        began = time.perf_counter()
        answer = client.post(f"/x/1/recentcontact/who?{query}", content=content)
        took.append((time.perf_counter() - began) * 1000)
        if answer.json()["ErrorCode"]:
            sys.exit(answer.text)
    return took


def main() -> None:
    """Print the plan, then median, 99th hundredth and worst."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ACCOUNTS
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        path = Path(folder, "books.db")
        fill(f"sqlite:///{path}", holders(count))
        print(f"{count:,} accounts with data of one conversation; SQLite:")
        for line in plan(path):
            print(f"  {line}")
        server = Server("--store", f"sqlite:///{path}")
        stack.callback(server.stop)
        client = stack.enter_context(httpx.Client(base_url=server.url, trust_env=False))
        questions: dict[str, dict[str, Any]] = {
            "a page of 100": {},
            "a page of 1,000": {"Limit": 1000},
            f"1,000 looked at, one in {RARE_EVERY:,} fits": {"MarkAll": [RARE]},
        }
        for name, conditions in questions.items():
            took = sorted(asked(client, signed_query(), conditions, count))
            print(
                f"{name}: median {statistics.median(took):.1f} ms,"
                f" p99 {took[len(took) * 99 // 100]:.1f}, worst {took[-1]:.1f}, of {ASKED}"
            )


if __name__ == "__main__":
    main()
