"""Where accounts are: at a server, or in a store."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from chatmarks.book import Account
from chatmarks.errors import Code
from chatmarks.exports import of_app
from chatmarks.moving import ACCOUNTS
from chatmarks.remote.content import Content, content_of
from chatmarks.remote.failures import Failed
from chatmarks.remote.server import Server
from chatmarks.store import Store, UnknownAccount


class Place(Protocol):
    """An app somewhere."""

    async def content(self, userid: str) -> Content:
        """What the account has. Raises `Failed`, which `is_unknown` where there is no such account, and
        `Stopped`."""


class ServerPlace(Struct, frozen=True):
    """An app at a server."""

    server: Server

    async def content(self, userid: str) -> Content:
        return await self.server.read(userid)


class StorePlace(Struct, frozen=True):
    """An app in a store."""

    store: Store
    sdkappid: int

    async def content(self, userid: str) -> Content:
        try:
            return content_of((await self.store.read(Account(self.sdkappid, userid))).book)
        except UnknownAccount as error:
            text = "the store has no such account"
            raise Failed(Code.ACCOUNT_NOT_IMPORTED.value, text) from error

    async def accounts(self) -> list[str]:
        """The UserIDs of all accounts of the app, ascending."""
        return [whole.account.userid async for whole in of_app(ACCOUNTS, self.store, self.sdkappid)]
