"""The accounts that are measured, and their books.

Every store holds the same three shelves; the large one holds many more accounts around them. A
conversation is with an account that exists, so that a mark finds it.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from chatmarks.book import Account, Book, Entry, Peer, PeerType
from chatmarks.limits import CUSTOM_MARK_BYTES_MAX
from chatmarks.store import Kept, Whole, draw_version

SDKAPPID = 1400000000
GROUPS = {"group_0001": 1, "group_0002": 2}
THOUSAND, MILLION = 1000, 1_000_000
AROUND_CONVERSATIONS = 5
UPDATED_AT = 1_700_000_000


class Shelf(Struct, frozen=True):
    """Accounts with books of one size. One conversation in `text_every` has a custom mark."""

    accounts: tuple[str, ...]
    conversations: int
    text_bytes: int
    text_every: int


def userid(number: int) -> str:
    """One of the million. Those of a store of a thousand are spread evenly among them."""
    return f"user_{number:07}"


SPREAD = tuple(userid(number) for number in range(0, MILLION, MILLION // THOUSAND))

SHELVES = {
    "20": Shelf(SPREAD, 20, 16, 10),
    "300": Shelf(tuple(f"many_{number:03}" for number in range(100)), 300, 16, 10),
    # Fifty, so that all of them fit into any memory a server may be given for books.
    "1000": Shelf(tuple(f"full_{number:03}" for number in range(50)), 1000, CUSTOM_MARK_BYTES_MAX, 1),
    # Fifty again, to be compared with those.
    "20 of 50": Shelf(SPREAD[:50], 20, 16, 10),
}
AROUND = Shelf((), AROUND_CONVERSATIONS, 16, 10)
FILLED = ("20", "300", "1000")
"""The shelves that are put into a store; another is a part of one of them."""


def peers_of(number: int, shelf: Shelf) -> list[str]:
    """With whom the account of this number on a shelf has conversations."""
    return [SPREAD[(number + 1 + n) % len(SPREAD)] for n in range(shelf.conversations)]


def entry(n: int, shelf: Shelf) -> Entry:
    """The conversation at place `n` of a book."""
    text = "x" * shelf.text_bytes if n % shelf.text_every == 0 else ""
    return Entry(n, 1 << 34 if n % 2 else 1, text, 2 << n % 2, UPDATED_AT)


def whole(name: str, number: int, shelf: Shelf) -> Whole:
    """One account with its book."""
    peers = peers_of(number, shelf)
    entries = {Peer(PeerType.ACCOUNT, peer): entry(n, shelf) for n, peer in enumerate(peers)}
    book = Book(GROUPS, entries, shelf.conversations)
    return Whole(Account(SDKAPPID, name), Kept(draw_version(), book))


def shelved() -> Iterator[Whole]:
    """The accounts of all shelves."""
    for name in FILLED:
        shelf = SHELVES[name]
        yield from (whole(account, n, shelf) for n, account in enumerate(shelf.accounts))


def around() -> Iterator[Whole]:
    """The other accounts of the million, in the order of their keys."""
    step = MILLION // THOUSAND
    for number in range(MILLION):
        if number % step:
            yield whole(userid(number), number, AROUND)
