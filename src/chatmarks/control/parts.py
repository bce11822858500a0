"""Puts the control API together for one server."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from msgspec import Struct

from chatmarks.control.clocks import Clocks
from chatmarks.control.controlled import Controlled
from chatmarks.control.faults import Faults
from chatmarks.control.gate import Gate
from chatmarks.control.journal import Journal
from chatmarks.control.snapshots import Snapshots
from chatmarks.control.upkeep import Upkeep
from chatmarks.seal import Seal
from chatmarks.service import Service
from chatmarks.store import Store


class Parts(Struct, frozen=True):
    """What the control API works on."""

    store: Store
    upkeep: Upkeep
    snapshots: Snapshots
    clocks: Clocks
    faults: Faults
    journal: Journal


class Control(Struct, frozen=True):
    """`road` answers the calls in place of the service; `routes` makes those of the admin listener,
    which work on `parts`."""

    road: Controlled
    routes: Callable[[], list[Any]]
    parts: Parts


@asynccontextmanager
async def controlling(
    store: Store, seal: Seal, service: Service, clocks: Clocks, folder: str | None, journal_calls: int
) -> AsyncIterator[Control]:
    """Control over a server until the end of the block. The service must have `clocks`. Snapshots are
    kept in `folder`, or without one in a folder that is gone afterwards."""
    with ExitStack() as stack:
        kept_in = folder
        if kept_in is None:
            # Made with the first snapshot: a server that is killed leaves none that it did not need.
            kept_in = str(Path(gettempdir(), f"chatmarks-snapshots-{secrets.token_hex(8)}"))
            stack.callback(shutil.rmtree, kept_in, ignore_errors=True)
        faults, gate, journal = Faults(), Gate(), Journal(journal_calls)
        snapshots = Snapshots(Path(kept_in))
        upkeep = Upkeep(store, seal, snapshots, clocks, faults, gate, service.forget)
        await upkeep.start()
        parts = Parts(store, upkeep, snapshots, clocks, faults, journal)

        def routes() -> list[Any]:
            # Imported at the first request to the admin listener, with its framework.
            from chatmarks.control.routes import control_routes

            return control_routes(parts)

        road = Controlled(service, clocks, faults, journal, gate, upkeep.broken)
        yield Control(road, routes, parts)
