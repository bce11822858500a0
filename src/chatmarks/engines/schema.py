"""Which schema this program reads and writes. How it came about: `migrations`."""

from __future__ import annotations

from pathlib import Path

REVISION = "0004"
"""The newest revision, stamped in `alembic_version`."""

APPLICATION_ID = 0x63686D6B
"""What marks a file as a store of ours, in SQLite's header: "chmk"."""


def tables() -> str:
    """The SQL of a fresh file, its stamp included. Generated from the migrations by `make docs`, so
    that a fresh store needs no migration tool; a test holds the two together."""
    return Path(__file__).with_name("tables.sql").read_text(encoding="utf-8")
