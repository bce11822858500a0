"""`chatmarks export` and `chatmarks import`."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chatmarks.book import Account, Edit, Peer, PeerType
from chatmarks.cli import main
from chatmarks.engines import open_store
from harness import NOW
from process import PROGRAM

Invoke = Callable[..., Result]

NEW = "sqlite:///new.db"


async def fill(url: str, accounts: int) -> None:
    store = await open_store(url)
    edit = Edit(Peer(PeerType.ACCOUNT, "bob"), set_marks=1 << 63, custom_mark="é")
    for number in range(accounts):
        account = Account(7, f"user{number}")
        await store.create_account(account)
        await store.update(account, lambda book: (book.with_edits([edit], NOW, "shared")[0], None))
    await store.close()


@pytest.fixture
def key(invoke: Invoke, tmp_path: Path) -> str:
    """The key of app 7 in the default store, which has four accounts."""
    made = invoke("app", "create", "--sdkappid", "7", "--json")
    assert made.exit_code == 0, made.output
    asyncio.run(fill(f"sqlite:///{tmp_path}/chatmarks.db", 3))
    return str(json.loads(made.stdout)["key"])


def refused(result: Result) -> str:
    """The last line of a refusal."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    line = result.stderr.splitlines()[-1]
    assert line.startswith("chatmarks: ")
    return str(line.removeprefix("chatmarks: "))


def content(path: Path) -> list[str]:
    """The lines of an export but the first one, which tells when it was written."""
    return path.read_text(encoding="utf-8").split("\n")[1:]


def test_an_export_is_taken_in_and_exported_again_the_same(
    invoke: Invoke, key: str, tmp_path: Path
) -> None:
    done = invoke("export", "--with-keys", "all.ndjson")
    assert (done.exit_code, done.output) == (0, "exported: accounts: 4, chat groups: 0, apps: 1\n")
    assert (tmp_path / "all.ndjson").stat().st_mode & 0o777 == 0o600
    taken = invoke("import", "all.ndjson", "--store", NEW)
    assert (taken.exit_code, taken.output) == (0, "imported: accounts: 4, chat groups: 0, apps: 1\n")
    assert invoke("verify", "--store", NEW).exit_code == 0
    assert invoke("export", "--with-keys", "again.ndjson", "--store", NEW).exit_code == 0
    assert content(tmp_path / "all.ndjson") == content(tmp_path / "again.ndjson")
    signed = [
        invoke("app", "list", "--json", "--store", store).stdout
        for store in ("sqlite:///chatmarks.db", NEW)
    ]
    assert signed[0] == signed[1]
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".db", ".db", ".ndjson", ".ndjson"]


def test_an_export_has_no_key_unless_it_was_asked_for(invoke: Invoke, key: str, tmp_path: Path) -> None:
    plain = invoke("export").stdout
    assert '"SealedKeys"' not in plain
    assert key not in plain
    assert '"SealedKeys"' in invoke("export", "--with-keys").stdout


def test_sealed_keys_stay_sealed_and_are_good_with_the_same_master_key(
    invoke: Invoke, tmp_path: Path
) -> None:
    (tmp_path / "master").write_bytes(os.urandom(32))
    master = {"CHATMARKS_MASTER_KEY_FILE": "master"}
    assert invoke("app", "create", "--sdkappid", "7", **master).exit_code == 0
    assert invoke("export", "--with-keys", "all.ndjson").exit_code == 0
    assert invoke("import", "all.ndjson", "--store", NEW).exit_code == 0
    sign = ("sign", "--sdkappid", "7", "--identifier", "administrator", "--store", NEW)
    assert invoke(*sign, **master).exit_code == 0
    assert "is sealed; CHATMARKS_MASTER_KEY_FILE" in refused(invoke(*sign))


def test_an_export_goes_through_pipes(key: str, tmp_path: Path) -> None:
    done = subprocess.run(
        f"{' '.join(PROGRAM)} export | gzip | gunzip | {' '.join(PROGRAM)} import - --store {NEW}",
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "imported: accounts: 4, chat groups: 0, apps: 1\n"
    assert done.stderr == "exported: accounts: 4, chat groups: 0, apps: 1\n"
    assert list(tmp_path.glob("*partial")) == []


def test_an_export_can_come_from_a_named_pipe(invoke: Invoke, key: str, tmp_path: Path) -> None:
    assert invoke("export", "all.ndjson").exit_code == 0
    os.mkfifo(tmp_path / "pipe")
    text = (tmp_path / "all.ndjson").read_bytes()
    writing = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(text,))
    writing.start()
    assert invoke("import", "pipe", "--store", NEW).exit_code == 0
    writing.join()


