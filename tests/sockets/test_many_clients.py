"""Many clients at once, on one server process and on two that share a file."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from harness import account
from process import Client, serving

CLIENTS = 8
OWNER = "owner"
MARK = "recentcontact/mark_contact"
IMPORT = "im_open_login_svc/account_import"


@pytest.fixture(params=[1, 2], ids=["one process", "two processes"])
async def clients(request: pytest.FixtureRequest, file_url: str) -> AsyncIterator[list[Client]]:
    """Eight clients, spread over one or two servers on one file, and an account."""
    async with contextlib.AsyncExitStack() as stack:
        servers = [stack.enter_context(serving("--store", file_url)) for _ in range(request.param)]
        urls = itertools.islice(itertools.cycle(server.url for server in servers), CLIENTS)
        opened = [await stack.enter_async_context(Client(url)) for url in urls]
        await opened[0].ok(IMPORT, {"UserID": OWNER})
        yield opened


async def test_of_eight_that_create_one_name_exactly_one_succeeds(clients: list[Client]) -> None:
    for attempt in range(5):
        body = {"From_Account": OWNER, "GroupContactItem": [{"GroupName": f"group{attempt}"}]}
        codes = await asyncio.gather(
            *(client.code("recentcontact/create_contact_group", body) for client in clients)
        )
        assert sorted(codes) == [0] + [50002] * (CLIENTS - 1)


async def test_eight_that_mark_100_conversations_each_leave_all_800(clients: list[Client]) -> None:
    async def mark(client: Client, number: int) -> None:
        for part in range(10):
            items = [
                {
                    "OptType": 1,
                    "ContactItem": account(f"peer{number}-{part}-{item}"),
                    "SetMark": [number],
                }
                for item in range(10)
            ]
            answer = await client.ok(MARK, {"From_Account": OWNER, "MarkItem": items})
            assert {item["ResultCode"] for item in answer["ResultItem"]} == {0}

    await asyncio.gather(*(mark(client, number) for number, client in enumerate(clients)))
    wanted = {
        f"peer{number}-{part}-{item}": format(1 << number, "b")
        for number in range(CLIENTS)
        for part in range(10)
        for item in range(10)
    }
    found: dict[str, str] = {}
    start = 0
    while True:
        answer = await clients[-1].ok(
            "recentcontact/get_contact_group", {"From_Account": OWNER, "StartIndex": start}
        )
        found |= {item["To_Account"]: item["StandardMark"] for item in answer["ContactItem"]}
        if answer["CompleteFlag"]:
            break
        start = answer["NextStartIndex"]
    assert found == wanted


async def test_a_change_is_seen_by_the_next_call_to_any_server(clients: list[Client]) -> None:
    contact = account("peer")
    for number, (writer, reader) in enumerate(
        itertools.islice(itertools.cycle(itertools.pairwise(clients)), 60)
    ):
        item = {"OptType": 2, "ContactItem": contact, "CustomMark": f"text {number}"}
        await writer.ok(MARK, {"From_Account": OWNER, "MarkItem": [item]})
        answer = await reader.ok(
            "recentcontact/search_contact_group", {"From_Account": OWNER, "ContactItem": [contact]}
        )
        assert answer["ContactResultItem"][0]["CustomMark"] == f"text {number}"


async def test_deleting_an_account_under_eight_writers_leaves_no_row(
    clients: list[Client], tmp_path: Path
) -> None:
    async def write(client: Client, number: int, gone: asyncio.Event) -> set[int]:
        codes = set()
        for item in itertools.count():
            late = gone.is_set()
            mark = {"OptType": 1, "ContactItem": account(f"peer{number}-{item}"), "SetMark": [1]}
            code = await client.code(MARK, {"From_Account": OWNER, "MarkItem": [mark]})
            codes.add(code)
            if late:
                assert code == 50001
                return codes
        raise AssertionError

    gone = asyncio.Event()
    writers = [
        asyncio.create_task(write(client, number, gone)) for number, client in enumerate(clients)
    ]
    await asyncio.sleep(0.2)
    deleted = await clients[0].ok(
        "im_open_login_svc/account_delete", {"DeleteItem": [{"UserID": OWNER}]}
    )
    gone.set()
    assert deleted["ResultItem"][0]["ResultCode"] == 0
    for codes in await asyncio.gather(*writers):
        assert codes == {0, 50001}
    connection = apsw.Connection(f"{tmp_path}/books.db", flags=apsw.SQLITE_OPEN_READONLY)
    for table in ("account", "conversation"):
        rows = connection.execute(f"SELECT count(*) FROM {table} WHERE owner LIKE '%:{OWNER}'").get
        assert rows == 0
    connection.close()
