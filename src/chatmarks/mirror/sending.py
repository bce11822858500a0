"""Sends what happens in a store on to another server, by documented calls.

An event says which account to look at; what is sent is what the account has then. So an account that
changed ten times while the other server was away is written once, and a repeat does no harm. One that
the other server refuses is told of and tried again, and does not hold up the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable

from msgspec import Struct

from chatmarks.book import Account
from chatmarks.exports import of_app
from chatmarks.feed.readers import HOLD_SECONDS, Lost, Position, Reader, following, newest
from chatmarks.feed.watch import Watch
from chatmarks.moving import ACCOUNTS
from chatmarks.remote.abreast import WRITTEN_AT_A_TIME, abreast
from chatmarks.remote.content import Content, content_of
from chatmarks.remote.failures import Failed, Refusal, Stopped
from chatmarks.remote.push import push_account
from chatmarks.remote.server import Server
from chatmarks.store import Store, UnknownAccount

log = logging.getLogger("chatmarks")

READER = "mirror"

_EVENTS_MAX = 1000
_KNOWN_MAX = 10_000
_TRY_AGAIN_SECONDS = 30.0
_PAUSE_SECONDS = 1.0
_BATCH = 100


class Sent(Struct):
    """What was sent since the beginning: accounts that were looked at, and calls."""

    accounts: int = 0
    calls: int = 0


class Sending:
    """Keeps an app at `server` as it is in `store`, as long as this process holds the reader.

    `told` is called with a line whenever something begins, ends or fails.
    """

    def __init__(
        self, store: Store, sdkappid: int, server: Server, told: Callable[[str], None]
    ) -> None:
        self.sent = Sent()
        self._store = store
        self._sdkappid = sdkappid
        self._server = server
        self._told = told
        self._watch = Watch(store)
        self._reader = Reader(store, sdkappid, READER)
        self._there: OrderedDict[str, Content] = OrderedDict()
        self._reasons: dict[str, str] = {}
        self._try_again_at = 0.0

    async def keep(self) -> None:
        """Send until cancelled."""
        try:
            await self._keep()
        finally:
            with contextlib.suppress(Exception):
                await self._reader.release()

    async def _keep(self) -> None:
        waits = False
        while True:
            # Whatever came in between, another process may have written there.
            self._there.clear()
            try:
                position = await self._reader.hold()
                if position is None:
                    if not waits:
                        self._told("another process sends; this one waits for it to end")
                    waits = True
                    await asyncio.sleep(HOLD_SECONDS / 4)
                    continue
                waits = False
                async with self._held():
                    await self._send(position)
            except Lost:
                self._told("another process sends now")
            except Stopped as error:
                self._told(f"{error}; tried again until it answers")
                await asyncio.sleep(_PAUSE_SECONDS)
            except Exception as error:  # noqa: BLE001 - whatever the store meets, it may be over soon
                self._told(f"{type(error).__name__} {error}; tried again")
                await asyncio.sleep(_PAUSE_SECONDS)

    @contextlib.asynccontextmanager
    async def _held(self) -> AsyncIterator[None]:
        """The reader stays held for as long as the block takes; raises `Lost` when it is not."""
        working = asyncio.current_task()
        assert working is not None
        lost = False

        async def renew() -> None:
            nonlocal lost
            while True:
                await asyncio.sleep(HOLD_SECONDS / 4)
                with contextlib.suppress(Exception):
                    # Whoever cannot renew it loses it only when another one takes it.
                    if await self._reader.hold() is None:
                        lost = True
                        working.cancel()
                        return

        renewing = asyncio.create_task(renew())
        try:
            yield
        except asyncio.CancelledError:
            if not lost:
                raise
            working.uncancel()
            raise Lost from None
        finally:
            renewing.cancel()

    async def _send(self, position: Position) -> None:
        """Send what happened since `position`, and all that happens from then on."""
        while True:
            found = await following(self._store, self._sdkappid, position, _EVENTS_MAX)
            if found is None:
                self._told("events are gone, or the store is another one: all accounts are compared")
                at = await newest(self._store, self._sdkappid)
                position = await self._reader.move(at.seq, at.token, whole=False)
            if not position.whole:
                position = await self._send_all(position)
                continue
            again = position.left if time.monotonic() >= self._try_again_at else ()
            changed = dict.fromkeys(told.event.userid for told in found or () if told.event.userid)
            if not changed and not again:
                await self._watch.wait(self._sdkappid, position.seq, HOLD_SECONDS / 4)
                continue
            left = set(position.left)
            failed = await self._send_accounts(
                [*changed, *(each for each in again if each not in changed)]
            )
            left = (left - changed.keys() - set(again)) | failed
            if again or failed:
                self._try_again_at = time.monotonic() + _TRY_AGAIN_SECONDS
            end = found[-1] if found else None
            seq, token = (position.seq, position.token) if end is None else (end.seq, end.token)
            position = await self._reader.move(seq, token, left=tuple(sorted(left)))

    async def _send_all(self, position: Position) -> Position:
        """Send every account; the position, from which on nothing else is needed."""
        total = (await self._store.totals(self._sdkappid)).accounts
        self._told(f"all {total} accounts are compared and brought over")
        left: set[str] = set()
        batch: list[str] = []
        async for whole in of_app(ACCOUNTS, self._store, self._sdkappid):
            batch.append(whole.account.userid)
            if len(batch) == _BATCH:
                left |= await self._send_accounts(batch)
                batch = []
        left |= await self._send_accounts(batch)
        self._told(f"all accounts were brought over but {len(left)}" if left else "all are there")
        self._try_again_at = time.monotonic() + _TRY_AGAIN_SECONDS
        kept = tuple(sorted(left))
        return await self._reader.move(position.seq, position.token, left=kept, whole=True)

    async def _send_accounts(self, userids: Iterable[str]) -> set[str]:
        """Make accounts be there as they are here; those that were refused. Raises `Stopped`."""
        failed: set[str] = set()

        async def one(userid: str) -> None:
            problem = await self._send_account(userid)
            if problem is None:
                self._reasons.pop(userid, None)
            else:
                failed.add(userid)
                if self._reasons.get(userid) != problem:
                    self._told(f"{userid} cannot be brought over, and is tried again: {problem}")
                self._reasons[userid] = problem
            self.sent.accounts += 1

        await abreast(userids, one, WRITTEN_AT_A_TIME)
        self.sent.calls = self._server.pace.calls
        return failed

    async def _send_account(self, userid: str) -> str | None:
        """Make one account be there as it is here; why that cannot be, None when it is."""
        try:
            kept = await self._store.read(Account(self._sdkappid, userid))
        except UnknownAccount:
            self._there.pop(userid, None)
            return await self._delete(userid)
        want, have = content_of(kept.book), self._there.pop(userid, None)
        try:
            refused = await self._pushed(userid, want, have)
        except Failed as error:
            return f"{error.code} {error.text}" if error.code else error.text
        except ValueError as error:
            return f"an answer cannot be read: {error}"
        if refused:
            return "; ".join(_line(refusal) for refusal in refused[:3])
        self._there[userid] = want
        if len(self._there) > _KNOWN_MAX:
            self._there.popitem(last=False)
        return None

    async def _delete(self, userid: str) -> str | None:
        """Delete an account there, or what it has, where the server deletes none (71000)."""
        problem = await self._server.delete(userid)
        if problem is None:
            return None
        try:
            refused = (await push_account(self._server, userid, Content())).refused
        except Failed as error:
            return None if error.is_unknown else f"{problem}; {error.text}"
        self._told(f"{userid} was not deleted there, only what it had: {problem}")
        return "; ".join(_line(refusal) for refusal in refused[:3]) or None

    async def _pushed(self, userid: str, want: Content, have: Content | None) -> tuple[Refusal, ...]:
        try:
            pushed = await push_account(self._server, userid, want, have)
            if pushed.refused and have is not None:
                # What was thought to be there may be wrong.
                pushed = await push_account(self._server, userid, want)
        except Failed as error:
            if not error.is_unknown:
                raise
            await self._server.import_missing([userid])
            pushed = await push_account(self._server, userid, want)
        return pushed.refused


def _line(refusal: Refusal) -> str:
    peer = f" of {refusal.peer.id}" if refusal.peer else ""
    return f"{refusal.command}{peer}: {refusal.code} {refusal.text}"
