"""A visit of a page: who looks, in which language, what the form said, and how the page is made."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from chatmarks.admin import CONSOLE
from chatmarks.console import audit
from chatmarks.console.forms import document_url
from chatmarks.console.marking import json_html, sourced
from chatmarks.console.parts import Console
from chatmarks.console.session import Session
from chatmarks.console.texts import LANGUAGES, Texts
from chatmarks.control.refused import SDKAPPID_MAX, Refused
from chatmarks.control.wire import body_of
from chatmarks.errors import shown
from chatmarks.limits import USERID_BYTES_MAX

NAVIGATION = ("overview", "try", "books", "journal", "clinic", "apps")
THEMES = ("system", "light", "dark")

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # The Origin of a form's POST is told with this one, which the admin listener looks at.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Pages hold tickets, and keys once.
    "Cache-Control": "no-store",
}


class Visit:
    """One request for a page. `fields`: what its form said, the values of each name in their order."""

    def __init__(
        self,
        request: Request,
        console: Console,
        session: Session,
        fields: Mapping[str, list[str]],
        texts: Texts,
        theme: str,
    ) -> None:
        self.request, self.console, self.session = request, console, session
        self.fields, self.text, self.theme = fields, texts, theme

    @property
    def source(self) -> str:
        """The address that the request came from."""
        return self.request.client.host if self.request.client else ""

    def asked(self, name: str, default: str = "") -> str:
        """A parameter of the URL."""
        return self.request.query_params.get(name, default)

    def field(self, name: str, default: str = "") -> str:
        """What the form said in its field `name`."""
        return self.fields.get(name, [default])[-1]

    def every(self, name: str) -> list[str]:
        """All that it said in fields called `name`."""
        return self.fields.get(name, [])

    def page(self, template: str, http_status: int = 200, **values: Any) -> Response:
        """The page that `template` makes of `values`."""
        return _finished(HTMLResponse(self.part(template, **values), http_status))

    def part(self, template: str, **values: Any) -> str:
        """The HTML that `template` makes of `values`."""
        return (
            _templates()
            .get_template(template)
            .render(
                values,
                t=self.text,
                csrf=self.session.token,
                let_in=self.session.let_in,
                needs_token=self.console.token is not None,
                facts=self.console.facts,
                navigation=NAVIGATION,
                languages=LANGUAGES,
                theme=self.theme,
                themes=THEMES,
                here=self.here,
            )
        )

    @property
    def here(self) -> str:
        """The path and query of this page."""
        query = self.request.url.query
        return self.request.url.path + (f"?{query}" if query else "")

    def note(self, action: str, **facts: Any) -> None:
        """Log what this visit changed."""
        audit.note(action, self.source, **facts)


Page: TypeAlias = Callable[[Visit], Awaitable[Response]]


def to(path: str, **parameters: Any) -> str:
    """The URL of a page of the console; parameters that are None or empty are left out."""
    query = urlencode({name: value for name, value in parameters.items() if value not in (None, "")})
    return f"{CONSOLE}{path}" + (f"?{query}" if query else "")


def go(path: str, **parameters: Any) -> Response:
    """The answer that leads to another page, after a change."""
    return _finished(RedirectResponse(to(path, **parameters), 303))


def plain(text: str, name: str, media_type: str = "text/plain") -> Response:
    """A file that is downloaded under `name`."""
    found = Response(text, media_type=media_type)
    found.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return _finished(found)


def _finished(response: Response) -> Response:
    response.headers.update(_HEADERS)
    return response


class Unfit(Refused):
    """Refused for a reason that is told in the visitor's language: a text of the catalogue, and the
    values that it names."""

    def __init__(self, status: int, key: str, **values: object) -> None:
        super().__init__(status, key)
        self.values = values


def wrong(name: str, value: str, allowed: str) -> Unfit:
    """What a field holds is none of what is allowed."""
    return Unfit(400, "error.value", name=name, value=shown(value), allowed=allowed)


def wrong_userid(name: str, value: str) -> Unfit:
    """What a field holds cannot be an account."""
    return Unfit(400, "error.userid", name=name, value=shown(value), most=USERID_BYTES_MAX)


async def fields_of(request: Request) -> dict[str, list[str]]:
    """What a form said, with line ends as they were before a browser sent them. Raises `Refused`."""
    body = await body_of(request)
    found: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=10_000)
    except ValueError as error:
        raise Unfit(400, "error.form") from error
    for name, value in pairs:
        found.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return found


def number(text: str, name: str) -> int:
    """A whole number from 1 on, as SDKAppIDs are. Raises `Refused` 400."""
    if text.isascii() and text.isdigit() and len(text) <= len(str(SDKAPPID_MAX)):
        found = int(text)
        if 1 <= found <= SDKAPPID_MAX:
            return found
    raise wrong(name, text, f"1-{SDKAPPID_MAX}")


@cache
def asset(name: str) -> bytes:
    """A static file."""
    return files("chatmarks.console").joinpath("static", name).read_bytes()


def asset_url(name: str) -> str:
    """Its URL, another one whenever it is another file."""
    return f"{CONSOLE}/static/{hashlib.sha256(asset(name)).hexdigest()[:12]}/{name}"


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("chatmarks.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        to=to, asset_url=asset_url, json_html=json_html, document_of=document_url
    )
    environment.filters.update(date=_date, clock=_clock, number=_number, sourced=sourced)
    return environment


def _date(at: float) -> str:
    """A moment in Unix seconds, as people read it."""
    try:
        return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return str(at)


def _clock(at: float) -> str:
    """The time of day of a moment in Unix seconds."""
    return _date(at)[11:19]


def _number(value: float) -> str:
    """A number with its thousands apart."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"
