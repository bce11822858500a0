"""Runs a server: opens the store, declares apps, listens, announces itself, and ends cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shlex
import signal
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any
from urllib.parse import urlencode

import msgspec
import uvicorn
from msgspec import Struct
from msgspec.structs import replace

from chatmarks.asgi import Application, Receive, Scope, Send, public
from chatmarks.call_log import CallLog
from chatmarks.config import Settings, is_loopback
from chatmarks.declared import DeclaredApp
from chatmarks.engines import open_store
from chatmarks.http11 import Http11
from chatmarks.limits import CONNECTIONS_MAX, IDLE_SECONDS_MAX
from chatmarks.metrics import Metrics
from chatmarks.seal import Seal
from chatmarks.service import Observed, Service
from chatmarks.store import App, Store
from chatmarks.usersig import sign

log = logging.getLogger("chatmarks")

_DRAIN_SECONDS = 10
_BACKLOG = 2048
_OTHER_FILES = 1000


class CannotListen(Exception):
    """An address cannot be listened on; the text says which and why."""


class Running(Struct, frozen=True):
    """A server that listens. `app` is the first declared one, if any."""

    url: str
    admin_url: str
    store: Store
    app: DeclaredApp | None
    has_apps: bool


class _Listener(uvicorn.Server):
    """A uvicorn server that leaves signals to us, since two of them run in one loop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """A server, from here to the end of the block; then calls in flight are answered, listeners and
    store closed.

    Raises `BadStore`, `SealError` and `CannotListen`.
    """
    seal = Seal(settings.master_key)
    store = await open_store(settings.store)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        for app in settings.apps:
            await _declare(store, seal, app)
        metrics = Metrics(store)
        observers: list[Callable[[Observed], None]] = [metrics.observe]
        if settings.log_calls != "none":
            call_log = CallLog(sys.stderr, failed_only=settings.log_calls == "failed")
            stack.callback(call_log.flush)
            observers.append(call_log.observe)
        service = Service(store, seal, loopback=is_loopback(settings.host), observers=observers)
        admin_app = _admin_when_asked(service, metrics, settings)
        public_socket = stack.enter_context(_bind(settings.host, settings.port))
        admin_socket = stack.enter_context(_bind(settings.admin_host, settings.admin_port))
        await stack.enter_async_context(
            _listening(
                (_http(public(service), settings.tls_cert, settings.tls_key), public_socket),
                (_http(admin_app), admin_socket),
            )
        )
        yield Running(
            url=_url("https" if settings.tls_cert else "http", settings.host, public_socket),
            admin_url=_url("http", settings.admin_host, admin_socket),
            store=store,
            app=settings.apps[0] if settings.apps else None,
            has_apps=bool(await store.apps()),
        )


def _admin_when_asked(service: Service, metrics: Metrics, settings: Settings) -> Application:
    """The admin listener's application, made at its first request: its framework takes 30 ms of
    start-up and is no part of the road."""
    made: list[Application] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if not made:
            from chatmarks.admin import admin

            names = [settings.admin_host, *settings.admin_names]
            made.append(admin(service, metrics, names=names, token=settings.admin_token))
        await made[0](scope, receive, send)

    return application


def _allow_many_connections() -> None:
    """Let the process have a file for each connection, as far as the system allows."""
    if sys.platform != "win32":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = CONNECTIONS_MAX + _OTHER_FILES
        if hard != resource.RLIM_INFINITY:
            wanted = min(wanted, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            # macOS refuses more than its own limit, which it does not tell here.
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def serve(settings: Settings, announce: Callable[[Running], None]) -> None:
    """Serve until SIGTERM or SIGINT. `announce` is called once, when calls are answered."""
    _allow_many_connections()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(settings) as server:
        announce(server)
        await stop.wait()
        # Who is tired of waiting for the calls in flight may interrupt once more.
        loop.remove_signal_handler(signal.SIGINT)


def curl_line(url: str, app: DeclaredApp) -> str:
    """A call that works when pasted into a shell: a search of the administrator's own book."""
    usersig = sign(app.sdkappid, app.admins[0], app.keys[0], now=int(time.time()))
    query = urlencode(
        {
            "sdkappid": app.sdkappid,
            "identifier": app.admins[0],
            "usersig": usersig,
            "random": 99999999,
            "contenttype": "json",
        }
    )
    contact = {"Type": 1, "To_Account": "user_0002"}
    body = msgspec.json.encode({"From_Account": app.admins[0], "ContactItem": [contact]}).decode()
    target = f"{url}/v4/recentcontact/search_contact_group?{query}"
    # Quoted: a UserID may hold any printable character of ASCII.
    return shlex.join(["curl", "-d", body, target])


async def _declare(store: Store, seal: Seal, declared: DeclaredApp) -> None:
    """Make the app be as declared; what the declaration does not speak of stays."""

    def change(app: App | None) -> App:
        before = app or App(declared.sdkappid)
        kept = tuple(seal.open(before.sdkappid, envelope) for envelope in before.sealed_keys)
        if lost := set(kept) - set(declared.keys):
            log.warning("app %s: %s kept key(s) not declared, so revoked", before.sdkappid, len(lost))
        # Keys that are the same keep their envelopes, unless a master key has come since.
        same = kept == declared.keys and all(map(seal.is_current, before.sealed_keys))
        after = replace(
            before,
            admins=declared.admins,
            sealed_keys=before.sealed_keys
            if same
            else tuple(seal.seal(before.sdkappid, key) for key in declared.keys),
            profile=before.profile if declared.profile is None else declared.profile,
            overrides=before.overrides if declared.overrides is None else declared.overrides,
        )
        return before if app is not None and after == before else after

    await store.change_app(declared.sdkappid, change)


@contextlib.asynccontextmanager
async def _listening(*served: tuple[uvicorn.Config, socket.socket]) -> AsyncIterator[None]:
    """Serve on sockets; at the end all of them stop together."""
    listeners = [_Listener(config) for config, _ in served]
    tasks = [
        asyncio.create_task(listener.serve(sockets=[bound]))
        for listener, (_, bound) in zip(listeners, served, strict=True)
    ]
    try:
        for listener, task in zip(listeners, tasks, strict=True):
            while not (listener.started or task.done()):  # noqa: ASYNC110 - a flag, no event
                await asyncio.sleep(0.001)
        yield
    finally:
        for listener in listeners:
            listener.should_exit = True
        await asyncio.gather(*tasks)


def _http(application: Any, cert: str | None = None, key: str | None = None) -> uvicorn.Config:
    if cert is not None:
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)
        except (OSError, ssl.SSLError) as error:
            raise CannotListen(f"certificate {cert} with key {key}: {error}") from error
    return uvicorn.Config(
        application,
        ssl_certfile=cert,
        ssl_keyfile=key,
        http=Http11,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=int(IDLE_SECONDS_MAX),
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )


@contextlib.contextmanager
def _bind(host: str, port: int) -> Generator[socket.socket, None, None]:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        # Without the address, which Python puts behind the reason and the line has already.
        reason = str(error.strerror).partition(" (while")[0]
        raise CannotListen(f"cannot listen on {host} port {port}: {reason}") from error
    with bound:
        yield bound


def _url(scheme: str, host: str, bound: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{bound.getsockname()[1]}"
