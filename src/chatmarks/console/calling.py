"""Calls that the console makes: on the same road as those of clients, and explained."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from chatmarks.command import url_path
from chatmarks.console.page import Unfit, Visit
from chatmarks.console.parts import Console
from chatmarks.control.faults import NOTHING
from chatmarks.control.heard import Heard
from chatmarks.control.noted import told
from chatmarks.service import Asked, Dropped
from chatmarks.store import App
from chatmarks.usersig import DEMO_KEY, sign

TICKET_SECONDS = 86400
"""Lifetime of a ticket that is made for a call; document 269/1671 advises a day at least."""


class Done(Struct, frozen=True):
    """A call that was made: its answer, None when its connection was ended without one, `ErrorCode`,
    how long it took, why it went so (as in the journal), and its request id."""

    answer: str | None
    code: int | None
    ms: float
    why: Sequence[Mapping[str, Any]]
    request_id: str

    @property
    def fields(self) -> dict[str, Any]:
        """What the answer holds."""
        found: dict[str, Any] = msgspec.json.decode(self.answer or "{}")
        return found


async def app_of(console: Console, sdkappid: int) -> App:
    """An app. Raises `Refused` 404."""
    app = await console.store.app(sdkappid)
    if app is None:
        raise Unfit(404, "error.no_app", sdkappid=sdkappid)
    return app


def keys_of(console: Console, app: App) -> list[str]:
    """The keys that tickets of an app are signed with, the newest first. Raises `SealError`."""
    keys = [console.seal.open(app.sdkappid, envelope) for envelope in app.sealed_keys]
    return [key for key in keys if console.facts.loopback or key != DEMO_KEY]


def now_of(console: Console, sdkappid: int) -> float:
    """What the clock of an app shows, in Unix seconds."""
    return console.control.clocks.now(sdkappid) if console.control else time.time()


def ticket_for(
    console: Console, app: App, identifier: str, expire_seconds: int = TICKET_SECONDS
) -> str:
    """A ticket for `identifier` under the newest key. Raises `Refused` 409 where there is no key."""
    keys = keys_of(console, app)
    if not keys:
        raise Unfit(409, "error.no_key", sdkappid=app.sdkappid)
    now = int(now_of(console, app.sdkappid))
    return sign(app.sdkappid, identifier, keys[0], now=now, expire=expire_seconds)


def query_of(sdkappid: int, identifier: str, usersig: str) -> str:
    """The query of a call's URL."""
    return urlencode(
        {
            "sdkappid": sdkappid,
            "identifier": identifier,
            "usersig": usersig,
            "random": secrets.randbits(32),
            "contenttype": "json",
        },
        safe="*",
    )


async def call(visit: Visit, command: str, query: str, body: str) -> Done:
    """Make a call as a client at the visitor's address would."""
    console = visit.console
    asked = Asked(
        url_path(command),
        query.encode(),
        body.encode(errors="surrogatepass"),
        source=visit.source,
        request_id=f"console-{secrets.token_hex(8)}",
    )
    came_at, began = time.time(), time.perf_counter()
    answer: bytes | None
    try:
        answer = await console.road.handle(
            asked.path,
            asked.query,
            asked.body,
            source=asked.source,
            request_id=asked.request_id,
        )
    except Dropped:
        answer = None
    ms = (time.perf_counter() - began) * 1000
    noted = console.control and console.control.journal.of_request(asked.request_id)
    noted = noted or Heard(asked, came_at, came_at, ms, answer, answer, NOTHING).noted()
    why = msgspec.to_builtins(told(noted, "")["why"])
    return Done(None if answer is None else answer.decode(), noted.code, ms, why, asked.request_id)
