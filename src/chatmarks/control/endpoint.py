"""An endpoint of the control API: by its methods, and refused in JSON where it is refused."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chatmarks.control.refused import SDKAPPID_MAX, Refused, in_range
from chatmarks.control.wire import refusal
from chatmarks.errors import shown
from chatmarks.store import Busy

log = logging.getLogger("chatmarks")

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


def route(path: str, **by_method: Endpoint) -> Route:
    """A route, refused in JSON where it is refused."""
    known: Mapping[str, Endpoint] = by_method
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

    async def endpoint(request: Request) -> Response:
        try:
            if not known:
                raise Refused(404, f"there is no {shown(request.url.path)}; docs/control.md has all")
            method = "GET" if request.method == "HEAD" else request.method
            if method not in known:
                return _not_allowed(method, known)
            return await known[method](request)
        except Refused as refused:
            return refusal(refused)
        except Busy:
            return refusal(Refused(503, "the store is busy; try again later"))
        except Exception:
            log.exception("fault in %s", request.url.path)
            return refusal(Refused(500, "server error; the server's log has the reason"))

    return Route(path, endpoint, methods=methods)


def _not_allowed(method: str, known: Mapping[str, Endpoint]) -> Response:
    allowed = ", ".join(known)
    told = refusal(Refused(405, f"{method} is not for this path; {allowed} are allowed"))
    told.headers["Allow"] = allowed
    return told


def sdkappid_of(request: Request) -> int:
    """The app that a path names. Raises `Refused` 400."""
    text = str(request.path_params["sdkappid"])
    digits = len(str(SDKAPPID_MAX))
    if not (text.isascii() and text.isdigit() and len(text) <= digits):
        raise Refused(400, f"sdkappid is {shown(text)}; 1 to {SDKAPPID_MAX} are allowed", "sdkappid")
    in_range("sdkappid", int(text), 1, SDKAPPID_MAX)
    return int(text)
