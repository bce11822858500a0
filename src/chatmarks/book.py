"""A book is everything that one account owns; its moves are the only ways in which it changes.

All values are frozen and a move returns a new book, so a book can be shared, kept and compared.
A move leaves the very same object in place of what it did not change: an engine finds the changed
rows by identity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import IntEnum
from functools import cached_property
from typing import NamedTuple
from weakref import ref

from msgspec import Struct
from msgspec.structs import replace

from chatmarks.limits import (
    CONVERSATIONS_PER_ACCOUNT_MAX,
    CUSTOM_MARK_BYTES_MAX,
    GROUP_NAME_BYTES_MAX,
    GROUPS_PER_ACCOUNT_MAX,
    MARK_BITS,
    TO_GROUP_ID_BYTES_MAX,
    USERID_BYTES_MAX,
    Pooling,
)


class Account(Struct, frozen=True, gc=False):
    """Whose book it is."""

    sdkappid: int
    userid: str

    @property
    def owner(self) -> str:
        """The account as one key, `1400000000:user_0001`: the first column of each of its rows."""
        return f"{self.sdkappid}:{self.userid}"


class PeerType(IntEnum):
    """`Type` of a conversation."""

    ACCOUNT = 1
    CHAT_GROUP = 2


class Peer(NamedTuple):
    """The other side of a conversation. `type` is a `PeerType`; `id` a UserID or a chat-group id.

    A tuple, as it is made and looked up for every conversation of every call.
    """

    type: int
    id: str


class Entry(Struct, frozen=True, dict=True):
    """One conversation with data. What is worked out of it may be kept in its `__dict__`, which counts
    for no comparison.

    `position` is its place in the book's order and never changes. `marks` holds 64 bits, `groups`
    the bits of its groups' ids (bit 3 for `GroupId` 3), `updated_at` Unix seconds.
    """

    position: int
    marks: int
    custom_mark: str
    groups: int
    updated_at: int

    @property
    def is_empty(self) -> bool:
        return not (self.marks or self.custom_mark or self.groups)

    @property
    def group_ids(self) -> list[int]:
        """The `GroupId`s, ascending."""
        return [bit for bit in range(1, self.groups.bit_length()) if self.groups >> bit & 1]


class Edit(Struct, frozen=True):
    """A change to one conversation. Clearing comes before setting, leaving before joining.

    `set_marks` and `clear_marks` are bit masks, `join` and `leave` bits of group ids;
    `custom_mark` of None leaves the text alone.
    """

    peer: Peer
    set_marks: int = 0
    clear_marks: int = 0
    custom_mark: str | None = None
    join: int = 0
    leave: int = 0

    @property
    def adds(self) -> bool:
        """Whether it could bring data to a conversation, rather than only take some away."""
        return bool(self.set_marks or self.custom_mark or self.join)

    def applied_to(self, entry: Entry, now: int) -> Entry:
        """`entry` after this edit; the same object when that changes nothing."""
        marks = entry.marks & ~self.clear_marks | self.set_marks
        groups = entry.groups & ~self.leave | self.join
        custom_mark = entry.custom_mark if self.custom_mark is None else self.custom_mark
        if (marks, groups, custom_mark) == (entry.marks, entry.groups, entry.custom_mark):
            return entry
        return Entry(entry.position, marks, custom_mark, groups, now)


class Book(Struct, frozen=True, dict=True, weakref=True):
    """The groups and conversations of one account. As with an entry, what is worked out of it may be
    kept in its `__dict__`, which no move hands on.

    `groups` maps a name to its `GroupId`; `entries` is in order of position, and every position
    ever used is below `next_position`.
    """

    groups: Mapping[str, int]
    entries: Mapping[Peer, Entry]
    next_position: int

    def with_group(self, name: str) -> Book:
        """The book with one more, empty group, which gets the smallest free id from 1 on."""
        assert name not in self.groups
        taken = set(self.groups.values())
        number = next(n for n in range(1, GROUPS_PER_ACCOUNT_MAX + 1) if n not in taken)
        return replace(self, groups={**self.groups, name: number})

    def with_group_renamed(self, old: str, new: str) -> Book:
        """The book with group `old` called `new`; id, members and times stay."""
        if old == new:
            return self
        assert new not in self.groups
        renamed = {new if name == old else name: number for name, number in self.groups.items()}
        return replace(self, groups=renamed)

    def without_group(self, name: str) -> Book:
        """The book without group `name`. Members stay where they have other data; times stay."""
        groups = dict(self.groups)
        bit = 1 << groups.pop(name)
        entries: dict[Peer, Entry] = {}
        for peer, entry in self.entries.items():
            kept = replace(entry, groups=entry.groups & ~bit) if entry.groups & bit else entry
            if not kept.is_empty:
                entries[peer] = kept
        return replace(self, groups=groups, entries=entries)

    def with_edits(self, edits: Sequence[Edit], now: int, pooling: Pooling) -> tuple[Book, list[bool]]:
        """The book after `edits` in their order, and for each whether there was room for it.

        An edit that changes nothing leaves the entry and its time alone. An entry left without
        data is dropped. An edit that would bring its conversation into a full pool is passed over.
        """
        entries = dict(self.entries)
        next_position = self.next_position
        pools = _Pools(self, pooling)
        done: list[bool] = []
        changed = False
        for edit in edits:
            entry = entries.get(edit.peer) or Entry(next_position, 0, "", 0, now)
            after = edit.applied_to(entry, now)
            room = after is entry or pools.admit(entry, after)
            done.append(room)
            if after is entry or not room:
                continue
            changed = True
            if after.is_empty:
                del entries[edit.peer]
            else:
                entries[edit.peer] = after
                next_position = max(next_position, entry.position + 1)
        if not changed:
            return self, done
        book = Book(self.groups, entries, next_position)
        book.__dict__["edited"] = ref(self), dict.fromkeys(edit.peer for edit in edits)
        return book, done

    def edited_since(self, before: Book) -> Collection[Peer] | None:
        """The conversations whose entries can be others than in `before`, where one `with_edits` made
        this book of it; else None."""
        origin, peers = self.__dict__.get("edited", (None, None))
        return peers if origin is not None and origin() is before else None


class _Pools:
    """Counts what the 1,000 of document 53438 limits, in the pools of one reading of it."""

    def __init__(self, book: Book, pooling: Pooling) -> None:
        self._pooling = pooling
        self._entries = book.entries.values()

    @cached_property
    def _counts(self) -> Counter[str | int]:
        """Counted when an entry comes into a pool or leaves one, which few do."""
        if self._pooling == "shared":
            return Counter({"conversations": len(self._entries)})
        return Counter(pool for entry in self._entries for pool in self._of(entry))

    def admit(self, before: Entry, after: Entry) -> bool:
        """Count an entry that becomes `after`; False, and not counted, where a pool is full."""
        old, new = self._of(before), self._of(after)
        if old == new:
            return True
        if any(self._counts[pool] >= CONVERSATIONS_PER_ACCOUNT_MAX for pool in new - old):
            return False
        self._counts.update(new - old)
        self._counts.subtract(old - new)
        return True

    def _of(self, entry: Entry) -> frozenset[str | int]:
        """The pools that `entry` counts towards: names, or ids of groups that are pools."""
        if entry.is_empty:
            return frozenset()
        if self._pooling == "shared":
            return _SHARED
        pools: set[str | int] = set()
        if entry.marks or entry.custom_mark:
            pools.add("marked")
        if entry.groups:
            pools.update(entry.group_ids if self._pooling == "per_group" else ("grouped",))
        return frozenset(pools)


_SHARED: frozenset[str | int] = frozenset({"conversations"})

EMPTY_BOOK = Book({}, {}, 0)


class Flaw(Struct, frozen=True):
    """What no move makes of a book: `peer` is the conversation that has it, None for the rest."""

    peer: Peer | None
    text: str


def problems_of(book: Book) -> list[Flaw]:
    """Every invariant that `book` breaks. How many conversations it has is none: that depends on
    the profile, which an app may change."""
    positions = Counter(entry.position for entry in book.entries.values())
    flaws = [Flaw(None, text) for text in _group_problems(book.groups)]
    if book.next_position < 0:
        flaws.append(Flaw(None, f"the next position is {book.next_position}; it may not be negative"))
    if list(positions) != sorted(positions):
        flaws.append(Flaw(None, "the conversations are not in the order of their positions"))
    named = sum(1 << number for number in set(book.groups.values()) if number in _GROUP_IDS)
    for peer, entry in book.entries.items():
        texts = [*_peer_problems(peer), *_entry_problems(entry, named)]
        if positions[entry.position] > 1:
            texts.append(f"shares its position {entry.position} with another conversation")
        if not 0 <= entry.position < book.next_position:
            texts.append(f"has position {entry.position}; 0 to below {book.next_position} are allowed")
        flaws += [Flaw(peer, text) for text in texts]
    return flaws


def account_of(owner: str) -> Account | None:
    """The account whose rows have the key `owner`; None when no account has such a key."""
    number, _, userid = owner.partition(":")
    if not is_sdkappid(number) or not is_identity(userid, USERID_BYTES_MAX):
        return None
    return Account(int(number), userid)


def is_sdkappid(text: str) -> bool:
    """Whether `text` is an SDKAppID as keys of rows have it: 1 to 2^63 - 1, no leading zero."""
    digits = text.isascii() and text.isdigit() and len(text) <= _SDKAPPID_DIGITS_MAX
    return digits and not text.startswith("0") and int(text) < 1 << 63


def is_identity(text: str, bytes_max: int) -> bool:
    """Whether `text` can be an id: 1 to `bytes_max` bytes of printable ASCII."""
    return 0 < len(text) <= bytes_max and text.isascii() and text.isprintable()


def _group_problems(groups: Mapping[str, int]) -> Iterator[str]:
    taken = Counter(groups.values())
    for name, number in groups.items():
        size = len(name.encode())
        if not 0 < size <= GROUP_NAME_BYTES_MAX:
            yield (
                f"the name of group {number} has {size} bytes; 1 to {GROUP_NAME_BYTES_MAX} are allowed"
            )
        if "\0" in name:
            yield f"the name of group {number} holds the character U+0000"
        if number not in _GROUP_IDS:
            yield f"a group has the id {number}; 1 to {GROUPS_PER_ACCOUNT_MAX} are allowed"
    for number, count in taken.items():
        if count > 1:
            yield f"{count} groups share the id {number}"


def _peer_problems(peer: Peer) -> Iterator[str]:
    if peer.type not in _PEER_BYTES_MAX:
        yield f"has type {peer.type}; 1 (account) and 2 (chat group) are allowed"
        return
    if not is_identity(peer.id, limit := _PEER_BYTES_MAX[peer.type]):
        yield f"has an id that is not 1 to {limit} bytes of printable ASCII"


def _entry_problems(entry: Entry, named: int) -> Iterator[str]:
    """`named`: the bits of the groups that there are."""
    if not 0 <= entry.marks < 1 << MARK_BITS:
        yield f"has marks outside of {MARK_BITS} bits"
    if (size := len(entry.custom_mark.encode())) > CUSTOM_MARK_BYTES_MAX:
        yield f"has a custom mark of {size} bytes; at most {CUSTOM_MARK_BYTES_MAX} are allowed"
    if "\0" in entry.custom_mark:
        yield "has a custom mark with the character U+0000"
    if entry.groups & ~named:
        yield f"is in groups that do not exist: bits {entry.groups:#x}, there are {named:#x}"
    if entry.is_empty:
        yield "has no data; such a record is not kept"
    if entry.updated_at < 0:
        yield f"was changed at {entry.updated_at}; Unix seconds may not be negative"


_GROUP_IDS = range(1, GROUPS_PER_ACCOUNT_MAX + 1)
_PEER_BYTES_MAX: dict[int, int] = {
    PeerType.ACCOUNT: USERID_BYTES_MAX,
    PeerType.CHAT_GROUP: TO_GROUP_ID_BYTES_MAX,
}
_SDKAPPID_DIGITS_MAX = 19
