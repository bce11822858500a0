"""Readers of a feed that the store knows: how far each has come, and who reads for it now.

Several processes may want to be the same reader. One has it for some seconds at a time, by the clocks
of their machines; a position is only written by who still has it.
"""

from __future__ import annotations

import asyncio
import secrets
import time

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from chatmarks.event import Told
from chatmarks.metrics import Lag
from chatmarks.store import FEED_READER, Store

HOLD_SECONDS = 10
"""How long a reader is held without a word from its holder."""


class Lost(Exception):
    """Another process reads now."""


class Position(Struct, frozen=True, omit_defaults=True):
    """How far a reader has come: to the event with the number `seq`, 0 for none, and this token.
    `holder` has it until `until`, Unix seconds. A mirror also keeps which accounts are `left` to be
    tried again, and whether it is `whole`: every account was brought over once."""

    seq: int = 0
    token: int = 0
    holder: str = ""
    until: float = 0
    left: tuple[str, ...] = ()
    whole: bool = False


class Reader:
    """One reader of one feed, as one process sees it."""

    def __init__(self, store: Store, sdkappid: int, name: str) -> None:
        self._store = store
        self._sdkappid = sdkappid
        self._property = property_of(sdkappid, name)
        self._me = secrets.token_hex(8)
        self._text: str | None = None
        self._position = Position()
        self._one_at_a_time = asyncio.Lock()

    async def hold(self) -> Position | None:
        """Hold the reader for some seconds more, from where it is, or from the newest event where it
        was never held; None while another process has it."""
        async with self._one_at_a_time:
            now = time.time()
            self._text = await self._store.read_property(self._property)
            if self._text is None:
                found = await newest(self._store, self._sdkappid)
            else:
                found = msgspec.json.decode(self._text, type=Position)
            if found.holder not in ("", self._me) and found.until > now:
                return None
            try:
                return await self._write(replace(found, holder=self._me, until=now + HOLD_SECONDS))
            except Lost:
                return None

    async def move(
        self,
        seq: int,
        token: int,
        *,
        left: tuple[str, ...] | None = None,
        whole: bool | None = None,
    ) -> Position:
        """Note that the events up to this one are done; what is None stays. Raises `Lost`."""
        async with self._one_at_a_time:
            before = self._position
            after = replace(
                before,
                seq=seq,
                token=token,
                until=time.time() + HOLD_SECONDS,
                left=before.left if left is None else left,
                whole=before.whole if whole is None else whole,
            )
            return await self._write(after)

    async def release(self) -> None:
        """Let others have it at once. Raises `Lost`."""
        async with self._one_at_a_time:
            await self._write(replace(self._position, holder="", until=0))

    async def _write(self, position: Position) -> Position:
        text = msgspec.json.encode(position).decode()
        if not await self._store.swap_property(self._property, self._text, text):
            raise Lost
        self._text, self._position = text, position
        return position


def property_of(sdkappid: int, name: str) -> str:
    """The name of the property that says how far a reader has come."""
    return f"{FEED_READER}{sdkappid}:{name}"


async def newest(store: Store, sdkappid: int) -> Position:
    """The position behind the newest event."""
    return await at(store, sdkappid, (await store.event_bounds(sdkappid))[1])


async def at(store: Store, sdkappid: int, seq: int) -> Position:
    """The position behind the event with the number `seq`, which is kept; 0 for none."""
    found = await store.events(sdkappid, seq - 1, 1) if seq else []
    return Position(found[0].seq, found[0].token) if found else Position()


async def following(store: Store, sdkappid: int, position: Position, limit: int) -> list[Told] | None:
    """The events behind a position; None where some of them are gone, or it is of another feed. A
    position without a token is one before the oldest event."""
    if not position.token:
        found = await store.events(sdkappid, position.seq, limit)
        return found if not found or found[0].seq == position.seq + 1 else None
    found = await store.events(sdkappid, position.seq - 1, limit + 1)
    if not found or (found[0].seq, found[0].token) != (position.seq, position.token):
        return None
    return found[1:]


async def remember(store: Store, sdkappid: int, name: str) -> None:
    """Have a reader that the store does not know begin with what happens from now on."""
    app = await store.app(sdkappid)
    position = await newest(store, sdkappid)
    if app is None or not app.feed:
        # It is before the event with which the feed will begin.
        position = Position(position.seq)
    text = msgspec.json.encode(position).decode()
    await store.swap_property(property_of(sdkappid, name), None, text)


async def forget(store: Store, sdkappid: int, name: str) -> None:
    """Know a reader no longer."""
    await store.write_property(property_of(sdkappid, name), None)


async def lags(store: Store) -> list[Lag]:
    """How far behind the readers are that the store knows."""
    found = []
    for name, text in sorted((await store.properties(FEED_READER)).items()):
        sdkappid, _, reader = name.removeprefix(FEED_READER).partition(":")
        app, position = int(sdkappid), msgspec.json.decode(text, type=Position)
        waiting = (await store.event_bounds(app))[1] - position.seq
        oldest = await store.events(app, position.seq, 1) if waiting > 0 else []
        seconds = max(0.0, time.time() - oldest[0].event.at) if oldest else 0.0
        found.append(Lag(app, reader, max(0, waiting), seconds, len(position.left)))
    return found
