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

# The same, and the event of it. Its account is taken, so nobody else draws a number of its events.
WRITE_BOOK_AND_TELL = WRITE_BOOK.replace(
    "\n)\nSELECT count(*) FROM taken\n",
    """
), told AS (
    INSERT INTO untold (owner, number, token, told_at, content)
    SELECT taken.owner, COALESCE((SELECT max(number) FROM untold WHERE owner = $1), 0) + 1,
           $13::bigint, $14::bigint, $15::text
      FROM taken
)
SELECT count(*) FROM taken
""",
)

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
DELETE_RECENTS = "DELETE FROM recent WHERE owner = $1"
DELETE_SENT = "DELETE FROM sent WHERE owner = $1 AND kind = 1"

CREATE_CHAT_GROUP = """
INSERT INTO chat_group (id, type, name, owner_account, created_at, incarnation, message_seq, shown_seq,
                        shown_at, sdkappid, place)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING RETURNING id
"""

CHAT_GROUPS = """
SELECT id, type, name, owner_account, created_at, incarnation, message_seq, shown_seq, shown_at
  FROM chat_group WHERE id = ANY($1::text[])
"""

DELETE_CHAT_GROUP = """
WITH forgotten AS (
    DELETE FROM sent WHERE owner = $1 AND kind = 2
)
DELETE FROM chat_group WHERE id = $1 RETURNING id
"""

COUNT_CHAT_GROUPS = "SELECT count(*) FROM chat_group WHERE sdkappid = $1 AND ($2 = '' OR type = $2)"

LIST_CHAT_GROUPS = """
SELECT id, type, name, owner_account, created_at, incarnation, message_seq, shown_seq, shown_at
  FROM chat_group
 WHERE sdkappid = $1 AND place > $3 AND ($2 = '' OR type = $2) ORDER BY place, id LIMIT $4
"""

# The account row first, held until the end: a deleted account gets no membership.
JOIN = """
WITH taken AS (
    SELECT owner FROM account WHERE owner = $1 FOR SHARE
), written AS (
    INSERT INTO membership (owner, chat_group, incarnation, role, joined_at, listed_from, pinned_at)
    SELECT taken.owner, $2::text, $3::bigint, $4::text, $5::bigint, $6::bigint, $7::bigint FROM taken
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
MEMBERS = """
SELECT owner, role, joined_at, listed_from, pinned_at
  FROM membership WHERE chat_group = $1 AND incarnation = $2
"""

# Conversation lists.

# The account first, as (0, '', 0, 0, 0, 0), then its list, rows of `conversation_of`: one snapshot.
CONVERSATIONS = """
SELECT 0 AS peer_type, '' AS peer_id, 0 AS begun_at, 0 AS last_at, 0 AS pinned_at, 0 AS shown_seq
  FROM account WHERE owner = $1
 UNION ALL
SELECT 1, newest.userid, newest.begun_at, newest.last_at, newest.pinned_at, 1
  FROM (SELECT userid, begun_at, last_at, pinned_at FROM recent
         WHERE owner = $1 ORDER BY last_at DESC, userid LIMIT $2) AS newest
 WHERE newest.pinned_at = 0
 UNION ALL
SELECT 1, userid, begun_at, last_at, pinned_at, 1 FROM recent WHERE owner = $1 AND pinned_at > 0
 UNION ALL
SELECT 2, m.chat_group, m.joined_at, g.shown_at, m.pinned_at, g.shown_seq
  FROM membership AS m JOIN chat_group AS g ON g.id = m.chat_group AND g.incarnation = m.incarnation
 WHERE m.owner = $1 AND g.shown_seq >= m.listed_from
