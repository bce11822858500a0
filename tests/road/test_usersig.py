"""UserSig: made, decoded and verified, also those that other people's generators made."""

from __future__ import annotations

import base64
import json
import time
import tracemalloc
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
import TLSSigAPIv2  # type: ignore[import-untyped]  # The package has no types.
from hypothesis import given, settings
from hypothesis import strategies as st

from chatmarks.errors import Code, Fail
from chatmarks.usersig import ILLEGAL, WRONG_KEY, Ticket, decode, sign, signature, verify
from harness import ADMIN, KEY, NOW, SDKAPPID

LIFETIME = 15552000
OTHER_KEY = "f" * 64

PUBLISHED = (
    "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkElNyM-Myi0uKEkvyi2BKilOyEwsKMlOACgxNDKAAKpdaUZBZlAqSMTU1NUKI"
    "l2TmgkXN0dQXZ6aD7PFyrqpIzHOz8AsJiUgsNcnVNsqwLC8zT4-0yqv0yy7ONajINfRzjQg1MjexVaoFANTGNgc_"
)

FIELDS: dict[str, Any] = {
    "TLS.ver": "2.0",
    "TLS.identifier": ADMIN,
    "TLS.sdkappid": SDKAPPID,
    "TLS.expire": LIFETIME,
    "TLS.time": NOW,
    "TLS.sig": "JCzxanF8NTTXau4m+2h9wv7gYJnyNksm0xm1NEXU274=",
}


def wrap(packed: bytes) -> str:
    return base64.b64encode(packed).translate(bytes.maketrans(b"+/=", b"*-_")).decode()


def unwrap(ticket: str) -> bytes:
    return base64.b64decode(ticket.encode().translate(bytes.maketrans(b"*-_", b"+/=")))


def pack(fields: object, level: int = 6) -> str:
    return wrap(zlib.compress(json.dumps(fields).encode(), level))


def signed(key: str = KEY, **fields: Any) -> dict[str, Any]:
    """The fields of a ticket, given without `TLS.`, with the right signature under `key`."""
    values: dict[str, Any] = {
        "identifier": ADMIN,
        "sdkappid": SDKAPPID,
        "time": NOW,
        "expire": LIFETIME,
    } | fields
    ticket = Ticket("2.0", signature="", **values)
    return {
        "TLS.ver": "2.0",
        **{f"TLS.{name}": value for name, value in values.items()},
        "TLS.sig": signature(key, ticket),
    }


def check(ticket: str, *, now: float = NOW, keys: tuple[str, ...] = (KEY,)) -> Ticket:
    return verify(ticket, sdkappid=SDKAPPID, identifier=ADMIN, keys=keys, now=now)


def refusal(ticket: str, *, now: float = NOW, keys: tuple[str, ...] = (KEY,)) -> tuple[int, str]:
    with pytest.raises(Fail) as caught:
        check(ticket, now=now, keys=keys)
    return caught.value.code, caught.value.info


def test_the_signature_is_that_of_the_official_algorithm() -> None:
    ticket = Ticket("2.0", ADMIN, "", SDKAPPID, NOW, LIFETIME)
    assert signature(KEY, ticket) == "JCzxanF8NTTXau4m+2h9wv7gYJnyNksm0xm1NEXU274="


def test_a_userbuf_is_signed_too() -> None:
    ticket = Ticket("2.0", ADMIN, "", SDKAPPID, NOW, LIFETIME, "AQID")
    assert signature(KEY, ticket) == "PwZEXfMdbhFo+cmvBSaMVxhwDmsaYXCLEpar9jyzeVM="


def test_the_published_ticket_decodes_to_its_fields() -> None:
    assert decode(PUBLISHED) == Ticket("2.0", ADMIN, FIELDS["TLS.sig"], SDKAPPID, NOW, LIFETIME)


def test_the_published_ticket_is_accepted() -> None:
    assert check(PUBLISHED).expires_at == NOW + LIFETIME


def test_a_ticket_with_a_userbuf_is_accepted() -> None:
    fields = FIELDS | {
        "TLS.userbuf": "AQID",
        "TLS.sig": "PwZEXfMdbhFo+cmvBSaMVxhwDmsaYXCLEpar9jyzeVM=",
    }
    assert check(pack(fields)).userbuf == "AQID"


