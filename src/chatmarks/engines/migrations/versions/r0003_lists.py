"""Conversation lists: what members see of a chat group, one-to-one conversations, and sent messages."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

# Keys are compared byte by byte, whatever the database's language is.
KEY = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

ROWS = {"sqlite_strict": True, "sqlite_with_rowid": False}


def _column(name: str, kind: sa.types.TypeEngine[Any], comment: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, autoincrement=False, comment=comment)


def _added(name: str, comment: str) -> sa.Column[Any]:
    return sa.Column(name, NUMBER, nullable=False, server_default=sa.text("0"), comment=comment)


def upgrade() -> None:
    """Add what lists need, and the index from a conversation to those who have data of it."""
    op.add_column("chat_group", _added("message_seq", "number of the newest message"))
    op.add_column("chat_group", _added("shown_seq", "number of the newest that lists show"))
    op.add_column("chat_group", _added("shown_at", "its time in Unix seconds"))
    op.add_column("membership", _added("listed_from", "the list has it from this shown_seq on"))
    op.add_column("membership", _added("pinned_at", "Unix seconds; 0: not pinned"))
    op.create_table(
        "recent",
        _column("owner", KEY, "SDKAppID:UserID"),
        _column("userid", KEY, "the UserID at the other end"),
        _column("begun_at", NUMBER, "Unix seconds: when it came into the list"),
        _column("last_at", NUMBER, "Unix seconds: time of the newest message"),
        _column("pinned_at", NUMBER, "Unix seconds; 0: not pinned"),
        sa.PrimaryKeyConstraint("owner", "userid"),
        **ROWS,
    )
    op.create_index("recent_by_time", "recent", ["owner", sa.text("last_at DESC"), "userid"])
    op.create_index(
        "recent_pinned",
        "recent",
        ["owner"],
        sqlite_where=sa.text("pinned_at > 0"),
        postgresql_where=sa.text("pinned_at > 0"),
    )
    op.create_table(
        "sent",
        _column("owner", KEY, "the key of the account that sent, or of the chat group that got it"),
        _column("kind", NUMBER, "1: an account, 2: a chat group"),
        _column("incarnation", NUMBER, "of the chat group; 0 for an account"),
        _column("message_key", KEY, "tells its repeats"),
        _column("seq", NUMBER, "its number in the chat group; 0 for an account"),
        _column("sent_at", NUMBER, "its time in Unix seconds"),
        _column("known_until", NUMBER, "Unix seconds"),
        sa.PrimaryKeyConstraint("owner", "kind", "incarnation", "message_key"),
        **ROWS,
    )
    op.create_index("sent_by_end", "sent", ["owner", "kind", "incarnation", "known_until"])
    op.create_index("conversation_by_peer", "conversation", ["peer_type", "peer_id", "owner"])
