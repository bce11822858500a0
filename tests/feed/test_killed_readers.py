"""A reader that is killed at random moments has every change once, repeats removed by cursor."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
from pathlib import Path
from typing import Any

from harness import account
from process import Client, Server

READING = Path(__file__).with_name("reading.py")
ACCOUNTS, CHANGES, KILLS = 6, 60, 8


def whole_lines(file: Path) -> list[dict[str, Any]]:
    """What a reader noted, without halves of lines."""
    found = []
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
        with contextlib.suppress(json.JSONDecodeError):
            found.append(json.loads(line))
    return found


async def test_a_reader_killed_at_random_moments_has_each_change_once(
    server: Server, tmp_path: Path
) -> None:
    file = tmp_path / "changes.ndjson"
    chance = random.Random(20261126)
    done = asyncio.Event()

    async def write(userid: str) -> None:
        async with Client(server.url) as client:
            await client.ok("im_open_login_svc/account_import", {"UserID": userid})
            for number in range(CHANGES):
                item = {"OptType": 2, "ContactItem": account("peer"), "CustomMark": str(number)}
                await client.ok(
                    "recentcontact/mark_contact", {"From_Account": userid, "MarkItem": [item]}
                )
                await asyncio.sleep(0.01)

    async def read() -> None:
        async with Client(server.url) as client:
            query = client.query
        kills = 0
        while True:
            reader = await asyncio.create_subprocess_exec(
                sys.executable, READING, server.url, query, file
            )
            is_last = kills == KILLS
            if not is_last:
                await asyncio.sleep(chance.uniform(0.25, 0.6))
                kills += 1
            else:
                await done.wait()
                async with asyncio.timeout(20):
                    while seen() < ACCOUNTS * (CHANGES + 1):  # noqa: ASYNC110 - another process
                        await asyncio.sleep(0.05)
            reader.kill()
            await reader.wait()
            if is_last:
                return

    def seen() -> int:
        mine = [line for line in whole_lines(file) if line["From_Account"].startswith("user")]
        return len({line["Cursor"] for line in mine})

    reading = asyncio.create_task(read())
    await asyncio.gather(*(write(f"user{n}") for n in range(ACCOUNTS)))
    done.set()
    await reading
    once = {line["Cursor"]: line for line in whole_lines(file)}
    assert len({cursor.partition("-")[0] for cursor in once}) == len(once)
    for n in range(ACCOUNTS):
        texts = [
            line["ContactItem"][0]["CustomMark"] if line["Change"] == "Changed" else line["Change"]
            for line in once.values()
            if line["From_Account"] == f"user{n}"
        ]
        assert texts == ["Created", *map(str, range(CHANGES))]
