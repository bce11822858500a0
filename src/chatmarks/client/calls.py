"""What both clients share: who calls whom, and the flows of their calls."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, Self, TypeVar

import msgspec
from msgspec import Struct

from chatmarks.client.hosts import Hosts, is_loopback, urls_of
from chatmarks.client.lists import in_parts
from chatmarks.client.outcomes import is_repeatable, settled
from chatmarks.client.road import Ask, Flow, Patience, Settings, Way, body_of
from chatmarks.client.tickets import Clock, Source, Tickets, tickets

A = TypeVar("A")

_BASE = {"ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "", "ErrorDisplay": ""}

_COMMAND = re.compile(r"(?:x/1/)?[A-Za-z0-9_]+/[A-Za-z0-9_]+")


class Calls(Struct, frozen=True):
    """The calls of one administrator to one server."""

    settings: Settings
    hosts: Hosts
    tickets: Tickets

    @classmethod
    def of(
        cls,
        server: str | Sequence[str],
        *,
        sdkappid: int,
        identifier: str,
        key: str | None,
        usersig: str | Source | None,
        ticket_seconds: int,
        clock: Clock,
        patience: Patience,
    ) -> Self:
        """As the clients are made. Raises `ValueError`."""
        return cls(
            Settings(sdkappid, identifier, patience),
            Hosts(urls_of(server)),
            tickets(sdkappid, identifier, key, usersig, ticket_seconds, clock),
        )

    def __str__(self) -> str:
        who = f"sdkappid={self.settings.sdkappid}, identifier={self.settings.identifier!r}"
        return f"{self.hosts.urls[0]!r}, {who}"

    def way(self, ask: Ask[A]) -> Way[A]:
        return Way(ask, self.settings, self.hosts, self.tickets)

    def typed(self, command: str, answer: type[A], fields: Mapping[str, object]) -> Flow[A]:
        """One call with a typed answer."""
        return settled(self._ask(command, answer, fields), self.settings.patience.attempts)

    def in_parts(self, command: str, answer: type[A], fields: Mapping[str, object]) -> Flow[A]:
        """One call, in as many parts as its list asks for; each has the time of a call."""
        return in_parts(command, fields, lambda part: self.typed(command, answer, part))

    def plain(
        self, command: str, fields: Mapping[str, object], *, repeats: bool | None
    ) -> Flow[dict[str, Any]]:
        """One call of any command, with its whole answer."""
        if not _COMMAND.fullmatch(command):
            raise ValueError(f"command {command!r} is not of the form service/command")
        ask = self._ask(command, dict, fields)
        if repeats is not None:
            ask = msgspec.structs.replace(ask, repeats=repeats)
        return self._plain(ask)

    def _plain(self, ask: Ask[Any]) -> Flow[dict[str, Any]]:
        answer = yield from settled(ask, self.settings.patience.attempts)
        if isinstance(answer, dict):
            return answer
        # It was lost, and found out from what it did.
        return {**msgspec.to_builtins(answer), **_BASE}

    def _ask(self, command: str, answer: type[A], fields: Mapping[str, object]) -> Ask[A]:
        body = body_of(fields)
        until = self.settings.until()
        return Ask(command, body, answer, is_repeatable(command, body), until)


def http_options(urls: Sequence[str]) -> dict[str, Any]:
    """How the HTTP client for `urls` is made: cheaply where it stays on this machine."""
    if not all(map(is_loopback, urls)):
        return {}
    # No proxy leads to here, and there is nothing to trust: loading what is takes 30 ms and more.
    return {"trust_env": False, "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}
