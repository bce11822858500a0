"""`chatmarks pull` from real servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from chatmarks.book import Book, Entry, Peer
from chatmarks.cli import main
from chatmarks.limits import GROUPS_PER_ACCOUNT_MAX
from chatmarks.remote.content import content_of
from chatmarks.remote.pull import Checkpoint, PullReport, digest_of, property_of
from cli import moves
from cli.moves import APP, BOOK, EMPTY, FRIEND, contents_of, fill, refused, wholes_of
from faulty import Proxy, canned, code, passed, proxy_before
from harness import KEY, NOW, SDKAPPID
from process import serving

Invoke = Callable[..., Result]

NAME = property_of(SDKAPPID)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with accounts; `user_0` to `user_9` have a book, `empty` has nothing."""
    books = {**{f"user_{n}": BOOK for n in range(10)}, "empty": EMPTY}
    store = fill(tmp_path_factory.mktemp("from"), "from", books)
    with serving("--store", store) as server:
        yield server.url


@pytest.fixture
def proxy(url: str) -> Iterator[Proxy]:
    with proxy_before(url) as opened:
        yield opened


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/books.db"


@pytest.fixture
def pull(invoke: Invoke, tmp_path: Path) -> Callable[..., Result]:
    """Pull the accounts of a list, which may be one text."""

    def run(url: str, accounts: str | list[str], *arguments: str, key: str = KEY) -> Result:
        text = accounts if isinstance(accounts, str) else "\n".join(accounts)
        (tmp_path / "userids").write_text(text)
        (tmp_path / "key").write_text(key)
        given = ("--from", url, *APP, "--key-file", "key", "--accounts", "userids")
        return invoke("pull", *given, "--store", "sqlite:///books.db", *arguments)

    return run


