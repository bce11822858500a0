"""What a server that passes calls on notes, and when it reads what it noted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import msgspec
import pytest

import faulty
from chatmarks.book import Account, Peer
from chatmarks.engines.memory import MemoryStore
from chatmarks.mirror import passing
from chatmarks.mirror.passing import Passing
from chatmarks.remote.pace import Pace
from chatmarks.remote.server import Server
from chatmarks.seal import Seal
from chatmarks.service import Asked, Service
from chatmarks.store import STALE_COPY, App
from faulty import Fault, Proxy
from harness import ADMIN, KEY, SDKAPPID, account
from process import Client, serving, signed_query

ALICE = Account(SDKAPPID, "alice")
NOTE = STALE_COPY + ALICE.owner
MARK = "/v4/recentcontact/mark_contact"
READ = "recentcontact/get_contact_group"


def done_later(seconds: float) -> Fault:
    """50005 at once, as a server answers that gave up waiting; the call is done after `seconds`."""

    def later(handler: faulty._Handler, body: bytes) -> None:
        faulty.code(50005)(handler, body)
        time.sleep(seconds)
        handler.forward(body)

    return later


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    with (
        serving("--store", f"sqlite:///{tmp_path}/theirs.db") as theirs,
        faulty.proxy_before(theirs.url) as between,
    ):
        yield between


class Kit:
    """A road that passes calls on, in this process, and the store of its copy."""

    def __init__(self, store: MemoryStore, road: Passing) -> None:
        self.store = store
        self.road = road

    async def call(self, path: str, body: object, query: str | None = None) -> int:
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        asked = Asked(path, (query or signed_query()).encode(), content)
        code: int = msgspec.json.decode(await self.road.finish(asked))["ErrorCode"]
        return code

    async def mark(self, peer: str) -> int:
        item = {"OptType": 1, "ContactItem": account(peer), "SetMark": [0]}
        return await self.call(MARK, {"From_Account": "alice", "MarkItem": [item]})

    async def copied(self, *peers: str) -> None:
        """Wait until the copy has these conversations, and nothing is noted any more."""
        async with asyncio.timeout(8):
            while True:
                kept = (await self.store.read(ALICE)).book.entries
                noted = await self.store.read_property(NOTE)
                if set(kept) == {Peer(1, peer) for peer in peers} and noted is None:
                    return
                await asyncio.sleep(0.02)


@pytest.fixture
async def kit(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Kit]:
    monkeypatch.setattr(passing, "CALL_SECONDS_MAX", 1.5)
    async with Client(proxy.upstream) as client:
        await client.ok("im_open_login_svc/account_import", {"UserID": "alice"})
    store = MemoryStore()
    app = App(SDKAPPID, (Seal().seal(SDKAPPID, KEY),), (ADMIN,))
    await store.change_app(SDKAPPID, lambda _: app)
    await store.create_account(ALICE)
    service = Service(store, Seal(), loopback=True)
    server = Server(proxy.url, sdkappid=SDKAPPID, identifier=ADMIN, key=KEY, pace=Pace(1000))
    async with server, httpx2.AsyncClient(trust_env=False) as http:
        road = Passing(service, SDKAPPID, server, http, proxy.url)
        keeping = asyncio.create_task(road.keep())
        yield Kit(store, road)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def test_what_is_done_after_its_answer_was_given_up_is_copied(kit: Kit, proxy: Proxy) -> None:
    proxy.faults.append(done_later(0.7))
    assert await kit.mark("bob") == 50005
    await kit.copied("bob")


async def test_what_is_done_late_is_copied_also_where_the_account_was_just_being_read(
    kit: Kit, proxy: Proxy
) -> None:
    proxy.faults += [faulty.passed, faulty.answer_late(0.6), done_later(1.1)]
    assert await kit.mark("bob") == 0
    async with asyncio.timeout(5):
        while READ not in [seen.command for seen in proxy.seen]:  # noqa: ASYNC110 - another thread's
            await asyncio.sleep(0.01)
    assert await kit.mark("carol") == 50005
    await kit.copied("bob", "carol")


async def test_a_call_without_an_answer_is_50005_and_copied(kit: Kit, proxy: Proxy) -> None:
    proxy.faults.append(faulty.answer_lost)
    assert await kit.mark("bob") == 50005
    await kit.copied("bob")


async def test_what_an_earlier_process_noted_is_not_read_before_its_calls_are_over(
    kit: Kit, proxy: Proxy
) -> None:
    await kit.store.write_property(NOTE, "1")
    await kit.road.begin()
    await kit.road.note(["alice"])
    await asyncio.sleep(0.5)
    assert proxy.seen == []
    await kit.copied()


@pytest.mark.parametrize(
    "body",
    [
        b'{"From_Account":"alice","x":"\\ud800","MarkItem":[%b]}',
        b'{"From_Account":"alice","x":1e999,"MarkItem":[%b]}',
        b'{"From_Account":"nobody","From_Account":"al\\u0069ce","MarkItem":[%b]}',
        b'{"Accounts":5,"AccountList":{},"From_Account":"alice","MarkItem":[%b]}',
    ],
)
async def test_unusual_bodies_are_noted_as_others(body: bytes, kit: Kit, proxy: Proxy) -> None:
    # The proxy between cannot read some of them.
    kit.road._url = proxy.upstream
    item = msgspec.json.encode({"OptType": 1, "ContactItem": account("bob"), "SetMark": [0]})
    code = await kit.call(MARK, body.replace(b"%b", item))
    assert code in (0, 60003)
    await kit.copied(*(["bob"] if code == 0 else []))


async def test_a_path_that_no_command_has_is_not_passed_on(kit: Kit, proxy: Proxy) -> None:
    assert await kit.call(f"{MARK}?sdkappid=1", {"From_Account": "alice"}) == 60009
    assert await kit.call("/v4/../v4/recentcontact/mark_contact", {}) == 60009
    assert proxy.seen == []


async def test_a_caller_who_is_let_in_only_over_there_is_copied_too(
    kit: Kit, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = App(SDKAPPID, (Seal().seal(SDKAPPID, "0" * 64),), (ADMIN,))
    await kit.store.change_app(SDKAPPID, lambda _: other)
    kit.road._service.forget(SDKAPPID)
    assert await kit.mark("bob") == 0
    await kit.copied("bob")
    proxy.faults.append(faulty.answer_lost)
    assert await kit.mark("carol") == 50005
    await kit.copied("bob", "carol")


async def test_strangers_leave_no_note(kit: Kit) -> None:
    item = {"OptType": 1, "ContactItem": account("bob"), "SetMark": [0]}
    body = {"From_Account": "alice", "MarkItem": [item]}
    assert await kit.call(MARK, body, signed_query(key="f" * 64)) == 70009
    assert await kit.store.properties(STALE_COPY) == {}


async def test_a_store_that_cannot_note_passes_nothing_on(
    kit: Kit, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(kit.store, "write_property", failing)
    assert await kit.mark("bob") == 50004
    assert proxy.seen == []
