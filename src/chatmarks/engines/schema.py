"""The tables of the embedded store. Rows are the truth; the owner comes first in every key."""

from __future__ import annotations

REVISION = "0001"
"""The schema that this program reads and writes, stamped in `alembic_version`."""

APPLICATION_ID = 0x63686D6B
"""What marks a file as a store of ours, in SQLite's header: "chmk"."""

TABLES = f"""
PRAGMA application_id = {APPLICATION_ID};

CREATE TABLE alembic_version (version_num TEXT NOT NULL PRIMARY KEY) STRICT;

-- owner: "SDKAppID:UserID". contact_groups: a JSON object, name to GroupId.
CREATE TABLE account (
    owner TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    next_position INTEGER NOT NULL,
    contact_groups TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- standard_mark: the 64 bits as a signed number. contact_groups: bit n for GroupId n.
-- updated_at: Unix seconds.
CREATE TABLE conversation (
    owner TEXT NOT NULL,
    peer_type INTEGER NOT NULL,
    peer_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    standard_mark INTEGER NOT NULL,
    custom_mark TEXT NOT NULL,
    contact_groups INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (owner, peer_type, peer_id)
) STRICT, WITHOUT ROWID;

-- id: "SDKAppID:GroupId". owner_account: a UserID, or empty. created_at: Unix seconds.
-- incarnation: a random number, another one when the id is made again.
CREATE TABLE chat_group (
    id TEXT NOT NULL PRIMARY KEY,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    owner_account TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    incarnation INTEGER NOT NULL,
    sdkappid INTEGER NOT NULL,
    place INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX chat_group_by_place ON chat_group (sdkappid, place, id, type);

-- owner: the account that is a member. chat_group: the id of a chat group. A row whose incarnation
-- is not that of the chat group counts for nothing. joined_at: Unix seconds.
CREATE TABLE membership (
    owner TEXT NOT NULL,
    chat_group TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    role TEXT NOT NULL,
    joined_at INTEGER NOT NULL,
    PRIMARY KEY (owner, chat_group, incarnation)
) STRICT, WITHOUT ROWID;

CREATE INDEX membership_by_chat_group ON membership (chat_group, incarnation, joined_at, owner);

-- content: JSON; secret keys are in it as sealed envelopes, in base64.
CREATE TABLE app (
    sdkappid INTEGER NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL,
    content TEXT NOT NULL
) STRICT;

-- Written to find out whether the store can be written.
CREATE TABLE probe (id INTEGER NOT NULL PRIMARY KEY, drawn INTEGER NOT NULL) STRICT;
"""
