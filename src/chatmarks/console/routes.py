"""The routes of the console, below `/console`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from chatmarks.admin import CONSOLE
from chatmarks.console.app_control import clock, fault
from chatmarks.console.apps import app, apps, make
from chatmarks.console.apps import change as change_app
from chatmarks.console.book_changes import add_account, change
from chatmarks.console.books import Watch, book, books
from chatmarks.console.clinic import clinic, examine, mint
from chatmarks.console.door import Door
from chatmarks.console.journal import Follow, export, journal, one, replay
from chatmarks.console.overview import overview
from chatmarks.console.page import asset
from chatmarks.console.parts import Console
from chatmarks.console.streams import Streams
from chatmarks.console.trying import commands, form, made

_TYPES = {"console.css": "text/css", "console.js": "text/javascript", "icon.svg": "image/svg+xml"}


def console_routes(console: Console) -> list[BaseRoute]:
    """All routes."""
    door, streams = Door(console), Streams()
    return [
        Route("/", _first),
        Route(f"{CONSOLE}/static/{{hash}}/{{name}}", _static),
        door.route("/enter", open_to_all=True, GET=door.enter_form, POST=door.enter),
        door.route("/leave", POST=door.leave),
        door.route("/prefer", open_to_all=True, POST=door.prefer),
        door.route("/clinic", GET=clinic),
        door.route("/clinic/examine", GET=clinic, POST=examine),
        door.route("/clinic/mint", GET=clinic, POST=mint),
        door.route("/books", GET=books),
        door.route("/books/account", GET=book),
        door.route("/books/watch", GET=Watch(streams).stream),
        door.route("/books/change", POST=change),
        door.route("/books/import", POST=add_account),
        door.route("/journal", GET=journal),
        door.route("/journal/call", GET=one),
        door.route("/journal/follow", GET=Follow(streams).stream),
        door.route("/journal/replay", POST=replay),
        door.route("/journal/export", GET=export),
        door.route("/apps", GET=apps),
        door.route("/apps/app", GET=app),
        door.route("/apps/make", POST=make),
        door.route("/apps/change", POST=change_app),
        door.route("/apps/clock", POST=clock),
        door.route("/apps/fault", POST=fault),
        door.route("/try", GET=commands),
        door.route("/try/{path:path}", GET=form, POST=made),
        door.route("", GET=overview),
        door.route("/", GET=overview),
    ]


async def _first(_: Request) -> Response:
    return RedirectResponse(CONSOLE)


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _TYPES:
        return Response(status_code=404)
    response = Response(asset(name), media_type=_TYPES[name])
    # Its URL has its hash, so what is there never changes.
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