"""

# The account row first, held until the end, and shared: messages of an account do not wait for each
# other here.
CONVERSE = """
WITH taken AS (
    SELECT owner FROM account WHERE owner = $1 FOR SHARE
), written AS (
    INSERT INTO recent (owner, userid, begun_at, last_at, pinned_at)
    SELECT taken.owner, $2::text, $3::bigint, $3::bigint, 0 FROM taken
        ON CONFLICT (owner, userid) DO UPDATE SET last_at = GREATEST(recent.last_at, excluded.last_at)
)
SELECT count(*) FROM taken
"""

CONVERSE_WITH_KEY = """
WITH taken AS (
    SELECT owner FROM account WHERE owner = $1 FOR SHARE
), written AS (
    INSERT INTO recent (owner, userid, begun_at, last_at, pinned_at)
    SELECT taken.owner, $2::text, $3::bigint, $3::bigint, 0 FROM taken
        ON CONFLICT (owner, userid) DO UPDATE SET last_at = GREATEST(recent.last_at, excluded.last_at)
), known AS (
    INSERT INTO sent (owner, kind, incarnation, message_key, seq, sent_at, known_until)
    SELECT taken.owner, 1, 0, $4::text, 0, $3::bigint, $5::bigint FROM taken
        ON CONFLICT (owner, kind, incarnation, message_key) DO UPDATE
           SET sent_at = excluded.sent_at, known_until = excluded.known_until
)
SELECT count(*) FROM taken
"""

# Written as it is, so that there is something to commit: whoever gets the first answer again must be
# able to rely on it, and the message may be on no standby yet.
SENT = """
UPDATE sent SET sent_at = sent_at
 WHERE owner = $1 AND kind = $2 AND incarnation = $3 AND message_key = $4 AND known_until >= $5
RETURNING seq, sent_at
"""

FORGET_SENT = (
    "DELETE FROM sent WHERE owner = $1 AND kind = $2 AND incarnation = $3 AND known_until < $4"
)

POST = """
UPDATE chat_group SET message_seq = message_seq + 1,
       shown_seq = CASE WHEN $4::boolean THEN message_seq + 1 ELSE shown_seq END,
       shown_at = CASE WHEN $4::boolean THEN GREATEST(shown_at, $3::bigint) ELSE shown_at END
 WHERE id = $1 AND incarnation = $2 RETURNING message_seq, $3::bigint AS sent_at, false AS is_repeat
"""

# Of two calls with one key at once, neither sees the key of the other; the second finds it when it
# writes its own, and the NULL, which no row may have, undoes its whole statement. Asked again, it sees
# the key. The chat group is written also for a repeat, so that there is something to commit.
POST_WITH_KEY = """
WITH known AS (
    SELECT seq, sent_at FROM sent
     WHERE owner = $1 AND kind = 2 AND incarnation = $2 AND message_key = $5 AND known_until >= $6
), counted AS (
    UPDATE chat_group SET
           message_seq = message_seq + CASE WHEN EXISTS (SELECT 1 FROM known) THEN 0 ELSE 1 END,
           shown_seq = CASE WHEN $4::boolean AND NOT EXISTS (SELECT 1 FROM known)
                            THEN message_seq + 1 ELSE shown_seq END,
           shown_at = CASE WHEN $4::boolean AND NOT EXISTS (SELECT 1 FROM known)
                           THEN GREATEST(shown_at, $3::bigint) ELSE shown_at END
     WHERE id = $1 AND incarnation = $2 RETURNING message_seq
), written AS (
    INSERT INTO sent (owner, kind, incarnation, message_key, seq, sent_at, known_until)
    SELECT $1::text, 2, $2::bigint, $5::text, counted.message_seq, $3::bigint, $7::bigint
      FROM counted WHERE NOT EXISTS (SELECT 1 FROM known)
        ON CONFLICT (owner, kind, incarnation, message_key) DO UPDATE
           SET seq = CASE WHEN sent.known_until < $6 THEN excluded.seq END,
               sent_at = excluded.sent_at, known_until = excluded.known_until
)
SELECT COALESCE(known.seq, counted.message_seq) AS seq, COALESCE(known.sent_at, $3::bigint) AS sent_at,
       known.seq IS NOT NULL AS is_repeat
  FROM counted LEFT JOIN known ON true
