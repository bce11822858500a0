"""`chatmarks sign`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from chatmarks.usersig import Ticket, decode, sign, verify
from harness import ADMIN, KEY, SDKAPPID

Invoke = Callable[..., Result]
WHO = ("--sdkappid", str(SDKAPPID), "--identifier", ADMIN)


def ticket(result: Result, key: str) -> Ticket:
    """The ticket that was printed, verified."""
    assert result.exit_code == 0, result.output
    return verify(
        result.output.strip(), sdkappid=SDKAPPID, identifier=ADMIN, keys=[key], now=time.time()
    )


def test_signs_with_the_key_of_the_environment_for_180_days(invoke: Invoke) -> None:
    assert ticket(invoke("sign", *WHO, CHATMARKS_APP_KEY=KEY), KEY).expire == 15552000


def test_signs_for_as_long_as_asked(invoke: Invoke) -> None:
    result = invoke("sign", *WHO, "--expire", "60", CHATMARKS_APP_KEY=KEY)
    assert ticket(result, KEY).expire == 60


def test_signs_with_a_key_in_a_file_which_a_flag_or_a_variable_names(
    invoke: Invoke, tmp_path: Path
) -> None:
    (tmp_path / "flag").write_text("of the flag\n")
    (tmp_path / "variable").write_text("of the variable\n")
    assert ticket(invoke("sign", *WHO, CHATMARKS_APP_KEY_FILE="variable"), "of the variable")
    both = invoke("sign", *WHO, "--key-file", "flag", CHATMARKS_APP_KEY=KEY)
    assert ticket(both, "of the flag")


def test_signs_with_the_newest_key_of_the_store(invoke: Invoke) -> None:
    made = invoke("app", "create", "--sdkappid", str(SDKAPPID)).output.split("key ")[1].strip()
    assert ticket(invoke("sign", *WHO), made)
    new = invoke("app", "update", "--sdkappid", str(SDKAPPID), "--new-key")
    assert ticket(invoke("sign", *WHO), new.output.split("key ")[1].strip())


def test_a_ticket_needs_no_store_when_the_key_is_given(invoke: Invoke, tmp_path: Path) -> None:
    assert decode(invoke("sign", *WHO, CHATMARKS_APP_KEY=KEY).output.strip()).identifier == ADMIN
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (WHO, "there is no store 'chatmarks.db'; chatmarks serve and chatmarks app create make one"),
        ((*WHO[:3], "ü"), "--identifier holds characters other than printable ASCII"),
        ((*WHO, "--key-file", "gone"), "gone cannot be read: No such file or directory"),
        (WHO[:2], "to sign, --sdkappid and --identifier are both required"),
        (WHO[2:], "to sign, --sdkappid and --identifier are both required"),
    ],
)
def test_a_mistake_is_one_clear_line(invoke: Invoke, arguments: tuple[str, ...], line: str) -> None:
    result = invoke("sign", *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"chatmarks: {line}")
    assert len(result.stderr.splitlines()) == 1


def test_an_app_that_the_store_does_not_have_is_said_so(invoke: Invoke) -> None:
    invoke("app", "create", "--sdkappid", "7")
    result = invoke("sign", *WHO)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"chatmarks: --sdkappid {SDKAPPID}: the store has no such app; ")


@pytest.mark.parametrize("expire", ["0", "-1", "soon"])
def test_a_lifetime_is_a_number_above_zero(invoke: Invoke, expire: str) -> None:
    result = invoke("sign", *WHO, "--expire", expire, CHATMARKS_APP_KEY=KEY)
    assert result.exit_code == 2
    assert "--expire" in result.stderr


def test_a_program_reads_the_ticket_and_its_end(invoke: Invoke) -> None:
    result = invoke("sign", *WHO, "--json", CHATMARKS_APP_KEY=KEY)
    printed = json.loads(result.stdout)
    made = verify(printed["usersig"], sdkappid=SDKAPPID, identifier=ADMIN, keys=[KEY], now=time.time())
    assert printed["expires_at"] == made.expires_at


@pytest.mark.parametrize("environ", [{"CHATMARKS_APP_KEY": "ü"}, {"CHATMARKS_APP_KEY_FILE": "empty"}])
def test_a_key_that_no_server_would_take_is_refused(
    invoke: Invoke, tmp_path: Path, environ: dict[str, str]
) -> None:
    (tmp_path / "empty").touch()
    result = invoke("sign", *WHO, **environ)
    assert result.exit_code == 2
    assert result.stderr.endswith(" must be printable ASCII of one character or more\n")


def fresh(key: str = KEY, expire: int = 600) -> str:
    return sign(SDKAPPID, ADMIN, key, now=int(time.time()) - 60, expire=expire)


def results(result: Result) -> dict[str, Any]:
    """What was printed of each check, by its name."""
    return {check["name"]: check for check in json.loads(result.stdout)["checks"]}


def test_a_good_ticket_passes_each_check_that_can_be_made(invoke: Invoke) -> None:
    result = invoke("sign", "--explain", fresh(), *WHO, "--json", CHATMARKS_APP_KEY=KEY)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["fine"] is True
    assert json.loads(result.stdout)["ticket"]["TLS.identifier"] == ADMIN
    assert [check["result"] for check in results(result).values()] == ["pass"] * 5


def test_what_is_not_given_is_not_checked_and_said_so(invoke: Invoke, tmp_path: Path) -> None:
    result = invoke("sign", "--explain", fresh())
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert 'TLS.identifier  "administrator"' in lines
    assert "app             not checked  needs --sdkappid" in lines
    assert "identifier      not checked  needs --identifier" in lines
    assert any(line.startswith("signature       not checked  needs the key") for line in lines)
    assert "expiry          pass" in lines
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("made", "arguments", "failed", "code", "mend"),
    [
        (fresh, ("--sdkappid", "7"), "app", 70014, "call with the sdkappid of the ticket"),
        (fresh, ("--identifier", "a"), "identifier", 70013, "call with the identifier of the"),
        (partial(fresh, "other"), (), "signature", 70009, "sign with a key that this app has now"),
        (partial(fresh, expire=1), (), "expiry", 70001, "sign anew, or for longer"),
        (lambda: fresh()[:-20], (), "decodes", 70003, "send it whole and unchanged"),
        (str, (), "decodes", 70002, "send a ticket"),
    ],
)
def test_each_check_that_fails_names_its_code_and_its_mend(
    invoke: Invoke,
    made: Callable[[], str],
    arguments: tuple[str, ...],
    failed: str,
    code: int,
    mend: str,
) -> None:
    explain = ("sign", "--explain", made(), *arguments)
    result = invoke(*explain, "--json", CHATMARKS_APP_KEY=KEY)
    assert result.exit_code == 1
    found = results(result)
    assert [name for name, check in found.items() if check["result"] == "fail"] == [failed]
    assert found[failed]["code"] == code
    assert found[failed]["mend"].startswith(mend)
    shown = invoke(*explain, CHATMARKS_APP_KEY=KEY)
    assert shown.exit_code == 1
    assert f" fail         {code} " in shown.stdout
    assert mend in shown.stdout


def test_a_ticket_is_held_against_every_key_that_the_store_has(invoke: Invoke) -> None:
    old = invoke("app", "create", "--sdkappid", str(SDKAPPID)).output.split("key ")[1].strip()
    invoke("app", "update", "--sdkappid", str(SDKAPPID), "--new-key")
    assert results(invoke("sign", "--explain", fresh(old), "--json"))["signature"]["result"] == "pass"
    wrong = invoke("sign", "--explain", fresh(), "--json")
    assert results(wrong)["signature"]["result"] == "fail"
    stranger = sign(7, ADMIN, KEY, now=int(time.time()))
    unknown = invoke("sign", "--explain", stranger, "--json")
    assert results(unknown)["signature"]["result"] == "not checked"
    assert "needs a ticket that decodes" in invoke("sign", "--explain", "eJ").stdout


def test_an_explanation_never_shows_a_key(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a key of my own")
    for more in ((), ("--json",)):
        for key in ("a key of my own", "another"):
            result = invoke("sign", "--explain", fresh(key), "--key-file", "key", *more)
            assert "a key of my own" not in result.output


def test_a_store_that_is_named_must_be_there_to_explain(invoke: Invoke) -> None:
    result = invoke("sign", "--explain", fresh(), "--store", "sqlite:///gone.db")
    assert result.exit_code == 2
    assert result.stderr.startswith("chatmarks: there is no store 'gone.db'")


def test_a_time_that_no_calendar_holds_is_shown_as_a_number(invoke: Invoke) -> None:
    ticket = sign(SDKAPPID, ADMIN, KEY, now=10**18, expire=1)
    result = invoke("sign", "--explain", ticket)
    assert "good until      1000000000000000001\n" in result.stdout
