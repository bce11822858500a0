"""`chatmarks push` to real servers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result

from chatmarks.client import Client
from cli.moves import APP, BOOK, EMPTY, ROOM, fill, refused
from faulty import Proxy, code, proxy_before
from harness import ADMIN, KEY, SDKAPPID
from process import serving

Invoke = Callable[..., Result]


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A server that has a chat group and no accounts."""
    with serving("--store", fill(tmp_path, "to", {})) as server:
        yield server.url


@pytest.fixture
def store(tmp_path: Path) -> str:
    return fill(tmp_path, "books", {**{f"user_{n}": BOOK for n in range(5)}, "empty": EMPTY})


@pytest.fixture
def push(invoke: Invoke, store: str) -> Callable[..., Result]:
    def run(url: str, *arguments: str, accounts: str = "all") -> Result:
        given = ("--to", url, *APP, "--accounts", accounts, "--store", store)
        return invoke("push", *given, *arguments, CHATMARKS_APP_KEY=KEY)

    return run


def test_all_accounts_of_the_store_are_imported_and_written_and_a_repeat_writes_nothing(
    push: Invoke, invoke: Invoke, url: str, store: str
) -> None:
    done = push(url, "--import-accounts")
    assert done.exit_code == 0, done.output
    told, calls = done.stdout.splitlines()
    assert told == "accounts: 6, changed: 5, had all of it: 1, imported: 6"
    # A look and an import; for each account a look; for five of them two groups and a mark.
    assert calls.startswith(f"calls: {2 + 6 + 5 * 3} in ")
    compare = ("compare", store, url, *APP, "--accounts", "all")
    same = invoke(*compare, "--ignore", "GroupId,Timestamp", CHATMARKS_APP_KEY=KEY)
    assert same.exit_code == 0, same.output
    again = push(url)
    assert again.stdout.startswith("accounts: 6, changed: 0, had all of it: 6\n")


def test_what_is_refused_is_told_item_by_item_and_again_by_a_repeat(
    push: Invoke, url: str, tmp_path: Path
) -> None:
    with Client(url, sdkappid=SDKAPPID, identifier=ADMIN, key=KEY) as client:
        client.destroy_group(GroupId=ROOM)
    (tmp_path / "userids").write_text("user_0\nnobody\nuser_1\n")
    done = push(url, accounts="userids")
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "accounts: 3, changed: 0, had all of it: 0"
    # Both are missing at the server, and one in the store.
    assert lines[2] == "could not be written: 3"
    assert sorted(lines[3:]) == [
        "  nobody: 50001 the store has no such account",
        "  user_0: 50001 From_Account was never imported",
        "  user_1: 50001 From_Account was never imported",
    ]
    for _ in range(2):
        done = push(url, "--import-accounts", "--report", "report.json", accounts="userids")
        assert done.exit_code == 1
        report = json.loads((tmp_path / "report.json").read_text())
        assert {(item["UserID"], item["conversation"], item["code"]) for item in report["refused"]} == {
            (userid, f"2:{ROOM}", 51007) for userid in ("user_0", "user_1")
        }
        assert f"user_0 2:{ROOM}: recentcontact/" in done.stdout
        assert "refused: 2" in done.stdout


def test_a_refused_caller_ends_it(push: Invoke, url: str) -> None:
    with proxy_before(url) as proxy:
        _fail(proxy)
        (line,) = refused(push(proxy.url))
    assert "60010" in line
    assert line.endswith("the same command goes on")


def _fail(proxy: Proxy) -> None:
    proxy.faults += [code(60010)] * 20


def test_the_key_can_be_that_of_the_app_in_the_store(invoke: Invoke, store: str, url: str) -> None:
    arguments = ("push", "--to", url, *APP, "--accounts", "all", "--store", store)
    (line,) = refused(invoke(*arguments))
    assert "the store has no such app" in line
    with serving("--store", store):
        pass
    assert invoke(*arguments, "--import-accounts").exit_code == 0


def test_a_store_that_is_not_there_is_told(invoke: Invoke, url: str) -> None:
    arguments = ("push", "--to", url, *APP, "--accounts", "all", "--store", "sqlite:///none.db")
    (line,) = refused(invoke(*arguments, CHATMARKS_APP_KEY=KEY))
    assert "none.db" in line
