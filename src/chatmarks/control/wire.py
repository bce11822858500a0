"""Bodies and answers of the control API: JSON in and out, and refusals that name the field."""

from __future__ import annotations

import re
from asyncio import timeout
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.structs import fields
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from chatmarks.control.refused import Refused, in_range
from chatmarks.errors import shown
from chatmarks.limits import BODY_SECONDS_MAX

BODY_BYTES_MAX = 1 << 20
"""Of a body, but for seeds."""

Wanted = TypeVar("Wanted", bound=Struct)

_AT = re.compile(r"(.*?)(?: - at `\$\.?(.*)`)?", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_REQUIRED = re.compile(r"Object missing required field `(.*)`")


def answer(value: Any, status: int = 200) -> Response:
    """An answer of JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def refusal(refused: Refused) -> Response:
    """The answer to a request that is refused."""
    told = {"error": refused.message}
    if refused.field:
        told["field"] = refused.field
    return answer(told, refused.status)


async def body_of(request: Request, bytes_max: int = BODY_BYTES_MAX) -> bytes:
    """The body. Raises `Refused` 413 when it is too large, 408 when it is not whole in time."""
    chunks, size = [], 0
    try:
        async with timeout(BODY_SECONDS_MAX):
            async for chunk in request.stream():
                size += len(chunk)
                if size > bytes_max:
                    raise too_large(bytes_max)
                chunks.append(chunk)
    except (TimeoutError, ClientDisconnect) as error:
        raise too_slow() from error
    return b"".join(chunks)


def too_large(bytes_max: int) -> Refused:
    """The refusal of a body of more than `bytes_max`."""
    return Refused(413, f"the body has more than {bytes_max} bytes, which are allowed")


def too_slow(seconds_max: float = BODY_SECONDS_MAX) -> Refused:
    """The refusal of a body that did not come to its end."""
    return Refused(408, f"the body was not whole within {seconds_max:g} seconds")


async def asked(request: Request, wanted: type[Wanted]) -> Wanted:
    """What the body asks for; an empty one is `{}`. Raises `Refused` 400 that names the field."""
    body = await body_of(request) or b"{}"
    try:
        return msgspec.json.decode(body, type=wanted)
    except msgspec.ValidationError as error:
        raise _refused(str(error), wanted) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, f"the body is not JSON: {error}") from error


def _refused(complaint: str, wanted: type[Struct]) -> Refused:
    found = _AT.fullmatch(complaint)
    assert found
    what, path = found[1], found[2] or ""
    if unknown := _UNKNOWN.fullmatch(what):
        field = f"{path}.{unknown[1]}" if path else unknown[1]
        known = ", ".join(each.encode_name for each in fields(_at(wanted, path)))
        return Refused(400, f"{shown(field)} is unknown; known: {known}", field[:200])
    if missing := _REQUIRED.fullmatch(what):
        field = f"{path}.{missing[1]}" if path else missing[1]
        return Refused(400, f"{field} is missing", field)
    what = what.replace("`", "")
    if what.startswith("Invalid enum value") and (allowed := _choices(wanted, path)):
        what = f"{what} is unknown; known: {', '.join(allowed)}"
    return Refused(400, f"{path or 'the body'}: {what[:1].lower()}{what[1:]}", path)


def _choices(wanted: type[Struct], path: str) -> list[str]:
    """The texts that the field at `path` may be."""
    parent, _, name = path.rpartition(".")
    kind = next(each.type for each in fields(_at(wanted, parent)) if each.encode_name == name)
    kinds = [kind, *get_args(kind)]
    return [text for each in kinds if get_origin(each) is Literal for text in get_args(each)]


def _at(wanted: type[Struct], path: str) -> type[Struct]:
    """The struct at `path` below `wanted`."""
    for name in filter(None, re.sub(r"\[.*?\]", "", path).split(".")):
        kind = next(each.type for each in fields(wanted) if each.encode_name == name)
        wanted = next(part for part in (kind, *get_args(kind)) if _is_struct(part))
    return wanted


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def parameter(request: Request, name: str, least: int, most: int) -> int | None:
    """A whole number of the query, None when it is not there."""
    text = request.query_params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most))):
        wrong = f"{name} is {shown(text)}; a whole number, {least} to {most}, is allowed"
        raise Refused(400, wrong, name)
    in_range(name, int(text), least, most)
    return int(text)


def check_parameters(request: Request, *known: str) -> None:
    """Refuse a query with a parameter of another name: a filter that is misspelt filters nothing."""
    for name in request.query_params:
        if name not in known:
            allowed = ", ".join(known) or "none"
            raise Refused(400, f"{shown(name)} is unknown; known: {allowed}", name[:200])
