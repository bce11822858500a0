"""What is around every call: the query of its URL, the JSON of its body, the base fields of its answer.

Documents 269/1519 and 1047/34620.
"""

from __future__ import annotations

import json
import re
import sys
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import Struct
from msgspec.inspect import ListType, Metadata, StructType, Type, type_info

from chatmarks.command import Command, Outcome
from chatmarks.errors import Code, Fail
from chatmarks.limits import ERROR_INFO_CHARACTERS_MAX

_OK = b'"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}'

_LOOKED_AT = (b"sdkappid", b"identifier", b"usersig")

_QUERIES_MAX = 1024
_QUERY_BYTES_MAX = 2048

_encoder = msgspec.json.Encoder()


class Caller(NamedTuple):
    """Who calls, as the URL says it; None where a parameter is missing. Nothing is verified."""

    sdkappid: str | None
    identifier: str | None
    usersig: str | None


def parse_query(query: bytes) -> Caller:
    """Read the query of a URL. Order is free; names and values are case-sensitive; `random` and
    `contenttype` are not looked at. Raises `Fail` 60002 when it cannot be parsed."""
    if len(query) > _QUERY_BYTES_MAX:
        return _parsed(query)
    # Without `random`, which is another in every call, a server meets the same few.
    before, random, after = query.partition(b"random=")
    if random and (not before or before.endswith(b"&")):
        query = before + after.partition(b"&")[2]
    return _remembered(query)


def _parsed(query: bytes) -> Caller:
    values: dict[bytes, str] = {}
    try:
        for part in query.split(b"&"):
            name, _, value = part.partition(b"=")
            if b"%" in name:
                name = unquote_to_bytes(name)
            if name in _LOOKED_AT:
                # Not unquote_plus: "+" is a character of standard base64 and never a space here.
                values[name] = unquote_to_bytes(value).decode()
    except UnicodeDecodeError as error:
        raise Fail(Code.HTTP_UNPARSABLE, "HTTP parse Error") from error
    return Caller(*map(values.get, _LOOKED_AT))


_remembered = lru_cache(_QUERIES_MAX)(_parsed)


def decode_body(command: Command, body: bytes) -> Any:
    """The request of `command` in `body`.

    Raises `Fail`: 60003 for what is no JSON, 60015 for an account field that is no string, the bad
    parameter of the command's service, or its code of that field, for any other wrong shape.
    """
    try:
        text = body.decode()
        try:
            return command.decoder.decode(text)
        except msgspec.DecodeError:
            return _decode_slowly(command, text)
    except UnicodeDecodeError as error:
        raise Fail(
            Code.BODY_NOT_JSON, f"the body is not UTF-8: byte {error.start} is invalid"
        ) from error
    except RecursionError as error:
        raise Fail(Code.BODY_NOT_JSON, "the JSON of the body is nested too deeply") from error


def _decode_slowly(command: Command, text: str) -> Any:
    """Find out what is wrong with a body that is not of its command's shape.

    The fast decoder stops at the first wrong field. Only reading on tells whether the rest is JSON,
    whether an account is no string, and whether a later key of the same name repairs it.
    """
    if not text:
        raise Fail(Code.BODY_NOT_JSON, "the body is empty; send {} at least")
    try:
        # The standard library reads numbers of any size, in whatever field they stand.
        value = json.loads(text, parse_int=_integer, parse_constant=_no_constant)
    except ValueError as error:
        raise Fail(Code.BODY_NOT_JSON, f"the body is not JSON: {error}") from error
    if wrong := _account_not_string(type_info(command.request), value, ""):
        raise Fail(Code.ACCOUNT_NOT_STRING, wrong)
    try:
        request = msgspec.convert(value, command.request)
    except UnicodeEncodeError as error:
        # Raised for half a pair where there should be something else than a string.
        wrong = _half_a_pair(value, "") or str(error)
        raise Fail(command.service.bad_parameter, wrong) from error
    except msgspec.ValidationError as error:
        sentence = _sentence(error)
        raise Fail(_code_of(command, sentence), sentence) from error
    if wrong := _half_a_pair(msgspec.to_builtins(request), ""):
        raise Fail(command.service.bad_parameter, wrong)
    return request


