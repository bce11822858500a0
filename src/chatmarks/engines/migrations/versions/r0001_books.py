"""Books, chat groups with their members, and apps."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import context, op

revision = "0001"
down_revision = None

# Keys are compared byte by byte, whatever the database's language is.
KEY = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
TEXT = sa.Text()
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

ROWS = {"sqlite_strict": True, "sqlite_with_rowid": False}
NUMBERED_ROWS = {"sqlite_strict": True}


def _column(name: str, kind: sa.types.TypeEngine[Any], comment: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, autoincrement=False, comment=comment)


def upgrade() -> None:
    """Make the tables of revision 0001."""
    if context.config.attributes["dialect"] == "sqlite":
        # "chmk": what marks a file as a store of ours.
        op.execute(f"PRAGMA application_id = {0x63686D6B}")
    op.create_table(
        "account",
        _column("owner", KEY, "SDKAppID:UserID"),
        _column("version", NUMBER, "drawn at random at every write; equality is all it tells"),
        _column("next_position", NUMBER),
        _column("contact_groups", TEXT, "a JSON object: name to GroupId"),
        sa.PrimaryKeyConstraint("owner"),
        **ROWS,
    )
    op.create_table(
        "conversation",
        _column("owner", KEY, "SDKAppID:UserID"),
        _column("peer_type", NUMBER, "1: an account, 2: a chat group"),
        _column("peer_id", KEY),
        _column("position", NUMBER, "orders the conversations of an account"),
        _column("standard_mark", NUMBER, "64 bits as a signed number"),
        _column("custom_mark", TEXT),
        _column("contact_groups", NUMBER, "bit n: in the group with GroupId n"),
        _column("updated_at", NUMBER, "Unix seconds"),
        sa.PrimaryKeyConstraint("owner", "peer_type", "peer_id"),
        **ROWS,
    )
    op.create_table(
        "chat_group",
        _column("id", KEY, "SDKAppID:GroupId"),
        _column("type", TEXT),
        _column("name", TEXT),
        _column("owner_account", TEXT, "a UserID, or empty"),
        _column("created_at", NUMBER, "Unix seconds"),
        _column("incarnation", NUMBER, "random; another one when the id is made again"),
        _column("sdkappid", NUMBER),
        _column("place", NUMBER, "drawn from the id; orders lists"),
        sa.PrimaryKeyConstraint("id"),
        **ROWS,
    )
    op.create_index("chat_group_by_place", "chat_group", ["sdkappid", "place", "id", "type"])
    op.create_table(
        "membership",
        _column("owner", KEY, "the account that is a member"),
        _column("chat_group", KEY, "the id of a chat group"),
        _column("incarnation", NUMBER, "of the chat group; the row of another one counts for nothing"),
        _column("role", TEXT),
        _column("joined_at", NUMBER, "Unix seconds"),
        sa.PrimaryKeyConstraint("owner", "chat_group", "incarnation"),
        **ROWS,
    )
    op.create_index(
        "membership_by_chat_group", "membership", ["chat_group", "incarnation", "joined_at", "owner"]
    )
    op.create_table(
        "app",
        _column("sdkappid", NUMBER),
        _column("revision", NUMBER),
        _column("content", TEXT, "JSON; secret keys are in it as sealed envelopes, in base64"),
        sa.PrimaryKeyConstraint("sdkappid"),
        **NUMBERED_ROWS,
    )
    op.create_table(
        "probe",
        _column("id", NUMBER),
        _column("drawn", NUMBER, "written to find out whether the store can be written"),
        sa.PrimaryKeyConstraint("id"),
        **NUMBERED_ROWS,
    )
