"""Exchanges of the documents, as they were published: what examples are made of.

Each file beside this one is an exchange: where it was published (`own` when no document shows one), the
ids that the server generates, the steps and their times that make the state it shows, the request and
the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct

MAY_BE_EXTRA = frozenset({"ErrorDisplay", "CompleteTime", "NextStartIndex"})
"""Fields that an answer may have beside those of the published one."""


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    """`shows`: what the document shows; the other half of the exchange is our own."""

    document: str
    version: str
    shows: str


class Step(Struct, frozen=True, forbid_unknown_fields=True):
    """A call before the exchange, `at` a time in Unix seconds."""

    at: int
    command: str
    body: dict[str, Any]


class Exchange(Struct, frozen=True, forbid_unknown_fields=True):
    """One file. `command` is a path of the command table; `unordered`: lists of the answer whose
    published order nothing explains."""

    source: Source | str
    generated_ids: list[str]
    steps: list[Step]
    at: int
    command: str
    request: dict[str, Any]
    answer: dict[str, Any]
    unordered: list[str] = []


@cache
def examples() -> Mapping[str, Exchange]:
    """Every exchange by the name of its file, in the order of the names."""
    found = sorted(
        (file for file in files(__package__).iterdir() if file.name.endswith(".json")),
        key=lambda file: file.name,
    )
    decoder = msgspec.json.Decoder(Exchange)
    return {file.name.removesuffix(".json"): decoder.decode(file.read_bytes()) for file in found}
