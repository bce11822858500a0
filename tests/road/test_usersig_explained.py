"""An explained ticket: all checks at once, and never another verdict than that of `verify`."""

from __future__ import annotations

import base64
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmarks.errors import Fail
from chatmarks.usersig import CHECKS, explained, sign, verify
from harness import ADMIN, KEY, NOW, SDKAPPID

TICKET = sign(SDKAPPID, ADMIN, KEY, now=NOW, expire=60)


@given(
    usersig=st.sampled_from([TICKET, TICKET[:-9], "", sign(7, "b", "c", now=NOW, expire=60)]),
    sdkappid=st.sampled_from([SDKAPPID, 7]),
    identifier=st.sampled_from([ADMIN, "b"]),
    keys=st.lists(st.sampled_from([KEY, "c", "d"]), min_size=1, max_size=2),
    now=st.sampled_from([NOW, NOW + 60, NOW + 60.9, NOW + 61]),
)
def test_the_first_failure_is_the_one_that_a_server_answers(
    usersig: str, sdkappid: int, identifier: str, keys: list[str], now: float
) -> None:
    found = explained(usersig, sdkappid=sdkappid, identifier=identifier, keys=keys, now=now)
    assert [check.name for check in found.checks] == list(CHECKS)
    fails = [check.fail for check in found.checks if check.fail]
    assert found.fine == (not fails)
    refusals = []
    try:
        verify(usersig, sdkappid=sdkappid, identifier=identifier, keys=keys, now=now)
    except Fail as fail:
        refusals.append((fail.code, fail.info))
    assert refusals == [(fail.code, fail.info) for fail in fails[:1]]


def test_all_failures_are_found_not_only_the_first() -> None:
    found = explained(TICKET, sdkappid=7, identifier="b", keys=["c"], now=NOW + 61)
    assert [check.fail is None for check in found.checks] == [True, False, False, False, False]
    assert all(check.mend for check in found.checks if check.fail)


def test_without_anything_to_compare_with_only_form_and_expiry_are_checked() -> None:
    found = explained(TICKET, now=NOW)
    assert [check.done for check in found.checks] == [True, False, False, False, True]
    assert found.fine
    assert not explained(TICKET, now=NOW + 61).fine


def test_a_ticket_that_does_not_decode_is_checked_no_further() -> None:
    found = explained("nonsense", sdkappid=SDKAPPID, identifier=ADMIN, keys=[KEY], now=NOW)
    assert found.ticket is None
    assert [check.done for check in found.checks] == [True, False, False, False, False]


@pytest.mark.parametrize(
    ("fields", "mend"),
    [
        ({"TLS.version": "201512300000"}, "make it with a generator of TLSSigAPIv2"),
        (None, "send it whole and unchanged"),
    ],
)
def test_the_mend_tells_another_form_from_a_damaged_ticket(
    fields: dict[str, str] | None, mend: str
) -> None:
    text = json.dumps(fields) if fields else "{"
    usersig = (
        base64.b64encode(zlib.compress(text.encode())).decode().translate(str.maketrans("+/=", "*-_"))
    )
    assert explained(usersig, now=NOW).checks[0].mend.startswith(mend)