"""

# The account row is written as it is: changes of pins wait for each other, and for messages.
TAKE_ACCOUNT = "UPDATE account SET version = version WHERE owner = $1 RETURNING owner"

PINS = """
SELECT 1 AS peer_type, userid AS peer_id, pinned_at FROM recent
 WHERE owner = $1 AND userid = ANY($2::text[])
 UNION
SELECT 1, userid, pinned_at FROM recent WHERE owner = $1 AND pinned_at > 0
 UNION ALL
SELECT 2, m.chat_group, m.pinned_at
  FROM membership AS m JOIN chat_group AS g ON g.id = m.chat_group AND g.incarnation = m.incarnation
 WHERE m.owner = $1 AND g.shown_seq >= m.listed_from
   AND (m.pinned_at > 0 OR m.chat_group = ANY($3::text[]))
"""

PIN_RECENTS = "UPDATE recent SET pinned_at = $3 WHERE owner = $1 AND userid = ANY($2::text[])"

PIN_MEMBERSHIPS = """
UPDATE membership AS m SET pinned_at = $3 FROM chat_group AS g
 WHERE m.owner = $1 AND m.chat_group = ANY($2::text[]) AND g.id = m.chat_group
   AND g.incarnation = m.incarnation AND g.shown_seq >= m.listed_from
"""

UNLIST_RECENT = "DELETE FROM recent WHERE owner = $1 AND userid = $2 RETURNING owner"

UNLIST_MEMBERSHIP = """
UPDATE membership AS m SET listed_from = g.message_seq + 1, pinned_at = 0 FROM chat_group AS g
 WHERE m.owner = $1 AND m.chat_group = $2 AND g.id = $2 AND g.incarnation = m.incarnation
   AND g.shown_seq >= m.listed_from
RETURNING m.owner
"""

# Across owners, through an index.
HOLDERS = """
SELECT owner, position, standard_mark, custom_mark, contact_groups, updated_at FROM conversation
 WHERE peer_type = $1 AND peer_id = $2 AND owner > $3 AND owner < $4 ORDER BY owner LIMIT $5
"""

# Feeds. An event waits as `untold` until it gets its number; those of an account in their order.

TELL = """
INSERT INTO untold (owner, number, token, told_at, content)
SELECT $1::text, COALESCE((SELECT max(number) FROM untold WHERE owner = $1), 0) + 1, $2::bigint,
       $3::bigint, $4::text
"""

IS_UNTOLD = "SELECT owner FROM untold WHERE owner > $1 AND owner < $2 LIMIT 1"

# Held until the end: whoever numbers events of an app does so alone.
HOLD_NUMBERS = """
INSERT INTO property (name, value) VALUES ($1, '')
    ON CONFLICT (name) DO UPDATE SET value = property.value
"""

# Across owners, as a feed is. In a statement of its own, so that it sees what was numbered before.
NUMBER_EVENTS = """
WITH waiting AS (
    SELECT owner, number FROM untold WHERE owner > $2 AND owner < $3 ORDER BY owner, number LIMIT $4
), moved AS (
    DELETE FROM untold USING waiting
     WHERE untold.owner = waiting.owner AND untold.number = waiting.number
    RETURNING untold.owner, untold.number, untold.token, untold.told_at, untold.content
)
INSERT INTO event (sdkappid, seq, token, owner, told_at, content)
SELECT $1::bigint,
       (SELECT COALESCE(max(seq), 0) FROM event WHERE sdkappid = $1)
       + row_number() OVER (ORDER BY owner, number),
       token, owner, told_at, content
  FROM moved
RETURNING owner
"""

EVENTS = """
SELECT seq, token, owner, told_at, content FROM event
 WHERE sdkappid = $1 AND seq > $2 ORDER BY seq LIMIT $3
