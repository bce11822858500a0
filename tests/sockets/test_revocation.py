"""What is taken away stops working within a second in every process, also for tickets in use."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

from harness import ADMIN, KEY, SDKAPPID
from process import Client, client_of_each_worker, run, serving

GET = "recentcontact/get_contact_group"
BODY = {"From_Account": ADMIN, "StartIndex": 0}


async def change(store: str, *arguments: str) -> str:
    """Run `chatmarks app …` while the servers go on."""
    finished = await asyncio.to_thread(
        run, "app", *arguments, "--sdkappid", str(SDKAPPID), "--store", store
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


async def codes_after_a_second(clients: list[Client]) -> set[int]:
    """Call all the time for a second, then tell what each client is answered."""
    until = time.monotonic() + 1
    while time.monotonic() < until:
        await asyncio.gather(*(client.code(GET, BODY) for client in clients))
    return {await client.code(GET, BODY) for client in clients}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("update", "--add-admin", "other", "--remove-admin", ADMIN), 60010),
        (("disable",), 60016),
        (("update", "--source", "10.0.0.0/8"), 60021),
    ],
    ids=["a removed administrator", "a disabled app", "a network left out"],
)
async def test_stops_working_within_a_second_in_both_processes(
    file_url: str, arguments: tuple[str, ...], code: int
) -> None:
    with serving("--store", file_url) as first, serving("--store", file_url) as second:
        async with Client(first.url) as one, Client(second.url) as two:
            assert {await one.code(GET, BODY), await two.code(GET, BODY)} == {0}
            await change(file_url, *arguments)
            assert await codes_after_a_second([one, two]) == {code}


async def test_a_rotated_key_replaces_the_old_one_without_a_gap(file_url: str) -> None:
    with serving("--store", file_url) as server:
        async with Client(server.url) as old:
            assert await old.code(GET, BODY) == 0
            new_key = (await change(file_url, "update", "--new-key")).split("key ")[1].strip()
            async with Client(server.url, key=new_key) as new:
                assert await codes_after_a_second([old, new]) == {0}
                dropped = "0345c13c214c"
                listed = await asyncio.to_thread(run, "app", "list", "--json", "--store", file_url)
                assert dropped in listed.stdout
                assert KEY not in listed.stdout
                await change(file_url, "update", "--drop-key", dropped)
                assert await codes_after_a_second([old]) == {70009}
                assert await new.code(GET, BODY) == 0


async def test_a_dropped_key_stops_working_within_a_second_in_every_worker(file_url: str) -> None:
    with serving("--store", file_url, "--workers", "3") as server:
        async with contextlib.AsyncExitStack() as stack:
            clients = await client_of_each_worker(stack, server.url, 3)
            assert {await client.code(GET, BODY) for client in clients} == {0}
            new_key = (await change(file_url, "update", "--new-key")).split("key ")[1].strip()
            await change(file_url, "update", "--drop-key", "0345c13c214c")
            assert await codes_after_a_second(clients) == {70009}
            new = await stack.enter_async_context(Client(server.url, key=new_key))
            assert await new.code(GET, BODY) == 0
