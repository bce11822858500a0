"""The settings of a server: from flags, `CHATMARKS_*` variables and a TOML file, in that order.

Everything is checked before anything starts; each mistake is one line that names the setting, where
it came from, what came and what is allowed.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from chatmarks.cache import CACHE_BYTES
from chatmarks.declared import DeclaredApp, declared_apps
from chatmarks.handed_over import Handed, NotHandedOver, address_of, by_systemd
from chatmarks.reader import Reader, Value
from chatmarks.usersig import DEMO_KEY

LOG_CALLS: tuple[Literal["all", "failed", "none"], ...] = ("all", "failed", "none")
"""Which calls are logged."""

_PORTS = range(65536)
_WORKERS = range(1, 65)
_CACHE_MB = range(1024 * 1024 + 1)
_JOURNAL_CALLS = range(100_001)
_STALE_MS = range(60_001)


class ConfigError(Exception):
    """Settings that cannot be used; `lines` says why, one line for each mistake."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class Settings(Struct, frozen=True):
    """What `serve` needs to know. Hosts are names or addresses; port 0 picks a free one.
    `fd` and `admin_fd`: the file numbers of sockets that are listened on already, whose addresses those
    are; `admin_names`: by which names, beside those of loopback, the admin listener may be called;
    `tls_cert` and `tls_key`: PEM files, for HTTPS on the public listener; `tls`: whether they are those
    that `chatmarks tls init` made in `tls_dir`, or in the user's own folder; `log_calls`: which calls
    are logged; `control`: whether testers control the server, `snapshots` the folder of theirs, None
    for one that goes with the server, and `journal_calls` how many calls are kept for them; `workers`:
    how many processes answer calls; `cache_mb`: how much of the books each keeps in memory, in MiB;
    `max_stale_ms`: how old an answer from there may be."""

    host: str
    port: int
    admin_host: str
    admin_port: int
    fd: int | None
    admin_fd: int | None
    admin_names: tuple[str, ...]
    tls_cert: str | None
    tls_key: str | None
    tls: bool
    tls_dir: str | None
    log_calls: Literal["all", "failed", "none"]
    control: bool
    snapshots: str | None
    journal_calls: int
    store: str
    workers: int
    cache_mb: int
    max_stale_ms: int
    dev: bool
    admin_token: str | None
    master_key: bytes | None
    apps: tuple[DeclaredApp, ...]


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
    reader.find("app_feed")
    reader.found["dev"] = Value(bool(flags.get("dev")), "--dev" if flags.get("dev") else "default")
    tables = reader.file.get("apps", [])
    apps = [
        Value(table, f"{reader.file_name}: apps[{number}]")
        for number, table in enumerate(tables if isinstance(tables, list) else [])
    ]
    return Examined(reader.found, frozenset(reader.secrets), apps, settings, mistakes)


def _settings(reader: Reader) -> Settings:
    """The settings that `reader` finds. Raises `ConfigError`."""
    dev = bool(reader.flags.get("dev"))
    handed = _handed(reader)
    host, port = reader.text("host", "127.0.0.1"), reader.whole("port", 8600, "a port", _PORTS)
    fd = reader.file_number("fd", handed.public)
    host, port = _address(reader, "", fd, host, port)
    admin_host = reader.text("admin_host", "127.0.0.1")
    admin_port = reader.whole("admin_port", 8601, "a port", _PORTS)
    admin_fd = reader.file_number("admin_fd", handed.admin)
    admin_host, admin_port = _address(reader, "admin_", admin_fd, admin_host, admin_port)
    if fd is not None and fd == admin_fd:
        reader.mistakes.append(f"fd and admin_fd: {fd} is one socket, and two are needed")
    admin_token = reader.secret("admin_token")
    if not is_loopback(admin_host) and admin_token is None:
        reader.mistakes.append(
            f"admin_host: {admin_host} is not loopback; CHATMARKS_ADMIN_TOKEN or"
            " CHATMARKS_ADMIN_TOKEN_FILE must give a credential"
        )
    apps = declared_apps(reader, dev=dev)
    for app in apps:
        if DEMO_KEY in app.keys and not is_loopback(host):
            reader.mistakes.append(
                f"host: {host} is not loopback, and the key of app {app.sdkappid} is published;"
                " give an own one in CHATMARKS_APP_KEY"
            )
    tls, tls_dir = reader.switch("tls"), reader.find("tls_dir").value
    tls_cert, tls_key = _certificate(reader, tls=tls, tls_dir=tls_dir)
    master_path, origin = reader.find("master_key_file")
    settings = Settings(
        host=host,
        port=port,
        admin_host=admin_host,
        admin_port=admin_port,
        fd=fd,
        admin_fd=admin_fd,
        admin_names=tuple(str(reader.find("admin_names", "").value).replace(",", " ").split()),
        tls_cert=tls_cert,
        tls_key=tls_key,
        tls=tls,
        tls_dir=tls_dir,
        log_calls=reader.choice("log_calls", LOG_CALLS, "failed"),
        control=reader.switch("control"),
        snapshots=reader.text("snapshots", "") if reader.find("snapshots").value is not None else None,
        journal_calls=reader.whole("journal_calls", 1000, "a number of calls", _JOURNAL_CALLS),
        store=reader.text("store", "memory:" if dev else "sqlite:///chatmarks.db"),
        workers=reader.whole("workers", 1, "a number of workers", _WORKERS),
        cache_mb=reader.whole("cache_mb", CACHE_BYTES >> 20, "a number of MiB", _CACHE_MB),
        max_stale_ms=reader.whole("max_stale_ms", 0, "a number of milliseconds", _STALE_MS),
        dev=dev,
        admin_token=admin_token,
        master_key=None if master_path is None else reader.content(master_path, origin),
        apps=apps,
    )
    if (settings.tls_cert is None) != (settings.tls_key is None):
        reader.mistakes.append("tls_cert and tls_key: both or none must be given")
    if settings.workers > 1 and settings.store == "memory:":
        reader.mistakes.append(
            f"workers: {settings.workers} processes cannot share the store memory:, which lives in one;"
            " name another with --store"
        )
    if settings.workers > 1 and settings.control:
        reader.mistakes.append(
            f"workers: {settings.workers} processes have no control API, which lives in one; leave out"
            " --control, or take one worker"
        )
    if reader.mistakes:
        raise ConfigError(reader.mistakes)
    return settings