def test_an_empty_userbuf_is_part_of_what_is_signed() -> None:
    assert check(pack(signed(userbuf=""))).userbuf == ""
    assert refusal(pack(FIELDS | {"TLS.userbuf": ""}))[0] == 70009


def test_a_ticket_made_here_lasts_180_days_unless_told() -> None:
    assert decode(sign(SDKAPPID, ADMIN, KEY, now=NOW)).expire == 15552000


def test_a_ticket_made_here_has_the_documented_keys_and_no_userbuf() -> None:
    assert json.loads(zlib.decompress(unwrap(sign(SDKAPPID, ADMIN, KEY, now=NOW)))) == FIELDS


@given(
    sdkappid=st.integers(0, 2**63 - 1),
    identifier=st.text(max_size=40),
    key=st.text(min_size=1, max_size=70),
    now=st.integers(0, 2**40),
    expire=st.integers(0, 2**40),
)
@settings(deadline=None)
def test_what_is_signed_here_is_accepted_here(
    sdkappid: int, identifier: str, key: str, now: int, expire: int
) -> None:
    made = sign(sdkappid, identifier, key, now=now, expire=expire)
    ticket = verify(made, sdkappid=sdkappid, identifier=identifier, keys=[key], now=now + expire)
    assert (ticket.sdkappid, ticket.identifier) == (sdkappid, identifier)
    assert (ticket.time, ticket.expire) == (now, expire)
    assert not set(made) & set("+/=%& ")


# Failures, their texts and their order.


def test_an_empty_ticket_is_70002() -> None:
    assert refusal("") == (Code.USERSIG_EMPTY, "the UserSig is missing or empty")


def test_what_does_not_decode_is_70003_with_the_real_text() -> None:
    assert refusal("nonsense") == (
        70003,
        "The UserSig in use is illegal. Please regenerate UserSig through official API",
    )


def test_another_key_is_70009_with_the_real_text() -> None:
    assert refusal(PUBLISHED, keys=(OTHER_KEY,)) == (
        70009,
        (
            "UserSig verification Failed. The UserSig in use maybe generated by Secret Key from other"
            " SDKAppID. Please regenerate UserSig by Secret Key from its own SDKAppID."
        ),
    )


def test_another_identifier_is_70013_in_the_words_that_clients_look_for() -> None:
    code, info = refusal(pack(signed(identifier="Administrator")))
    assert code == 70013
    assert "does not match the Usersig" in info


def test_another_app_is_70014_and_both_apps_are_named() -> None:
    code, info = refusal(pack(signed(sdkappid=SDKAPPID + 1)))
    assert code == 70014
    assert "1400000000" in info
    assert "1400000001" in info


def test_an_expired_ticket_is_70001_in_the_words_that_clients_look_for() -> None:
    code, info = refusal(PUBLISHED, now=NOW + LIFETIME + 1)
    assert code == 70001
    assert "The UserSig in use is expired" in info
    assert "1715552000" in info


def test_a_ticket_is_good_in_its_last_second_and_not_one_later() -> None:
    assert check(PUBLISHED, now=NOW + LIFETIME).time == NOW
    assert refusal(PUBLISHED, now=NOW + LIFETIME + 1)[0] == 70001


def test_a_ticket_from_the_future_is_accepted() -> None:
    assert check(PUBLISHED, now=NOW - 10**6).time == NOW


DEFECTS: list[tuple[int, dict[str, Any]]] = [
    (70014, {"sdkappid": SDKAPPID + 1}),
    (70013, {"identifier": "somebody"}),
    (70009, {"key": OTHER_KEY}),
    (70001, {"time": NOW - LIFETIME - 1}),
]


@pytest.mark.parametrize("later", range(4))
@pytest.mark.parametrize("earlier", range(4))
def test_app_comes_before_identifier_before_key_before_expiry(earlier: int, later: int) -> None:
    if earlier > later:
        earlier, later = later, earlier
    fields = signed(**(DEFECTS[earlier][1] | DEFECTS[later][1]))
    assert refusal(pack(fields))[0] == DEFECTS[earlier][0]


