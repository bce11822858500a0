"""The clock and the faults of an app, on a server that testers control."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from chatmarks.console.calling import app_of
from chatmarks.console.page import Unfit, Visit, go, number, wrong
from chatmarks.control.app_routes import Clock, ClockChange
from chatmarks.control.parts import Parts
from chatmarks.control.refused import Refused
from chatmarks.control.rules import Rule
from chatmarks.errors import shown


async def clock(visit: Visit) -> Response:
    """Move the clock of an app, let it stand, or let it go."""
    parts, what = _control(visit), visit.field("do")
    found = await app_of(visit.console, number(visit.field("sdkappid"), "sdkappid"))
    changed = Clock(parts.upkeep, parts.clocks).changed
    facts: dict[str, Any] = {}
    if what == "move":
        facts["seconds"] = _seconds(visit.field("seconds"))
        changed(found.sdkappid, ClockChange(move_seconds=facts["seconds"]))
    elif what in ("freeze", "run"):
        changed(found.sdkappid, ClockChange(frozen=what == "freeze"))
    elif what == "let_go":
        parts.clocks.let_go(found.sdkappid)
    else:
        raise wrong("do", what, "move, freeze, run, let_go")
    visit.note("clock", sdkappid=found.sdkappid, change=what, **facts)
    return go("/apps/app", sdkappid=found.sdkappid)


async def fault(visit: Visit) -> Response:
    """Add a rule about the calls of an app, or take one away."""
    faults = _control(visit).faults
    found = await app_of(visit.console, number(visit.field("sdkappid"), "sdkappid"))
    if visit.field("do") == "remove":
        name = visit.field("name")
        mine = {state.name for state in faults.states() if state.when.sdkappid == found.sdkappid}
        if name not in mine or not faults.remove(name):
            raise Unfit(404, "error.no_rule", name=shown(name), sdkappid=found.sdkappid)
        visit.note("remove fault", sdkappid=found.sdkappid, name=name)
    else:
        state = faults.add(_rule(visit, found.sdkappid))
        effect = msgspec.to_builtins(state.effect)
        visit.note("add fault", sdkappid=found.sdkappid, name=state.name, effect=effect)
    return go("/apps/app", sdkappid=found.sdkappid)


def _rule(visit: Visit, sdkappid: int) -> Rule:
    """The rule that a form asks for. Raises `Refused`, also where it makes no sense."""
    kind = visit.field("kind")
    effect: dict[str, Any] = {"kind": kind}
    if kind in ("answer", "items"):
        effect["code"] = _whole(visit, "code")
    if kind == "rate":
        effect["of"] = "command"
    if kind == "latency":
        effect["ms"] = _whole(visit, "ms")
    if visit.field("kept") and kind in ("answer", "drop", "latency"):
        effect["kept"] = True
    when: dict[str, Any] = {"sdkappid": sdkappid}
    if command := visit.field("command"):
        when["command"] = command
    if visit.field("times").strip():
        when["times"] = _whole(visit, "times")
    try:
        return msgspec.convert({"when": when, "effect": effect}, Rule)
    except msgspec.ValidationError as error:
        raise Refused(400, str(error).replace("`", "")) from error


def _whole(visit: Visit, name: str) -> int:
    text = visit.field(name).strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004 - below 2**31
        raise wrong(name, text, "0-999999999")
    return int(text)


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise wrong("seconds", text, "0.5, -3600, …") from error


def _control(visit: Visit) -> Parts:
    if visit.console.control is None:
        raise Unfit(404, "apps.no_control")
    return visit.console.control