"""

EVENT_BOUNDS = """
SELECT COALESCE(min(seq), 1) AS oldest, COALESCE(max(seq), 0) AS newest FROM event WHERE sdkappid = $1
"""

OLDEST_EVENTS = "SELECT seq, told_at FROM event WHERE sdkappid = $1 ORDER BY seq LIMIT $2"
FORGET_EVENTS = "DELETE FROM event WHERE sdkappid = $1 AND seq < $2 RETURNING seq"
FORGET_ALL_EVENTS = "DELETE FROM event WHERE sdkappid = $1"
FORGET_UNTOLD = "DELETE FROM untold WHERE owner > $1 AND owner < $2"
ADD_EVENT = """
INSERT INTO event (sdkappid, seq, token, owner, told_at, content) VALUES ($1, $2, $3, $4, $5, $6)
"""

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
SELECT owner, chat_group, incarnation, role, joined_at, listed_from, pinned_at
  FROM membership WHERE owner > $1 AND owner <= $2
"""

PAGE_OF_RECENTS = """
SELECT owner, userid, begun_at, last_at, pinned_at FROM recent WHERE owner > $1 AND owner <= $2
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

DELETE_ACCOUNTS = "DELETE FROM account WHERE owner = ANY($1::text[]) RETURNING owner"

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
INSERT INTO membership (owner, chat_group, incarnation, role, joined_at, listed_from, pinned_at)
SELECT given.owner, given.chat_group, given.incarnation, given.role, given.joined_at,
       given.listed_from, given.pinned_at
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[],
              $7::bigint[])
       AS given (owner, chat_group, incarnation, role, joined_at, listed_from, pinned_at)
"""

PUT_RECENTS = """
INSERT INTO recent (owner, userid, begun_at, last_at, pinned_at)
SELECT given.owner, given.userid, given.begun_at, given.last_at, given.pinned_at
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[])
       AS given (owner, userid, begun_at, last_at, pinned_at)
"""

PAGE_OF_CHAT_GROUPS = """
SELECT id, type, name, owner_account, created_at, incarnation, message_seq, shown_seq, shown_at
  FROM chat_group WHERE id > $1 ORDER BY id LIMIT $2
"""

DELETE_CHAT_GROUPS = """
WITH forgotten AS (
    DELETE FROM sent WHERE owner = ANY($1::text[]) AND kind = 2
)
DELETE FROM chat_group WHERE id = ANY($1::text[])
"""

PUT_CHAT_GROUPS = """
INSERT INTO chat_group (id, type, name, owner_account, created_at, incarnation, message_seq, shown_seq,
                        shown_at, sdkappid, place)
SELECT given.id, given.type, given.name, given.owner_account, given.created_at, given.incarnation,
       given.message_seq, given.shown_seq, given.shown_at, given.sdkappid, given.place
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[],
              $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[])
       AS given (id, type, name, owner_account, created_at, incarnation, message_seq, shown_seq,
                 shown_at, sdkappid, place)
    ON CONFLICT (id) DO UPDATE SET type = excluded.type, name = excluded.name,
       owner_account = excluded.owner_account, created_at = excluded.created_at,
       incarnation = excluded.incarnation, message_seq = excluded.message_seq,
       shown_seq = excluded.shown_seq, shown_at = excluded.shown_at,
       sdkappid = excluded.sdkappid, place = excluded.place
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
PROPERTIES = "SELECT name, value FROM property WHERE left(name, length($1)) = $1"
SWAP_PROPERTY = "UPDATE property SET value = $3 WHERE name = $1 AND value = $2 RETURNING name"
ADD_PROPERTY = """
INSERT INTO property (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING RETURNING name
"""
TAKE_PROPERTY = "DELETE FROM property WHERE name = $1 AND value = $2 RETURNING name"
SET_PROPERTY = """
INSERT INTO property (name, value) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
