"""Runs a server: opens the store, declares apps, listens, announces itself, and ends cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any
from urllib.parse import urlencode

import uvicorn
from msgspec import Struct
from msgspec.structs import replace

from chatmarks.asgi import public
from chatmarks.config import DeclaredApp, Settings, is_loopback
from chatmarks.engines import open_store
from chatmarks.http11 import Http11
from chatmarks.seal import Seal
from chatmarks.service import Service
from chatmarks.store import App, Store
from chatmarks.usersig import sign

log = logging.getLogger("chatmarks")

_KEEP_ALIVE_SECONDS = 75
_DRAIN_SECONDS = 10
_BACKLOG = 2048


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
        service = Service(store, seal, loopback=is_loopback(settings.host))
        # Imported here: the admin listener's framework is no part of the road.
        from chatmarks.admin import admin

        admin_app = admin(
            service, names=[settings.admin_host, *settings.admin_names], token=settings.admin_token
        )
        public_socket = stack.enter_context(_bind(settings.host, settings.port))
        admin_socket = stack.enter_context(_bind(settings.admin_host, settings.admin_port))
        await stack.enter_async_context(
            _listening((public(service), public_socket), (admin_app, admin_socket))
        )
        yield Running(
            url=_url(settings.host, public_socket),
            admin_url=_url(settings.admin_host, admin_socket),
            store=store,
            app=settings.apps[0] if settings.apps else None,
            has_apps=bool(await store.apps()),
        )


async def serve(settings: Settings, announce: Callable[[Running], None]) -> None:
    """Serve until SIGTERM or SIGINT. `announce` is called once, when calls are answered."""
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
    body = f'{{"From_Account":"{app.admins[0]}","ContactItem":[{{"Type":1,"To_Account":"user_0002"}}]}}'
    return f"curl -d '{body}' '{url}/v4/recentcontact/search_contact_group?{query}'"


async def _declare(store: Store, seal: Seal, declared: DeclaredApp) -> None:
    """Make the app be as declared; what the declaration does not speak of stays."""

    def change(app: App | None) -> App:
        before = app or App(declared.sdkappid)
        kept = tuple(seal.open(before.sdkappid, envelope) for envelope in before.sealed_keys)
        if lost := set(kept) - set(declared.keys):
            log.warning("app %s: %s kept key(s) not declared, so revoked", before.sdkappid, len(lost))
        # The same keys are not sealed again, unless a master key has come since.
        same = kept == declared.keys and all(map(seal.is_current, before.sealed_keys))
        return replace(
            before,
            admins=declared.admins,
            sealed_keys=before.sealed_keys
            if same
            else tuple(seal.seal(before.sdkappid, key) for key in declared.keys),
            profile=before.profile if declared.profile is None else declared.profile,
            overrides=before.overrides if declared.overrides is None else declared.overrides,
        )

    await store.change_app(declared.sdkappid, change)


@contextlib.asynccontextmanager
async def _listening(*served: tuple[Any, socket.socket]) -> AsyncIterator[list[_Listener]]:
    """Serve applications on sockets; at the end all of them stop together."""
    listeners = [_Listener(_http(application)) for application, _ in served]
    tasks = [
        asyncio.create_task(listener.serve(sockets=[bound]))
        for listener, (_, bound) in zip(listeners, served, strict=True)
    ]
    try:
        for listener, task in zip(listeners, tasks, strict=True):
            while not (listener.started or task.done()):  # noqa: ASYNC110 - a flag, no event
                await asyncio.sleep(0.001)
        yield listeners
    finally:
        for listener in listeners:
            listener.should_exit = True
        await asyncio.gather(*tasks)


def _http(application: Any) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http=Http11,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
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


def _url(host: str, bound: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{bound.getsockname()[1]}"
