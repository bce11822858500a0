"""Apps that the settings declare, in variables or in the file, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from chatmarks.command import is_userid, userid_problem
from chatmarks.limits import KEYS_PER_APP_MAX, PROFILES, resolved_profile
from chatmarks.reader import Reader, Value
from chatmarks.usersig import DEMO_KEY

DEV_APP = "1400000000:administrator"

_SDKAPPID_MAX = 2**63 - 1


class DeclaredApp(Struct, frozen=True):
    """An app that the settings declare: at the start of a server it is made to be like this.
    `keys`: the newest first; `profile`, `overrides` and `feed` are left alone when None."""

    sdkappid: int
    admins: tuple[str, ...]
    keys: tuple[str, ...]
    profile: str | None = None
    overrides: Mapping[str, str | int | bool] | None = None
    feed: bool | None = None


def declared_apps(reader: Reader, *, dev: bool) -> tuple[DeclaredApp, ...]:
    """The apps that the variables and the file declare; with `dev` the demo app, unless the file
    declares it itself. Mistakes are left with `reader`."""
    apps = []
    declared, origin = reader.find("app", DEV_APP if dev else None)
    if declared is not None:
        key = reader.secret("app_key")
        if key is None and dev:
            key = DEMO_KEY
            reader.found["app_key"] = Value(key, "default")
        app = _app_of_text(reader, Value(str(declared), origin), key)
        apps.extend([app] if app else [])
    tables = reader.file.get("apps", [])
    if not isinstance(tables, list):
        reader.mistakes.append(f"{reader.file_name}: apps: is not a list of tables ([[apps]])")
        tables = []
    for number, table in enumerate(tables):
        where = f"{reader.file_name}: apps[{number}]"
        app = _app_of_table(table, where, reader.mistakes.append)
        apps.extend([app] if app else [])
    if dev and origin == "default" and len({app.sdkappid for app in apps}) < len(apps):
        # The file declares the demo app itself.
        del apps[0]
    seen: set[int] = set()
    for app in apps:
        if app.sdkappid in seen:
            reader.mistakes.append(f"app {app.sdkappid} is declared twice")
        seen.add(app.sdkappid)
    return tuple(apps)


def _app_of_text(reader: Reader, declared: Value, key: str | None) -> DeclaredApp | None:
    """The app of `sdkappid:admin`, its key and its profile."""
    text, origin = declared
    number, _, admin = text.partition(":")
    profile, profile_origin = reader.find("app_profile")
    feed, feed_origin = reader.find("app_feed")
    if not (number.isascii() and number.isdigit() and 0 < int(number) <= _SDKAPPID_MAX):
        problem = f"{origin}: {text!r} is not of the form sdkappid:admin, with a number before ':'"
    elif not is_userid(admin):
        problem = f"{origin}: the admin {userid_problem(admin)}"
    elif key is None:
        problem = f"{origin}: CHATMARKS_APP_KEY or CHATMARKS_APP_KEY_FILE must give the app's key"
    elif wrong := key_problem(key):
        problem = f"the key of app {number} {wrong}"
    elif profile is not None and profile not in PROFILES:
        known = ", ".join(PROFILES)
        problem = f"{profile_origin}: profile {profile!r} is unknown; known: {known}"
    elif feed not in (None, "true", "false"):
        problem = f"{feed_origin}: {feed!r} is no switch; true and false are allowed"
    else:
        told = None if feed is None else feed == "true"
        return DeclaredApp(int(number), (admin,), (key,), profile, feed=told)
    reader.mistakes.append(problem)
    return None


class _AppTable(Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[apps]]` of the file."""

    sdkappid: int
    admins: list[str]
    keys: list[str] = []
    key_files: list[str] = []
    profile: str | None = None
    overrides: dict[str, str | int | bool] | None = None
    feed: bool | None = None


def _app_of_table(table: Any, where: str, complain: Callable[[str], None]) -> DeclaredApp | None:
    try:
        wanted = msgspec.convert(table, _AppTable)
        keys = [*wanted.keys, *(Path(name).read_text().strip() for name in wanted.key_files)]
        app = DeclaredApp(
            wanted.sdkappid,
            tuple(wanted.admins),
            tuple(keys),
            wanted.profile,
            wanted.overrides,
            wanted.feed,
        )
        problem = app_problem(app)
    except msgspec.ValidationError as error:
        problem = str(error)
    except OSError as error:
        problem = f"{error.filename} cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        problem = "a key file is no text"
    if problem:
        complain(f"{where}: {problem}")
        return None
    return app


def key_problem(key: str) -> str | None:
    """Why `key` cannot be a secret key, as the end of a sentence; None when it can."""
    if not key or not key.isascii() or not key.isprintable():
        return "must be printable ASCII of one character or more"
    return None


def app_problem(app: DeclaredApp) -> str | None:
    """What is wrong with an app, as a sentence; None when it is fine."""
    if not 0 < app.sdkappid <= _SDKAPPID_MAX:
        return f"sdkappid is {app.sdkappid}; 1 to {_SDKAPPID_MAX} are allowed"
    if not app.admins:
        return "there is no admin; 1 at least is required"
    for admin in app.admins:
        if not is_userid(admin):
            return f"admin {admin!r} {userid_problem(admin)}"
    if not 1 <= len(app.keys) <= KEYS_PER_APP_MAX:
        return f"there are {len(app.keys)} keys; 1 to {KEYS_PER_APP_MAX} are allowed"
    for key in app.keys:
        if problem := key_problem(key):
            return f"a key {problem}"
    try:
        resolved_profile(app.profile or "default", app.overrides or {})
    except ValueError as error:
        return str(error)
    return None
