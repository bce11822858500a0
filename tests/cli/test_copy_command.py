"""`chatmarks copy`: real processes, real files, a real PostgreSQL, and kills in the middle."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest
from click.testing import Result

import postgres
from chatmarks import moving
from chatmarks.book import Account, Book, Entry, Peer, PeerType
from chatmarks.engines import open_store, plain_url
from chatmarks.limits import GROUP_NAME_BYTES_MAX
from chatmarks.store import App, AppChatGroup, ChatGroup, Kept, Membership, Store, Whole
from harness import AWKWARD, NOW, account
from process import PROGRAM, Client, run, serving

Invoke = Callable[..., Result]

SDKAPPID = 1400000000
FROM, TO = "sqlite:///from.db", "sqlite:///to.db"
TEXTS = [text for text in AWKWARD.values() if len(text.encode()) <= GROUP_NAME_BYTES_MAX]


def made(count: int) -> list[Whole]:
    """Accounts with awkward texts, high marks and memberships."""
    return [
        Whole(
            Account(SDKAPPID, f"user{number:06}"),
            Kept(
                number + 1,
                Book(
                    {TEXTS[number % len(TEXTS)]: 1},
                    {
                        Peer(PeerType.ACCOUNT, f"peer{n}"): Entry(
                            n, (1 << 63) + number, TEXTS[n % len(TEXTS)], 2, NOW
                        )
                        for n in range(5)
                    },
                    5,
                ),
            ),
            {("room", 5): Membership("Member", NOW)},
        )
        for number in range(count)
    ]


async def fill(url: str, count: int) -> None:
    store = await open_store(url)
    await store.put_wholes(made(count))
    group = ChatGroup("room", "Public", TEXTS[0], "", NOW, 5)
    await store.put_chat_groups([AppChatGroup(SDKAPPID, group)])
    await store.put_apps([App(SDKAPPID, (b"\0key",), ("user000000",), revision=9)])
    await store.close()


@pytest.fixture
def source(tmp_path: Path) -> str:
    """The URL of a store with 450 accounts, a chat group and an app."""
    url = f"sqlite:///{tmp_path}/from.db"
    asyncio.run(fill(url, 450))
    return url


def alter(path: Path, *statements: str) -> None:
    connection = apsw.Connection(str(path))
    for statement in statements:
        connection.execute(statement)
    connection.close()


def refused(result: Result) -> str:
    """The line of a refusal."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("chatmarks: ")
    return str(line.removeprefix("chatmarks: "))


def test_a_copy_is_whole_and_can_be_served(invoke: Invoke, source: str, tmp_path: Path) -> None:
    done = invoke("copy", FROM, TO)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        "written: accounts: 450, chat groups: 1, apps: 1",
        "differences: 0; compared: accounts: 450, chat groups: 1, apps: 1",
        f"sqlite:///{tmp_path}/to.db is a whole copy and can be served",
    ]
    assert invoke("app", "list", "--store", TO).exit_code == 0
    dumps = [
        subprocess.run(
            [*PROGRAM, "export", "--with-keys", "--store", url],
            cwd=tmp_path,
            capture_output=True,
            check=True,
        ).stdout.splitlines()[1:]
        for url in (FROM, TO)
    ]
    assert dumps[0] == dumps[1]
    assert len(dumps[0]) > 450


def test_a_copy_goes_to_postgresql_and_back(
    invoke: Invoke, source: str, postgres_url: str, tmp_path: Path
) -> None:
    for pair in ((FROM, postgres_url), (postgres_url, TO)):
        done = invoke("copy", *pair)
        assert done.exit_code == 0, done.output
    compared = invoke("copy", "--compare", FROM, TO)
    assert compared.output.splitlines() == [
        "differences: 0; compared: accounts: 450, chat groups: 1, apps: 1"
    ]
    postgres.run(postgres_url, "UPDATE account SET version = 0 WHERE owner LIKE '%:user000007'")
    assert "user000007: is another in the copy: version" in (
        invoke("copy", "--compare", FROM, postgres_url).output
    )


