"""Apps: made, their keys rotated, their administrators, their profile switch by switch."""

from __future__ import annotations

import secrets
import typing
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from starlette.responses import Response

from chatmarks.app_changes import (
    KEY_BYTES,
    CannotChange,
    fingerprint,
    fingerprints,
    networks,
    with_admins,
    with_keys,
    with_profile,
)
from chatmarks.commands import COMMANDS
from chatmarks.console.calling import app_of
from chatmarks.console.page import Visit, go, number, wrong
from chatmarks.control.app_data import NewApp, make_app
from chatmarks.limits import KEYS_PER_APP_MAX, PROFILES, Profile, resolved_profile
from chatmarks.store import App


class Switch(Struct, frozen=True):
    """A switch of a profile: the values it may have, none where it is a number; what the profile says,
    and what the app says apart from it, None for nothing."""

    name: str
    choices: Sequence[str]
    of_profile: str
    own: str | None


async def apps(visit: Visit) -> Response:
    """All apps, and a form for a new one."""
    found = await visit.console.store.apps()
    return visit.page("apps.html", apps=found, profiles=tuple(PROFILES))


async def make(visit: Visit) -> Response:
    """Make an app, and show its key this once."""
    text = visit.field("sdkappid").strip()
    wanted = NewApp(
        sdkappid=number(text, "sdkappid") if text else None,
        admins=(visit.field("admin").strip(),),
        profile=visit.field("profile"),
    )
    made = await make_app(visit.console.store, visit.console.seal, wanted)
    visit.console.forget(made.sdkappid)
    visit.note("make app", sdkappid=made.sdkappid, admins=wanted.admins, profile=wanted.profile)
    return await page(visit, await app_of(visit.console, made.sdkappid), key=made.key)


async def app(visit: Visit) -> Response:
    """One app."""
    return await page(visit, await app_of(visit.console, number(visit.asked("sdkappid"), "sdkappid")))


async def page(visit: Visit, found: App, key: str | None = None) -> Response:
    """The page of an app. `key`: one that was just made."""
    control = visit.console.control
    return visit.page(
        "app.html",
        app=found,
        key=key,
        key_name=fingerprint(key) if key else "",
        keys=fingerprints(found, visit.console.seal),
        most_keys=KEYS_PER_APP_MAX,
        switches=switches(found),
        profiles=tuple(PROFILES),
        totals=await visit.console.store.totals(found.sdkappid),
        clock=control.clocks.state(found.sdkappid) if control else None,
        faults=_faults(visit, found.sdkappid),
        commands=tuple(COMMANDS),
    )


def _faults(visit: Visit, sdkappid: int) -> list[tuple[Any, str]]:
    """The rules that are about an app: their state, and their effect as JSON."""
    control = visit.console.control
    if control is None:
        return []
    return [
        (state, msgspec.json.encode({"when": state.when, "effect": state.effect}).decode())
        for state in control.faults.states()
        if state.when.sdkappid in (None, sdkappid)
    ]


def switches(found: App) -> list[Switch]:
    """The switches of an app's profile."""
    of_profile = resolved_profile(found.profile, {})
    hints = typing.get_type_hints(Profile, include_extras=True)
    return [
        Switch(
            field.name,
            _choices(hints[field.name]),
            _text(getattr(of_profile, field.name)),
            _text(found.overrides[field.name]) if field.name in found.overrides else None,
        )
        for field in msgspec.structs.fields(Profile)
    ]


def _choices(hint: Any) -> list[str]:
    if hint is bool:
        return ["true", "false"]
    if typing.get_origin(hint) is typing.Literal:
        return [_text(value) for value in typing.get_args(hint)]
    return []


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


async def change(visit: Visit) -> Response:
    """Change an app as the form says."""
    sdkappid, what = number(visit.field("sdkappid"), "sdkappid"), visit.field("do")
    if what not in _CHANGES:
        raise wrong("do", what, ", ".join(_CHANGES))
    key = secrets.token_hex(KEY_BYTES) if what == "new_key" else None

    def changed(before: App | None) -> App:
        if before is None:
            raise CannotChange(f"there is no app {sdkappid}")
        if key is not None:
            return with_keys(before, visit.console.seal, [key], ())
        return _CHANGES[what](visit, before)

    after = await visit.console.store.change_app(sdkappid, changed)
    visit.console.forget(sdkappid)
    facts = {name: visit.field(name) for name in ("admin", "name", "profile") if visit.field(name)}
    made = {"made": fingerprint(key)} if key else {}
    visit.note("change app", sdkappid=sdkappid, change=what, **facts, **made)
    return await page(visit, after, key) if key else go("/apps/app", sdkappid=sdkappid)


def _as_profiled(visit: Visit, before: App) -> App:
    said = {name: visit.field(f"switch_{name}").strip() for name in Profile.__struct_fields__}
    own = {name: value for name, value in said.items() if value}
    return with_profile(before, visit.field("profile"), own, said.keys() - own.keys())


_CHANGES: dict[str, Callable[[Visit, App], App]] = {
    "new_key": lambda _, before: before,
    "drop_key": lambda visit, before: with_keys(before, visit.console.seal, (), [visit.field("name")]),
    "add_admin": lambda visit, before: with_admins(before, [visit.field("admin").strip()], ()),
    "remove_admin": lambda visit, before: with_admins(before, (), [visit.field("admin")]),
    "profile": _as_profiled,
    "sources": lambda visit, before: replace(
        before, sources=networks(visit.field("sources").replace(",", " ").split())
    ),
    "enable": lambda _, before: replace(before, enabled=True),
    "disable": lambda _, before: replace(before, enabled=False),
}
"""What a form may ask for, and how that is done; a key is made before."""
