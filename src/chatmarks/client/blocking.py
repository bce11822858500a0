"""The client for programs without an event loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2
from tenacity import Retrying, retry_if_exception

from chatmarks.client.calls import Calls, http_options
from chatmarks.client.errors import ChatError, NoAnswer
from chatmarks.client.hosts import RegionName
from chatmarks.client.methods import Methods
from chatmarks.client.pages import following
from chatmarks.client.road import HEADERS, Ask, Flow, Patience, Way
from chatmarks.client.tickets import TICKET_SECONDS_DEFAULT, Clock
from chatmarks.commands.extensions.recentcontact import query, who
from chatmarks.commands.group_open_http_svc import get_appid_group_list
from chatmarks.commands.recentcontact import get_contact_group, get_list
from chatmarks.commands.recentcontact.contact import Contact

A = TypeVar("A")


class Client(Methods):
    """An administrator of one app who calls a server, with a method for every command.

    `server`: a region (`REGIONS`), a URL, or a list of URLs of which the first is the main one. The
    ticket is signed here with `key`, for `ticket_seconds`, or comes from `usersig`: a ready one, or
    what is called to get one. `patience`: how long and how often a call is tried. `http`: an own
    `httpx2.Client`, which is not closed here.

    Methods take the fields of the wire as keyword arguments and raise `ChatError`, `NoAnswer` and
    `OutcomeUnknown`. Threads may share a client. Raises `ValueError` for what cannot be right.
    """

    def __init__(
        self,
        server: RegionName | str | Sequence[str],
        *,
        sdkappid: int,
        identifier: str,
        key: str | None = None,
        usersig: str | Callable[[], str] | None = None,
        patience: Patience | None = None,
        ticket_seconds: int = TICKET_SECONDS_DEFAULT,
        clock: Clock = time.time,
        http: httpx2.Client | None = None,
    ) -> None:
        self._calls = Calls.of(
            server,
            sdkappid=sdkappid,
            identifier=identifier,
            key=key,
            usersig=usersig,
            ticket_seconds=ticket_seconds,
            clock=clock,
            patience=patience or Patience(),
        )
        self._own = http is None
        self._http = http or httpx2.Client(**http_options(self._calls.hosts.urls))
        self.split: Methods = _Split(self)
        """The same methods for lists of any length: they make as many calls as the documented limits
        ask for, and answer as if it had been one."""

    def __repr__(self) -> str:
        return f"Client({self._calls})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        if self._own:
            self._http.close()

    def call(
        self, command: str, fields: Mapping[str, object], *, repeats: bool | None = None
    ) -> dict[str, Any]:
        """The whole answer of any command, such as `openim/sendmsg`, as a dictionary.

        `repeats`: whether a repeat does no harm; by default what is known of the command, else False.
        """
        return self._run(self._calls.plain(command, fields, repeats=repeats))

    def send(self, command: str, answer: type[A], fields: Mapping[str, object]) -> A:
        """The answer of a command: what the methods do."""
        return self._run(self._calls.typed(command, answer, fields))

    def get_contact_group_pages(self, *, From_Account: str) -> Iterator[get_contact_group.Answer]:
        """All pages of `get_contact_group`; each has all groups and some conversations."""
        command = "recentcontact/get_contact_group"
        return self._pages(
            command, get_contact_group.Answer, {"From_Account": From_Account, "StartIndex": 0}
        )

    def get_list_pages(self, *, From_Account: str, AssistFlags: int = 63) -> Iterator[get_list.Answer]:
        """All pages of `get_list`, by default with empty conversations and marks."""
        cursor = dict.fromkeys(("TimeStamp", "StartIndex", "TopTimeStamp", "TopStartIndex"), 0)
        fields = {"From_Account": From_Account, **cursor, "AssistFlags": AssistFlags}
        return self._pages("recentcontact/get_list", get_list.Answer, fields)

    def query_pages(self, *, From_Account: str, **conditions: object) -> Iterator[query.Answer]:
        """All pages of `query`, whose other fields `conditions` has."""
        fields = {"From_Account": From_Account, **conditions}
        return self._pages("x/1/recentcontact/query", query.Answer, fields)

    def who_pages(
        self, *, ContactItem: Contact | Mapping[str, Any], **conditions: object
    ) -> Iterator[who.Answer]:
        """All pages of `who`, whose other fields `conditions` has; some can be empty."""
        fields = {"ContactItem": ContactItem, **conditions}
        return self._pages("x/1/recentcontact/who", who.Answer, fields)

    def get_appid_group_list_pages(
        self, *, Limit: int, GroupType: str = ""
    ) -> Iterator[get_appid_group_list.Answer]:
        """All pages of `get_appid_group_list`, of `Limit` chat groups each."""
        fields = {"Limit": Limit, "Next": 0} | ({"GroupType": GroupType} if GroupType else {})
        return self._pages(
            "group_open_http_svc/get_appid_group_list", get_appid_group_list.Answer, fields
        )

    def _pages(self, command: str, answer: type[A], first: Mapping[str, object]) -> Iterator[A]:
        fields: Mapping[str, object] | None = first
        while fields is not None:
            page = self.send(command, answer, fields)
            yield page
            fields = following(command, fields, page)

    def _run(self, flow: Flow[A]) -> A:
        try:
            ask = next(flow)
            while True:
                try:
                    answer = self._ask(ask)
                except (ChatError, NoAnswer) as error:
                    ask = flow.throw(error)
                else:
                    ask = flow.send(answer)
        except StopIteration as end:
            result: A = end.value
            return result

    def _ask(self, ask: Ask[A]) -> A:
        way = self._calls.way(ask)
        if seconds := way.first_pause():
            time.sleep(seconds)
        again = Retrying(
            retry=retry_if_exception(way.goes_on), wait=way.pause, stop=way.is_over, reraise=True
        )
        answer: A = again(self._attempt, way)
        return answer

    def _attempt(self, way: Way[A]) -> A:
        timeout = way.timeout()
        tickets = self._calls.tickets
        ticket = tickets.kept()
        if ticket is None:
            assert tickets.source is not None
            ticket = tickets.keep(tickets.source())
        body = bytearray()
        try:
            with self._http.stream(
                "POST",
                way.url,
                content=way.ask.body,
                headers=HEADERS,
                timeout=timeout,
                follow_redirects=False,
                # The query goes past the library, which logs the URLs that it knows of.
                extensions={"target": way.target(ticket)},
            ) as response:
                for chunk in response.iter_raw():
                    way.take(body, chunk)
        except httpx2.HTTPError as error:
            raise way.lost(error) from error
        return way.answer(response, bytes(body))


class _Split(Methods):
    """The methods of a client for lists of any length."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def send(self, command: str, answer: type[A], fields: Mapping[str, object]) -> A:
        client = self._client
        return client._run(client._calls.in_parts(command, answer, fields))  # noqa: SLF001 - its own
