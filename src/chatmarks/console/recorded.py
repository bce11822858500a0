"""Recorded calls as files: as golden exchanges, and as a script of curl."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlencode

import msgspec

from chatmarks.commands import COMMANDS
from chatmarks.console.trying import is_read
from chatmarks.control.noted import TEXT_BYTES_MAX, Noted
from chatmarks.envelope import parse_query
from chatmarks.golden import Exchange, Step

EXPORT_BYTES_MAX = 8 << 20
"""Bytes of an export, at most: the steps of each call are in its line, so lines grow with the calls."""


def golden_lines(calls: Sequence[Noted], *, only_last: bool) -> str:
    """Calls in the form of the golden exchanges, a line of JSON each; the steps of each are the calls
    of its app before it that changed something. What is no JSON, or was cut, is left out, and so is
    what an export has no room for."""
    lines: list[bytes] = []
    steps: dict[int | None, list[Step]] = {}
    sizes: Counter[int | None] = Counter()
    room = EXPORT_BYTES_MAX
    for call in calls:
        exchange = _exchange(call, steps.get(call.sdkappid, []))
        if exchange is None:
            continue
        if not only_last or call is calls[-1]:
            room -= sizes[call.sdkappid] + len(call.request) + len(call.answer or b"")
            if room < 0:
                break
            lines.append(msgspec.json.encode(exchange) + b"\n")
        sizes[call.sdkappid] += len(call.request)
        if call.code == 0 and not is_read(COMMANDS[call.command]):
            step = Step(exchange.at, exchange.command, exchange.request)
            steps[call.sdkappid] = [*steps.get(call.sdkappid, []), step]
    return b"".join(lines).decode()


def _exchange(call: Noted, steps: list[Step]) -> Exchange | None:
    whole = call.answer is not None and max(len(call.request), len(call.answer)) <= TEXT_BYTES_MAX
    if not whole or call.command not in COMMANDS:
        return None
    try:
        request, answer = msgspec.json.decode(call.request), msgspec.json.decode(call.answer or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(request, dict):
        return None
    return Exchange("own", [], steps, int(call.now), call.command, request, answer)


def curl_script(url: str, calls: Sequence[Noted]) -> str:
    """Calls as a shell script, which takes the ticket from the variable USERSIG."""
    lines = ["#!/bin/sh", "set -eu", ": ${USERSIG:?}", f"URL={shlex.quote(url)}", ""]
    for call in calls:
        caller = parse_query(call.query.encode())
        query = urlencode({"sdkappid": caller.sdkappid or "", "identifier": caller.identifier or ""})
        target = f'"$URL"{shlex.quote(call.path)}"?{query}&usersig=$USERSIG&random=1&contenttype=json"'
        body = shlex.quote(call.request.decode(errors="replace"))
        lines.append(f"curl --globoff --data-raw {body} {target}\necho")
    return "\n".join([*lines, ""])