def test_a_ticket_that_does_not_decode_is_70003_whatever_else_is_wrong() -> None:
    fields = signed(key=OTHER_KEY, sdkappid=1, identifier="somebody", time=0)
    assert refusal(pack(fields)[:-8])[0] == 70003


def test_either_of_two_keys_is_accepted() -> None:
    for key in (KEY, OTHER_KEY):
        assert check(pack(signed(key)), keys=(KEY, OTHER_KEY)).identifier == ADMIN
    assert refusal(pack(signed("e" * 64)), keys=(KEY, OTHER_KEY))[0] == 70009


def test_an_app_without_keys_accepts_no_ticket() -> None:
    assert refusal(PUBLISHED, keys=()) == (70009, WRONG_KEY)


@pytest.mark.parametrize("key", [bytes.fromhex(KEY).hex().upper(), KEY + "\n", KEY[:-1]])
def test_a_key_is_text_of_which_every_character_counts(key: str) -> None:
    assert refusal(PUBLISHED, keys=(key,))[0] == 70009


@pytest.mark.parametrize(
    "given_signature",
    ["", "JCzx", FIELDS["TLS.sig"].lower(), FIELDS["TLS.sig"] + "=", FIELDS["TLS.sig"][:-1], "é" * 44],
)
def test_a_signature_that_is_not_the_one_is_70009(given_signature: str) -> None:
    assert refusal(pack(FIELDS | {"TLS.sig": given_signature}))[0] == 70009


# What a verifier has to put up with.


@pytest.mark.parametrize("level", [0, 1, 9])
def test_any_level_of_compression_is_accepted(level: int) -> None:
    assert check(pack(FIELDS, level)).identifier == ADMIN


def test_stored_blocks_with_a_newline_at_the_end_are_accepted() -> None:
    text = json.dumps(FIELDS, separators=(",", ":")).encode() + b"\n"
    assert check(wrap(zlib.compress(text, 0))).identifier == ADMIN


def test_the_order_of_the_keys_is_free() -> None:
    assert check(pack(dict(reversed(FIELDS.items())))).identifier == ADMIN


@pytest.mark.parametrize("layout", [{"indent": 4}, {"separators": (",", ":")}])
def test_the_spacing_of_the_json_is_free(layout: dict[str, Any]) -> None:
    text = json.dumps(FIELDS, **layout).encode()
    assert check(wrap(zlib.compress(text))).identifier == ADMIN


def test_keys_that_nobody_knows_are_ignored() -> None:
    assert check(pack(FIELDS | {"TLS.more": [{"a": None}], "": 1})).identifier == ADMIN


def test_zero_valued_keys_may_be_left_out() -> None:
    fields = signed(time=0, expire=0, sdkappid=0)
    for name in ("TLS.time", "TLS.expire", "TLS.sdkappid"):
        del fields[name]
    ticket = verify(pack(fields), sdkappid=0, identifier=ADMIN, keys=[KEY], now=0)
    assert (ticket.time, ticket.expire, ticket.sdkappid) == (0, 0, 0)


def test_an_identifier_that_is_not_ascii_is_signed_as_utf_8() -> None:
    fields = signed(identifier="中文管理员")
    ticket = verify(pack(fields), sdkappid=SDKAPPID, identifier="中文管理员", keys=[KEY], now=NOW)
    assert ticket.identifier == "中文管理员"


def test_bytes_after_the_zlib_stream_are_ignored() -> None:
    assert check(wrap(unwrap(PUBLISHED) + b"more")).identifier == ADMIN


# What does not decode.


@pytest.mark.parametrize("length", range(1, len(PUBLISHED)))
def test_a_truncated_ticket_is_illegal(length: int) -> None:
    assert refusal(PUBLISHED[:length]) == (70003, ILLEGAL)


@pytest.mark.parametrize("ticket", ["é", "\x00", "\ud800", " ", PUBLISHED + "é", PUBLISHED + "\n"])
def test_characters_outside_the_alphabet_are_illegal(ticket: str) -> None:
    assert refusal(ticket)[0] == 70003


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b'"text"', b"7", b"{}", b"{", b"\xff", b"{}x"])
def test_a_ticket_whose_content_is_no_ticket_is_illegal(text: bytes) -> None:
    assert refusal(wrap(zlib.compress(text)))[0] == 70003


