"""What a webhook is told, and what happens where it does not listen."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chatmarks.engines import open_store
from chatmarks.event import EventKind
from chatmarks.feed.readers import HOLD_SECONDS, Lost, Position, Reader, following, lags
from chatmarks.feed.webhooks import READER, sign
from chatmarks.store import Store
from harness import SDKAPPID, account
from process import Client, run, serving

IMPORT = "im_open_login_svc/account_import"
OK = b'{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}'


class Receiver:
    """A webhook that answers with `answers` in turn, then with OK, and notes what it is told."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = []
        self.targets: list[str] = []
        self.told: list[dict[str, Any]] = []
        self.url = ""

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                body = json.loads(await reader.readexactly(size))
                self.targets.append(head.split(b" ")[1].decode())
                status, answer = self.answers.pop(0) if self.answers else (200, OK)
                if status == 200 and answer == OK:
                    self.told.append(body)
                writer.write(
                    b"HTTP/1.1 %d x\r\ncontent-length: %d\r\n\r\n%b" % (status, len(answer), answer)
                )
                await writer.drain()
        writer.close()

    async def until(self, is_enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not is_enough():  # noqa: ASYNC110 - any condition
                await asyncio.sleep(0.02)

    @property
    def accounts(self) -> list[str]:
        return [item["From_Account"] for body in self.told for item in body["ChangeItem"]]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.take, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?x=1"
    yield receiver
    server.close()
    await server.wait_closed()


def with_webhook(store: str, receiver: Receiver, folder: Path) -> None:
    token = folder / "token"
    token.write_text("xxxxyyyy\n")
    done = run(
        *("app", "update", "--sdkappid", str(SDKAPPID), "--store", store),
        *("--webhook", receiver.url, "--webhook-token-file", str(token)),
    )
    assert done.returncode == 0, done.stderr


def test_the_signature_is_that_of_the_published_vector() -> None:
    expected = "17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061"
    assert sign("xxxxyyyy", 1669872112) == expected


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_webhook_is_told_each_change_signed(
    workers: str, receiver: Receiver, tmp_path: Path
) -> None:
    store = f"sqlite:///{tmp_path}/books.db"
    with serving("--store", store, "--workers", workers) as server:
        with_webhook(store, receiver, tmp_path)
        async with Client(server.url) as client:
            # The app that is known a moment ago still has no feed.
            await asyncio.sleep(1.2)
            for number in range(5):
                await client.ok(IMPORT, {"UserID": f"user{number}"})
            await receiver.until(lambda: len(receiver.accounts) >= 5)
    assert receiver.accounts == [f"user{number}" for number in range(5)]
    query = {name: values[0] for name, values in parse_qs(urlsplit(receiver.targets[0]).query).items()}
    assert query["x"] == "1"
    assert query["SdkAppid"] == str(SDKAPPID)
    assert query["CallbackCommand"] == "RecentContact.CallbackAfterChange"
    assert abs(int(query["RequestTime"]) - time.time()) < 60
    assert query["Sign"] == hashlib.sha256(f"xxxxyyyy{query['RequestTime']}".encode()).hexdigest()
    body = receiver.told[0]
    assert (body["CallbackCommand"], body["SdkAppid"]) == (query["CallbackCommand"], SDKAPPID)
    assert abs(body["EventTime"] / 1000 - time.time()) < 60


async def test_what_a_webhook_does_not_confirm_is_told_again_and_nothing_overtakes_it(
    receiver: Receiver, tmp_path: Path
) -> None:
    store = f"sqlite:///{tmp_path}/books.db"
    receiver.answers = [(500, b""), (200, b"no JSON"), (200, b'{"ErrorCode": 7}'), (302, b"")]
    log = tmp_path / "log"
    with serving("--store", store) as server:
        with_webhook(store, receiver, tmp_path)
        async with Client(server.url) as client:
            await asyncio.sleep(1.2)
            await client.ok(IMPORT, {"UserID": "alice"})
            for bit in range(3):
                item = {"OptType": 1, "ContactItem": account("bob"), "SetMark": [bit]}
                await client.ok(
                    "recentcontact/mark_contact", {"From_Account": "alice", "MarkItem": [item]}
                )
            await receiver.until(lambda: len(receiver.accounts) >= 4)
            assert len(receiver.targets) >= 5
            items = [item for body in receiver.told for item in body["ChangeItem"]]
            numbers = [int(item["Cursor"].partition("-")[0]) for item in items]
            assert numbers == sorted(numbers)
            page = await client.http.get(f"{server.announced['admin_url']}/metrics")
    assert 'chatmarks_feed_waiting{reader="webhook",sdkappid="1400000000"}' in page.text
    assert "xxxxyyyy" not in page.text
    assert not log.exists()


async def test_a_webhook_goes_on_where_it_was_after_a_restart(
    receiver: Receiver, tmp_path: Path
) -> None:
    store = f"sqlite:///{tmp_path}/books.db"
    for name in ("one", "two"):
        with serving("--store", store) as server:
            if name == "one":
                with_webhook(store, receiver, tmp_path)
                await asyncio.sleep(1.2)
            async with Client(server.url) as client:
                await client.ok(IMPORT, {"UserID": name})
                await receiver.until(lambda name=name: name in receiver.accounts)  # type: ignore[misc]
    assert receiver.accounts == ["one", "two"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--webhook", "https://x/"], "--webhook and --webhook-token-file: both or none must be given"),
        (
            ["--webhook", "ftp://x/", "--webhook-token-file", "token"],
            "--webhook 'ftp://x/' is not of the form https://host/path",
        ),
        (["--webhook", "https://x/", "--webhook-token-file", "nowhere"], "nowhere cannot be read"),
        (
            ["--webhook", "https://x/", "--webhook-token-file", "empty"],
            "the token in empty is not 1 to",
        ),
    ],
)
def test_a_webhook_that_cannot_be_is_refused(arguments: list[str], text: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret")
    (tmp_path / "empty").write_text("\n")
    store = f"sqlite:///{tmp_path}/books.db"
    assert run("app", "create", "--sdkappid", "7", "--store", store).returncode == 0
    done = run("app", "update", "--sdkappid", "7", "--store", store, *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_the_token_of_a_webhook_is_shown_nowhere(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret-token")
    store = ("--store", f"sqlite:///{tmp_path}/books.db")
    assert run("app", "create", "--sdkappid", "7", *store).returncode == 0
    update = ("--webhook", "https://x.example/", "--webhook-token-file", str(tmp_path / "token"))
    assert run("app", "update", "--sdkappid", "7", *store, *update).returncode == 0
    shown = run("app", "list", "--json", *store).stdout + run("export", "--with-keys", *store).stdout
    assert "https://x.example/" in shown
    assert "secret-token" not in shown
    assert run("app", "update", "--sdkappid", "7", *store, "--no-webhook").returncode == 0
    assert '"webhook": null' in run("app", "list", "--json", *store).stdout


# Who reads, of several who want to.


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = await open_store(store_url)
    yield opened
    await opened.close()


async def created(store: Store, *userids: str) -> None:
    from chatmarks.book import Account

    for userid in userids:
        await store.create_account(Account(SDKAPPID, userid), told_at=int(time.time()))


async def test_one_reads_until_it_lets_go_or_is_silent_for_long(store: Store) -> None:
    one, two = (Reader(store, SDKAPPID, READER) for _ in range(2))
    position = await one.hold()
    assert position is not None
    assert (position.seq, position.token) == (0, 0)
    assert abs(position.until - time.time() - HOLD_SECONDS) < 2
    assert await two.hold() is None
    assert await one.hold() is not None
    await one.release()
    assert await two.hold() is not None
    assert await one.hold() is None


async def test_a_position_is_written_only_by_who_has_the_reader(store: Store) -> None:
    await created(store, "alice")
    one, two = (Reader(store, SDKAPPID, READER) for _ in range(2))
    assert await one.hold() is not None
    (told,) = await store.events(SDKAPPID, 0, 9)
    await one.release()
    assert await two.hold() is not None
    with pytest.raises(Lost):
        await one.move(told.seq, told.token)
    await two.move(told.seq, told.token)


async def test_a_reader_begins_with_what_happens_from_then_on_and_its_lag_is_told(store: Store) -> None:
    await created(store, "alice", "bob")
    reader = Reader(store, SDKAPPID, READER)
    position = await reader.hold()
    assert position is not None
    assert position.seq == 2
    await created(store, "carol", "dave")
    found = await following(store, SDKAPPID, position, 10)
    assert found is not None
    assert [told.event.userid for told in found] == ["carol", "dave"]
    assert {told.event.kind for told in found} == {EventKind.CREATED}
    (lag,) = await lags(store)
    assert (lag.sdkappid, lag.reader, lag.events) == (SDKAPPID, READER, 2)
    assert 0 <= lag.seconds < 60
    await reader.move(found[-1].seq, found[-1].token)
    (lag,) = await lags(store)
    assert (lag.events, lag.seconds) == (0, 0)


async def test_a_position_whose_events_are_gone_is_found_out(store: Store) -> None:
    await created(store, "alice", "bob", "carol")
    first = (await store.events(SDKAPPID, 0, 1))[0]
    position = Position(first.seq, first.token)
    assert await following(store, SDKAPPID, Position(1, first.token ^ 1), 10) is None
    assert await following(store, SDKAPPID, Position(9, 1), 10) is None
    assert len(await following(store, SDKAPPID, position, 10) or ()) == 2
    await store.forget_events(SDKAPPID, 1 << 40)
    assert await following(store, SDKAPPID, position, 10) is None
    assert await following(store, SDKAPPID, Position(), 10) is None
