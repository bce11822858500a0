"""What an account has of groups and marks, apart from where it is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from chatmarks.book import Book, Entry, Flaw, Peer, problems_of
from chatmarks.limits import GROUPS_PER_ACCOUNT_MAX


class Filed(Struct, frozen=True):
    """One conversation with data: 64 marks as an int, the custom mark, the `GroupId`s in ascending
    order, and when it was last changed, in Unix seconds."""

    marks: int = 0
    custom_mark: str = ""
    group_ids: tuple[int, ...] = ()
    timestamp: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.marks or self.custom_mark or self.group_ids)


class Content(Struct, frozen=True):
    """The groups of an account, `GroupId` by name, and its conversations with data."""

    groups: Mapping[str, int] = {}
    conversations: Mapping[Peer, Filed] = {}

    def names(self) -> dict[int, str]:
        """The groups the other way round."""
        return {number: name for name, number in self.groups.items()}


class Unsound(Exception):
    """No book can have such a content; `flaws` says why."""

    def __init__(self, flaws: list[Flaw]) -> None:
        super().__init__(flaws)
        self.flaws = flaws

    def __str__(self) -> str:
        shown = [f"{flaw.peer.id} {flaw.text}" if flaw.peer else flaw.text for flaw in self.flaws[:3]]
        more = len(self.flaws) - len(shown)
        return "; ".join(shown) + (f"; and {more} more" if more else "")


def content_of(book: Book) -> Content:
    """What `book` has."""
    return Content(
        book.groups,
        {
            peer: Filed(entry.marks, entry.custom_mark, tuple(entry.group_ids), entry.updated_at)
            for peer, entry in book.entries.items()
        },
    )


def replaced(before: Book, content: Content) -> Book:
    """`before` with exactly `content`; the same object when it has that already.

    Conversations keep their places, new ones come behind all others in the order of `content`. Raises
    `Unsound`.
    """
    if flaws := list(_far_groups(content)):
        raise Unsound(flaws)
    entries: dict[Peer, Entry] = {}
    next_position = before.next_position
    for peer, filed in content.conversations.items():
        old = before.entries.get(peer)
        groups = sum(1 << number for number in set(filed.group_ids))
        position = next_position if old is None else old.position
        entry = Entry(position, filed.marks, filed.custom_mark, groups, filed.timestamp)
        entries[peer] = old if old == entry else entry
        next_position = max(next_position, position + 1)
    if entries == before.entries and content.groups == before.groups:
        return before
    ordered = dict(sorted(entries.items(), key=lambda item: item[1].position))
    after = Book(dict(content.groups), ordered, next_position)
    if flaws := problems_of(after):
        raise Unsound(flaws)
    return after


def _far_groups(content: Content) -> Iterator[Flaw]:
    """Groups that are no bits, or so far up that they would take the memory for it."""
    for peer, filed in content.conversations.items():
        for number in filed.group_ids:
            if not 0 < number <= GROUPS_PER_ACCOUNT_MAX:
                yield Flaw(peer, f"is in group {number}; 1 to {GROUPS_PER_ACCOUNT_MAX} are allowed")
