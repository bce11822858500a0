"""A PostgreSQL database: connected to, recognized, and held to what a store needs of it."""

from __future__ import annotations

import asyncpg

from chatmarks.engines import BadStore, shown
from chatmarks.engines import statements as sql
from chatmarks.engines.connections import Connections, Target
from chatmarks.engines.schema import REVISION
from chatmarks.store import Busy

_TABLES = (
    "account",
    "conversation",
    "chat_group",
    "membership",
    "recent",
    "sent",
    "app",
    "probe",
    "property",
    "event",
    "untold",
)
_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")


async def connected(url: str) -> Connections:
    """Connections to the database at `url`, whatever is in it. Raises `BadStore`."""
    try:
        connections = Connections(Target(url))
        await connections.open()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError, Busy) as error:
        reason = str(error).partition("\n")[0] or "no answer in time"
        raise BadStore(f"store {shown(url)} cannot be opened: {reason}") from error
    return connections


async def stamp_of(connections: Connections, url: str) -> str | None:
    """The revision of the tables in a database, None where it has none. Raises `BadStore`."""
    try:
        rows = await connections.ask(sql.SCHEMA)
    except asyncpg.UndefinedTableError:
        return None
    except asyncpg.InsufficientPrivilegeError as error:
        raise BadStore(f"store {shown(url)}: {error}") from error
    if len(rows) != 1:
        raise BadStore(f"store {shown(url)} is damaged: one schema must be stamped in it")
    return str(rows[0][0])


async def examine(connections: Connections, url: str) -> None:
    """Raise `BadStore` unless the tables are ours, of this schema, and may be written."""
    found = await stamp_of(connections, url)
    mend = f"chatmarks migrate --store '{shown(url)}'"
    if found is None:
        raise BadStore(f"store {shown(url)} has no tables yet; {mend} makes them")
    if found != REVISION:
        from chatmarks.engines.migrate import planned

        planned(found, "postgresql", shown(url))
        raise BadStore(
            f"store {shown(url)} has schema {found!r}, this chatmarks needs {REVISION!r};"
            f" {mend} brings it up"
        )
    pairs = [(table, right) for table in _TABLES for right in _RIGHTS]
    if missing := await connections.ask(sql.RIGHTS, *map(list, zip(*pairs, strict=True))):
        listed = ", ".join(f"{right} on {table}" for right, table in missing)
        raise BadStore(f"store {shown(url)}: the user lacks the right to {listed}")
    ((synchronous,),) = await connections.ask(sql.DURABILITY)
    if synchronous == "off":
        raise BadStore(
            f"store {shown(url)}: synchronous_commit is off, so acknowledged changes could be lost;"
            " turn it on for the user: ALTER ROLE … SET synchronous_commit = on"
        )
