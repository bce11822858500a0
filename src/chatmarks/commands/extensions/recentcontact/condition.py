"""What the questions of `query` and `who` share: checks of their conditions."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET, UnsetType

from chatmarks.errors import Code, Fail
from chatmarks.limits import MARK_BITS


def check_bits(numbers: Sequence[int], field: str) -> None:
    """50002 for a list of bit numbers in which one is no bit of a mark, or that is too long."""
    if len(numbers) > MARK_BITS:
        raise Fail(
            Code.BAD_PARAMETER, f"{field} has {len(numbers)} bits; at most {MARK_BITS} are allowed"
        )
    for position, number in enumerate(numbers):
        if not 0 <= number < MARK_BITS:
            raise Fail(
                Code.BAD_PARAMETER,
                f"{field}[{position}] is {number}; 0 to {MARK_BITS - 1} are allowed",
            )


def check_choice(value: int | UnsetType, field: str) -> None:
    """50002 for a condition that is there and neither 0 nor 1."""
    if value is not UNSET and value not in (0, 1):
        raise Fail(
            Code.BAD_PARAMETER,
            f"{field} is {value}; 0 and 1 are allowed, and leaving it out is no condition",
        )


def bits_of(numbers: Sequence[int]) -> int:
    """Bit numbers as a mark."""
    mark = 0
    for number in numbers:
        mark |= 1 << number
    return mark
