"""The bytes of an answer as a typed value, or as the failure that they tell of."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Struct
from msgspec.inspect import ListType, Metadata, StructType, Type, UnionType, type_info

from chatmarks.client.errors import ChatError, NoAnswer

A = TypeVar("A")

_HTTP_OK, _HTTP_TIMEOUT, _HTTP_TOO_MANY, _HTTP_SERVER_ERRORS = 200, 408, 429, range(500, 600)

_LEFT_OUT = {"NextStartIndex": 0, "StandardMark": "", "ResultInfo": "", "ErrorInfo": ""}
"""What an answer of the real service may lack, and what that stands for. Production leaves out
`NextStartIndex` on the last page, and clients of the vendor do without the others. A list may be
missing, too, or null."""


class Nothing(Struct, frozen=True):
    """What a command answers with that has no fields but the base fields."""


class _Base(Struct, frozen=True):
    ErrorCode: int
    ErrorInfo: str | None = ""
    ActionStatus: str | None = ""


def read_answer(command: str, answer: type[A], body: bytes, request_id: str | None) -> A:
    """The answer of `command` in `body`.

    Numbers in strings count as numbers, as old tables of the documents have it, and unknown fields are
    passed over. Raises `ChatError` when the call was refused, `NoAnswer` when it is no answer.
    """
    try:
        base = _decoder(_Base).decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NoAnswer(command, "the answer has no ErrorCode", is_passing=False) from error
    if base.ErrorCode or base.ActionStatus == "FAIL":
        raise ChatError(base.ErrorCode, base.ErrorInfo or "", command, request_id)
    try:
        decoded: A = _decoder(cast("Any", answer)).decode(body)
    except msgspec.ValidationError:
        return _patiently_read(command, answer, body)
    return decoded


def _patiently_read(command: str, answer: type[A], body: bytes) -> A:
    """The same for an answer that lacks something."""
    try:
        whole = _completed(type_info(answer), msgspec.json.decode(body))
        return msgspec.convert(whole, answer, strict=False)
    except (msgspec.DecodeError, RecursionError) as error:
        reason = f"the call was done, but its answer is of another form: {error}"
        raise NoAnswer(command, reason, is_passing=False) from error


def wrong_status(command: str, status: int) -> NoAnswer | None:
    """What an HTTP status means to a caller; None for 200, which every answer of this API has."""
    if status == _HTTP_OK:
        return None
    reason = f"HTTP {status} came, where this API answers 200 always"
    unsure = status == _HTTP_TIMEOUT or status in _HTTP_SERVER_ERRORS
    return NoAnswer(command, reason, maybe_done=unsure, is_passing=unsure or status == _HTTP_TOO_MANY)


@lru_cache(64)
def _decoder(wanted: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(wanted, strict=False)


def _completed(shape: Type, value: object) -> object:
    """`value` with what the real service leaves out filled in, and nulls dropped."""
    match shape:
        case Metadata():
            return _completed(shape.type, value)
        case UnionType():
            inner = next((t for t in shape.types if isinstance(t, ListType | StructType)), None)
            return value if inner is None else _completed(inner, value)
        case ListType() if isinstance(value, list):
            return [_completed(shape.item_type, item) for item in value]
        case StructType() if isinstance(value, dict):
            return _completed_fields(shape, value)
    return value


def _completed_fields(shape: StructType, value: dict[str, Any]) -> dict[str, object]:
    whole: dict[str, object] = {}
    for field in shape.fields:
        name = field.encode_name
        if value.get(name) is not None:
            whole[name] = _completed(field.type, value[name])
        elif field.required and isinstance(field.type, ListType):
            whole[name] = []
        elif field.required and name in _LEFT_OUT:
            whole[name] = _LEFT_OUT[name]
    return whole
