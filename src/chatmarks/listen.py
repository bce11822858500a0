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

from chatmarks.http11 import Config, Http11
from chatmarks.lane import Lane
from chatmarks.limits import CONNECTIONS_MAX, IDLE_SECONDS_MAX

DRAIN_SECONDS = 9
"""How long calls in flight may take once a listener stops, so that all is over within ten."""

_BACKLOG = 2048
_OTHER_FILES = 1000


class CannotListen(Exception):
    """An address cannot be listened on; the text says which and why."""


class _Listener(uvicorn.Server):
    """A uvicorn server that leaves signals to us, since two of them run in one loop."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._config = config

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    def end(self) -> None:
        """Let no answer from now on leave without word that it is the last of its connection."""
        self.should_exit = self._config.is_ending = True
        for connection in list(self.server_state.connections):
            connection.shutdown()


@contextlib.asynccontextmanager
async def listening(config: Config, bound: socket.socket) -> AsyncIterator[None]:
    """Serve on a socket; at the end the calls in flight are answered, and it is closed."""
    listener = _Listener(config)
    task = asyncio.create_task(listener.serve(sockets=[bound]))
    try:
        while not (listener.started or task.done()):  # noqa: ASYNC110 - a flag, no event
            await asyncio.sleep(0.001)
        if task.done():
            # It ended before it listened; this raises why.
            await task
        yield
    finally:
        listener.end()
        await asyncio.gather(task, return_exceptions=True)


def http(
    application: Any,
    cert: str | None = None,
    key: str | None = None,
    *,
    lane: Lane | None = None,
) -> Config:
    """How `application` is served, over HTTPS with a certificate. `lane` answers those of its calls
    that come whole. Raises `CannotListen`."""
    if cert is not None:
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)
        except (OSError, ssl.SSLError) as error:
            raise CannotListen(f"certificate {cert} with key {key}: {error}") from error
    return Config(
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
def bind(host: str, port: int, handed: int | None = None) -> Generator[socket.socket, None, None]:
    """A socket that is listened on: a new one, or that with the file number `handed`. Raises
    `CannotListen`."""
    if handed is not None:
        with socket.socket(fileno=handed) as bound:
            yield bound
        return
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
