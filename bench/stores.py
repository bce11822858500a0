"""The stores that are measured: made through the contract, the large one once for all runs."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec

from bench.books import MILLION, SHELVES, around, shelved, whole
from chatmarks.book import Book
from chatmarks.engines import open_store
from chatmarks.engines.schema import REVISION
from chatmarks.limits import ACCOUNTS_PER_CALL_MAX, MARK_BITS
from chatmarks.store import Whole

_AT_ONCE = 2000
_LAYOUT = 1
"""Of `books.py`; another number makes the large store anew."""


def cache() -> Path:
    """A folder outside of the tree, kept between runs, on the disk that is measured."""
    named = os.environ.get("CHATMARKS_BENCH_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(named) if named else base / "chatmarks-bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fill(url: str, wholes: Iterable[Whole]) -> None:
    """Put accounts into a store whose tables are there."""

    async def work() -> None:
        store = await open_store(url)
        remaining = iter(wholes)
        while batch := list(itertools.islice(remaining, _AT_ONCE)):
            await store.put_wholes(batch)
        await store.close()

    asyncio.run(work())


def million() -> Path:
    """The file of the large store, made where it is not there yet."""
    path = cache() / f"million-{REVISION}-{_LAYOUT}.db"
    if path.exists():
        return path
    print(f"making a store of {MILLION:,} accounts, once: {path}", flush=True)
    began_at = time.monotonic()
    # One that is unfinished, or of an older schema.
    for rest in cache().glob("million-*"):
        rest.unlink()
    unfinished = path.with_suffix(".unfinished")
    fill(f"sqlite:///{unfinished}", around())
    fill(f"sqlite:///{unfinished}", shelved())
    unfinished.rename(path)
    print(f"made in {time.monotonic() - began_at:.0f} s", flush=True)
    return path


def fill_by_calls(url: str, query: str) -> None:
    """Give a server the small books over HTTP: a store in memory has no other door."""
    shelf = SHELVES["20"]
    with httpx.Client(base_url=url, trust_env=False) as client:

        def ask(command: str, body: dict[str, Any]) -> None:
            answer = client.post(f"/v4/{command}?{query}", content=msgspec.json.encode(body)).json()
            assert answer["ErrorCode"] == 0, answer

        for first in range(0, len(shelf.accounts), ACCOUNTS_PER_CALL_MAX):
            batch = shelf.accounts[first : first + ACCOUNTS_PER_CALL_MAX]
            ask("im_open_login_svc/multiaccount_import", {"Accounts": batch})
        for number, account in enumerate(shelf.accounts):
            for command, body in _calls_for(whole(account, number, shelf).kept.book):
                ask(f"recentcontact/{command}", {"From_Account": account} | body)


def _calls_for(book: Book) -> Iterator[tuple[str, dict[str, Any]]]:
    """The calls that make an account's book, but for its times."""
    marks = [
        {
            "OptType": 3,
            "ContactItem": {"Type": 1, "To_Account": peer.id},
            "SetMark": [bit for bit in range(MARK_BITS) if entry.marks >> bit & 1],
            "CustomMark": entry.custom_mark,
        }
        for peer, entry in book.entries.items()
    ]
    yield "mark_contact", {"MarkItem": marks}
    for name, number in book.groups.items():
        members = [
            {"Type": 1, "To_Account": peer.id}
            for peer, entry in book.entries.items()
            if entry.groups >> number & 1
        ]
        yield (
            "create_contact_group",
            {"GroupContactItem": [{"GroupName": name, "ContactItem": members}]},
        )
