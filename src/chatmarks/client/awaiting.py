"""The client for programs with an event loop."""

from __future__ import annotations

import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
import httpx2
from tenacity import AsyncRetrying, retry_if_exception

from chatmarks.client.calls import Calls, http_options
from chatmarks.client.errors import ChatError, NoAnswer
from chatmarks.client.hosts import RegionName
from chatmarks.client.methods import AsyncMethods
from chatmarks.client.pages import following
from chatmarks.client.road import HEADERS, Ask, Flow, Patience, Way
from chatmarks.client.tickets import TICKET_SECONDS_DEFAULT, Clock
from chatmarks.commands.extensions.recentcontact import query, who
from chatmarks.commands.group_open_http_svc import get_appid_group_list
from chatmarks.commands.recentcontact import get_contact_group, get_list
from chatmarks.commands.recentcontact.contact import Contact

A = TypeVar("A")


class AsyncClient(AsyncMethods):
    """An administrator of one app who calls a server, with a method for every command.

    Made as `Client` is; `usersig` may also be a coroutine function. Tasks may share a client.
    """

    def __init__(
        self,
        server: RegionName | str | Sequence[str],
        *,
        sdkappid: int,
        identifier: str,
        key: str | None = None,
        usersig: str | Callable[[], str | Awaitable[str]] | None = None,
        patience: Patience | None = None,
        ticket_seconds: int = TICKET_SECONDS_DEFAULT,
        clock: Clock = time.time,
        http: httpx2.AsyncClient | None = None,
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
        self._http = http or httpx2.AsyncClient(**http_options(self._calls.hosts.urls))
        self.split: AsyncMethods = _Split(self)
        """The same methods for lists of any length: they make as many calls as the documented limits
        ask for, and answer as if it had been one."""

    def __repr__(self) -> str:
        return f"AsyncClient({self._calls})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close its connections."""
        if self._own:
            await self._http.aclose()

    async def call(
        self, command: str, fields: Mapping[str, object], *, repeats: bool | None = None
    ) -> dict[str, Any]:
        """The whole answer of any command, such as `openim/sendmsg`, as a dictionary.

        `repeats`: whether a repeat does no harm; by default what is known of the command, else False.
        """
        return await self._run(self._calls.plain(command, fields, repeats=repeats))

    async def send(self, command: str, answer: type[A], fields: Mapping[str, object]) -> A:
        """The answer of a command: what the methods do."""
        return await self._run(self._calls.typed(command, answer, fields))

    def get_contact_group_pages(self, *, From_Account: str) -> AsyncIterator[get_contact_group.Answer]:
        """All pages of `get_contact_group`; each has all groups and some conversations."""
        command = "recentcontact/get_contact_group"
        return self._pages(
            command, get_contact_group.Answer, {"From_Account": From_Account, "StartIndex": 0}
        )

    def get_list_pages(
        self, *, From_Account: str, AssistFlags: int = 63
    ) -> AsyncIterator[get_list.Answer]:
        """All pages of `get_list`, by default with empty conversations and marks."""
        cursor = dict.fromkeys(("TimeStamp", "StartIndex", "TopTimeStamp", "TopStartIndex"), 0)
        fields = {"From_Account": From_Account, **cursor, "AssistFlags": AssistFlags}
        return self._pages("recentcontact/get_list", get_list.Answer, fields)

    def query_pages(self, *, From_Account: str, **conditions: object) -> AsyncIterator[query.Answer]:
        """All pages of `query`, whose other fields `conditions` has."""
        fields = {"From_Account": From_Account, **conditions}
        return self._pages("x/1/recentcontact/query", query.Answer, fields)

    def who_pages(
        self, *, ContactItem: Contact | Mapping[str, Any], **conditions: object
    ) -> AsyncIterator[who.Answer]:
        """All pages of `who`, whose other fields `conditions` has; some can be empty."""
        fields = {"ContactItem": ContactItem, **conditions}
        return self._pages("x/1/recentcontact/who", who.Answer, fields)

    def get_appid_group_list_pages(
        self, *, Limit: int, GroupType: str = ""
    ) -> AsyncIterator[get_appid_group_list.Answer]:
        """All pages of `get_appid_group_list`, of `Limit` chat groups each."""
        fields = {"Limit": Limit, "Next": 0} | ({"GroupType": GroupType} if GroupType else {})
        return self._pages(
            "group_open_http_svc/get_appid_group_list", get_appid_group_list.Answer, fields
        )

    async def _pages(
        self, command: str, answer: type[A], first: Mapping[str, object]
    ) -> AsyncIterator[A]:
        fields: Mapping[str, object] | None = first
        while fields is not None:
            page = await self.send(command, answer, fields)
            yield page
            fields = following(command, fields, page)

    async def _run(self, flow: Flow[A]) -> A:
        try:
            ask = next(flow)
            while True:
                try:
                    answer = await self._ask(ask)
                except (ChatError, NoAnswer) as error:
                    ask = flow.throw(error)
                else:
                    ask = flow.send(answer)
        except StopIteration as end:
            result: A = end.value
            return result

    async def _ask(self, ask: Ask[A]) -> A:
        way = self._calls.way(ask)
        if seconds := way.first_pause():
            await anyio.sleep(seconds)
        again = AsyncRetrying(
            retry=retry_if_exception(way.goes_on), wait=way.pause, stop=way.is_over, reraise=True
        )
        return await again(self._attempt, way)

    async def _attempt(self, way: Way[A]) -> A:
        timeout = way.timeout()
        tickets = self._calls.tickets
        ticket = tickets.kept()
        if ticket is None:
            assert tickets.source is not None
            made = tickets.source()
            ticket = tickets.keep(await made if inspect.isawaitable(made) else made)
        body = bytearray()
        try:
            async with self._http.stream(
                "POST",
                way.url,
                content=way.ask.body,
                headers=HEADERS,
                timeout=timeout,
                follow_redirects=False,
                # The query goes past the library, which logs the URLs that it knows of.
                extensions={"target": way.target(ticket)},
            ) as response:
                async for chunk in response.aiter_raw():
                    way.take(body, chunk)
        except httpx2.HTTPError as error:
            raise way.lost(error) from error
        return way.answer(response, bytes(body))


class _Split(AsyncMethods):
    """The methods of a client for lists of any length."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def send(self, command: str, answer: type[A], fields: Mapping[str, object]) -> A:
        client = self._client
        return await client._run(client._calls.in_parts(command, answer, fields))  # noqa: SLF001 - its own
