"""`chatmarks mirror pass`: another server answers, and a copy of its accounts is kept."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import KEY, SDKAPPID, account
from mirror.pair import Place, Program, Writer, environment, until_same
from process import PROGRAM, Client, run

USERIDS = [f"user{n}" for n in range(12)]
IMPORT = "im_open_login_svc/account_import"
APP = ("--app", str(SDKAPPID))


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Place]:
    place = Place(f"sqlite:///{tmp_path}/theirs.db", feed=True)
    place.come()
    yield place
    place.go()


@pytest.fixture
def copy(tmp_path: Path) -> str:
    """A store that has the app and nothing else."""
    url = f"sqlite:///{tmp_path}/copy.db"
    (tmp_path / "key").write_text(KEY)
    # The published key is refused where an app is made by hand; a server declares it.
    place = Place(url, feed=True)
    place.come()
    place.go()
    return url


class Passing:
    """A server that passes calls on."""

    def __init__(self, folder: Path, theirs: Place, copy: str, *more: str) -> None:
        self.program = Program(
            folder,
            *("mirror", "pass", "--to", theirs.url, *APP, "--store", copy, "--rate", "1000"),
            *("--port", "0", "--admin-port", "0", "--json", *more),
        )
        self.url: str = self.program.announced()["url"]


async def test_calls_are_answered_by_the_other_server_and_the_copy_follows(
    theirs: Place, copy: str, tmp_path: Path
) -> None:
    passing = Passing(tmp_path, theirs, copy)
    writers = [Writer(passing.url, USERIDS, seed) for seed in range(3)]
    for writer in writers:
        writer.begin()
    await asyncio.sleep(3)
    for writer in writers:
        await writer.end()
    await until_same(tmp_path, theirs.url, copy, USERIDS, ignore="")
    async with Client(passing.url) as client, Client(theirs.url) as other:
        body = {"From_Account": "user1", "StartIndex": 0}
        await client.call(IMPORT, {"UserID": "user1"})
        one = await client.ok("recentcontact/get_contact_group", body)
        assert one == await other.ok("recentcontact/get_contact_group", body)
        # Whatever they are: what the other server does not know either is its answer.
        assert (await client.call("profile/portrait_get", {}))["ErrorCode"] == 60009
    assert passing.program.end() == 0


async def test_what_was_under_way_when_it_was_killed_is_in_the_copy_after_the_next_start(
    theirs: Place, copy: str, tmp_path: Path
) -> None:
    for round_ in range(3):
        passing = Passing(tmp_path, theirs, copy)
        writer = Writer(passing.url, USERIDS, round_)
        writer.begin()
        await asyncio.sleep(0.8)
        passing.program.kill()
        await writer.end()
    passing = Passing(tmp_path, theirs, copy)
    # It waits for calls of the one before it that may still be done.
    await until_same(tmp_path, theirs.url, copy, USERIDS, ignore="", seconds=40)
    assert passing.program.end() == 0


async def test_accounts_of_a_list_are_copied_at_first(theirs: Place, copy: str, tmp_path: Path) -> None:
    async with Client(theirs.url) as client:
        for userid in USERIDS:
            await client.ok(IMPORT, {"UserID": userid})
            item = {"OptType": 2, "ContactItem": account("bob"), "CustomMark": userid}
            await client.ok("recentcontact/mark_contact", {"From_Account": userid, "MarkItem": [item]})
    (tmp_path / "all").write_text("\n".join([*USERIDS, "nobody"]))
    passing = Passing(tmp_path, theirs, copy, "--accounts", "all")
    await until_same(tmp_path, theirs.url, copy, USERIDS, ignore="")
    assert passing.program.end() == 0


async def test_an_outage_of_the_other_server_is_50005_and_the_copy_follows_later(
    theirs: Place, copy: str, tmp_path: Path
) -> None:
    passing = Passing(tmp_path, theirs, copy)
    async with Client(passing.url) as client:
        await client.ok(IMPORT, {"UserID": "alice"})
        theirs.go()
        answer = await client.call(IMPORT, {"UserID": "bob"})
        assert answer["ErrorCode"] == 50005
        assert "passed on to" in answer["ErrorInfo"]
        await asyncio.to_thread(theirs.come)
        await client.ok(IMPORT, {"UserID": "bob"})
        item = {"OptType": 1, "ContactItem": account("alice"), "SetMark": [1]}
        await client.ok("recentcontact/mark_contact", {"From_Account": "bob", "MarkItem": [item]})
    await until_same(tmp_path, theirs.url, copy, ["alice", "bob"], ignore="")
    assert passing.program.end() == 0


async def test_strangers_leave_nothing_in_the_copy(theirs: Place, copy: str, tmp_path: Path) -> None:
    passing = Passing(tmp_path, theirs, copy)
    async with Client(passing.url, key="0" * 64) as stranger:
        assert await stranger.code(IMPORT, {"UserID": "mallory"}) == 70009
    async with Client(passing.url) as client:
        answer = await client.call("recentcontact/mark_contact", {"From_Account": "mallory"})
        assert answer["ErrorCode"] == 50002
    assert passing.program.end() == 0
    done = run("verify", "--store", copy)
    assert done.returncode == 0, done.stdout


async def test_cut_over_and_roll_back_lose_nothing(theirs: Place, copy: str, tmp_path: Path) -> None:
    """The steps of docs/moving.md, in their order."""
    old = Writer(theirs.url, USERIDS, 1)
    old.begin()
    await asyncio.sleep(0.5)
    await old.end()
    # Clients call the old server by way of the new one, which copies what is there.
    (tmp_path / "all").write_text("\n".join(USERIDS))
    passing = Passing(tmp_path, theirs, copy, "--accounts", "all")
    between = Writer(passing.url, USERIDS, 2)
    between.begin()
    await asyncio.sleep(1)
    await between.end()
    await until_same(tmp_path, theirs.url, copy, USERIDS, ignore="")
    assert passing.program.end() == 0
    # Cut over: the new server answers by itself, and sends on what happens, in case of a return.
    new = Place(copy, feed=True)
    new.come()
    sending = Program(
        tmp_path,
        *("mirror", "send", "--to", theirs.url, *APP, "--store", copy, "--rate", "1000"),
    )
    after = Writer(new.url, USERIDS, 3)
    after.begin()
    await asyncio.sleep(2)
    # Roll back: writes end, the old server gets what is left, and clients call it again.
    await after.end()
    await until_same(tmp_path, new.url, theirs.url, USERIDS)
    assert sending.end() == 0
    new.go()
    again = Writer(theirs.url, USERIDS, 4)
    again.begin()
    async with asyncio.timeout(30):
        while again.calls <= 20:  # noqa: ASYNC110 - a number has no event
            await asyncio.sleep(0.01)
    await again.end()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--to", "ftp://x"], "--to: "),
        (["--to", "http://127.0.0.1:1", "--accounts", "nowhere"], "--accounts: nowhere cannot be read"),
        (["--to", "http://127.0.0.1:1", "--port", "x"], "--port: 'x' is not a port"),
    ],
)
def test_what_cannot_be_passed_on_is_refused_in_a_line(
    arguments: list[str], text: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [*PROGRAM, "mirror", "pass", *APP, "--store", f"sqlite:///{tmp_path}/x.db", *arguments],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 2
    assert text in done.stderr
    assert "Traceback" not in done.stderr
