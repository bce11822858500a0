"""Lists, messages and questions across accounts are answered through indexes, whatever the size."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import apsw
import asyncpg
import pytest

import postgres
from chatmarks.book import Account, Peer, PeerType
from chatmarks.engines import lists, open_store
from chatmarks.engines import statements as sql
from chatmarks.store import ChatGroup, Membership, Message
from harness import NOW

SDKAPPID = 1400000000
ALICE = Account(SDKAPPID, "alice")
ROOM = ChatGroup("room", "Public", "Room", "", NOW, 5)
PEERS = [Peer(PeerType.ACCOUNT, "bob"), Peer(PeerType.CHAT_GROUP, "room")]

FILL = """
INSERT INTO account SELECT '1400000000:user' || n, 1, 1, '{}' FROM generate_series(1, 20000) AS n;
INSERT INTO conversation SELECT '1400000000:user' || n, 1, 'peer' || n % 1000, 0, 1, '', 0, 0
  FROM generate_series(1, 20000) AS n;
INSERT INTO chat_group (id, type, name, owner_account, created_at, incarnation, sdkappid, place)
SELECT '1400000000:room' || n, 'Public', 'a', '', 0, 5, 1400000000, n
  FROM generate_series(1, 5000) AS n;
INSERT INTO membership (owner, chat_group, incarnation, role, joined_at)
SELECT '1400000000:user' || n, '1400000000:room' || n % 5000 + 1, 5, 'Member', 0
  FROM generate_series(1, 20000) AS n;
INSERT INTO recent
SELECT '1400000000:user' || n / 20, 'peer' || n % 20, 0, n, CASE WHEN n % 20 = 0 THEN 1 ELSE 0 END
  FROM generate_series(1, 20000) AS n;
INSERT INTO sent SELECT '1400000000:room' || n % 5000, 2, 5, 'k' || n, n, 0, n
  FROM generate_series(1, 20000) AS n;
"""

POSTED = f"{SDKAPPID}:room", 5, NOW, True, "k", NOW, NOW + 300

PLANNED = {
    "HOLDERS": "1, 'peer7', '1400000000:', '1400000000;', 100",
    "CONVERSATIONS": "'1400000000:user7', 500",
    "CONVERSE_WITH_KEY": "'1400000000:user7', 'peer7', 7, 'k', 9",
    "POST_WITH_KEY": "'1400000000:room7', 5, 7, true, 'k', 7, 9",
    "FORGET_SENT": "'1400000000:room7', 2, 5, 7",
    "SENT": "'1400000000:user7', 1, 0, 'k', 7",
    "PINS": "'1400000000:user7', ARRAY['peer7'], ARRAY['1400000000:room7']",
    "UNLIST_MEMBERSHIP": "'1400000000:user7', '1400000000:room8'",
}


@pytest.fixture
def large(postgres_url: str) -> str:
    """A database in which no table is read through for nothing."""
    postgres.run(postgres_url, FILL)
    postgres.run(postgres_url, "ANALYZE account, conversation, chat_group, membership, recent, sent")
    return postgres_url


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
def test_no_statement_of_lists_reads_a_table_through_on_postgresql(large: str, mode: str) -> None:
    async def plans() -> dict[str, str]:
        connection = await asyncpg.connect(large)
        await connection.execute(f"SET plan_cache_mode = {mode}")
        found = {}
        for name, values in PLANNED.items():
            await connection.execute(f"PREPARE {name} AS {getattr(sql, name)}")
            rows = await connection.fetch(f"EXPLAIN EXECUTE {name} ({values})")
            found[name] = "\n".join(row[0] for row in rows)
        await connection.close()
        return found

    found = postgres.wait(plans())
    for name, plan in found.items():
        assert "Seq Scan" not in plan, (name, plan)
    assert "conversation_by_peer" in found["HOLDERS"]
    assert "Sort" not in found["HOLDERS"], found["HOLDERS"]


async def test_no_statement_of_lists_reads_a_table_through_on_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    await (await open_store(f"sqlite:///{path}")).close()
    connection = apsw.Connection(str(path))
    connection.execute("INSERT INTO account VALUES (?, 1, 0, '{}')", (ALICE.owner,))
    connection.execute(
        "INSERT INTO chat_group (id, type, name, owner_account, created_at, incarnation, sdkappid,"
        " place) VALUES ('1400000000:room', 'Public', 'a', '', 0, 5, 1400000000, 1)"
    )
    statements: list[tuple[str, Any]] = []

    def note(_: apsw.Cursor, statement: str, bindings: Any) -> bool:
        statements.append((statement, bindings))
        return True

    connection.exec_trace = note
    lists.conversations(connection, ALICE, 0)
    lists.converse(connection, ALICE, "bob", NOW, "k", NOW)
    lists.sent_before(connection, ALICE, "k", NOW)
    lists.post(connection, SDKAPPID, ROOM, Message(NOW, NOW, "k"))
    lists.posted_before(connection, SDKAPPID, ROOM, "k", NOW)
    lists.pin(connection, ALICE, PEERS[:1], NOW, 50)
    lists.unpin(connection, ALICE, PEERS)
    for peer in PEERS:
        lists.unlist(connection, ALICE, peer)
    lists.holders(connection, SDKAPPID, PEERS[0], "", 10)
    connection.exec_trace = None
    assert len(statements) > 20
    for statement, bindings in statements:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", bindings).fetchall()
        details = [str(row[3]) for row in plan]
        scans = [
            detail for detail in details if detail.startswith("SCAN") and "json_each" not in detail
        ]
        assert not scans, (statement, details)
    plan = connection.execute(f"EXPLAIN QUERY PLAN {statements[-1][0]}", statements[-1][1]).fetchall()
    (detail,) = (str(row[3]) for row in plan)
    assert detail.startswith("SEARCH conversation USING INDEX conversation_by_peer (peer_type=? AND")
    connection.close()


@pytest.mark.parametrize("members", [1, 60])
async def test_a_message_to_a_chat_group_reads_and_writes_no_row_of_a_member(
    postgres_url: str, members: int
) -> None:
    store = await open_store(postgres_url)
    await store.create_chat_group(SDKAPPID, ROOM)
    for number in range(members):
        account = Account(SDKAPPID, f"user{number}")
        await store.create_account(account)
        await store.join(account, ROOM, Membership("Member", NOW))
    rows = "SELECT xmin::text, owner FROM membership ORDER BY owner"
    before = await asyncio.to_thread(postgres.rows, postgres_url, rows)
    assert await store.post(SDKAPPID, ROOM, Message(NOW, NOW, "k")) is not None
    assert await asyncio.to_thread(postgres.rows, postgres_url, rows) == before
    await store.close()
    connection = await asyncpg.connect(postgres_url)
    plan = await connection.fetch(f"EXPLAIN {sql.POST_WITH_KEY}", *POSTED)
    assert "membership" not in "".join(row[0] for row in plan)
    await connection.close()
