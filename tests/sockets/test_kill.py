"""`kill -9` in the middle of concurrent writes: what was acknowledged is there after a restart."""

from __future__ import annotations

import asyncio
import random
from typing import TypeAlias

import httpx
import pytest

from harness import account
from process import Client, Server

CLIENTS = 8
ROUNDS = 25
PEERS = 40
MARK = "recentcontact/mark_contact"

Texts: TypeAlias = dict[str, str]


class Writer:
    """Writes to an account of its own, one call after another. `kept` is what was acknowledged,
    `unknown` the change that was under way when the server died."""

    def __init__(self, userid: str, seed: int) -> None:
        self.userid = userid
        self.random = random.Random(seed)
        self.kept: Texts = {}
        self.unknown: Texts = {}
        self.acknowledged = 0

    async def write(self, url: str) -> None:
        """Write until the server is gone."""
        async with Client(url) as client:
            while True:
                peers = self.random.sample(range(PEERS), self.random.randint(1, 5))
                text = f"{self.random.getrandbits(64):016x}"
                self.unknown = {f"peer{peer}": text for peer in peers}
                items = [
                    {"OptType": 2, "ContactItem": account(peer), "CustomMark": text}
                    for peer in self.unknown
                ]
                body = {"From_Account": self.userid, "MarkItem": items}
                try:
                    await client.ok(MARK, body)
                except httpx.TransportError:
                    return
                self.kept |= self.unknown
                self.unknown = {}
                self.acknowledged += 1

    async def compare(self, client: Client) -> None:
        """The book must be what was acknowledged, with or without the whole of the last call."""
        answer = await client.ok(
            "recentcontact/get_contact_group", {"From_Account": self.userid, "StartIndex": 0}
        )
        found = {item["To_Account"]: item["CustomMark"] for item in answer["ContactItem"]}
        assert found in (self.kept, self.kept | self.unknown)
        self.kept, self.unknown = found, {}


@pytest.mark.parametrize("seed", range(4))
async def test_25_kills_lose_nothing_that_was_acknowledged(file_url: str, seed: int) -> None:
    chance = random.Random(seed)
    writers = [Writer(f"writer{number}", seed * CLIENTS + number) for number in range(CLIENTS)]
    server = Server("--store", file_url)
    async with Client(server.url) as client:
        for writer in writers:
            await client.ok("im_open_login_svc/account_import", {"UserID": writer.userid})
    for _ in range(ROUNDS):
        writing = [asyncio.create_task(writer.write(server.url)) for writer in writers]
        enough = sum(writer.acknowledged for writer in writers) + chance.randint(1, 100)
        while sum(writer.acknowledged for writer in writers) < enough:  # noqa: ASYNC110 - a number has no event
            await asyncio.sleep(0.001)
        await asyncio.sleep(chance.uniform(0, 0.01))
        server.kill()
        await asyncio.gather(*writing)
        server = Server("--store", file_url)
        async with Client(server.url) as client:
            for writer in writers:
                await writer.compare(client)
    server.stop()
    assert all(writer.acknowledged for writer in writers)