def _handed(reader: Reader) -> Handed:
    """The sockets that systemd handed over."""
    try:
        return by_systemd(reader.environ)
    except NotHandedOver as error:
        reader.mistakes.append(f"LISTEN_FDS: {error}")
        return Handed()


def _address(reader: Reader, prefix: str, fd: int | None, host: str, port: int) -> tuple[str, int]:
    """Where a listener is: at `host` and `port`, or where the socket is that was handed over."""
    if fd is None:
        return host, port
    origin = reader.found[f"{prefix}fd"].origin
    for name in ("host", "port"):
        if (other := reader.found[f"{prefix}{name}"].origin) != "default":
            reader.mistakes.append(f"{other} and {origin}: only one of the two is allowed")
    try:
        return address_of(fd)
    except NotHandedOver as error:
        reader.mistakes.append(f"{origin}: {error}")
        return host, port


def _certificate(reader: Reader, *, tls: bool, tls_dir: Any) -> tuple[str | None, str | None]:
    """The files of the certificate and of its key: as they are named, or as `chatmarks tls init` made
    them."""
    cert, key = reader.find("tls_cert"), reader.find("tls_key")
    if tls_dir is not None and not (isinstance(tls_dir, str) and tls_dir):
        origin = reader.found["tls_dir"].origin
        reader.mistakes.append(f"{origin}: {tls_dir!r} is not a text of one character or more")
    elif tls:
        origin = reader.found["tls"].origin
        if own := [found.origin for found in (cert, key) if found.value is not None]:
            reader.mistakes.append(f"{origin} and {own[0]}: only one of the two is allowed")
            return None, None
        # Imported here: most servers have no use for it.
        from chatmarks.tls_folder import BadFolder, opened

        try:
            made = opened(Path(tls_dir or default_tls_folder()), dt.datetime.now(dt.UTC))
        except BadFolder as error:
            reader.mistakes.append(f"{origin}: {error}")
        else:
            return str(made.server), str(made.server)
    return cert.value, key.value


def default_tls_folder() -> str:
    """Where `chatmarks tls init` puts its files unless told: a folder of the user's own."""
    # Imported here: a worker process has no use for it.
    import click

    return str(Path(click.get_app_dir("chatmarks")) / "tls")


_KNOWN = {
    "host",
    "port",
    "admin_host",
    "admin_port",
    "fd",
    "admin_fd",
    "admin_names",
    "store",
    "tls_cert",
    "tls_key",
    "tls",
    "tls_dir",
    "log_calls",
    "control",
    "snapshots",
    "journal_calls",
    "workers",
    "cache_mb",
    "max_stale_ms",
    "admin_token",
    "admin_token_file",
    "master_key_file",
    "apps",
}


def _read_file(flags: Mapping[str, Any], environ: Mapping[str, str]) -> Reader:
    name = flags.get("config") or environ.get("CHATMARKS_CONFIG")
    if not name:
        return Reader(flags, environ, {}, "")
    try:
        content = tomllib.loads(Path(name).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{name}: cannot be read: {error.strerror}"]) from error
    except ValueError as error:
        raise ConfigError([f"{name}: is not TOML: {error}"]) from error
    reader = Reader(flags, environ, content, str(name))
    reader.mistakes.extend(
        f"{name}: {unknown}: no such setting; known: {', '.join(sorted(_KNOWN))}"
        for unknown in sorted(content.keys() - _KNOWN)
    )
    return reader
