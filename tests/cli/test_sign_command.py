"""`chatmarks sign`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from chatmarks.usersig import Ticket, decode, verify
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