def test_bytes_after_the_json_are_illegal() -> None:
    assert refusal(wrap(zlib.compress(json.dumps(FIELDS).encode() + b"x")))[0] == 70003


def test_a_ticket_that_was_not_deflated_is_illegal() -> None:
    assert refusal(wrap(json.dumps(FIELDS).encode()))[0] == 70003


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TLS.ver", 2.0),
        ("TLS.identifier", 1),
        ("TLS.identifier", None),
        ("TLS.sdkappid", "1400000000"),
        ("TLS.sdkappid", 1400000000.0),
        ("TLS.time", "1700000000"),
        ("TLS.time", 1700000000.5),
        ("TLS.time", True),
        ("TLS.expire", None),
        ("TLS.expire", [LIFETIME]),
        ("TLS.userbuf", None),
        ("TLS.userbuf", {"0": 1}),
        ("TLS.sig", None),
        ("TLS.sig", ["a"]),
    ],
)
def test_a_value_of_a_wrong_type_is_illegal(name: str, value: object) -> None:
    assert refusal(pack(FIELDS | {name: value}))[0] == 70003


@pytest.mark.parametrize("name", ["TLS.ver", "TLS.identifier", "TLS.sig"])
def test_a_ticket_without_a_text_is_illegal(name: str) -> None:
    fields = {key: value for key, value in FIELDS.items() if key != name}
    assert refusal(pack(fields))[0] == 70003


def test_a_ticket_of_the_old_signature_scheme_is_illegal() -> None:
    fields = {
        "TLS.account_type": "0",
        "TLS.identifier": ADMIN,
        "TLS.appid_at_3rd": "0",
        "TLS.sdk_appid": str(SDKAPPID),
        "TLS.expire_after": str(LIFETIME),
        "TLS.version": "201512300000",
        "TLS.time": str(NOW),
        "TLS.sig": base64.b64encode(b"\x30" * 70).decode(),
    }
    assert refusal(pack(fields)) == (70003, ILLEGAL)


def test_json_that_is_nested_deeply_is_illegal() -> None:
    text = json.dumps(FIELDS)[:-1] + ',"more":' + "[" * 30000 + "]" * 30000 + "}"
    assert refusal(wrap(zlib.compress(text.encode())))[0] == 70003


@pytest.mark.parametrize(("digits", "code"), [(4300, 70014), (4301, 70003), (20000, 70003)])
def test_a_number_of_thousands_of_digits_is_refused(digits: int, code: int) -> None:
    text = json.dumps(FIELDS).replace("1400000000", "9" * digits)
    assert refusal(wrap(zlib.compress(text.encode())))[0] == code


def test_times_of_thousands_of_digits_can_be_told_as_expired() -> None:
    longest = 1 - 10**4299
    assert refusal(pack(signed(time=longest, expire=longest), 9))[0] == 70001


# Bounds.


def test_a_ticket_may_inflate_to_64_kib_and_not_to_more() -> None:
    text = json.dumps(FIELDS).encode()
    assert check(wrap(zlib.compress(text.ljust(65536)))).identifier == ADMIN
    assert refusal(wrap(zlib.compress(text.ljust(65537))))[0] == 70003


def test_a_ticket_may_have_8192_characters_and_not_more() -> None:
    text = json.dumps(FIELDS).encode()
    largest, larger = (wrap(zlib.compress(text.ljust(size), 0)) for size in (6133, 6134))
    assert (len(largest), len(larger)) == (8192, 8196)
    assert check(largest).identifier == ADMIN
    assert refusal(larger)[0] == 70003


def test_a_bomb_of_1_mib_is_refused_without_inflating_it() -> None:
    ticket = wrap(zlib.compress(bytes(1 << 20), 9))
    assert len(ticket) < 8192
    assert peak_of_refusing(ticket) < 1 << 19


def test_a_bomb_of_1_gib_is_refused_without_inflating_it() -> None:
    deflater = zlib.compressobj(9)
    block = deflater.compress(bytes(1 << 20)) + deflater.flush(zlib.Z_FULL_FLUSH)
    again = deflater.compress(bytes(1 << 20)) + deflater.flush(zlib.Z_FULL_FLUSH)
    ticket = wrap(block + again * 1023 + deflater.flush())
    assert peak_of_refusing(ticket) < 1 << 22


