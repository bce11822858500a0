"""The feed of an app: what happened to its accounts."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import context, op

revision = "0004"
down_revision = "0003"

# Keys are compared byte by byte, whatever the database's language is.
KEY = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

ROWS = {"sqlite_strict": True, "sqlite_with_rowid": False}


def _column(name: str, kind: sa.types.TypeEngine[Any], comment: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, autoincrement=False, comment=comment)


def upgrade() -> None:
    """Add the events, and where many write at once, those that have no number yet."""
    op.create_table(
        "event",
        _column("sdkappid", NUMBER),
        _column("seq", NUMBER, "its number in the feed of the app, from 1 on"),
        _column("token", NUMBER, "drawn at random; tells it from another one of the same number"),
        _column("owner", KEY, "SDKAppID:UserID"),
        _column("told_at", NUMBER, "Unix seconds"),
        _column("content", sa.Text(), "JSON: what happened"),
        sa.PrimaryKeyConstraint("sdkappid", "seq"),
        **ROWS,
    )
    if context.config.attributes["dialect"] != "postgresql":
        return
    op.create_table(
        "untold",
        _column("owner", KEY, "SDKAppID:UserID"),
        _column("number", NUMBER, "orders the events of an account that wait for their numbers"),
        _column("token", NUMBER),
        _column("told_at", NUMBER, "Unix seconds"),
        _column("content", sa.Text()),
        sa.PrimaryKeyConstraint("owner", "number"),
    )
