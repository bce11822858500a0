"""A call as the journal keeps it, and as it is shown: without tickets, and with the reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from chatmarks.errors import CODES

TEXT_BYTES_MAX = 256 << 10
"""Of one request, or one answer, that is kept."""

CALL_BYTES = 1000
"""What a call takes beside its request and its answer, about."""

_CUT = "…"


class Checked(Struct, frozen=True):
    """A check of a ticket: None when it was not made. `mend` says what to do about a failure."""

    check: str
    passed: bool | None
    says: str | UnsetType = UNSET
    mend: str | UnsetType = UNSET


class Noted(Struct, frozen=True, gc=False):
    """A call as it is kept. `time`: Unix seconds at its arrival, `now`: what its app's clock showed;
    `code`: its `ErrorCode`, None when the connection ended without an answer; `done_code`: the same of
    what the server would have answered, None where nothing was done; `faults`: the rules that
    struck it, and `failed_by` those that made an item fail; `checks`: of its ticket, where that was
    refused."""

    time: float
    now: float
    request_id: str
    method: str
    path: str
    command: str
    query: str
    source: str
    sdkappid: int | None
    account: str | None
    request: bytes
    answer: bytes | None
    code: int | None
    done_code: int | None
    ms: float
    faults: tuple[str, ...] = ()
    failed_by: Mapping[int, str] = {}
    decided_by: str = ""
    checks: tuple[Checked, ...] = ()


_OTHERS = rb"(?:sdkappid|identifier|random|contenttype)=[^&]*"
_AS_CLIENTS_SEND_IT = re.compile(rb"(?:%b&)*usersig=([^&]*)(?:&%b)*" % (_OTHERS, _OTHERS))
"""A query of nothing but the documented parameters, each name as it is documented."""


def query_without_ticket(query: bytes) -> tuple[str, list[bytes]]:
    """A query without the values of `usersig`, however it is spelt, and those values."""
    if plain := _AS_CLIENTS_SEND_IT.fullmatch(query):
        value = plain[1]
        shown = query[: plain.start(1)] + _CUT.encode() + query[plain.end(1) :]
        return shown.decode(errors="replace"), [value, unquote_to_bytes(value)]
    parts, tickets = [], []
    for part in query.split(b"&"):
        name, separator, value = part.partition(b"=")
        if unquote_to_bytes(name).strip().lower() == b"usersig" and separator:
            tickets += [value, unquote_to_bytes(value)]
            part = name + b"=" + _CUT.encode()  # noqa: PLW2901 - it is what is kept of it
        parts.append(part)
    return b"&".join(parts).decode(errors="replace"), tickets


def without(text: bytes, tickets: list[bytes]) -> bytes:
    """A request or an answer without the tickets, and cut where it is too long."""
    for ticket in tickets:
        if len(ticket) >= _TICKET_BYTES_MIN and ticket in text:
            text = text.replace(ticket, _CUT.encode())
    return text[: TEXT_BYTES_MAX + 1]


_TICKET_BYTES_MIN = 16
"""What is shorter is no ticket, and may be part of anything."""


def told(call: Noted, cursor: str) -> dict[str, Any]:
    """A call as it is shown."""
    request, request_cut = _shown(call.request)
    answer, answer_cut = (None, False) if call.answer is None else _shown(call.answer)
    shown: dict[str, Any] = {
        "cursor": cursor,
        "time": round(call.time, 3),
        "now": round(call.now, 3),
        "request_id": call.request_id,
        "method": call.method,
        "path": call.path,
        "command": call.command,
        "query": call.query,
        "source": call.source,
        "sdkappid": call.sdkappid,
        "account": call.account,
        "request": request,
        "answer": answer,
        "code": call.code,
        "done_code": call.done_code,
        "ms": call.ms,
        "faults": call.faults,
        "why": list(_reasons(call, None if answer_cut else call.answer)),
    }
    if request_cut or answer_cut:
        shown["cut"] = [name for name, cut in (("request", request_cut), ("answer", answer_cut)) if cut]
    return shown


def _shown(text: bytes) -> tuple[Any, bool]:
    """A text as JSON where it is JSON, and whether it was cut."""
    if len(text) > TEXT_BYTES_MAX:
        return text[:TEXT_BYTES_MAX].decode(errors="replace"), True
    try:
        msgspec.json.decode(text)
        text.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return text.decode(errors="replace"), False
    return Raw(text), False


def _reasons(call: Noted, answer: bytes | None) -> Iterator[dict[str, Any]]:
    """Why a call went as it did: what decided it, or each item that failed, or "ok"."""
    found: dict[str, Any] = {}
    if answer is not None:
        decoded = msgspec.json.decode(answer)
        found = decoded if isinstance(decoded, dict) else {}
    if call.code is None:
        yield {"decided": "fault", "fault": call.decided_by, "says": "the connection was dropped"}
    elif call.decided_by or call.code:
        reason = _reason(call.code, str(found.get("ErrorInfo", "")))
        if call.decided_by:
            reason |= {"decided": "fault", "fault": call.decided_by}
        if call.checks:
            reason["checks"] = call.checks
        yield reason
    else:
        failed = {position: _reason(code, info) for position, code, info in _failed_items(found)}
        # Some items fail without a code of their own, as those of `FailAccounts`.
        for position in sorted({*failed, *call.failed_by}):
            by = call.failed_by.get(position)
            reason = failed.get(position, {}) | {"item": position}
            yield reason | ({"decided": "fault", "fault": by} if by else {})
        if not failed and not call.failed_by:
            yield {"decided": "ok"}


def _reason(code: int, info: str) -> dict[str, Any]:
    reason: dict[str, Any] = {"decided": "rule", "code": code, "says": info}
    known = CODES.get(code)
    if known is None:
        return reason
    return reason | {"name": known.name, "meaning": known.meaning, "document": known.document}


def _failed_items(value: Any) -> Iterator[tuple[int, int, str]]:
    """The items of an answer that failed: position, code and text."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _failed_items(inner)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            if isinstance(item, dict):
                code = item.get("ResultCode", item.get("ErrorCode", 0))
                if code:
                    yield position, code, str(item.get("ResultInfo", item.get("ErrorInfo", "")))
            yield from _failed_items(item)