def test_a_copy_that_is_not_finished_is_refused_by_all_who_would_work_on_it(
    invoke: Invoke, source: str, tmp_path: Path
) -> None:
    left = invoke("copy", "--leave-open", FROM, TO)
    assert left.exit_code == 0, left.output
    going_on = f"chatmarks copy {source} sqlite:///{tmp_path}/to.db"
    assert left.output.splitlines()[-1] == (
        f"sqlite:///{tmp_path}/to.db is unfinished; {going_on} brings over what changed"
    )
    expected = f"store 'sqlite:///{tmp_path}/to.db' is an unfinished copy; {going_on} goes on with it"
    for command in (
        ("serve", "--port", "0", "--admin-port", "0", "--store", TO),
        ("app", "list", "--store", TO),
        ("app", "create", "--sdkappid", "3", "--store", TO),
        ("sign", "--sdkappid", "7", "--identifier", "x", "--store", TO),
        ("export", "--store", TO),
        ("copy", TO, "sqlite:///third.db"),
    ):
        assert refused(invoke(*command)) == expected, command
    assert invoke("verify", "--store", TO).exit_code == 0
    assert invoke("backup", "backup.db", "--store", TO).exit_code == 0
    assert "an unfinished copy" in refused(invoke("app", "list", "--store", "sqlite:///backup.db"))
    assert invoke("copy", "--compare", FROM, TO).exit_code == 0
    assert invoke("copy", FROM, TO).exit_code == 0
    assert invoke("app", "list", "--store", TO).exit_code == 0


def test_a_store_with_anything_in_it_is_not_copied_into(
    invoke: Invoke, source: str, tmp_path: Path
) -> None:
    assert invoke("app", "create", "--sdkappid", "3", "--store", TO).exit_code == 0
    expected = (
        f"store 'sqlite:///{tmp_path}/to.db' is not empty, it has accounts: 1, chat groups: 0, apps: 1;"
        " a copy is made in an empty store"
    )
    before = (tmp_path / "to.db").read_bytes()
    assert refused(invoke("copy", FROM, TO)) == expected
    assert (tmp_path / "to.db").read_bytes() == before


def test_an_unfinished_copy_of_another_store_is_refused(
    invoke: Invoke, source: str, tmp_path: Path
) -> None:
    assert invoke("copy", "--leave-open", FROM, TO).exit_code == 0
    assert invoke("app", "create", "--sdkappid", "3", "--store", "sqlite:///third.db").exit_code == 0
    assert refused(invoke("copy", "sqlite:///third.db", TO)) == (
        f"store 'sqlite:///{tmp_path}/to.db' is an unfinished copy of {source!r},"
        f" not of 'sqlite:///{tmp_path}/third.db'"
    )


