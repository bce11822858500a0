"""The settings of a server: from flags, `CHATMARKS_*` variables and a TOML file, in that order.

Everything is checked before anything starts; each mistake is one line that names the setting, where
it came from, what came and what is allowed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from chatmarks.command import is_userid, userid_problem
from chatmarks.limits import KEYS_PER_APP_MAX, PROFILES, resolved_profile
from chatmarks.usersig import DEMO_KEY

DEV_APP = "1400000000:administrator"

LOG_CALLS: tuple[Literal["all", "failed", "none"], ...] = ("all", "failed", "none")
"""Which calls are logged."""

Chosen = TypeVar("Chosen", bound=str)

_PORT_MAX = 65535
_SDKAPPID_MAX = 2**63 - 1


class ConfigError(Exception):
    """Settings that cannot be used; `lines` says why, one line for each mistake."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class DeclaredApp(Struct, frozen=True):
    """An app that the settings declare: at the start of a server it is made to be like this.
    `keys`: the newest first; `profile` and `overrides` are left alone when None."""

    sdkappid: int
    admins: tuple[str, ...]
    keys: tuple[str, ...]
    profile: str | None = None
    overrides: Mapping[str, str | int | bool] | None = None


class Settings(Struct, frozen=True):
    """What `serve` needs to know. Hosts are names or addresses; port 0 picks a free one.
    `admin_names`: by which names, beside those of loopback, the admin listener may be called;
    `tls_cert` and `tls_key`: PEM files, for HTTPS on the public listener; `log_calls`: which calls
    are logged."""

    host: str
    port: int
    admin_host: str
    admin_port: int
    admin_names: tuple[str, ...]
    tls_cert: str | None
    tls_key: str | None
    log_calls: Literal["all", "failed", "none"]
    store: str
    dev: bool
    admin_token: str | None
    master_key: bytes | None
    apps: tuple[DeclaredApp, ...]


class Value(NamedTuple):
    """A setting's value as it came, and where it came from."""

    value: Any
    origin: str


