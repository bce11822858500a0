-- A store of schema 0003 as the program of that time wrote it.
PRAGMA journal_mode=WAL;

BEGIN TRANSACTION;

-- Table  account
DROP TABLE IF EXISTS account;
CREATE TABLE account (
    owner TEXT NOT NULL,
    version INTEGER NOT NULL,
    next_position INTEGER NOT NULL,
    contact_groups TEXT NOT NULL,
    PRIMARY KEY (owner)
)
 WITHOUT ROWID,
 STRICT;
INSERT INTO account VALUES('1400000000:administrator',7587230361767050897,0,'{}');
INSERT INTO account VALUES('1400000000:alice',210858616826407380,3,'{"work":1,"朋友''é":2}');
INSERT INTO account VALUES('1400000000:bob',4132715268502808578,1,'{}');
INSERT INTO account VALUES('1400000000:carol',2171617076309212943,0,'{}');

-- Table  alembic_version
DROP TABLE IF EXISTS alembic_version;
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES('0003');

-- Table  app
DROP TABLE IF EXISTS app;
CREATE TABLE app (
    sdkappid INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (sdkappid)
)
 STRICT;
INSERT INTO app VALUES(1400000000,1715990794447281987,'{"sdkappid":1400000000,"sealed_keys":["ADViZDI4NTBmZmYzZWNiMTFkN2M4MDUyNTFjNTFlZTQ2M2EyNTcyN2JkZGMyMzg1ZjNmYThiZmVlMWJiOTNiNWU="],"admins":["administrator"],"profile":"documented","overrides":{},"sources":[],"enabled":true,"revision":1715990794447281987}');

-- Table  chat_group
DROP TABLE IF EXISTS chat_group;
CREATE TABLE chat_group (
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    owner_account TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    incarnation INTEGER NOT NULL,
    sdkappid INTEGER NOT NULL,
    place INTEGER NOT NULL, message_seq INTEGER DEFAULT 0 NOT NULL, shown_seq INTEGER DEFAULT 0 NOT NULL, shown_at INTEGER DEFAULT 0 NOT NULL,
    PRIMARY KEY (id)
)
 WITHOUT ROWID,
 STRICT;
INSERT INTO chat_group VALUES('1400000000:room','Public','房间 "1"','alice',1700000000,2998281407324848429,1400000000,3628536820767161,1,1,1700000200);
-- Triggers and indices on  chat_group
CREATE INDEX chat_group_by_place ON chat_group (sdkappid, place, id, type);

-- Table  conversation
DROP TABLE IF EXISTS conversation;
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
)
 WITHOUT ROWID,
 STRICT;
INSERT INTO conversation VALUES('1400000000:alice',1,'bob',0,-9223372036854775807,'',2,1700000000);
INSERT INTO conversation VALUES('1400000000:alice',1,'carol',2,0,'quote '' " 👩‍👧 
 line',0,1700000000);
INSERT INTO conversation VALUES('1400000000:alice',2,'room',1,0,'',2,1700000000);
INSERT INTO conversation VALUES('1400000000:bob',1,'alice',0,8,'',0,1700000000);
-- Triggers and indices on  conversation
CREATE INDEX conversation_by_peer ON conversation (peer_type, peer_id, owner);

-- Table  membership
DROP TABLE IF EXISTS membership;
CREATE TABLE membership (
    owner TEXT NOT NULL,
    chat_group TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    role TEXT NOT NULL,
    joined_at INTEGER NOT NULL, listed_from INTEGER DEFAULT 0 NOT NULL, pinned_at INTEGER DEFAULT 0 NOT NULL,
    PRIMARY KEY (owner, chat_group, incarnation)
)
 WITHOUT ROWID,
 STRICT;
INSERT INTO membership VALUES('1400000000:alice','1400000000:room',2998281407324848429,'Owner',1700000000,0,0);
INSERT INTO membership VALUES('1400000000:bob','1400000000:room',2998281407324848429,'Member',1700000000,0,0);
-- Triggers and indices on  membership
CREATE INDEX membership_by_chat_group ON membership (chat_group, incarnation, joined_at, owner);

-- Table  probe
DROP TABLE IF EXISTS probe;
CREATE TABLE probe (
    id INTEGER NOT NULL,
    drawn INTEGER NOT NULL,
    PRIMARY KEY (id)
)
 STRICT;

-- Table  property
DROP TABLE IF EXISTS property;
CREATE TABLE property (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name)
)
 WITHOUT ROWID,
 STRICT;

-- Table  recent
DROP TABLE IF EXISTS recent;
CREATE TABLE recent (
    owner TEXT NOT NULL,
    userid TEXT NOT NULL,
    begun_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    pinned_at INTEGER NOT NULL,
    PRIMARY KEY (owner, userid)
)
 WITHOUT ROWID,
 STRICT;
INSERT INTO recent VALUES('1400000000:alice','bob',1700000100,1700000100,1700000300);
-- Triggers and indices on  recent
CREATE INDEX recent_by_time ON recent (owner, last_at DESC, userid);
CREATE INDEX recent_pinned ON recent (owner) WHERE pinned_at > 0;

-- Table  sent
DROP TABLE IF EXISTS sent;
CREATE TABLE sent (
    owner TEXT NOT NULL,
    kind INTEGER NOT NULL,
    incarnation INTEGER NOT NULL,
    message_key TEXT NOT NULL,
    seq INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,
    known_until INTEGER NOT NULL,
    PRIMARY KEY (owner, kind, incarnation, message_key)
)
 WITHOUT ROWID,
 STRICT;
INSERT INTO sent VALUES('1400000000:alice',1,0,'k1',0,1700000100,1700000400);
INSERT INTO sent VALUES('1400000000:room',2,2998281407324848429,'r1',1,1700000200,1700000500);
-- Triggers and indices on  sent
CREATE INDEX sent_by_end ON sent (owner, kind, incarnation, known_until);

-- Database header
pragma application_id=1667788139;

COMMIT TRANSACTION;
