"""`chatmarks mirror send`: what happens at one server is soon so at another."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import SDKAPPID, account, chat_group
from mirror.pair import Place, Program, Writer, differences, until, until_same
from process import Client, run

USERIDS = [f"user{n}" for n in range(12)]
IMPORT = "im_open_login_svc/account_import"


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Place]:
    place = Place(f"sqlite:///{tmp_path}/ours.db", feed=True)
    place.come()
    yield place
    place.go()


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Place]:
    place = Place(f"sqlite:///{tmp_path}/theirs.db")
    place.come()
    yield place
    place.go()


@pytest.fixture
def sending(ours: Place, theirs: Place, tmp_path: Path) -> Iterator[list[Program]]:
    """Programs that send; those that are left are ended."""
    programs: list[Program] = []
    yield programs
    for program in programs:
        if program.process.returncode is None:
            assert program.end() == 0


def begun(folder: Path, ours: Place, theirs: Place, rate: int = 1000) -> Program:
    return Program(
        folder,
        *("mirror", "send", "--to", theirs.url, "--app", str(SDKAPPID)),
        *("--store", ours.store, "--rate", str(rate)),
    )


async def test_both_are_the_same_soon_after_the_other_server_was_away(
    ours: Place, theirs: Place, sending: list[Program], tmp_path: Path
) -> None:
    async with Client(ours.url) as client:
        for userid in USERIDS[:8]:
            await client.ok(IMPORT, {"UserID": userid})
    sending.append(begun(tmp_path, ours, theirs))
    writers = [Writer(ours.url, USERIDS, seed) for seed in range(3)]
    for writer in writers:
        writer.begin()
    await asyncio.sleep(1.5)
    theirs.go()
    await asyncio.sleep(7)
    await asyncio.to_thread(theirs.come)
    await asyncio.sleep(1)
    for writer in writers:
        await writer.end()
    assert min(writer.calls for writer in writers) > 200
    await until_same(tmp_path, ours.url, theirs.url, USERIDS)
    assert "no answer for 5 seconds" in sending[0].said()


async def test_it_goes_on_where_it_was_after_kills(
    ours: Place, theirs: Place, sending: list[Program], tmp_path: Path
) -> None:
    writer = Writer(ours.url, USERIDS, 7)
    writer.begin()
    for seconds in (0.9, 1.4, 0.7):
        program = begun(tmp_path, ours, theirs)
        await asyncio.sleep(seconds)
        program.kill()
    await writer.end()
    # Nobody knows that those are gone before their time is over.
    sending.append(begun(tmp_path, ours, theirs))
    await until_same(tmp_path, ours.url, theirs.url, USERIDS)


async def test_of_two_that_send_one_waits_for_the_other(
    ours: Place, theirs: Place, sending: list[Program], tmp_path: Path
) -> None:
    sending.append(begun(tmp_path, ours, theirs))
    await until(lambda: "all are there" in sending[0].said())
    (tmp_path / "second").mkdir()
    sending.append(begun(tmp_path / "second", ours, theirs))
    await until(lambda: "another process sends; this one waits" in sending[1].said())
    assert sending.pop(0).end() == 0
    async with Client(ours.url) as client:
        await client.ok(IMPORT, {"UserID": "alice"})
    await until_same(tmp_path, ours.url, theirs.url, ["alice"])


async def test_an_account_that_is_refused_is_told_of_and_holds_up_no_other(
    ours: Place, theirs: Place, sending: list[Program], tmp_path: Path
) -> None:
    sending.append(begun(tmp_path, ours, theirs))
    async with Client(ours.url) as client:
        for userid in ("alice", "bob"):
            await client.ok(IMPORT, {"UserID": userid})
        room = {"Type": "Public", "Name": "room", "GroupId": "room"}
        await client.ok("group_open_http_svc/create_group", room)
        # The other server does not have the chat group.
        for userid, contact in (("alice", chat_group("room")), ("bob", account("alice"))):
            item = {"OptType": 1, "ContactItem": contact, "SetMark": [0]}
            await client.ok("recentcontact/mark_contact", {"From_Account": userid, "MarkItem": [item]})
        await until_same(tmp_path, ours.url, theirs.url, ["bob"])
        await until(lambda: "alice cannot be brought over, and is tried again" in sending[0].said())
        assert "51007" in sending[0].said()
        report = differences(tmp_path, ours.url, theirs.url, ["alice"])
        assert report["differences"] == 1
        async with Client(theirs.url) as other:
            await other.ok("group_open_http_svc/create_group", room)
        # Sent again with the next change, or half a minute later.
        item = {"OptType": 2, "ContactItem": account("bob"), "CustomMark": "x"}
        await client.ok("recentcontact/mark_contact", {"From_Account": "alice", "MarkItem": [item]})
    await until_same(tmp_path, ours.url, theirs.url, ["alice", "bob"])


async def test_how_far_it_is_behind_is_in_the_metrics(
    ours: Place, theirs: Place, sending: list[Program], tmp_path: Path
) -> None:
    sending.append(begun(tmp_path, ours, theirs))
    await until(lambda: "all are there" in sending[0].said())
    theirs.go()
    async with Client(ours.url) as client:
        await client.ok(IMPORT, {"UserID": "alice"})
        await client.ok(IMPORT, {"UserID": "bob"})
        assert ours._server is not None
        admin = ours._server.announced["admin_url"]
        page = (await client.http.get(f"{admin}/metrics")).text
    assert 'chatmarks_feed_waiting{reader="mirror",sdkappid="1400000000"} 2.0' in page
    assert 'chatmarks_feed_lag_seconds{reader="mirror",sdkappid="1400000000"}' in page


def test_an_app_without_a_feed_is_not_sent(tmp_path: Path) -> None:
    store = ("--store", f"sqlite:///{tmp_path}/books.db")
    assert run("app", "create", "--sdkappid", "7", *store).returncode == 0
    done = run("mirror", "send", "--to", "http://127.0.0.1:1", "--app", "7", *store)
    assert done.returncode == 2
    assert "update --sdkappid 7 --feed gives it one" in done.stderr
    done = run("mirror", "send", "--to", "ftp://x", "--app", "7", *store)
    assert done.returncode == 2
    done = run("mirror", "send", "--to", "http://127.0.0.1:1", "--app", "8", *store)
    assert done.returncode == 2
    assert "no such app" in done.stderr