def test_a_copy_ends_in_a_line_when_another_one_began(
    invoke: Invoke, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare = moving.compare

    async def interrupted(ours: Store, theirs: Store, *others: Any) -> dict[str, int]:
        await moving.begin(theirs, source)
        return await compare(ours, theirs, *others)

    with monkeypatch.context() as patched:
        patched.setattr(moving, "compare", interrupted)
        assert refused(invoke("copy", FROM, TO)) == (
            "another copy into this store has begun or is finished; this one wrote nothing since"
        )
    assert "an unfinished copy" in refused(invoke("app", "list", "--store", TO))
    assert invoke("copy", FROM, TO).exit_code == 0


def test_what_cannot_be_copied_is_refused(invoke: Invoke, source: str, tmp_path: Path) -> None:
    memory = "store memory: belongs to one process and cannot be copied"
    assert refused(invoke("copy", FROM, "memory:")) == memory
    assert refused(invoke("copy", "memory:", TO)) == memory
    (tmp_path / "link.db").symlink_to("from.db")
    (tmp_path / "hard.db").hardlink_to(tmp_path / "from.db")
    for same in ("from.db", "./from.db", str(tmp_path / "from.db"), "link.db", "hard.db"):
        assert "is FROM and TO" in refused(invoke("copy", FROM, f"sqlite:///{same}"))
    assert "there is no store" in refused(invoke("copy", "sqlite:///none.db", TO))
    assert "there is no store" in refused(invoke("copy", "--compare", FROM, TO))
    assert "is unknown" in refused(invoke("copy", FROM, "mysql://x"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["from.db", "hard.db", "link.db"]


def test_rows_altered_by_hand_are_found_by_a_comparison_which_changes_nothing(
    invoke: Invoke, source: str, tmp_path: Path
) -> None:
    assert invoke("copy", FROM, TO).exit_code == 0
    alter(
        tmp_path / "to.db",
        "UPDATE account SET contact_groups = '{}' WHERE owner = '1400000000:user000003'",
        "UPDATE conversation SET standard_mark = 1"
        " WHERE owner = '1400000000:user000005' AND peer_id = 'peer3'",
        "DELETE FROM membership WHERE owner = '1400000000:user000007'",
        "DELETE FROM account WHERE owner = '1400000000:user000449'",
        "UPDATE chat_group SET name = 'x'",
        "INSERT INTO app SELECT 8, revision, json_replace(content, '$.sdkappid', 8) FROM app",
    )
    for _ in range(2):
        compared = invoke("copy", "--compare", FROM, TO)
        assert compared.exit_code == 1
        assert compared.output.splitlines() == [
            "account 1400000000:user000003: is another in the copy: groups",
            "conversation 1400000000:user000005 1:peer3: is another in the copy: marks",
            "membership 1400000000:user000007 room (5): is not in the copy",
            "account 1400000000:user000449: is not in the copy",
            "chat_group 1400000000:room: is another in the copy: name",
            "app 8: is only in the copy",
            "differences: 6; compared: accounts: 450, chat groups: 1, apps: 2",
        ]


def test_json_counts_all_differences_and_shows_the_first_20(
    invoke: Invoke, source: str, tmp_path: Path
) -> None:
    done = invoke("copy", "--json", FROM, TO)
    assert json.loads(done.stdout) == {
        "copied": {
            "written": {"account": 450, "chat_group": 1, "app": 1},
            "deleted": {"account": 0, "chat_group": 0, "app": 0},
        },
        "compared": {"account": 450, "chat_group": 1, "app": 1},
        "differences": 0,
        "first": [],
        "is_finished": True,
    }
    alter(tmp_path / "to.db", "UPDATE account SET version = version + 1000")
    compared = invoke("copy", "--compare", "--json", FROM, TO)
    assert compared.exit_code == 1
    told = json.loads(compared.stdout)
    assert (told["copied"], told["is_finished"], told["differences"]) == (None, None, 450)
    assert len(told["first"]) == 20
    assert told["first"][0] == {
        "table": "account",
        "owner": "1400000000:user000000",
        "row": "",
        "problem": "is another in the copy: version",
    }


def test_a_row_that_cannot_be_read_is_a_line_and_no_traceback(
    invoke: Invoke, source: str, tmp_path: Path
) -> None:
    alter(tmp_path / "from.db", "UPDATE account SET contact_groups = '{' WHERE version = 7")
    assert "a row cannot be moved" in refused(invoke("copy", FROM, TO))


def test_a_row_that_postgresql_cannot_keep_is_a_line_and_no_traceback(
    invoke: Invoke, source: str, postgres_url: str, tmp_path: Path
) -> None:
    alter(
        tmp_path / "from.db",
        "UPDATE conversation SET custom_mark = CAST(x'6100' AS TEXT) WHERE position = 3",
    )
    assert "a row cannot be moved" in refused(invoke("copy", FROM, postgres_url))


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_a_copy_that_is_killed_goes_on_where_it_was(
    tmp_path: Path, target: str, request: pytest.FixtureRequest
) -> None:
    source = f"sqlite:///{tmp_path}/from.db"
    copy = f"sqlite:///{tmp_path}/to.db"
    if target == "postgresql":
        copy = request.getfixturevalue("postgres_url")
    asyncio.run(fill(source, 8000))
    counts: list[int] = []
    while True:
        process = subprocess.Popen(
            [*PROGRAM, "copy", "--json", source, copy], stdout=subprocess.PIPE, text=True
        )
        until = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < until:
            if asyncio.run(accounts(copy)) >= (counts[-1] if counts else 0) + 1500:
                break
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        output, _ = process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
        counts.append(asyncio.run(accounts(copy)))
        refusal = run("app", "list", "--store", copy)
        assert refusal.returncode == 2
        assert f"chatmarks copy {source} " in refusal.stderr
        assert len(counts) < 20
    assert len(counts) >= 2
    assert counts[-1] % 200 == 0, "half a batch was kept"
    told = json.loads(output)
    assert told["copied"]["written"]["account"] == 8000 - counts[-1]
    assert (told["differences"], told["is_finished"]) == (0, True)
    assert run("copy", "--compare", source, copy).returncode == 0
    assert run("app", "list", "--store", copy).returncode == 0


async def accounts(url: str) -> int:
    """How many accounts are in a store that another process writes to."""
    try:
        store = await open_store(url, create=False, unfinished=True)
    except Exception:  # noqa: BLE001 - just now being made
        return 0
    totals = await store.totals()
    await store.close()
    return totals.accounts


async def test_what_a_server_writes_meanwhile_is_found_and_brought_over_by_a_second_run(
    tmp_path: Path,
) -> None:
    source, copy = f"sqlite:///{tmp_path}/from.db", f"sqlite:///{tmp_path}/to.db"
    await fill(source, 2000)
    with serving("--store", source) as server:
        async with Client(server.url) as client:
            item = {"OptType": 1, "ContactItem": account("user000001"), "SetMark": [40]}
            room = {"GroupId": "room", "Type": "Public", "Name": "a room"}
            first = await asyncio.to_thread(run, "copy", "--leave-open", source, copy)
            assert first.returncode == 0, first.stderr
            await client.ok("im_open_login_svc/account_import", {"UserID": "late"})
            await client.ok(
                "recentcontact/mark_contact", {"From_Account": "user000700", "MarkItem": [item]}
            )
            await client.ok(
                "im_open_login_svc/account_delete", {"DeleteItem": [{"UserID": "user000900"}]}
            )
            await client.ok("group_open_http_svc/create_group", {**room, "GroupId": "hall"})
            # A membership raises no version: it must be seen all the same.
            member = [{"Member_Account": "user000800"}]
            await client.ok(
                "group_open_http_svc/add_group_member", {"GroupId": "hall", "MemberList": member}
            )
            compared = await asyncio.to_thread(run, "copy", "--compare", "--json", source, copy)
            assert compared.returncode == 1
            found = {
                (difference["table"], difference["owner"].partition(":")[2])
                for difference in json.loads(compared.stdout)["first"]
            }
            assert {
                ("account", "late"),
                ("account", "user000700"),
                ("conversation", "user000700"),
                ("account", "user000900"),
                ("membership", "user000800"),
                ("chat_group", "hall"),
            } <= found
    last = run("copy", "--json", source, copy)
    assert last.returncode == 0, last.stderr
    told = json.loads(last.stdout)
    # The administrator and the app are those that the server made at its start.
    assert told["copied"]["written"]["account"] in range(3, 6)
    assert told["copied"]["deleted"]["account"] == 1
    with serving("--store", copy) as server:
        async with Client(server.url) as client:
            asked = {"From_Account": "user000700", "ContactItem": [account("user000001")]}
            answer = await client.ok("recentcontact/search_contact_group", asked)
            assert answer["ContactResultItem"][0]["StandardMark"] == f"1{'0' * 40}"


def test_passwords_are_neither_shown_nor_kept_and_a_copy_goes_on_without(
    invoke: Invoke, source: str, postgres_url: str, tmp_path: Path
) -> None:
    scheme, _, rest = plain_url(postgres_url).partition("://")
    user, _, place = rest.partition("@")
    for secret in (f"{scheme}://{user}:s3cret@{place}", f"{scheme}://{rest}&password=s3cret"):
        done = invoke("copy", "--leave-open", secret, TO)
        assert done.exit_code == 0, done.output
        assert "s3cret" not in done.output
        connection = apsw.Connection(str(tmp_path / "to.db"))
        rows = connection.execute("SELECT name, value FROM property").fetchall()
        kept = {name: value for name, value in rows}  # noqa: C416 - typed as pairs only so
        assert kept.pop("unfinished_copy_from") == f"{scheme}://{rest}"
        assert list(kept) == ["unfinished_copy_run"]
    assert invoke("copy", postgres_url, TO).exit_code == 0


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://chat@db/chat", "postgresql://chat@db/chat"),
        ("postgresql://chat:a:b@c@db:5432/chat", "postgresql://chat@db:5432/chat"),
        ("postgresql://db/chat?password=x", "postgresql://db/chat"),
        ("postgresql://db/chat?password=x&user=y", "postgresql://db/chat?user=y"),
        ("postgresql://db/chat?user=y&password=x", "postgresql://db/chat?user=y"),
        ("postgresql://a,b:1/chat?user=y&password=x&z=1", "postgresql://a,b:1/chat?user=y&z=1"),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
        ("memory:", "memory:"),
    ],
)
def test_the_plain_url_of_a_store_has_no_password(url: str, expected: str) -> None:
    assert plain_url(url) == expected
