"""`chatmarks compare` of real servers and stores."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from msgspec.structs import replace

from chatmarks.book import Book
from cli.moves import APP, BOOK, EMPTY, FRIEND, ROOM, fill, refused
from faulty import code, proxy_before
from harness import KEY, NOW, SDKAPPID
from process import serving

Invoke = Callable[..., Result]

FRIENDLY = BOOK.entries[FRIEND]


def befriended(**fields: Any) -> Book:
    """`BOOK` with other data of `friend`."""
    return replace(BOOK, entries={**BOOK.entries, FRIEND: replace(FRIENDLY, **fields)})


@pytest.fixture
def compare(invoke: Invoke) -> Callable[..., Result]:
    def run(a: str, b: str, *arguments: str, accounts: str = "all") -> Result:
        return invoke("compare", a, b, *APP, "--accounts", accounts, *arguments, CHATMARKS_APP_KEY=KEY)

    return run


@pytest.mark.parametrize(
    ("other", "told", "by_field"),
    [
        (replace(BOOK, entries=dict(reversed(list(BOOK.entries.items())))), [], {}),
        (
            befriended(marks=0),
            [f"user 1:friend: StandardMark: '1{62 * '0'}1' at A, '' at B"],
            {"StandardMark": 1},
        ),
        (
            befriended(custom_mark="a\nb"),
            ["user 1:friend: CustomMark: 'é' at A, 'a\\\\nb' at B"],
            {"CustomMark": 1},
        ),
        (
            befriended(groups=2, updated_at=NOW + 1),
            [
                "user 1:friend: ContactGroupId: 'early, late' at A, 'early' at B",
                f"user 1:friend: Timestamp: '{NOW}' at A, '{NOW + 1}' at B",
            ],
            {"ContactGroupId": 1, "Timestamp": 1},
        ),
        (
            Book({"late": 1, "early": 3}, BOOK.entries, 6),
            [
                "user late: GroupId: '3' at A, '1' at B",
                "user early: GroupId: '1' at A, '3' at B",
                f"user 2:{ROOM}: ContactGroupId: 'early' at A, 'late' at B",
            ],
            {"GroupId": 2, "ContactGroupId": 1},
        ),
        (
            Book({"late": 3, "new": 1}, {FRIEND: FRIENDLY}, 6),
            [
                "user early: GroupName: '1' at A, '' at B",
                "user new: GroupName: '' at A, '1' at B",
                "user 1:friend: ContactGroupId: 'early, late' at A, 'late, new' at B",
                f"user 2:{ROOM}: ContactItem: 'there' at A, '' at B",
            ],
            {"GroupName": 2, "ContactItem": 1, "ContactGroupId": 1},
        ),
    ],
    ids=["order", "marks", "custom mark", "groups and time", "ids", "names and conversations"],
)
def test_each_field_that_differs_is_told_and_counted(
    compare: Invoke, tmp_path: Path, other: Book, told: list[str], by_field: dict[str, int]
) -> None:
    a, b = (fill(tmp_path, name, {"user": book}) for name, book in (("a", BOOK), ("b", other)))
    done = compare(a, b)
    assert done.exit_code == bool(told), done.output
    assert done.stdout.splitlines()[: len(told)] == told
    assert done.stdout.splitlines()[-1] == (
        f"differences: {len(told)}; compared: accounts: 1, conversations: 2"
    )
    assert json.loads(compare(a, b, "--json").stdout)["by_field"] == by_field
    if by_field:
        ignored = compare(a, b, "--ignore", ", ".join(by_field))
        assert (ignored.exit_code, ignored.stdout.splitlines()) == (
            0,
            ["differences: 0; compared: accounts: 1, conversations: 2"],
        )


def test_accounts_of_either_store_are_compared_and_many_differences_are_counted(
    compare: Invoke, tmp_path: Path
) -> None:
    a = fill(tmp_path, "a", {f"only_a_{n}": EMPTY for n in range(20)} | {"both": BOOK})
    b = fill(tmp_path, "b", {f"only_b_{n}": EMPTY for n in range(20)} | {"both": BOOK})
    done = compare(a, b)
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert len(lines) == 22
    assert "only_a_0: Account: 'there' at A, '' at B" in lines
    assert lines[-2:] == [
        "by field: Account: 40",
        "differences: 40; compared: accounts: 41, conversations: 2",
    ]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving("--store", fill(tmp_path_factory.mktemp("a"), "a", {"user": BOOK})) as running:
        yield running.url


def test_a_server_is_compared_with_a_store_of_another_app(
    compare: Invoke, invoke: Invoke, tmp_path: Path, server: str
) -> None:
    b = fill(tmp_path, "b", {"user": BOOK})
    (tmp_path / "userids").write_text("user\nnobody\n")
    done = compare(server, b, accounts="userids")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "differences: 0; compared: accounts: 2, conversations: 2, on neither side: 1"
    ]
    moved = fill(tmp_path, "moved", {})
    other = ("--app", "1400000009", "--app-b", str(SDKAPPID), "--identifier-b", "administrator")
    (tmp_path / "key").write_text(KEY)
    done = compare(moved, server, *other, "--key-file-b", "key", accounts="userids")
    assert done.stdout.splitlines()[0] == "user: Account: '' at A, 'there' at B"


def test_an_account_that_cannot_be_read_is_no_equal_one(
    compare: Invoke, tmp_path: Path, server: str
) -> None:
    (tmp_path / "userids").write_text("user\n")
    with proxy_before(server) as proxy:
        proxy.faults.append(code(50002))
        done = compare(server, proxy.url, "--report", "report.json", accounts="userids")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "differences: 0; compared: accounts: 0, conversations: 0",
        "could not be read: 1",
        "  user: 50002 a fault",
    ]
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["unread"] == [{"UserID": "user", "code": 50002, "text": "a fault"}]
    assert report["calls"] == 2


def test_mistakes_are_told_in_a_line(
    compare: Invoke, invoke: Invoke, tmp_path: Path, server: str
) -> None:
    a = fill(tmp_path, "a", {"user": BOOK})
    told = {
        (a, "books.db"): "chatmarks: B is 'books.db'; a server (http://…, https://… or a region) or a"
        " store (sqlite:///path, postgresql://…) is allowed",
        ("memory:", a): "chatmarks: A: store memory: belongs to one process and cannot be compared",
        (server, server): "chatmarks: --accounts all: neither A nor B is a store; name a file with"
        " UserIDs",
    }
    for (first, second), line in told.items():
        assert refused(compare(first, second)) == [line]
    assert refused(compare(a, a, "--ignore", "Times"))[0].startswith(
        "chatmarks: --ignore: there is no field 'Times'; Account, GroupName,"
    )
    (line,) = refused(compare(a, "sqlite:///none.db"))
    assert "none.db" in line
    (line,) = refused(invoke("compare", a, server, *APP, "--accounts", "all"))
    assert line == "chatmarks: B is a server; --key-file must name the file with the app's key"
    with proxy_before(server) as proxy:
        proxy.faults.append(code(70009))
        (line,) = refused(compare(a, proxy.url))
    assert "70009" in line
