"""What a writer did, and whether a store that was found afterwards can be what became of it.

Each write gives one text of its own to some conversations: one that no other write names, so that it
leaves a trace for good, and some that others write again, so that rows are replaced too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Texts: TypeAlias = dict[str, str]


@dataclass
class Write:
    """One call, sent once or more. `acknowledged`: some time it was answered with OK."""

    own_peer: str
    other_peers: tuple[str, ...]
    text: str
    acknowledged: bool = False

    @property
    def peers(self) -> tuple[str, ...]:
        return (self.own_peer, *self.other_peers)


@dataclass
class History:
    """What one writer did to one account, in order; `prefix` begins the names of its conversations,
    and of nobody else's in this account."""

    userid: str
    prefix: str
    writes: list[Write] = field(default_factory=list)

    def landed(self, found: Mapping[str, str]) -> list[Write]:
        """The writes of which `found`, the account's conversations and their texts, has a trace."""
        return [write for write in self.writes if found.get(write.own_peer) == write.text]

    def problems(self, found: Mapping[str, str]) -> list[str]:
        """What is wrong with `found`: acknowledged writes that are not in it, and whatever else it
        would not hold if every write had landed whole, in order, or not at all."""
        landed = self.landed(found)
        lost = [write for write in self.writes if write.acknowledged and write not in landed]
        told = [f"{self.userid}: lost {write.own_peer}, acknowledged" for write in lost]
        expected: Texts = {}
        for write in landed:
            expected.update(dict.fromkeys(write.peers, write.text))
        mine = {peer: text for peer, text in found.items() if peer.startswith(self.prefix)}
        told += [
            f"{self.userid}: {peer} has {mine.get(peer)!r}, not {expected.get(peer)!r}"
            for peer in sorted(mine.keys() | expected.keys())
            if mine.get(peer) != expected.get(peer)
        ]
        return told
