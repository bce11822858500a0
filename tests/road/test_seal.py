"""Secret keys in their envelopes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatmarks.seal import Seal, SealError
from harness import KEY, SDKAPPID

MASTER = b"m" * 32


def test_without_a_master_key_the_key_lies_plain_behind_a_zero() -> None:
    assert Seal().seal(SDKAPPID, KEY) == b"\x00" + KEY.encode()


def test_a_plain_envelope_opens_with_and_without_a_master_key() -> None:
    envelope = Seal().seal(SDKAPPID, KEY)
    assert Seal().open(SDKAPPID, envelope) == KEY
    assert Seal(MASTER).open(SDKAPPID, envelope) == KEY


def test_with_a_master_key_the_envelope_begins_with_a_one_and_hides_the_key() -> None:
    envelope = Seal(MASTER).seal(SDKAPPID, KEY)
    assert envelope[0] == 1
    assert KEY.encode() not in envelope
    assert len(envelope) == 1 + 12 + len(KEY) + 16


def test_sealing_a_key_twice_gives_two_envelopes() -> None:
    seal = Seal(MASTER)
    envelopes = {seal.seal(SDKAPPID, KEY) for _ in range(10)}
    assert len(envelopes) == 10
    assert len({envelope[1:13] for envelope in envelopes}) == 10


@given(sdkappid=st.integers(0, 2**63 - 1), key=st.text(), master=st.none() | st.binary(min_size=32))
@settings(deadline=None)
def test_what_was_sealed_opens_to_the_same_key(sdkappid: int, key: str, master: bytes | None) -> None:
    envelope = Seal(master).seal(sdkappid, key)
    assert Seal(master).open(sdkappid, envelope) == key


def test_every_byte_of_the_master_key_counts() -> None:
    envelope = Seal(b"m" * 64).seal(SDKAPPID, KEY)
    with pytest.raises(SealError):
        Seal(b"m" * 63 + b"n").open(SDKAPPID, envelope)


def test_another_master_key_does_not_open_an_envelope() -> None:
    envelope = Seal(MASTER).seal(SDKAPPID, KEY)
    with pytest.raises(SealError, match="damaged or was sealed with another master key"):
        Seal(b"n" * 32).open(SDKAPPID, envelope)


def test_no_master_key_does_not_open_a_sealed_envelope_and_names_the_setting() -> None:
    envelope = Seal(MASTER).seal(SDKAPPID, KEY)
    with pytest.raises(SealError, match="CHATMARKS_MASTER_KEY_FILE"):
        Seal().open(SDKAPPID, envelope)


def test_a_sealed_envelope_does_not_open_for_another_app() -> None:
    envelope = Seal(MASTER).seal(SDKAPPID, KEY)
    with pytest.raises(SealError):
        Seal(MASTER).open(SDKAPPID + 1, envelope)


@pytest.mark.parametrize("size", [0, 1, 31])
def test_a_master_key_under_32_bytes_is_refused(size: int) -> None:
    with pytest.raises(SealError, match=f"has {size} bytes; 32 at least"):
        Seal(b"m" * size)


def test_a_master_key_of_32_bytes_is_accepted() -> None:
    assert Seal(b"m" * 32).open(SDKAPPID, Seal(b"m" * 32).seal(SDKAPPID, KEY)) == KEY


@pytest.mark.parametrize("scheme", [2, 3, 48, 255])
def test_a_scheme_that_nobody_knows_is_refused(scheme: int) -> None:
    with pytest.raises(SealError, match=f"scheme {scheme:02x}"):
        Seal(MASTER).open(SDKAPPID, bytes([scheme]) + KEY.encode())


@pytest.mark.parametrize("position", range(1 + 12 + len(KEY) + 16))
def test_a_sealed_envelope_with_a_changed_byte_does_not_open(position: int) -> None:
    envelope = bytearray(Seal(MASTER).seal(SDKAPPID, KEY))
    for bit in range(8):
        envelope[position] ^= 1 << bit
        with pytest.raises(SealError):
            Seal(MASTER).open(SDKAPPID, bytes(envelope))
        envelope[position] ^= 1 << bit


@pytest.mark.parametrize("size", range(1 + 12 + len(KEY) + 16))
def test_a_truncated_sealed_envelope_does_not_open(size: int) -> None:
    envelope = Seal(MASTER).seal(SDKAPPID, KEY)
    with pytest.raises(SealError):
        Seal(MASTER).open(SDKAPPID, envelope[:size])


def test_a_plain_envelope_that_is_no_text_does_not_open() -> None:
    with pytest.raises(SealError):
        Seal().open(SDKAPPID, b"\x00\xff\xfe")
