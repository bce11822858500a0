"""Measure how large a SQLite store gets: python tools/sizes.py [ACCOUNTS] [CONVERSATIONS].

Each account has its conversations in one of two groups, every second one with marks too, and every
tenth with a custom mark of 64 bytes. The store is made through the engine, in a folder that is
thrown away.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from chatmarks.book import Account, Book, Edit, Peer, PeerType
from chatmarks.engines import open_store

SDKAPPID = 1400000000
AT_ONCE = 200


def filled(book: Book, conversations: int) -> tuple[Book, None]:
    """The book with two groups and that many conversations."""
    edits = [
        Edit(
            Peer(PeerType.ACCOUNT, f"user_{number:012}"),
            set_marks=1 << 34 if number % 2 else 0,
            custom_mark="x" * 64 if number % 10 == 0 else None,
            join=1 << 1 + number % 2,
        )
        for number in range(conversations)
    ]
    grouped = book.with_group("group_0001").with_group("group_0002")
    return grouped.with_edits(edits, int(time.time()), "shared")[0], None


async def fill(folder: str, accounts: int, conversations: int) -> None:
    """Fill a store."""
    store = await open_store(f"sqlite:///{folder}/books.db")
    owners = [Account(SDKAPPID, f"owner_{number:012}") for number in range(accounts)]
    for first in range(0, accounts, AT_ONCE):
        some = owners[first : first + AT_ONCE]
        await asyncio.gather(*(store.create_account(owner) for owner in some))
        await asyncio.gather(
            *(store.update(owner, partial(filled, conversations=conversations)) for owner in some)
        )
    await store.close()


def main() -> None:
    """Print one line with what was measured."""
    given = [int(text) for text in sys.argv[1:3]]
    accounts, conversations = (*given, *(1000, 100)[len(given) :])
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        asyncio.run(fill(folder, accounts, conversations))
        took = time.perf_counter() - began
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
    rows = accounts * conversations
    print(f"{accounts} accounts, {rows} conversations: {size} bytes in {took:.1f} s,")
    print(f"{size / rows:.0f} bytes a conversation, {size / accounts / 1024:.1f} KiB an account")


if __name__ == "__main__":
    main()
