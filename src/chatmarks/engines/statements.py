"""Every statement of SQL that the PostgreSQL engine sends, but for the migrations.

They stay inside what Citus, YugabyteDB and CockroachDB understand too; a test reads each. The key of
the row's owner comes first in every WHERE, so that a database which splits tables by it asks one shard.
"""

from __future__ import annotations

# The account first, as (0, groups, next_position, version, '', 0, 0), then its conversations: all of a
# book in one statement, so in one snapshot.
BOOK = """
SELECT 0 AS peer_type, contact_groups AS peer_id, next_position AS position, version AS standard_mark,
       '' AS custom_mark, 0 AS contact_groups, 0 AS updated_at
  FROM account WHERE owner = $1
 UNION ALL
SELECT peer_type, peer_id, position, standard_mark, custom_mark, contact_groups, updated_at
  FROM conversation WHERE owner = $1
"""

VERSIONS = "SELECT owner, version FROM account WHERE owner = ANY($1::text[])"

# The account row first, and only as it was read: who lost it writes no conversation.
WRITE_BOOK = """
WITH taken AS (
    UPDATE account SET version = $3, next_position = $4, contact_groups = $5
     WHERE owner = $1 AND version = $2 RETURNING owner
), written AS (
    INSERT INTO conversation (owner, peer_type, peer_id, position, standard_mark, custom_mark,
                              contact_groups, updated_at)
    SELECT taken.owner, given.peer_type, given.peer_id, given.position, given.standard_mark,
           given.custom_mark, given.contact_groups, given.updated_at
      FROM taken, unnest($6::bigint[], $7::text[], $8::bigint[], $9::bigint[], $10::text[],
                         $11::bigint[], $12::bigint[])
           AS given (peer_type, peer_id, position, standard_mark, custom_mark, contact_groups,
                     updated_at)
        ON CONFLICT (owner, peer_type, peer_id) DO UPDATE SET position = excluded.position,
           standard_mark = excluded.standard_mark, custom_mark = excluded.custom_mark,
           contact_groups = excluded.contact_groups, updated_at = excluded.updated_at
)
SELECT count(*) FROM taken
"""

# Changes nothing, and commits.
CONFIRM = "UPDATE account SET version = version WHERE owner = $1 AND version = $2 RETURNING owner"

DELETE_CONVERSATION = "DELETE FROM conversation WHERE owner = $1 AND peer_type = $2 AND peer_id = $3"

# Where there is one, its row is written as it is, so that "it exists" is confirmed as well.
CREATE_ACCOUNT = """
INSERT INTO account (owner, version, next_position, contact_groups) VALUES ($1, $2, $3, $4)
    ON CONFLICT (owner) DO UPDATE SET version = account.version RETURNING version = $2 AS created
"""

DELETE_ACCOUNT = "DELETE FROM account WHERE owner = $1 RETURNING owner"
DELETE_CONVERSATIONS = "DELETE FROM conversation WHERE owner = $1"
DELETE_MEMBERSHIPS = "DELETE FROM membership WHERE owner = $1"

CREATE_CHAT_GROUP = """
INSERT INTO chat_group (id, type, name, owner_account, created_at, incarnation, sdkappid, place)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING RETURNING id
"""

CHAT_GROUPS = """
SELECT id, type, name, owner_account, created_at, incarnation
  FROM chat_group WHERE id = ANY($1::text[])
"""

DELETE_CHAT_GROUP = "DELETE FROM chat_group WHERE id = $1 RETURNING id"

COUNT_CHAT_GROUPS = "SELECT count(*) FROM chat_group WHERE sdkappid = $1 AND ($2 = '' OR type = $2)"

LIST_CHAT_GROUPS = """
SELECT id, type, name, owner_account, created_at, incarnation FROM chat_group
 WHERE sdkappid = $1 AND place > $3 AND ($2 = '' OR type = $2) ORDER BY place, id LIMIT $4
"""

# The account row first, held until the end: a deleted account gets no membership.
JOIN = """
WITH taken AS (
    SELECT owner FROM account WHERE owner = $1 FOR SHARE
), written AS (
    INSERT INTO membership (owner, chat_group, incarnation, role, joined_at)
    SELECT taken.owner, $2::text, $3::bigint, $4::text, $5::bigint FROM taken
        ON CONFLICT (owner, chat_group, incarnation) DO NOTHING RETURNING owner
)
SELECT (SELECT count(*) FROM taken) AS accounts, (SELECT count(*) FROM written) AS joined
"""

# The account row is written as it is, so that there is something to commit even where nothing is left.
LEAVE = """
WITH taken AS (
    UPDATE account SET version = version WHERE owner = $1 RETURNING owner
)
DELETE FROM membership WHERE owner = $1 AND chat_group = $2 AND incarnation = $3 RETURNING owner
"""

# Across owners, through an index: the one question of the protocol that needs it.
MEMBERS = "SELECT owner, role, joined_at FROM membership WHERE chat_group = $1 AND incarnation = $2"

APP = "SELECT content FROM app WHERE sdkappid = $1"
APPS = "SELECT content FROM app ORDER BY sdkappid"

CREATE_APP = """
INSERT INTO app (sdkappid, revision, content) VALUES ($1, $2, $3)
    ON CONFLICT (sdkappid) DO NOTHING RETURNING sdkappid
"""

