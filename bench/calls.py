"""The calls of a load, as lines of a file that the generator reads: method, path and body."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from bench.books import AROUND, MILLION, SHELVES, SPREAD, Shelf, peers_of, userid
from bench.cases import Load

_SMALL, _LARGE, _ONCE = 4096, 512, 60_000
_ITEMS_OF_LARGE = 100
_MARKS_OF_MIXED = 0.05
# Coprime to a million, so that walking by it meets every account once, in no order of the store.
_STRIDE = 614_657


def write(path: Path, load: Load, query: str, number: int) -> None:
    """Write the calls of round `number`."""
    lines = (
        f"POST\t/v4/recentcontact/{command}?{query}\t{msgspec.json.encode(body).decode()}\n"
        for command, body in calls(load, number)
    )
    path.write_text("".join(lines))


def calls(load: Load, number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The calls of round `number`: each once, to be repeated when there are no more."""
    if load.once:
        yield from (_search(userid(n), peers_of(n, AROUND), 1) for n in _fresh(number))
        return
    shelf = SHELVES[load.shelf]
    peers_of_each = [peers_of(place, shelf) for place in range(len(shelf.accounts))]
    count = _LARGE if load.items >= _ITEMS_OF_LARGE else _SMALL
    # Whatever is marked is marked a second time with another text before the file begins anew. So
    # every mark changes something: one that does not would write nothing.
    for half in range(2):
        drawn = random.Random(f"{load.kind} {number}")
        texts = random.Random(f"texts {number} {half}")
        for _ in range(count):
            yield _call(load, shelf, peers_of_each, drawn, texts)


def _call(
    load: Load, shelf: Shelf, peers_of_each: list[list[str]], drawn: random.Random, texts: random.Random
) -> tuple[str, dict[str, Any]]:
    place = drawn.randrange(len(shelf.accounts))
    peers = drawn.sample(peers_of_each[place], load.items)
    marks = load.kind == "mark" or (load.kind == "mixed" and drawn.random() < _MARKS_OF_MIXED)
    if not marks:
        return _search(shelf.accounts[place], peers, load.items)
    items = [
        {
            "OptType": 3,
            "ContactItem": {"Type": 1, "To_Account": peer},
            "SetMark": [1],
            "ClearMark": [0],
            "CustomMark": texts.randbytes(shelf.text_bytes // 2).hex(),
        }
        for peer in peers
    ]
    return "mark_contact", {"From_Account": shelf.accounts[place], "MarkItem": items}


def _search(account: str, peers: list[str], items: int) -> tuple[str, dict[str, Any]]:
    contacts = [{"Type": 1, "To_Account": peer} for peer in peers[:items]]
    return "search_contact_group", {"From_Account": account, "ContactItem": contacts}


def _fresh(number: int) -> Iterator[int]:
    """Accounts that no other round has, and that are on no shelf."""
    assert (number + 1) * _ONCE <= MILLION, "there are no more accounts that were not asked for"
    spread = MILLION // len(SPREAD)
    walked = (n * _STRIDE % MILLION for n in range(number * _ONCE, (number + 1) * _ONCE))
    return (account for account in walked if account % spread)
