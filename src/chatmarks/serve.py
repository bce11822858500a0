"""Runs a server: opens the store, declares apps, listens, announces itself, and ends cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import shlex
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlencode

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from chatmarks.asgi import Application, Receive, Scope, Send, public
from chatmarks.call_log import CallLog
from chatmarks.config import Settings, is_loopback
from chatmarks.control.clocks import Clocks
from chatmarks.declared import DeclaredApp
from chatmarks.engines import open_store, shown
from chatmarks.feed.endpoint import Feed
from chatmarks.feed.readers import lags
from chatmarks.feed.upkeep import kept_up
from chatmarks.history import History, sampling
from chatmarks.lane import Lane
from chatmarks.listen import allow_many_connections, bind, http, listening, url_of
from chatmarks.metrics import Counts, Lag, Metrics, text
from chatmarks.seal import Seal
from chatmarks.service import Observed, Road, Service
from chatmarks.store import UNFINISHED_RESTORES, App, Store
from chatmarks.usersig import sign

if TYPE_CHECKING:
    from chatmarks.control.parts import Control

log = logging.getLogger("chatmarks")

_YOUNG_OBJECTS = 10_000


Stand: TypeAlias = Callable[[Service, Seal], AbstractAsyncContextManager[Road]]
"""Makes a road that stands before a service, for as long as a block takes."""


class CannotStart(Exception):
    """A server cannot be started; the text says why."""


class Running(Struct, frozen=True):
    """A server that listens. `app` is the first declared one, if any."""

    url: str
    admin_url: str
    store: Store
    app: DeclaredApp | None
    has_apps: bool


@contextlib.asynccontextmanager
async def running(settings: Settings, stand: Stand | None = None) -> AsyncIterator[Running]:
    """A server in this process, from here to the end of the block; then calls in flight are
    answered, listeners and store closed. `stand` makes what stands before the service.

    Raises `BadStore`, `SealError` and `CannotListen`.
    """
    async with contextlib.AsyncExitStack() as stack:
        store, seal = await stack.enter_async_context(opened(settings))
        clocks = Clocks() if settings.control else None
        service, metrics = stack.enter_context(watched(settings, store, seal, clocks))
        control = await stack.enter_async_context(_control(settings, store, seal, service, clocks))
        road: Road = control.road if control else service
        if stand is not None:
            road = await stack.enter_async_context(stand(service, seal))

        async def counts() -> Counts:
            return metrics.counts()

        async def metrics_page() -> bytes:
            return text(metrics.counts(), lags=await known_lags(store))

        history = await stack.enter_async_context(sampling(counts))
        public_socket, admin_socket = stack.enter_context(sockets(settings))
        ending = asyncio.Event()
        behind = Behind(store, seal, service, road, history, ending, public_socket, control)
        admin_app = admin_when_asked(service.problem, metrics_page, settings, behind)
        watch = await stack.enter_async_context(kept_up(store, seal))
        application = public(road, Feed(service, watch))
        # The admin listener ends last, since it tells that calls are not taken any more.
        await stack.enter_async_context(listening(http(admin_app), admin_socket))
        stack.callback(ending.set)
        served = http(application, settings.tls_cert, settings.tls_key, lane=Lane(road))
        await stack.enter_async_context(listening(served, public_socket))
        # Before the listener waits for who waits.
        stack.callback(watch.end)
        stack.callback(service.end)
        yield await described(settings, store, public_socket, admin_socket)


@contextlib.contextmanager
def sockets(settings: Settings) -> Generator[tuple[socket.socket, socket.socket], None, None]:
    """The sockets of the API and of the admin listener. Raises `CannotListen`."""
    with (
        bind(settings.host, settings.port, settings.fd) as public_socket,
        bind(settings.admin_host, settings.admin_port, settings.admin_fd) as admin_socket,
    ):
        yield public_socket, admin_socket


class Behind(Struct, frozen=True):
    """What is behind the pages of the admin listener. `road` answers calls; `ending` is set when the
    server ends; `listens`: the socket of the API."""

    store: Store
    seal: Seal
    service: Service
    road: Road
    history: History
    ending: asyncio.Event
    listens: socket.socket
    control: Any = None


@contextlib.asynccontextmanager
async def _control(
    settings: Settings, store: Store, seal: Seal, service: Service, clocks: Clocks | None
) -> AsyncIterator[Control | None]:
    """What testers control the server with, where they do."""
    if clocks is None:
        await warn_of_unfinished_restores(store)
        yield None
        return
    # Imported here: a server that nobody controls needs none of it.
    from chatmarks.control.parts import controlling

    async with controlling(
        store, seal, service, clocks, settings.snapshots, settings.journal_calls
    ) as control:
        yield control


async def warn_of_unfinished_restores(store: Store) -> None:
    """Log which apps are part old, part new, since a crash broke off their restore."""
    unfinished = await store.read_property(UNFINISHED_RESTORES)
    for sdkappid in msgspec.json.decode(unfinished or "{}"):
        log.warning(
            "app %s was being restored from a snapshot when its server ended, and is part old and"
            " part new; serve --control goes on with it",
            sdkappid,
        )


@contextlib.asynccontextmanager
async def opened(settings: Settings, *, create: bool = True) -> AsyncIterator[tuple[Store, Seal]]:
    """The store, with its declared apps, and the seal of its keys. Without `create` the store must be
    there."""
    seal = Seal(settings.master_key)
    store = await open_store(
        settings.store,
        create=create,
        cache_bytes=settings.cache_mb << 20,
        max_stale_ms=settings.max_stale_ms,
    )
    try:
        for app in settings.apps:
            await _declare(store, seal, app)
        yield store, seal
    finally:
        await store.close()


@contextlib.contextmanager
def watched(
    settings: Settings, store: Store, seal: Seal, clocks: Clocks | None = None
) -> Generator[tuple[Service, Metrics], None, None]:
    """The road, with what counts and logs its calls. `clocks`: those that apps have of their own."""
    metrics = Metrics(store)
    observers: list[Callable[[Observed], None]] = [metrics.observe]
    with contextlib.ExitStack() as stack:
        if settings.log_calls != "none":
            call_log = CallLog(sys.stderr, failed_only=settings.log_calls == "failed")
            stack.callback(call_log.flush)
            observers.append(call_log.observe)
        loopback = is_loopback(settings.host)
        clock_of = None if clocks is None else clocks.now
        service = Service(store, seal, loopback=loopback, clock_of=clock_of, observers=observers)
        yield service, metrics


async def described(
    settings: Settings, store: Store, public_socket: socket.socket, admin_socket: socket.socket
) -> Running:
    """The server that listens on these sockets, as it is announced."""
    return Running(
        url=_public_url(settings, public_socket),
        admin_url=url_of("http", settings.admin_host, admin_socket),
        store=store,
        app=settings.apps[0] if settings.apps else None,
        has_apps=bool(await store.apps()),
    )


def _public_url(settings: Settings, public_socket: socket.socket) -> str:
    return url_of("https" if settings.tls_cert else "http", settings.host, public_socket)


async def known_lags(store: Store) -> list[Lag]:
    """How far readers of feeds are behind; nothing while the store cannot tell."""
    try:
        return await lags(store)
    except Exception as error:  # noqa: BLE001 - the other metrics are told all the same
        log.warning("how far readers of feeds are behind cannot be told: %s", error or type(error))
        return []


def admin_when_asked(
    problem: Callable[[], Awaitable[str | None]],
    metrics: Callable[[], Awaitable[bytes]],
    settings: Settings,
    behind: Behind,
) -> Application:
    """The admin listener's application, made at its first request: its framework takes 30 ms of
    start-up and is no part of the road. The console is loaded when somebody wants to see it, since that
    takes longer than who asks for metrics would have calls wait."""
    made: dict[bool, Application] = {}

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        for_people = scope["path"] == "/" or scope["path"].startswith("/console")
        if for_people not in made:
            from chatmarks.admin import admin

            names = [settings.admin_host, *settings.admin_names]
            control = behind.control
            more = control.routes() if control else []
            if for_people:
                more = [*more, *_console_routes(problem, settings, behind)]
            made[for_people] = admin(
                problem, metrics, names=names, token=settings.admin_token, more=more
            )
        await made[for_people](scope, receive, send)

    return application


def _console_routes(
    problem: Callable[[], Awaitable[str | None]], settings: Settings, behind: Behind
) -> list[Any]:
    """The routes of the console."""
    from chatmarks.console.parts import Console, Facts
    from chatmarks.console.routes import console_routes

    control, service = behind.control, behind.service
    console = Console(
        Facts(
            shown(settings.store),
            _public_url(settings, behind.listens),
            settings.workers,
            is_loopback(settings.host),
        ),
        behind.store,
        behind.seal,
        behind.road,
        service.forget,
        problem,
        behind.history,
        control.parts if control else None,
        settings.admin_token,
        behind.ending,
    )
    return console_routes(console)


def log_to_stderr() -> None:
    """Let what is logged go to standard error."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Of malformed requests, which anyone may send, no line each.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


