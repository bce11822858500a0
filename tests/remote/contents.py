"""Contents of accounts, drawn at random, and books that have them."""

from __future__ import annotations

from hypothesis import strategies as st

from chatmarks.book import EMPTY_BOOK, Book, Peer
from chatmarks.remote.content import Content, Filed, replaced
from harness import NOW

NAMES = ("waiting", "done", "重要", "a", "b c", "é" * 16, "%_")
PEERS = (*(Peer(1, f"user_{n}") for n in range(6)), *(Peer(2, f"@TGS#{n}") for n in range(3)))
BITS = (0, 1, 3, 31, 32, 63)


@st.composite
def contents(draw: st.DrawFn) -> Content:
    """Few groups and conversations, so that two often have some in common."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=5))
    ids = draw(st.permutations(range(1, 21)))
    groups = dict(zip(names, ids, strict=False))
    conversations = {}
    for peer in draw(st.lists(st.sampled_from(PEERS), unique=True)):
        marks = sum({1 << bit for bit in draw(st.lists(st.sampled_from(BITS), max_size=3))})
        custom_mark = draw(st.sampled_from(("", "abc", "é" * 128)))
        chosen = draw(st.lists(st.sampled_from(sorted(groups.values())), unique=True)) if groups else []
        filed = Filed(marks, custom_mark, tuple(sorted(chosen)), NOW + draw(st.integers(0, 9)))
        if not filed.is_empty:
            conversations[peer] = filed
    return Content(groups, conversations)


def book_of(content: Content) -> Book:
    return replaced(EMPTY_BOOK, content)


def by_name(content: Content) -> tuple[frozenset[str], dict[Peer, tuple[int, str, frozenset[str]]]]:
    """A content apart from ids and times."""
    names = content.names()
    return frozenset(content.groups), {
        peer: (filed.marks, filed.custom_mark, frozenset(names[n] for n in filed.group_ids))
        for peer, filed in content.conversations.items()
    }
