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

LEAVE = """
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
