"""The door of the console: sessions, forms that are our own, and refusals as pages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from chatmarks.admin import CONSOLE
from chatmarks.console.page import THEMES, Page, Unfit, Visit, fields_of, go
from chatmarks.console.parts import Console
from chatmarks.console.session import SECONDS_MAX, Session, Sessions, fits
from chatmarks.console.texts import LANGUAGES, Texts, language_of
from chatmarks.control.refused import Refused
from chatmarks.seal import SealError
from chatmarks.store import Busy

log = logging.getLogger("chatmarks")

_YEAR_SECONDS = 365 * 86400
_WRONG_TOKEN_SECONDS = 0.5

_AGAIN = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0"><title>…</title>'
"""A page that asks for itself again."""


class Door:
    """Lets visits in to the pages. `GET` shows, `POST` changes, and needs the session's token."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._sessions = Sessions()

    def route(self, path: str, *, open_to_all: bool = False, **by_method: Page) -> Route:
        """The pages at `path`, for those who gave the credential, or `open_to_all`."""
        pages: Mapping[str, Page] = by_method

        async def endpoint(request: Request) -> Response:
            session = self._sessions.known(request.cookies.get(_cookie(request)))
            began = session is None
            if session is None:
                if request.headers.get("sec-fetch-site") == "cross-site" and request.method == "GET":
                    # A link on another site: the browser keeps the strict cookie back. A request that
                    # this page makes has it, so that a session that is there is found.
                    return HTMLResponse(_AGAIN)
                session = self._sessions.begin(let_in=self._console.token is None)
            visit = self._visit(request, session, {})
            if not (session.let_in or open_to_all):
                response = go("/enter", back=visit.here if request.method == "GET" else None)
            else:
                response = await self._answered(visit, pages)
            if began and "set-cookie" not in response.headers:
                _give(request, response, session)
            return response

        return Route(CONSOLE + path, endpoint, methods=list(pages))

    async def _answered(self, visit: Visit, pages: Mapping[str, Page]) -> Response:
        request = visit.request
        method = "GET" if request.method == "HEAD" else request.method
        try:
            if method == "POST":
                fields = await fields_of(request)
                given = fields.pop("csrf", [""])[-1]
                if not fits(given, visit.session.token):
                    raise Unfit(403, "error.old_form")
                visit = self._visit(request, visit.session, fields)
            return await pages[method](visit)
        except Unfit as unfit:
            status, message = unfit.status, visit.text(unfit.message, **unfit.values)
        except Refused as refused:
            status, message = refused.status, refused.message
        except (SealError, ValueError) as error:
            status, message = 400, str(error)
        except Busy:
            status, message = 503, visit.text("error.busy")
        except Exception:
            log.exception("fault in %s", request.url.path)
            status, message = 500, visit.text("error.fault")
        return visit.page("error.html", status, status=status, message=message)

    def _visit(self, request: Request, session: Session, fields: Mapping[str, list[str]]) -> Visit:
        language = request.cookies.get("chatmarks_language", "")
        if language not in LANGUAGES:
            language = language_of(request.headers.get("accept-language", ""))
        theme = request.cookies.get("chatmarks_theme", "")
        theme = theme if theme in THEMES else THEMES[0]
        return Visit(request, self._console, session, fields, Texts(language), theme)

    async def enter_form(self, visit: Visit) -> Response:
        """The page that asks for the credential."""
        if visit.session.let_in:
            return go(_below(visit.asked("back")))
        return visit.page("enter.html", back=visit.asked("back"), wrong=False)

    async def enter(self, visit: Visit) -> Response:
        """Let in who gives the credential, with a new session."""
        token, back = self._console.token or "", visit.field("back")
        if not fits(visit.field("token").strip(), token):
            visit.note("enter refused")
            # Guessing takes its time.
            await asyncio.sleep(_WRONG_TOKEN_SECONDS)
            return visit.page("enter.html", 403, back=back, wrong=True)
        visit.note("enter")
        response = go(_below(back))
        _give(visit.request, response, self._sessions.begin(let_in=True))
        return response

    async def leave(self, visit: Visit) -> Response:
        """End the session of this browser."""
        response = go("")
        response.delete_cookie(_cookie(visit.request), path=CONSOLE)
        return response

    async def prefer(self, visit: Visit) -> Response:
        """Keep which language and theme this browser wants."""
        response = go(_below(visit.field("back")))
        for name, known in (("language", LANGUAGES), ("theme", THEMES)):
            if (wish := visit.field(name)) in known:
                response.set_cookie(
                    f"chatmarks_{name}",
                    wish,
                    max_age=_YEAR_SECONDS,
                    path=CONSOLE,
                    samesite="strict",
                    httponly=True,
                )
        return response


def _below(path: str) -> str:
    """A path of the console behind its beginning; that of its first page for any other."""
    inside = path.startswith((f"{CONSOLE}/", f"{CONSOLE}?")) and path.isprintable()
    return path.removeprefix(CONSOLE) if inside and "\\" not in path else ""


def _cookie(request: Request) -> str:
    """The name of the session's cookie. Browsers do not tell ports apart, but two servers are two."""
    return f"chatmarks_console_{request.url.port or 80}"


def _give(request: Request, response: Response, session: Session) -> None:
    response.set_cookie(
        _cookie(request),
        session.cookie,
        max_age=SECONDS_MAX,
        path=CONSOLE,
        samesite="strict",
        httponly=True,
        secure=request.url.scheme == "https",
    )