CHANGE_APP = """
UPDATE app SET revision = $3, content = $4 WHERE sdkappid = $1 AND revision = $2 RETURNING sdkappid
"""

PROBE = """
INSERT INTO probe (id, drawn) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET drawn = excluded.drawn
"""

SCHEMA = "SELECT version_num FROM alembic_version"

DURABILITY = "SHOW synchronous_commit"

# Names of tables, as rights are asked for by name.
RIGHTS = """
SELECT wanted.right_name, wanted.table_name
  FROM unnest($1::text[], $2::text[]) AS wanted (table_name, right_name)
 WHERE NOT has_table_privilege(wanted.table_name, wanted.right_name)
"""

# What moves whole stores: across owners, a range of keys or a list of them at a time.

COUNT_ACCOUNTS = "SELECT count(*) FROM account WHERE owner > $1 AND owner < $2"
COUNT_ALL_CHAT_GROUPS = "SELECT count(*) FROM chat_group WHERE id > $1 AND id < $2"
COUNT_APPS = "SELECT count(*) FROM app WHERE sdkappid = COALESCE($1::bigint, sdkappid)"

PAGE_OF_ACCOUNTS = """
SELECT owner, version, next_position, contact_groups FROM account
 WHERE owner > $1 ORDER BY owner LIMIT $2
"""

PAGE_OF_CONVERSATIONS = """
SELECT owner, peer_type, peer_id, position, standard_mark, custom_mark, contact_groups, updated_at
  FROM conversation WHERE owner > $1 AND owner <= $2 ORDER BY owner, position
"""

PAGE_OF_MEMBERSHIPS = """
SELECT owner, chat_group, incarnation, role, joined_at
  FROM membership WHERE owner > $1 AND owner <= $2
"""

PUT_ACCOUNTS = """
INSERT INTO account (owner, version, next_position, contact_groups)
SELECT given.owner, given.version, given.next_position, given.contact_groups
  FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[])
       AS given (owner, version, next_position, contact_groups)
    ON CONFLICT (owner) DO UPDATE SET version = excluded.version,
       next_position = excluded.next_position, contact_groups = excluded.contact_groups
RETURNING owner
"""

PUT_NEW_ACCOUNTS = """
INSERT INTO account (owner, version, next_position, contact_groups)
SELECT given.owner, given.version, given.next_position, given.contact_groups
  FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[])
       AS given (owner, version, next_position, contact_groups)
    ON CONFLICT (owner) DO NOTHING
RETURNING owner
"""

DELETE_ACCOUNTS = "DELETE FROM account WHERE owner = ANY($1::text[])"

PUT_CONVERSATIONS = """
INSERT INTO conversation (owner, peer_type, peer_id, position, standard_mark, custom_mark,
                          contact_groups, updated_at)
SELECT given.owner, given.peer_type, given.peer_id, given.position, given.standard_mark,
       given.custom_mark, given.contact_groups, given.updated_at
  FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::text[],
              $7::bigint[], $8::bigint[])
       AS given (owner, peer_type, peer_id, position, standard_mark, custom_mark, contact_groups,
                 updated_at)
"""

PUT_MEMBERSHIPS = """
INSERT INTO membership (owner, chat_group, incarnation, role, joined_at)
SELECT given.owner, given.chat_group, given.incarnation, given.role, given.joined_at
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[])
       AS given (owner, chat_group, incarnation, role, joined_at)
"""

PAGE_OF_CHAT_GROUPS = """
SELECT id, type, name, owner_account, created_at, incarnation
  FROM chat_group WHERE id > $1 ORDER BY id LIMIT $2
"""

DELETE_CHAT_GROUPS = "DELETE FROM chat_group WHERE id = ANY($1::text[])"

PUT_CHAT_GROUPS = """
INSERT INTO chat_group (id, type, name, owner_account, created_at, incarnation, sdkappid, place)
SELECT given.id, given.type, given.name, given.owner_account, given.created_at, given.incarnation,
       given.sdkappid, given.place
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
              $7::bigint[], $8::bigint[])
       AS given (id, type, name, owner_account, created_at, incarnation, sdkappid, place)
    ON CONFLICT (id) DO UPDATE SET type = excluded.type, name = excluded.name,
       owner_account = excluded.owner_account, created_at = excluded.created_at,
       incarnation = excluded.incarnation, sdkappid = excluded.sdkappid, place = excluded.place
"""

DELETE_APPS = "DELETE FROM app WHERE sdkappid = ANY($1::bigint[])"

PUT_APPS = """
INSERT INTO app (sdkappid, revision, content)
SELECT given.sdkappid, given.revision, given.content
  FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS given (sdkappid, revision, content)
    ON CONFLICT (sdkappid) DO UPDATE SET revision = excluded.revision, content = excluded.content
"""

PROPERTY = "SELECT value FROM property WHERE name = $1"
# Held until the end: who wants to set or drop it waits for what is written meanwhile.
HOLD_PROPERTY = "SELECT value FROM property WHERE name = $1 FOR SHARE"
DROP_PROPERTY = "DELETE FROM property WHERE name = $1"
SET_PROPERTY = """
INSERT INTO property (name, value) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
