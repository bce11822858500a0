"""`chatmarks parity`, against real servers on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chatmarks.cli import main
from faulty import canned, proxy_before
from harness import ADMIN, KEY, SDKAPPID
from process import PROGRAM, Server, run, serving

SIX = {
    "group_name_bytes_max": 64,
    "pooling": "split",
    "unknown_account": "lenient",
    "unknown_chat_group": "lenient",
    "not_admin": 50003,
    "get_page_size": 50,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving("--store", f"sqlite:///{tmp_path_factory.mktemp('store')}/books.db") as running:
        yield running


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "key"
    file.write_text(KEY)
    return file


def parity(*arguments: str | Path, **environ: str) -> Result:
    return CliRunner().invoke(main, ["parity", *map(str, arguments)], env=environ)


def against(url: str, key_file: Path) -> tuple[str | Path, ...]:
    return ("--against", url, "--app", str(SDKAPPID), "--key-file", key_file, "--rate", "1000")


def refused(result: Result) -> str:
    """The one line of a refusal."""
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    return str(line.removeprefix("chatmarks: "))


def test_a_server_of_the_default_profile_is_exit_code_0(
    server: Server, key_file: Path, tmp_path: Path
) -> None:
    page = tmp_path / "parity.html"
    result = parity(
        *against(server.url, key_file), "--seed", "1", "--calls", "50", "--flood", "--report", page
    )
    assert result.exit_code == 0, result.output
    assert " seed 1: 0 refuted, 34 confirmed, 6 could not be told;" in result.stdout
    assert result.stdout.count("\n") == 1
    assert page.read_text().startswith("<!doctype html>")
    assert [file.name for file in tmp_path.iterdir() if "partial" in file.name] == []


def test_six_switches_that_are_set_differently_are_named_over_http(
    key_file: Path, tmp_path: Path
) -> None:
    store = f"sqlite:///{tmp_path}/books.db"
    page = tmp_path / "parity.html"
    with serving("--store", store) as server:
        sets = [f"--set={name}={value}" for name, value in SIX.items()]
        changed = run("app", "update", "--sdkappid", str(SDKAPPID), *sets, "--store", store)
        assert changed.returncode == 0, changed.stderr
        arguments = *against(server.url, key_file), "--seed", "2"
        result = parity(*arguments, "--json", "--report", page)
        assert result.exit_code == 1, result.output
        report: dict[str, Any] = json.loads(result.stdout)
        line = report["profile_line"]
        found = {item["name"]: item["value"] for item in report["switches"]}
        defaults = {item["name"]: item["default"] for item in report["switches"]}
        assert {name: value for name, value in found.items() if value != defaults[name]} == SIX
        assert report["differences"] == []
        assert report["left"] == []
        assert line in page.read_text()
        shown = parity(*arguments, "--calls", "0")
        again = run(*line.split()[1:], environ={"CHATMARKS_STORE": store})
        assert again.returncode == 0, again.stderr
    lines = shown.stdout.splitlines()
    named = [each.partition(":")[0] for each in lines if each.startswith("switch ")]
    assert named == [f"switch {name}" for name in SIX]
    assert lines[-1] == line
    for text in (result.output, shown.output, page.read_text()):
        assert KEY not in text
        assert "usersig=" not in text.lower()
        assert "eJ" not in text, "the beginning of every ticket"


def test_a_server_that_does_not_answer_is_exit_code_2(server: Server, key_file: Path) -> None:
    with proxy_before(server.url) as proxy:
        url = proxy.url
    assert "gave no answer to im_open_login_svc/account_check" in refused(
        parity(*against(url, key_file))
    )


def test_a_terminal_gets_nothing_to_act_on_from_a_server(server: Server, key_file: Path) -> None:
    answer = {"ErrorCode": 70009, "ErrorInfo": "\x1b[2J\r\n\u202eno"}
    with proxy_before(server.url) as proxy:
        proxy.faults = [canned(json.dumps(answer).encode())]
        text = refused(parity(*against(proxy.url, key_file)))
    assert text == "im_open_login_svc/account_check answered 70009 ?[2J???no"


def test_a_wrong_key_is_told_and_shown_nowhere(server: Server, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text(KEY[::-1])
    text = refused(parity(*against(server.url, wrong)))
    assert text.startswith(
        "im_open_login_svc/account_check answered 70009 UserSig verification Failed."
    )
    assert KEY[::-1] not in text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--against", "ftp://x"), "--against: 'ftp://x' is not of the form http://host:port"),
        (("--identifier", "é"), "--identifier holds characters other than printable ASCII"),
        (("--report", "/no/such/folder/a.html"), "--report /no/such/folder/a.html: a file in a folder"),
        (
            ("--against", "https://adminapisgp.im.qcloud.com"),
            "is not this machine: parity makes accounts",
        ),
    ],
)
def test_mistakes_are_one_line_each_and_nothing_is_asked(
    key_file: Path, arguments: tuple[str, ...], text: str
) -> None:
    # Nobody listens on this port, so that a call would be told.
    given = ("--against", "http://127.0.0.1:9", "--app", "1", "--key-file", str(key_file))
    assert text in refused(parity(*given, *arguments))


def test_without_a_key_it_says_where_one_may_be_given() -> None:
    text = refused(parity("--against", "http://127.0.0.1:9", "--app", "1"))
    assert (
        text == "no key: --key-file, CHATMARKS_APP_KEY or CHATMARKS_APP_KEY_FILE gives that of the app"
    )


def test_a_run_that_is_interrupted_deletes_what_it_made(server: Server, key_file: Path) -> None:
    arguments = map(str, (*against(server.url, key_file), "--seed", "9", "--rate", "30"))
    environ = {name: value for name, value in os.environ.items() if "CHATMARKS" not in name}
    process = subprocess.Popen(
        [*PROGRAM, "parity", *arguments], env=environ, stderr=subprocess.PIPE, text=True
    )
    body = {"CheckItem": [{"UserID": "parity-9-friend1"}]}
    command = ("im_open_login_svc/account_check", json.dumps(body))
    caller = ("--url", server.url, "--sdkappid", str(SDKAPPID), "--identifier", ADMIN)

    def status() -> str:
        shown = run("call", *caller, *command, environ={"CHATMARKS_APP_KEY": KEY})
        return str(json.loads(shown.stdout)["ResultItem"][0]["AccountStatus"])

    while status() != "Imported":
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert errors == "chatmarks: stopped; what this run made at the server was deleted again\n"
    assert process.returncode == 2
    assert status() == "NotImported"


def test_without_the_client_it_says_what_to_install(key_file: Path) -> None:
    given = ["parity", "--against", "http://127.0.0.1:9", "--app", "1", "--key-file", str(key_file)]
    lacking = "import sys; sys.modules['httpx2'] = None; from chatmarks.cli import main; main()"
    done = subprocess.run(
        [PROGRAM[0], "-c", lacking, *given], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    reason = "chatmarks parity needs httpx2, which is not installed; pip install 'chatmarks[client]'"
    assert done.stderr == f"chatmarks: {reason}\n"
