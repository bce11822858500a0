"""What a test wants of its app: the marker over the options, the options over the ini file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct


class BadWish(Exception):
    """A marker that cannot be used; the text says why."""


class Wish(Struct, frozen=True, forbid_unknown_fields=True):
    """An app for a test. `seed`: a file of lines of an export, None for none; the others are as in
    `Control.make_app`."""

    seed: str | None = None
    profile: str | None = None
    overrides: dict[str, str | int | bool] | None = None
    admins: tuple[str, ...] | None = None

    def made_of(self) -> dict[str, Any]:
        """The arguments of `Control.make_app`."""
        return {"profile": self.profile, "overrides": self.overrides, "admins": self.admins}


def wish_of(given: Sequence[object], named: Mapping[str, Any], folder: Path) -> Wish:
    """What the marker of a test in `folder` says. Raises `BadWish`."""
    known = ", ".join(Wish.__struct_fields__)
    if given:
        raise BadWish(f"the marker chatmarks has {given[0]!r}; it takes {known} by name")
    for name in named:
        if name not in Wish.__struct_fields__:
            raise BadWish(f"the marker chatmarks has {name!r}; it takes {known}")
    seed = named.get("seed")
    plain = {**named, "seed": str(folder / seed)} if isinstance(seed, str | Path) else {**named}
    try:
        return msgspec.convert(plain, Wish)
    except msgspec.ValidationError as error:
        raise BadWish(f"the marker chatmarks: {str(error).replace('`', '')}") from error


def over(wish: Wish, default: Wish) -> Wish:
    """`wish`, and `default` where it says nothing."""
    said = {name: getattr(wish, name) for name in Wish.__struct_fields__}
    return msgspec.structs.replace(
        default, **{name: value for name, value in said.items() if value is not None}
    )