def peak_of_refusing(ticket: str) -> int:
    """The most bytes of memory that refusing `ticket` as illegal took."""
    tracemalloc.start()
    try:
        assert refusal(ticket)[0] == 70003
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


KEYS_OF_TICKETS = st.sampled_from([*FIELDS, "TLS.userbuf", "TLS.more"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(ticket=st.text() | st.text(alphabet="*-_AZaz09=+/") | st.binary().map(wrap))
@settings(deadline=None)
def test_any_text_as_a_ticket_is_refused_and_nothing_else(ticket: str) -> None:
    assert refusal(ticket)[0] in {70002, 70003}


@given(content=st.binary(), level=st.integers(0, 9))
@settings(deadline=None)
def test_any_bytes_in_a_ticket_are_refused_and_nothing_else(content: bytes, level: int) -> None:
    assert refusal(wrap(zlib.compress(content, level))) == (70003, ILLEGAL)


@given(changes=st.dictionaries(KEYS_OF_TICKETS, JSON))
@settings(deadline=None)
def test_any_json_in_a_ticket_is_accepted_or_refused_and_nothing_else(changes: dict[str, Any]) -> None:
    with suppress(Fail):
        assert check(pack(FIELDS | changes)).signature == FIELDS["TLS.sig"]


@given(position=st.integers(0, len(PUBLISHED) - 1), character=st.characters(codec="ascii"))
@settings(deadline=None)
def test_a_changed_character_never_makes_a_ticket_of_somebody_else(
    position: int, character: str
) -> None:
    with suppress(Fail):
        changed = PUBLISHED[:position] + character + PUBLISHED[position + 1 :]
        assert check(changed) == decode(PUBLISHED)


# Other people's generators.


@pytest.mark.parametrize("identifier", [ADMIN, "a b/c+d*e-f_g=%", "中文管理员", "x" * 32])
def test_tickets_of_the_python_generator_are_accepted(identifier: str) -> None:
    made = TLSSigAPIv2.TLSSigAPIv2(SDKAPPID, KEY).gen_sig(identifier, 86400)
    ticket = verify(made, sdkappid=SDKAPPID, identifier=identifier, keys=[KEY], now=time.time())
    assert ticket.expire == 86400
    assert ticket.identifier == identifier


def test_tickets_of_the_python_generator_with_a_userbuf_are_accepted() -> None:
    made = TLSSigAPIv2.TLSSigAPIv2(SDKAPPID, KEY).gen_sig_with_userbuf(ADMIN, 86400, b"\x00\xff\xfe")
    assert check(made, now=time.time()).userbuf == "AP/+"


def test_tickets_made_here_are_read_by_the_python_generators_own_decoder() -> None:
    packed = TLSSigAPIv2.base64_decode_url(sign(SDKAPPID, ADMIN, KEY, now=NOW).encode())
    assert json.loads(zlib.decompress(packed)) == FIELDS


NPM = json.loads((Path(__file__).parent / "npm_tickets.json").read_text())


@pytest.mark.parametrize("recorded", NPM["tickets"], ids=lambda recorded: recorded["identifier"])
def test_tickets_of_the_node_generator_are_accepted_until_they_expire(recorded: dict[str, Any]) -> None:
    made, who, last = (
        recorded["ticket"],
        recorded["identifier"],
        recorded["time"] + recorded["expire"],
    )
    ticket = verify(made, sdkappid=NPM["sdkappid"], identifier=who, keys=[NPM["key"]], now=last)
    assert (ticket.time, ticket.expire) == (recorded["time"], recorded["expire"])
    assert (ticket.userbuf is not msgspec.UNSET) == ("room" in recorded)
    with pytest.raises(Fail) as caught:
        verify(made, sdkappid=NPM["sdkappid"], identifier=who, keys=[NPM["key"]], now=last + 1)
    assert caught.value.code == 70001


def test_the_recorded_tickets_say_who_made_them() -> None:
    assert (NPM["package"], NPM["version"]) == ("tls-sig-api-v2", "1.0.2")
    assert sum("room" in recorded for recorded in NPM["tickets"]) == 2
