"""The clinic: a ticket looked at, each of its fields and checks; and a ticket made."""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import unquote

from msgspec import Struct
from starlette.responses import Response

from chatmarks.command import is_userid
from chatmarks.console.calling import app_of, keys_of, now_of, query_of, ticket_for
from chatmarks.console.page import Visit, number, wrong, wrong_userid
from chatmarks.errors import Fail
from chatmarks.store import App
from chatmarks.usersig import Explanation, decode, explained

_IN_A_QUERY = re.compile(r"(?:^|[?&])usersig=([^&\s'\"]*)")
LIFETIMES = (3600, 86400, 7 * 86400, 180 * 86400)
_LIFETIME_MAX = 20 * LIFETIMES[-1]


class Finding(Struct, frozen=True):
    """What was found about a ticket: `app` is the one here that its keys were taken from, if any."""

    explanation: Explanation
    app: int | None
    now: float

    @property
    def rows(self) -> list[tuple[str, Any, bool]]:
        """Its fields: the name on the wire, the value, and whether that is a moment."""
        ticket = self.explanation.ticket
        if ticket is None:
            return []
        return [
            ("TLS.ver", ticket.version, False),
            ("TLS.identifier", ticket.identifier, False),
            ("TLS.sdkappid", ticket.sdkappid, False),
            ("TLS.time", ticket.time, True),
            ("TLS.expire", ticket.expire, False),
            ("TLS.sig", ticket.signature, False),
        ]

    @property
    def outcome(self) -> str:
        """The name of the text that sums it up."""
        failed = [check for check in self.explanation.checks if check.fail]
        if failed:
            return "bad"
        return "fine" if all(check.done for check in self.explanation.checks) else "open"


async def clinic(visit: Visit) -> Response:
    """The page with both forms."""
    return await _page(visit)


async def examine(visit: Visit) -> Response:
    """The page with what is found about the ticket of the form."""
    usersig = ticket_in(visit.field("usersig"))
    named = visit.field("sdkappid").strip()
    sdkappid = number(named, "sdkappid") if named else None
    app = await _app_for(visit, usersig, sdkappid)
    now = time.time() if app is None else now_of(visit.console, app.sdkappid)
    found = explained(
        usersig,
        sdkappid=sdkappid,
        identifier=visit.field("identifier").strip() or None,
        keys=keys_of(visit.console, app) if app else (),
        now=now,
    )
    return await _page(visit, finding=Finding(found, app.sdkappid if app else None, now))


async def mint(visit: Visit) -> Response:
    """The page with a fresh ticket, which is shown this once."""
    app = await app_of(visit.console, number(visit.field("sdkappid"), "sdkappid"))
    identifier = visit.field("identifier").strip()
    if not is_userid(identifier):
        raise wrong_userid("identifier", identifier)
    seconds = number(visit.field("expire"), "expire")
    if seconds > _LIFETIME_MAX:
        raise wrong("expire", str(seconds), f"1-{_LIFETIME_MAX}")
    ticket = ticket_for(visit.console, app, identifier, seconds)
    visit.note("mint ticket", sdkappid=app.sdkappid, identifier=identifier, expire=seconds)
    minted = {
        "ticket": ticket,
        "query": query_of(app.sdkappid, identifier, ticket),
        "identifier": identifier,
        "is_admin": identifier in app.admins,
        "until": now_of(visit.console, app.sdkappid) + seconds,
    }
    return await _page(visit, minted=minted)


async def _page(visit: Visit, **found: Any) -> Response:
    values: dict[str, Any] = {"finding": None, "minted": None} | found
    return visit.page(
        "clinic.html", apps=await visit.console.store.apps(), lifetimes=LIFETIMES, asked=visit, **values
    )


async def _app_for(visit: Visit, usersig: str, sdkappid: int | None) -> App | None:
    """The app here whose keys the ticket should fit: the one that is named, else the ticket's own."""
    if sdkappid is None:
        try:
            sdkappid = decode(usersig).sdkappid
        except Fail:
            return None
    return await visit.console.store.app(sdkappid) if 0 < sdkappid < 1 << 63 else None


def ticket_in(text: str) -> str:
    """The ticket in what was pasted: itself, or that of a URL or a query."""
    found = _IN_A_QUERY.search(text)
    return unquote(found[1]) if found else unquote(text.strip())
