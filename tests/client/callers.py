"""Both clients behind one face, and a look past the proxy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

from anyio.from_thread import BlockingPortal

from chatmarks.client import Client
from harness import ADMIN, KEY, SDKAPPID

Make = Callable[..., Any]
"""Makes a client of a URL, the proxy's by default; options as of `Client`."""


class Awaited:
    """An `AsyncClient`, or its `split`, whose methods are called as those of a `Client`."""

    def __init__(self, portal: BlockingPortal, client: Any) -> None:
        self.portal = portal
        self.client = client

    def __getattr__(self, name: str) -> Any:
        if name == "split":
            return Awaited(self.portal, self.client.split)
        method = getattr(self.client, name)
        if name.endswith("_pages"):
            return lambda **fields: self.portal.call(_gathered, method(**fields))
        return lambda *arguments, **fields: self.portal.call(partial(method, *arguments, **fields))

    def __repr__(self) -> str:
        return repr(self.client)


async def _gathered(pages: AsyncIterator[Any]) -> list[Any]:
    return [page async for page in pages]


def groups_of(server_url: str, owner: str) -> dict[str, int]:
    """What groups there are, asked past the proxy."""
    with Client(server_url, sdkappid=SDKAPPID, identifier=ADMIN, key=KEY) as client:
        page = client.get_contact_group(From_Account=owner, StartIndex=0)
    return {group.GroupName: group.GroupId for group in page.GroupItem}