def test_accounts_come_with_their_ids_and_times(pull: Invoke, url: str, store: str) -> None:
    done = pull(url, ["user_1", "user_0", "empty"], "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert (report["read"], report["changed"], report["failures"]) == (3, 3, [])
    assert (report["groups"], report["conversations"], report["calls"]) == (4, 4, 3)
    content = content_of(BOOK)
    assert contents_of(store) == {"user_0": content, "user_1": content, "empty": content_of(EMPTY)}
    assert moves.property_of(store, NAME) is None


def test_it_is_told_in_words_and_what_makes_clients_work_is_told(
    pull: Invoke, url: str, tmp_path: Path, invoke: Invoke
) -> None:
    done = pull(url, ["user_0"])
    read, calls, missing, made = done.stdout.splitlines()
    assert read == "read: accounts: 1 of 1, groups: 2, conversations: 2; changed: accounts: 1"
    assert calls.startswith("calls: 1 in ")
    assert missing == f"the store has no app {SDKAPPID}; clients of the server work unchanged after"
    # The published demo key is no key of a store of one's own.
    (tmp_path / "key").write_text("a key of one's own")
    assert invoke(*made.split()[1:]).exit_code == 0
    again = pull(url, ["user_0"], "--replace")
    assert again.exit_code == 0
    assert "changed: accounts: 0" in again.stdout
    assert "app create" not in again.output


def test_what_an_account_has_beside_groups_and_marks_stays(
    pull: Invoke, url: str, tmp_path: Path, store: str
) -> None:
    other = Book(
        {"other": 1}, {FRIEND: Entry(0, 4, "", 2, NOW), Peer(1, "x"): Entry(1, 1, "", 0, NOW)}, 9
    )
    fill(tmp_path, "books", {"user_0": other, "bystander": other})
    before = wholes_of(store)
    (line,) = refused(pull(url, ["user_0"]))
    assert line.startswith(f"chatmarks: app {SDKAPPID} has data, that of bystander for one; --replace")
    assert pull(url, ["user_0"], "--replace").exit_code == 0
    after = wholes_of(store)
    assert after["bystander"] == before["bystander"]
    assert after["user_0"].memberships == before["user_0"].memberships
    book = after["user_0"].kept.book
    assert content_of(book) == content_of(BOOK)
    # What was there keeps its place, what is new comes behind everything that ever was.
    assert [entry.position for entry in book.entries.values()] == [0, 9]


def test_what_cannot_be_read_is_told_with_its_reason_and_the_others_are_read(
    pull: Invoke, proxy: Proxy, store: str, tmp_path: Path
) -> None:
    base = {"ErrorCode": 0, "ActionStatus": "OK", "ErrorInfo": "", "CompleteFlag": 1, "ContactItem": []}
    groups = [{"GroupName": "a", "GroupId": GROUPS_PER_ACCOUNT_MAX + 1}]

    faults = {
        "unsound": canned(msgspec.json.encode({**base, "GroupItem": groups})),
        "odd": code(50002, text="one\ntwo"),
    }

    def by_account(handler: Any, body: bytes) -> None:
        faults.get(msgspec.json.decode(body)["From_Account"], passed)(handler, body)

    proxy.faults += [by_account] * 4
    done = pull(proxy.url, ["nobody", "unsound", "odd", "user_0"], "--report", "report.json")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[2:6] == [
        "could not be read: 3",
        "  nobody: 50001 From_Account was never imported",
        "  unsound: a group has the id 21; 1 to 20 are allowed",
        "  odd: 50002 one\\ntwo",
    ]
    report = json.loads((tmp_path / "report.json").read_text())
    assert [failure["code"] for failure in report["failures"]] == [50001, 0, 50002]
    assert list(contents_of(store)) == ["user_0"]


def unfinished(store: str, url: str, userids: list[str], done: int) -> None:
    """Make a store look as a pull leaves it that was killed while one account took long."""
    report = PullReport(len(userids), read=done)
    checkpoint = Checkpoint(url, digest_of(userids), done - 1, {done}, report)
    moves.property_of(store, NAME, msgspec.json.encode(checkpoint).decode())


def test_a_pull_that_broke_off_goes_on_where_it_was(
    pull: Invoke, proxy: Proxy, store: str, tmp_path: Path
) -> None:
    userids = [f"user_{n}" for n in range(10)]
    fill(tmp_path, "books", dict.fromkeys(userids[:7], BOOK))
    unfinished(store, proxy.url, userids, 6)
    done = pull(proxy.url, userids)
    assert done.exit_code == 0, done.output
    assert "an earlier run had done 6 accounts" in done.stdout
    assert done.stdout.startswith("read: accounts: 10 of 10")
    assert {seen.body["From_Account"] for seen in proxy.seen} == {"user_5", *userids[7:]}
    assert moves.property_of(store, NAME) is None


def test_an_unfinished_pull_is_not_mixed_with_another_one(
    pull: Invoke, url: str, proxy: Proxy, store: str, tmp_path: Path
) -> None:
    userids = ["user_0", "user_1"]
    fill(tmp_path, "books", {"user_0": BOOK})
    unfinished(store, url, userids, 1)
    begin, end = f"unfinished pull into app {SDKAPPID} is", "--again forgets it and begins anew"
    (line,) = refused(pull(proxy.url, userids))
    assert line == f"chatmarks: an {begin} from {url}, not from {proxy.url}; {end}"
    (line,) = refused(pull(url, userids[:1]))
    assert line == f"chatmarks: an {begin} of another list of accounts, of 2; {end}"
    assert proxy.seen == []
    assert refused(pull(proxy.url, userids, "--again"))[0].endswith("as they are at the server")
    assert pull(proxy.url, userids, "--again", "--replace").exit_code == 0
    assert len(proxy.seen) == 2


def test_a_refused_caller_ends_it_and_the_same_command_goes_on(
    pull: Invoke, url: str, store: str
) -> None:
    (line,) = refused(pull(url, ["user_0", "user_1"], key="a wrong key"))
    assert "70009" in line
    assert line.endswith("done so far: 0 of 2 accounts, the same command goes on")
    assert moves.property_of(store, NAME) is not None
    assert pull(url, ["user_0", "user_1"]).exit_code == 0


def test_lines_that_are_no_accounts_or_come_twice_are_named(pull: Invoke, url: str) -> None:
    text = "user_0\r\n\nüser\nuser_1\nuser_0\n" + "x" * 33 + "\n"
    assert refused(pull(url, text)) == [
        'line 3: "üser" holds characters other than printable ASCII; a UserID may not',
        'line 5: "user_0" stands on line 1 already',
        f'line 6: "{"x" * 33}" has 33 bytes; at most 32 are allowed',
        "chatmarks: --accounts: userids has lines that are wrong: 3; nothing was done",
    ]
    assert refused(pull(url, "\n")) == [
        "chatmarks: --accounts: userids names no account; a UserID a line is required"
    ]


def test_many_wrong_lines_are_counted(pull: Invoke, url: str) -> None:
    lines = refused(pull(url, "\n".join(["user_0"] * 41)))
    assert len(lines) == 21
    assert lines[-1].endswith("lines that are wrong: 40; nothing was done")


def test_accounts_come_from_standard_input_too(invoke: Invoke, url: str, store: str) -> None:
    arguments = ["pull", "--from", url, *APP, "--accounts", "-", "--store", store, "--rate", "20"]
    environ = {"CHATMARKS_APP_KEY": KEY}
    done = CliRunner().invoke(main, arguments, input="\ufeffuser_0\r\nuser_1\r\n", env=environ)
    assert done.exit_code == 0, done.output
    assert set(contents_of(store)) == {"user_0", "user_1"}
    assert "--key-file FILE" in done.stdout


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            ("--from", "ftp://x"),
            "--from: server 'ftp://x' is neither a URL as https://host:port nor one",
        ),
        (("--from", "http://a:b@x"), "--from: server holds a user name or a password"),
        (("--identifier", "é"), "--identifier holds characters other than printable ASCII"),
        (("--accounts", "none"), "--accounts: none cannot be read: No such file or directory"),
        (("--store", "memory:"), "store memory: belongs to one process"),
        (("--key-file", "none"), "none cannot be read"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_mistake_is_one_clear_line(
    pull: Invoke, url: str, changes: tuple[str, ...], line: str
) -> None:
    (told,) = refused(pull(url, ["user_0"], *changes))
    assert told.startswith(f"chatmarks: {line}")


def test_a_key_is_required(invoke: Invoke, tmp_path: Path, url: str) -> None:
    (tmp_path / "userids").write_text("user_0")
    result = invoke("pull", "--from", url, *APP, "--accounts", "userids")
    assert refused(result) == [
        "chatmarks: --key-file must name the file with the app's key, or CHATMARKS_APP_KEY hold it"
    ]


def test_a_report_that_cannot_be_written_is_told_first_where_that_can_be_seen(
    pull: Invoke, url: str
) -> None:
    (line,) = refused(pull(url, ["user_0"], "--report", "none/report.json"))
    assert line.endswith("--report: none/report.json cannot be written: there is no folder none")
    done = pull(url, ["user_0"], "--report", "/proc/report.json")
    assert done.exit_code == 2
    assert "chatmarks: --report: /proc/report.json cannot be written: No such file" in done.stderr


def test_without_the_packages_of_the_client_their_line_is_told(tmp_path: Path, url: str) -> None:
    (tmp_path / "userids").write_text("user_0")
    hidden = "import sys; sys.modules['httpx2'] = None; from chatmarks.cli import main; main()"
    for arguments in (
        ("pull", "--from", url, *APP, "--accounts", "userids"),
        ("push", "--to", url, *APP, "--accounts", "userids"),
        ("compare", url, url, *APP, "--accounts", "userids"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", hidden, *arguments],
            cwd=tmp_path,
            env={**os.environ, "CHATMARKS_APP_KEY": KEY},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert line.startswith("chatmarks: chatmarks.client needs httpx2, which is not installed; pip")