def collect_rarely() -> None:
    """Have the collector of garbage look less often: a change makes hundreds of objects, hardly any of
    them in a cycle, and to look through the young ones takes as long as to answer some calls."""
    gc.set_threshold(_YOUNG_OBJECTS)


def loop_factory() -> Any:
    """What makes the event loop, for `asyncio.Runner`."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


async def serve(
    settings: Settings,
    announce: Callable[[Running], None],
    run: Callable[[Settings], AbstractAsyncContextManager[Running]] = running,
) -> None:
    """Serve until SIGTERM or SIGINT. `announce` is called once, when calls are answered; `run` is what
    answers them."""
    allow_many_connections()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with run(settings) as server:
        announce(server)
        await stop.wait()
        # Who is tired of waiting for the calls in flight may interrupt once more.
        loop.remove_signal_handler(signal.SIGINT)


def curl_line(url: str, app: DeclaredApp, ca: str | None = None) -> str:
    """A call that works when pasted into a shell: a search of the administrator's own book. `ca`: what
    has to be trusted for it."""
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
    trusting = ["--cacert", ca] if ca else []
    return shlex.join(["curl", *trusting, "-d", body, target])


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
            feed=before.feed if declared.feed is None else declared.feed,
        )
        return before if app is not None and after == before else after

    await store.change_app(declared.sdkappid, change)
