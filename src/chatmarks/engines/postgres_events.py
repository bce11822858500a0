"""The feeds of apps in PostgreSQL.

Many write at once, so an event gets its number only after its commit: whoever reads a feed numbers
what waits, alone, and in a transaction that commits before anybody sees the numbers. So none comes
later with a number below one that was seen. Events of an account wait in the order of its changes, each
of which holds the account row until its commit.
"""

from __future__ import annotations

from chatmarks.engines import statements as sql
from chatmarks.engines.connections import Connection, Connections
from chatmarks.engines.event_rows import EVENTS_PER_TRIM_MAX, content_of, kept_from, told_of
from chatmarks.engines.rows import bounds as keys_of
from chatmarks.event import Event, EventKind, Told
from chatmarks.store import draw_version

_NUMBERED_MAX = 1000

EVENT_NUMBERS = "event_numbers:"


class Numbering:
    """Gives events their numbers, a bounded number at a time and from one account on to the next, so
    that none waits behind others for ever."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._last: dict[int, str] = {}

    async def number(self, sdkappid: int) -> None:
        """Number what waits in the feed of an app."""
        first, end = keys_of(sdkappid)
        if not await self._connections.ask(sql.IS_UNTOLD, first, end):
            return
        after = self._last.pop(sdkappid, first)

        async def work(connection: Connection) -> list[str]:
            async with connection.transaction():
                await connection.execute(sql.HOLD_NUMBERS, numbers_of(sdkappid))
                rows = await connection.fetch(sql.NUMBER_EVENTS, sdkappid, after, end, _NUMBERED_MAX)
                if len(rows) < _NUMBERED_MAX and after != first:
                    rows += await connection.fetch(
                        sql.NUMBER_EVENTS, sdkappid, first, end, _NUMBERED_MAX
                    )
                return [owner for (owner,) in rows]

        numbered = await self._connections.change(work)
        if len(numbered) >= _NUMBERED_MAX:
            # The last account may have more events: one that sorts before it comes first then.
            self._last[sdkappid] = max(numbered)


async def tell(connection: Connection, owner: str, event: Event) -> None:
    """Have an event of an account, whose row is held, told after the commit."""
    await connection.execute(sql.TELL, owner, draw_version(), event.at, content_of(event))


async def events(connections: Connections, sdkappid: int, after: int, limit: int) -> list[Told]:
    """The events behind the number `after` that have numbers."""
    return [told_of(row) for row in await connections.ask(sql.EVENTS, sdkappid, after, limit)]


async def bounds(connections: Connections, sdkappid: int) -> tuple[int, int]:
    """The numbers of the oldest and of the newest event."""
    ((oldest, newest),) = await connections.ask(sql.EVENT_BOUNDS, sdkappid)
    return oldest, newest


async def forget(connection: Connection, sdkappid: int, before: int) -> int:
    """Forget some of the oldest events; how many."""
    rows = await connection.fetch(sql.OLDEST_EVENTS, sdkappid, EVENTS_PER_TRIM_MAX + 1)
    end = kept_from([tuple(row) for row in rows], before)
    return len(await connection.fetch(sql.FORGET_EVENTS, sdkappid, end))


async def begin(connection: Connection, sdkappid: int, at: int) -> None:
    """Begin a feed, in a transaction: its first event says so, and those of before go."""
    await connection.execute(sql.HOLD_NUMBERS, numbers_of(sdkappid))
    newest = (await connection.fetchrow(sql.EVENT_BOUNDS, sdkappid))["newest"]
    await drop(connection, sdkappid)
    event = Event("", at, EventKind.BEGUN)
    row = (sdkappid, newest + 1, draw_version(), f"{sdkappid}:", at, content_of(event))
    await connection.execute(sql.ADD_EVENT, *row)


async def drop(connection: Connection, sdkappid: int) -> None:
    """Forget all events of an app."""
    await connection.execute(sql.FORGET_ALL_EVENTS, sdkappid)
    await connection.execute(sql.FORGET_UNTOLD, *keys_of(sdkappid))


def numbers_of(sdkappid: int) -> str:
    """The property that is held while events of an app get their numbers."""
    return f"{EVENT_NUMBERS}{sdkappid}"