def test_one_app_is_exported_by_itself(invoke: Invoke, key: str) -> None:
    assert invoke("app", "create", "--sdkappid", "70").exit_code == 0
    lines = [json.loads(line) for line in invoke("export", "--app", "70").stdout.splitlines()]
    assert [line.get("SdkAppid") for line in lines] == [None, "70", "70", None]
    assert refused(invoke("export", "--app", "8")) == (
        "there is no app 8; chatmarks app list shows them"
    )


def test_a_file_is_not_replaced_without_force(invoke: Invoke, key: str, tmp_path: Path) -> None:
    (tmp_path / "all.ndjson").write_text("mine")
    assert refused(invoke("export", "all.ndjson")) == "'all.ndjson' exists; --force replaces it"
    assert (tmp_path / "all.ndjson").read_text() == "mine"
    assert invoke("export", "all.ndjson", "--force").exit_code == 0
    assert (tmp_path / "all.ndjson").stat().st_mode & 0o777 == 0o600
    assert refused(invoke("export", "/dev/null", "--force")) == (
        "'/dev/null' is no file; - is standard output"
    )
    assert "cannot be written: No such file or directory" in refused(invoke("export", "no/all.ndjson"))


def test_what_exists_is_refused_by_line_and_replaced_on_demand(
    invoke: Invoke, key: str, tmp_path: Path
) -> None:
    assert invoke("export", "all.ndjson").exit_code == 0
    before = (tmp_path / "chatmarks.db").read_bytes()
    result = invoke("import", "all.ndjson")
    assert refused(result) == (
        "what exists is only replaced with --replace, problems: 5; nothing was imported"
    )
    assert result.stderr.splitlines()[:2] == [
        "line 2: app 7 exists",
        "line 3: account 7:administrator exists",
    ]
    assert (tmp_path / "chatmarks.db").read_bytes() == before
    assert invoke("import", "--replace", "all.ndjson").exit_code == 0
    # An export without keys leaves the keys of an app alone.
    sign = ("sign", "--sdkappid", "7", "--identifier", "administrator")
    assert invoke(*sign).exit_code == 0


def test_of_bad_lines_20_are_shown_and_all_counted_and_no_store_is_made(
    invoke: Invoke, tmp_path: Path
) -> None:
    head = '{"chatmarks_export":1}'
    bad = '{"Line":"Account","SdkAppid":"7","UserID":"%s"}'
    lines = [head, *(bad % ("é" * number) for number in range(30))]
    (tmp_path / "bad.ndjson").write_text("\n".join(lines), encoding="utf-8")
    result = invoke("import", "bad.ndjson")
    assert refused(result) == ("'bad.ndjson' is no sound export, problems: 31; nothing was imported")
    assert result.stderr.startswith("line 2: account 7:: SdkAppid and UserID are no account\n")
    assert len(result.stderr.splitlines()) == 21
    assert [path.name for path in tmp_path.iterdir()] == ["bad.ndjson"]


def test_what_was_cut_off_on_its_way_is_refused(invoke: Invoke, key: str) -> None:
    whole = invoke("export").stdout
    cut = whole[: whole.rindex('{"Line":"End"')]
    result = CliRunner().invoke(main, ["import", "-", "--store", NEW], input=cut)
    assert refused(result) == "'-' is no sound export, problems: 1; nothing was imported"
    assert "the export was cut off" in result.stderr
    assert not Path("new.db").exists()


def test_a_file_that_is_not_there_is_refused(invoke: Invoke, tmp_path: Path) -> None:
    assert refused(invoke("import", "none.ndjson")) == (
        "'none.ndjson' cannot be read: No such file or directory"
    )
    assert "cannot be read" in refused(invoke("import", str(tmp_path)))
    assert "there is no store" in refused(invoke("export"))
    assert "belongs to one process" in refused(invoke("export", "--store", "memory:"))


def test_an_account_that_the_store_has_damaged_is_a_line_and_no_file(
    invoke: Invoke, key: str, tmp_path: Path
) -> None:
    import apsw

    connection = apsw.Connection(str(tmp_path / "chatmarks.db"))
    connection.execute("UPDATE account SET contact_groups = '{' WHERE owner = '7:user1'")
    connection.close()
    assert "a row cannot be moved" in refused(invoke("export", "all.ndjson"))
    assert [path.name for path in tmp_path.iterdir()] == ["chatmarks.db"]
