"""Sockets that are listened on, and the HTTP server that answers there."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Generator
from functools import partial
from typing import Any

import uvicorn

from chatmarks.http11 import Http11
from chatmarks.lane import Lane
from chatmarks.limits import CONNECTIONS_MAX, IDLE_SECONDS_MAX

DRAIN_SECONDS = 10
"""How long calls in flight may take once a listener stops."""

_BACKLOG = 2048
_OTHER_FILES = 1000


class CannotListen(Exception):
    """An address cannot be listened on; the text says which and why."""


class _Listener(uvicorn.Server):
    """A uvicorn server that leaves signals to us, since two of them run in one loop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@contextlib.asynccontextmanager
async def listening(*served: tuple[uvicorn.Config, socket.socket]) -> AsyncIterator[None]:
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
            if task.done():
                # It ended before it listened; this raises why.
                await task
        yield
    finally:
        for listener in listeners:
            listener.should_exit = True
        await asyncio.gather(*tasks, return_exceptions=True)


def http(
    application: Any,
    cert: str | None = None,
    key: str | None = None,
    *,
    lane: Lane | None = None,
) -> uvicorn.Config:
    """How `application` is served, over HTTPS with a certificate. `lane` answers those of its calls
    that come whole. Raises `CannotListen`."""
    if cert is not None:
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)
        except (OSError, ssl.SSLError) as error:
            raise CannotListen(f"certificate {cert} with key {key}: {error}") from error
    return uvicorn.Config(
        application,
        ssl_certfile=cert,
        ssl_keyfile=key,
        http=partial(Http11, lane=lane),  # type: ignore[arg-type] # called like a class
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=int(IDLE_SECONDS_MAX),
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


@contextlib.contextmanager
def bind(host: str, port: int) -> Generator[socket.socket, None, None]:
    """A socket that is listened on. Raises `CannotListen`."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        # Without the address, which Python puts behind the reason and the line has already.
        reason = str(error.strerror).partition(" (while")[0]
        raise CannotListen(f"cannot listen on {host} port {port}: {reason}") from error
    with bound:
        yield bound


def url_of(scheme: str, host: str, bound: socket.socket) -> str:
    """The URL of what answers on `bound`."""
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{bound.getsockname()[1]}"


def allow_many_connections() -> None:
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
