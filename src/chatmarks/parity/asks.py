"""One call as it is asked, one answer as it came, and scripts of them, which do no I/O.

A script is a generator: it yields what to ask and gets the reply. So the same script is played to a
server over HTTP and to a chatmarks in this process.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from chatmarks.command import url_path
from chatmarks.usersig import sign

T = TypeVar("T")

TicketKind = Literal["good", "expired", "other key", "other identifier", "other app", "cut"]
"""Which ticket a call is signed with; all but the first are wrong in one way each."""

_TICKET_SECONDS = 3600
_HTTP_OK = 200


class Unanswered(Exception):
    """No answer came at all; the text says why, in one line."""


class Ask(Struct, frozen=True):
    """A call. A `body` of bytes is sent as it is, anything else as JSON. `query` changes parameters of
    the URL; None leaves one out. `identifier`: who calls; "" is the administrator of the run."""

    command: str
    body: Any = {}
    method: str = "POST"
    ticket: TicketKind = "good"
    identifier: str = ""
    query: Mapping[str, str | None] = {}

    @property
    def content(self) -> bytes:
        """The bytes of the body."""
        return self.body if isinstance(self.body, bytes) else msgspec.json.encode(self.body)

    @property
    def shown(self) -> dict[str, Any]:
        """The call as a report shows it: without any secret, and what is usual left out."""
        usual = Ask(self.command)
        unusual = {
            name: getattr(self, name)
            for name in ("method", "ticket", "identifier", "query")
            if getattr(self, name) != getattr(usual, name)
        }
        body = self.body.decode(errors="replace") if isinstance(self.body, bytes) else self.body
        return {"command": self.command, "body": body, **unusual}


class Pause(Struct, frozen=True):
    """Nothing asked for a while."""

    seconds: float


class Reply(Struct, frozen=True):
    """What came: `answer` is the JSON object, empty when none came, and then `fault` tells what came
    instead. `at`: Unix seconds, by our clock, half-way between question and answer."""

    answer: dict[str, Any]
    at: float
    fault: str = ""

    @property
    def code(self) -> int | None:
        """`ErrorCode`, None when there is no such integer."""
        code = self.answer.get("ErrorCode")
        return code if isinstance(code, int) and not isinstance(code, bool) else None

    @property
    def shown(self) -> Any:
        """The answer as a report shows it."""
        return self.answer or self.fault


Asker: TypeAlias = Callable[[Ask], Awaitable[Reply]]
"""What answers the calls of scripts."""

Script: TypeAlias = Generator["Ask | Pause", "Reply | None", T]


def asked(ask: Ask) -> Script[Reply]:
    """The reply to `ask`, within a script."""
    reply = yield ask
    assert reply is not None
    return reply


Rest: TypeAlias = Callable[[float], Awaitable[None]]
"""Lets as many seconds pass."""


async def played(script: Script[T], asker: Asker, rest: Rest = asyncio.sleep) -> T:
    """What a script returns when `asker` answers it."""
    try:
        step = next(script)
        while True:
            if isinstance(step, Pause):
                await rest(step.seconds)
                step = script.send(None)
            else:
                step = script.send(await asker(step))
    except StopIteration as end:
        result: T = end.value
        return result


class Caller(NamedTuple):
    """The administrator who calls, and the app's key."""

    sdkappid: int
    identifier: str
    key: str

    def target(self, ask: Ask) -> tuple[str, str, str]:
        """Path and query of the URL of `ask`, and the ticket in it, which nobody is to see."""
        ticket = self._ticket(ask)
        values: dict[str, str | None] = {
            "sdkappid": str(self.sdkappid),
            "identifier": ask.identifier or self.identifier,
            "usersig": ticket,
            "random": str(secrets.randbelow(2**32)),
            "contenttype": "json",
        }
        values |= ask.query
        given = {name: value for name, value in values.items() if value is not None}
        return url_path(ask.command), urlencode(given, safe="*", quote_via=quote), ticket

    def _ticket(self, ask: Ask) -> str:
        sdkappid, identifier, key = self.sdkappid, ask.identifier or self.identifier, self.key
        now = int(time.time())
        match ask.ticket:
            case "expired":
                now -= 2 * _TICKET_SECONDS
            case "other key":
                key = f"{key[::-1]}-not"
            case "other identifier":
                identifier = "somebody-else"
            case "other app":
                sdkappid += 1
        ticket = sign(sdkappid, identifier, key, now=now, expire=_TICKET_SECONDS)
        return ticket[: len(ticket) // 2] if ask.ticket == "cut" else ticket


def read_reply(content: bytes, ticket: str, at: float, *, status: int = _HTTP_OK) -> Reply:
    """The reply in the bytes of an answer. A ticket that a server repeats in it goes no further."""
    text = content.decode(errors="replace").replace(ticket, "(the UserSig)")
    try:
        answer = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        answer = None
    if status != _HTTP_OK or not isinstance(answer, dict):
        return Reply({}, at, f"HTTP {status}: {text[:200]}")
    return Reply(answer, at)
