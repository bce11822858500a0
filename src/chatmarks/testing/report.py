"""The calls of a failed test, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import localtime, strftime
from typing import Any

import msgspec

from chatmarks.client.control_values import JournalCall

_CALLS_MAX = 30
_CHARACTERS_MAX = 500


def report(calls: Sequence[JournalCall]) -> str:
    """The last calls, each in a few lines; what is long is cut."""
    if not calls:
        return "its app was not called"
    lines: list[str] = []
    if len(calls) > _CALLS_MAX:
        lines.append(f"{len(calls) - _CALLS_MAX} calls before these are left out")
    for call in calls[-_CALLS_MAX:]:
        lines += _told(call)
    return "\n".join(lines)


def _told(call: JournalCall) -> Iterator[str]:
    at = f"{strftime('%H:%M:%S', localtime(call.time))}.{int(call.time % 1 * 1000):03}"
    code = "no answer" if call.code is None else call.code
    yield f"{at} {call.command or call.path} {code} ({call.ms:g} ms, {call.request_id})"
    yield f"  request {_short(call.request)}"
    yield f"  answer  {_short(call.answer)}"
    for reason in call.why:
        if reason["decided"] != "ok":
            yield f"  why     {_because(reason)}"


def _because(reason: dict[str, Any]) -> str:
    parts = [str(reason["decided"])]
    if "fault" in reason:
        parts.append(str(reason["fault"]))
    if "item" in reason:
        parts.append(f"for item {reason['item']}")
    if reason.get("code"):
        parts.append(f"{reason['code']} {reason.get('name', '')}".rstrip())
    failed = [check for check in reason.get("checks", ()) if check["passed"] is False]
    says = [reason.get("says", ""), *(f"{check['says']}; {check['mend']}" for check in failed)]
    return f"{', '.join(parts)}: {'; '.join(filter(None, says))}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _CHARACTERS_MAX else f"{text[:_CHARACTERS_MAX]}…"
