"""The admin listener: for whoever operates the server, on loopback unless a credential is given.

A web page that runs in a browser on this machine can reach loopback too, so every request must name
an allowed Host, and a write that names an Origin an allowed one.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]", "::1")
"""How the machine itself calls the listener."""


class OriginMiddleware:
    """Refuses what could change something when it comes from a page of another site: a browser tells
    whose page it is, and other clients tell nothing.

    `names`: those of the sites that may, beside the one that is called; `*.example.org` is any below.
    """

    def __init__(self, app: ASGIApp, names: Sequence[str]) -> None:
        self.app = app
        self.names = frozenset(name.lower().strip("[]") for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        if origin is None or scope["method"] in ("GET", "HEAD") or self._is_allowed(origin, headers):
            await self.app(scope, receive, send)
            return
        refusal = PlainTextResponse("pages of other sites may change nothing here\n", 403)
        await refusal(scope, receive, send)

    def _is_allowed(self, origin: bytes, headers: Mapping[bytes, bytes]) -> bool:
        name = _name_in(origin)
        # The Host is an allowed one: it was looked at before.
        called = _name_in(b"//" + headers.get(b"host", b""))
        below = f"*.{name.partition('.')[2]}"
        return bool(name) and (name == called or name in self.names or below in self.names)


def _name_in(url: bytes) -> str:
    """The name of the host in a URL, in lower case; "" for none."""
    try:
        return urlsplit(url.decode("latin-1")).hostname or ""
    except ValueError:
        return ""


CONSOLE = "/console"
"""Where the console is. It has a door of its own: a browser gives the credential once, in a form."""


class TokenMiddleware:
    """Lets in who sends `Authorization: Bearer <token>`; everybody when there is no token."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self.app = app
        self.expected = None if token is None else token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/" or f"{scope['path']}/".startswith(f"{CONSOLE}/"):
            await self.app(scope, receive, send)
            return
        scheme, _, given = dict(scope["headers"]).get(b"authorization", b"").partition(b" ")
        fits = self.expected is None or hmac.compare_digest(given.strip(), self.expected)
        if fits and (self.expected is None or scheme.lower() == b"bearer"):
            await self.app(scope, receive, send)
            return
        refusal = PlainTextResponse(
            "the admin listener needs its token\n", 401, {"WWW-Authenticate": "Bearer"}
        )
        await refusal(scope, receive, send)


def admin(
    problem: Callable[[], Awaitable[str | None]],
    metrics: Callable[[], Awaitable[bytes]],
    *,
    names: Sequence[str],
    token: str | None,
    more: Sequence[BaseRoute] = (),
) -> Starlette:
    """The application of the admin listener, which may be called by `names`, and by loopback's.

    `problem` tells why calls cannot be answered, None when they can; `metrics` gives the metrics as
    Prometheus reads them; `more` are further routes.
    """
    allowed = [*LOOPBACK_NAMES, *names]

    async def healthz(_: Request) -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> PlainTextResponse:
        if found := await problem():
            return PlainTextResponse(f"not ready: {found}\n", 503)
        return PlainTextResponse("ok\n")

    async def metrics_page(_: Request) -> Response:
        return Response(await metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def openapi_page(_: Request) -> Response:
        # Imported here: seldom asked for.
        from chatmarks.openapi import document

        return Response(document(), media_type="application/json")

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics_page),
            Route("/openapi.json", openapi_page),
            *more,
        ],
        middleware=[
            Middleware(
                TrustedHostMiddleware,
                allowed_hosts=allowed,
                www_redirect=False,
            ),
            Middleware(OriginMiddleware, names=allowed),
            Middleware(TokenMiddleware, token=token),
        ],
    )
