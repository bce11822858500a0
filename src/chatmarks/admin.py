"""The admin listener: for whoever operates the server, on loopback unless a credential is given.

A web page that runs in a browser on this machine can reach loopback too, so every request must name
an allowed Host.
"""

from __future__ import annotations

import hmac
import logging

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from chatmarks.store import Store

log = logging.getLogger("chatmarks")


class TokenMiddleware:
    """Lets in who sends `Authorization: Bearer <token>`; everybody when there is no token."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self.app = app
        self.expected = None if token is None else f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = dict(scope["headers"]).get(b"authorization", b"")
        if self.expected is None or hmac.compare_digest(given, self.expected):
            await self.app(scope, receive, send)
            return
        refusal = PlainTextResponse(
            "the admin listener needs its token\n", 401, {"WWW-Authenticate": "Bearer"}
        )
        await refusal(scope, receive, send)


def admin(store: Store, *, host: str, token: str | None) -> Starlette:
    """The application of the admin listener, which is reached at `host`."""

    async def healthz(_: Request) -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> PlainTextResponse:
        try:
            await store.check()
        except Exception:
            log.exception("the store is not ready")
            return PlainTextResponse(
                "not ready: the store cannot be used; the log has the reason\n", 503
            )
        return PlainTextResponse("ok\n")

    return Starlette(
        routes=[Route("/healthz", healthz), Route("/readyz", readyz)],
        middleware=[
            Middleware(
                TrustedHostMiddleware,
                allowed_hosts=["localhost", "127.0.0.1", "[::1]", "::1", host],
                www_redirect=False,
            ),
            Middleware(TokenMiddleware, token=token),
        ],
    )
