"""What a proof is made of: parts, each done in slices that need nothing from one another."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct


class Work(Struct, frozen=True):
    """One slice to do: that of this `number`, all of whose chance comes from `seed`. `directory`: where
    what shows a violation is kept."""

    seed: int
    number: int
    directory: Path

    def dice(self, purpose: str = "") -> random.Random:
        """Random numbers that are the same for the same seed, number and purpose."""
        return random.Random(f"{self.seed} {self.number} {purpose}")


class Done(Struct, frozen=True):
    """What came out of a slice. `count`: how many rounds or inputs it had; `violations`: a line or more
    for each; `figures`: numbers worth telling, by their names, of which the largest of all slices are
    told."""

    count: int
    violations: tuple[str, ...] = ()
    figures: dict[str, float] = {}


Doing: TypeAlias = Callable[[Work], Done]


class Part(Struct, frozen=True):
    """A part of the proof. `name`: as on the command line; `promise`: what it would refute, in a line;
    `unit`: what is counted; `slices`: how many the long form has; `run`: does one."""

    name: str
    promise: str
    unit: str
    slices: int
    run: Doing
