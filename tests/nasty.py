"""A store that has bad luck, the same in every run of a seed."""

from __future__ import annotations

import random
import types
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import Enum

from chatmarks.book import Account, Book, Entry, Peer
from chatmarks.event import Told
from chatmarks.store import (
    App,
    AppChatGroup,
    Busy,
    Change,
    ChatGroup,
    Kept,
    Listing,
    Membership,
    Message,
    Pinning,
    Posted,
    Returned,
    Store,
    Totals,
    Whole,
)


class Fate(Enum):
    """What happens to one call."""

    PLAIN = "done as it should be"
    TWICE = "its change is run twice, as after a conflict"
    BUSY = "refused with Busy before anything is done"
    DIES = "a fault after its change was run and before the commit"


class Died(Exception):
    """The fault of this store; no engine raises it."""


class NastyStore:
    """`inner`, with a fate drawn for each call on books and chat groups.

    `fates` are drawn from, one after another with `seed`; `met` counts what came up and `last` is the
    fate that ended the latest call, or PLAIN. Apps are left alone: they are looked up by the clock,
    which would make a seed mean something else in each run.
    """

    def __init__(self, inner: Store, seed: int, fates: Sequence[Fate]) -> None:
        self.inner = inner
        self.fates = fates
        self.met: Counter[Fate] = Counter()
        self.last = Fate.PLAIN
        self._random = random.Random(seed)

    def _draw(self) -> Fate:
        fate = self._random.choice(self.fates)
        self.met[fate] += 1
        if fate is Fate.BUSY:
            self.last = fate
            raise Busy
        return fate

    def _pass(self) -> None:
        """Die where there is no change to die in."""
        if self._draw() is Fate.DIES:
            self.last = Fate.DIES
            raise Died

    async def read(self, account: Account) -> Kept:
        self._pass()
        return await self.inner.read(account)

    def read_at_once(self, account: Account) -> Kept | None:
        return None

    async def update(
        self, account: Account, change: Change[Returned], *, told_at: int | None = None
    ) -> Returned:
        fate = self._draw()

        def changed(book: Book) -> tuple[Book, Returned]:
            if fate is Fate.TWICE:
                change(book)
            after = change(book)
            if fate is Fate.DIES:
                self.last = fate
                raise Died
            return after

        return await self.inner.update(account, changed, told_at=told_at)

    async def versions(self, accounts: Sequence[Account]) -> list[int | None]:
        self._pass()
        return await self.inner.versions(accounts)

    async def create_account(self, account: Account, *, told_at: int | None = None) -> bool:
        self._pass()
        return await self.inner.create_account(account, told_at=told_at)

    async def delete_account(self, account: Account, *, told_at: int | None = None) -> bool:
        self._pass()
        return await self.inner.delete_account(account, told_at=told_at)

    async def known_accounts(self, sdkappid: int, userids: Collection[str]) -> set[str]:
        self._pass()
        return await self.inner.known_accounts(sdkappid, userids)

    async def create_chat_group(self, sdkappid: int, group: ChatGroup) -> ChatGroup | None:
        self._pass()
        return await self.inner.create_chat_group(sdkappid, group)

    async def delete_chat_group(self, sdkappid: int, group_id: str) -> bool:
        self._pass()
        return await self.inner.delete_chat_group(sdkappid, group_id)

    async def known_chat_groups(self, sdkappid: int, group_ids: Collection[str]) -> set[str]:
        self._pass()
        return await self.inner.known_chat_groups(sdkappid, group_ids)

    async def chat_groups(self, sdkappid: int, group_ids: Collection[str]) -> dict[str, ChatGroup]:
        self._pass()
        return await self.inner.chat_groups(sdkappid, group_ids)

    async def list_chat_groups(
        self, sdkappid: int, kind: str, after: int, limit: int
    ) -> tuple[int, list[ChatGroup]]:
        self._pass()
        return await self.inner.list_chat_groups(sdkappid, kind, after, limit)

    async def join(self, account: Account, group: ChatGroup, membership: Membership) -> bool:
        self._pass()
        return await self.inner.join(account, group, membership)

    async def leave(self, account: Account, group: ChatGroup) -> bool:
        self._pass()
        return await self.inner.leave(account, group)

    async def members(self, sdkappid: int, group: ChatGroup) -> dict[str, Membership]:
        self._pass()
        return await self.inner.members(sdkappid, group)

    async def conversations(self, account: Account, limit: int) -> Listing:
        self._pass()
        return await self.inner.conversations(account, limit)

    async def converse(
        self, account: Account, userid: str, at: int, *, key: str | None = None, now: int = 0
    ) -> None:
        self._pass()
        await self.inner.converse(account, userid, at, key=key, now=now)

    async def sent_before(self, account: Account, key: str, now: int) -> int | None:
        self._pass()
        return await self.inner.sent_before(account, key, now)

    async def posted_before(self, sdkappid: int, group: ChatGroup, key: str, now: int) -> Posted | None:
        self._pass()
        return await self.inner.posted_before(sdkappid, group, key, now)

    async def post(self, sdkappid: int, group: ChatGroup, message: Message) -> Posted | None:
        self._pass()
        return await self.inner.post(sdkappid, group, message)

    async def pin(self, account: Account, peers: Sequence[Peer], at: int, most: int) -> Pinning:
        self._pass()
        return await self.inner.pin(account, peers, at, most)

    async def unpin(self, account: Account, peers: Sequence[Peer]) -> None:
        self._pass()
        await self.inner.unpin(account, peers)

    async def unlist(self, account: Account, peer: Peer) -> bool:
        self._pass()
        return await self.inner.unlist(account, peer)

    async def holders(
        self, sdkappid: int, peer: Peer, after: str, limit: int
    ) -> list[tuple[str, Entry]]:
        self._pass()
        return await self.inner.holders(sdkappid, peer, after, limit)

    async def events(self, sdkappid: int, after: int, limit: int) -> list[Told]:
        self._pass()
        return await self.inner.events(sdkappid, after, limit)

    async def event_bounds(self, sdkappid: int) -> tuple[int, int]:
        self._pass()
        return await self.inner.event_bounds(sdkappid)

    async def forget_events(self, sdkappid: int, before: int) -> int:
        self._pass()
        return await self.inner.forget_events(sdkappid, before)

    async def app(self, sdkappid: int) -> App | None:
        return await self.inner.app(sdkappid)

    async def apps(self) -> list[App]:
        return await self.inner.apps()

    async def change_app(self, sdkappid: int, change: Callable[[App | None], App]) -> App:
        return await self.inner.change_app(sdkappid, change)

    async def totals(self, sdkappid: int | None = None) -> Totals:
        self._pass()
        return await self.inner.totals(sdkappid)

    async def wholes(self, after: str, limit: int) -> list[Whole]:
        self._pass()
        return await self.inner.wholes(after, limit)

    async def put_wholes(
        self,
        wholes: Sequence[Whole],
        gone: Collection[str] = (),
        *,
        only_new: bool = False,
        run: str | None = None,
        told_at: Mapping[int, int] = types.MappingProxyType({}),
    ) -> set[str]:
        self._pass()
        return await self.inner.put_wholes(wholes, gone, only_new=only_new, run=run, told_at=told_at)

    async def all_chat_groups(self, after: str, limit: int) -> list[AppChatGroup]:
        self._pass()
        return await self.inner.all_chat_groups(after, limit)

    async def put_chat_groups(
        self, groups: Sequence[AppChatGroup], gone: Collection[str] = (), *, run: str | None = None
    ) -> None:
        self._pass()
        await self.inner.put_chat_groups(groups, gone, run=run)

    async def put_apps(
        self, apps: Sequence[App], gone: Collection[int] = (), *, run: str | None = None
    ) -> None:
        self._pass()
        await self.inner.put_apps(apps, gone, run=run)

    async def read_property(self, name: str) -> str | None:
        self._pass()
        return await self.inner.read_property(name)

    async def write_property(self, name: str, value: str | None, *, run: str | None = None) -> None:
        self._pass()
        await self.inner.write_property(name, value, run=run)

    async def swap_property(self, name: str, before: str | None, after: str | None) -> bool:
        self._pass()
        return await self.inner.swap_property(name, before, after)

    async def properties(self, prefix: str) -> dict[str, str]:
        self._pass()
        return await self.inner.properties(prefix)

    async def check(self) -> None:
        self._pass()
        await self.inner.check()

    def counts(self) -> Mapping[str, tuple[str, float]]:
        return self.inner.counts()

    async def close(self) -> None:
        await self.inner.close()