class Examined(NamedTuple):
    """What settings are, good or not: each by its name, which of them are secrets, the file's tables
    of apps as they came, and either `settings` or `mistakes`."""

    values: dict[str, Value]
    secrets: frozenset[str]
    app_tables: list[Value]
    settings: Settings | None
    mistakes: list[str]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a listener on `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class _Reader:
    """Finds settings and gathers mistakes."""

    def __init__(
        self, flags: Mapping[str, Any], environ: Mapping[str, str], file: Mapping[str, Any], name: str
    ) -> None:
        self.flags, self.environ, self.file, self.file_name = flags, environ, file, name
        self.mistakes: list[str] = []
        self.found: dict[str, Value] = {}
        self.secrets: set[str] = set()

    def find(self, name: str, default: Any = None) -> Value:
        """The value of `name` from the first place that has it."""
        variable = f"CHATMARKS_{name.upper()}"
        if self.flags.get(name) is not None:
            found = Value(self.flags[name], f"--{name.replace('_', '-')}")
        elif variable in self.environ:
            found = Value(self.environ[variable], variable)
        elif name in self.file:
            found = Value(self.file[name], f"{self.file_name}: {name}")
        else:
            found = Value(default, "default")
        self.found[name] = found
        return found

    def text(self, name: str, default: str) -> str:
        value, origin = self.find(name, default)
        if not isinstance(value, str) or not value:
            self.mistakes.append(f"{origin}: {value!r} is not a text of one character or more")
            return default
        return value

    def choice(self, name: str, allowed: tuple[Chosen, ...], default: Chosen) -> Chosen:
        value, origin = self.find(name, default)
        for one in allowed:
            if value == one:
                return one
        self.mistakes.append(f"{origin}: {value!r} is unknown; known: {', '.join(allowed)}")
        return default

    def port(self, name: str, default: int) -> int:
        value, origin = self.find(name, default)
        text = str(value)
        if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or int(text) > _PORT_MAX:
            self.mistakes.append(f"{origin}: {value!r} is not a port; 0 to {_PORT_MAX} are allowed")
            return default
        return int(text)

    def secret(self, name: str) -> str | None:
        """A secret: itself, or the content of the file that `<name>_file` names."""
        self.secrets.add(name)
        value, origin = self.find(name)
        path, path_origin = self.find(f"{name}_file")
        if value is not None and path is not None:
            self.mistakes.append(f"{origin} and {path_origin}: only one of the two is allowed")
            return None
        if path is not None:
            content = self.content(path, path_origin)
            secret = content.decode(errors="replace").strip() or None if content else None
            self.found[name] = Value(secret, path_origin)
            return secret
        # Set but empty is as good as not set, as in a file of variables.
        return str(value) if value else None

    def content(self, path: Any, origin: str) -> bytes | None:
        try:
            return Path(str(path)).read_bytes()
        except OSError as error:
            self.mistakes.append(f"{origin}: {path} cannot be read: {error.strerror}")
            return None


def load(flags: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """The settings. `flags` holds what the command line gave, None where it gave nothing.

    Raises `ConfigError`.
    """
    return _settings(_read_file(flags, environ))


def examined(flags: Mapping[str, Any], environ: Mapping[str, str]) -> Examined:
    """What `load` makes of the same, with the origin of each setting, and without raising."""
    settings, mistakes = None, []
    try:
        reader = _read_file(flags, environ)
    except ConfigError as error:
        return Examined({}, frozenset(), [], None, error.lines)
    try:
        settings = _settings(reader)
    except ConfigError as error:
        mistakes = list(error.lines)
    # Read only where a variable declares an app, but shown always.
    if "app_key" not in reader.found:
        reader.secret("app_key")
    reader.find("app_profile")
    reader.found["dev"] = Value(bool(flags.get("dev")), "--dev" if flags.get("dev") else "default")
    tables = reader.file.get("apps", [])
    apps = [
        Value(table, f"{reader.file_name}: apps[{number}]")
        for number, table in enumerate(tables if isinstance(tables, list) else [])
    ]
    return Examined(reader.found, frozenset(reader.secrets), apps, settings, mistakes)


def _settings(reader: _Reader) -> Settings:
    """The settings that `reader` finds. Raises `ConfigError`."""
    dev = bool(reader.flags.get("dev"))
    host = reader.text("host", "127.0.0.1")
    admin_host = reader.text("admin_host", "127.0.0.1")
    admin_token = reader.secret("admin_token")
    if not is_loopback(admin_host) and admin_token is None:
        reader.mistakes.append(
            f"admin_host: {admin_host} is not loopback; CHATMARKS_ADMIN_TOKEN or"
            " CHATMARKS_ADMIN_TOKEN_FILE must give a credential"
        )
    apps = _declared_apps(reader, dev=dev)
    for app in apps:
        if DEMO_KEY in app.keys and not is_loopback(host):
            reader.mistakes.append(
                f"host: {host} is not loopback, and the key of app {app.sdkappid} is published;"
                " give an own one in CHATMARKS_APP_KEY"
            )
    master_path, origin = reader.find("master_key_file")
    settings = Settings(
        host=host,
        port=reader.port("port", 8600),
        admin_host=admin_host,
        admin_port=reader.port("admin_port", 8601),
        admin_names=tuple(str(reader.find("admin_names", "").value).replace(",", " ").split()),
        tls_cert=reader.find("tls_cert").value,
        tls_key=reader.find("tls_key").value,
        log_calls=reader.choice("log_calls", LOG_CALLS, "failed"),
        store=reader.text("store", "memory:" if dev else "sqlite:///chatmarks.db"),
        dev=dev,
        admin_token=admin_token,
        master_key=None if master_path is None else reader.content(master_path, origin),
        apps=apps,
    )
    if (settings.tls_cert is None) != (settings.tls_key is None):
        reader.mistakes.append("tls_cert and tls_key: both or none must be given")
    if reader.mistakes:
        raise ConfigError(reader.mistakes)
    return settings


_KNOWN = {
    "host",
    "port",
    "admin_host",
    "admin_port",
    "admin_names",
    "store",
    "tls_cert",
    "tls_key",
    "log_calls",
    "admin_token",
    "admin_token_file",
    "master_key_file",
    "apps",
}


def _read_file(flags: Mapping[str, Any], environ: Mapping[str, str]) -> _Reader:
    name = flags.get("config") or environ.get("CHATMARKS_CONFIG")
    if not name:
        return _Reader(flags, environ, {}, "")
    try:
        content = tomllib.loads(Path(name).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{name}: cannot be read: {error.strerror}"]) from error
    except ValueError as error:
        raise ConfigError([f"{name}: is not TOML: {error}"]) from error
    reader = _Reader(flags, environ, content, str(name))
    reader.mistakes.extend(
        f"{name}: {unknown}: no such setting; known: {', '.join(sorted(_KNOWN))}"
        for unknown in sorted(content.keys() - _KNOWN)
    )
    return reader


def _declared_apps(reader: _Reader, *, dev: bool) -> tuple[DeclaredApp, ...]:
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


def _app_of_text(reader: _Reader, declared: Value, key: str | None) -> DeclaredApp | None:
    """The app of `sdkappid:admin`, its key and its profile."""
    text, origin = declared
    number, _, admin = text.partition(":")
    profile, profile_origin = reader.find("app_profile")
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
    else:
        return DeclaredApp(int(number), (admin,), (key,), profile)
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


def _app_of_table(table: Any, where: str, complain: Callable[[str], None]) -> DeclaredApp | None:
    try:
        wanted = msgspec.convert(table, _AppTable)
        keys = [*wanted.keys, *(Path(name).read_text().strip() for name in wanted.key_files)]
        app = DeclaredApp(
            wanted.sdkappid, tuple(wanted.admins), tuple(keys), wanted.profile, wanted.overrides
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
