"""All parts of the proof, in the order in which they are done and told."""

from __future__ import annotations

from proofs import disk, ending, following, history, overload, power, soak
from proofs.part import Part

PARTS: tuple[Part, ...] = (
    *history.PARTS,
    disk.PART,
    power.PART,
    soak.PART,
    overload.PART,
    ending.PART,
    following.PART,
)