def _integer(digits: str) -> int | float:
    """An integer; one with more digits than Python reads is no integer that a field could hold."""
    return int(digits) if len(digits) <= sys.get_int_max_str_digits() else float("inf")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _account_not_string(shape: Type, value: object, path: str) -> str | None:
    """Where an account in `value` is no string, as a sentence; None when all are."""
    match shape:
        case Metadata(extra={"account": True}) if not isinstance(value, str):
            return f"{path} is not a string but: {_JSON_NAMES.get(type(value), 'number')}"
        case StructType() if isinstance(value, dict):
            inner = [
                (field.type, value[field.name], _join(path, field.name))
                for field in shape.fields
                if field.name in value
            ]
        case ListType() if isinstance(value, list):
            inner = [(shape.item_type, item, f"{path}[{number}]") for number, item in enumerate(value)]
        case _:
            return None
    return next(filter(None, (_account_not_string(*part) for part in inner)), None)


def _half_a_pair(value: object, path: str) -> str | None:
    """Where a string in `value` holds half of a surrogate pair, as a sentence; None when none does.

    JSON has an escape for it, but no character of UTF-8 is half of one.
    """
    inner: list[tuple[object, str]] = []
    match value:
        case str():
            if _SURROGATE.search(value):
                return f"{path} holds half of a surrogate pair, which is no character"
        case dict():
            if any(map(_SURROGATE.search, value)):
                return f"a name in {path or 'the body'} holds half of a surrogate pair"
            inner = [(item, _join(path, name)) for name, item in value.items()]
        case list():
            inner = [(item, f"{path}[{number}]") for number, item in enumerate(value)]
    return next(filter(None, (_half_a_pair(*part) for part in inner)), None)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


_JSON_NAMES = {dict: "object", list: "array", bool: "boolean", type(None): "null"}

_SURROGATE = re.compile("[\ud800-\udfff]")
_MISSING = re.compile(r"Object missing required field `(\w+)`(?: - at `\$\.?(.*)`)?")
_FIELD = re.compile(r"(\w+)([\[.]?)")
_WRONG = re.compile(r"(.*?)(?: - at `\$\.?(.*)`)?", re.DOTALL)


def _code_of(command: Command, sentence: str) -> Code:
    """The code of a field that is missing or of another type; `sentence` begins with its name."""
    found = _FIELD.match(sentence)
    assert found
    name, inside = found.groups()
    code = command.service.of_fields.get(f"{name}[]" if inside else name)
    return code or command.service.bad_parameter


def _sentence(error: msgspec.ValidationError) -> str:
    """The decoder's complaint, beginning with the name of the field."""
    if found := _MISSING.fullmatch(str(error)):
        name, parent = found.groups()
        return f"{parent}.{name} is missing" if parent else f"{name} is missing"
    found = _WRONG.fullmatch(str(error))
    assert found
    what, path = found.groups()
    complaint = what.replace("`", "")
    return f"{path or 'the body'}: {complaint[:1].lower()}{complaint[1:]}"


def encode_answer(payload: Struct | None) -> bytes:
    """The bytes of a successful answer: the payload's fields, then the four base fields."""
    if payload is None:
        return b"{" + _OK
    # Looked at, not cut: an answer can have a hundred kilobytes.
    return b"".join((memoryview(_encoder.encode(payload))[:-1], b",", _OK))


def encode_failure(fail: Fail | Outcome) -> bytes:
    """The bytes of a refused call: the four base fields and nothing else."""
    return _encoder.encode(
        {
            "ActionStatus": "FAIL",
            "ErrorCode": fail.code,
            "ErrorInfo": fail.info[:ERROR_INFO_CHARACTERS_MAX],
            "ErrorDisplay": "",
        }
    )
