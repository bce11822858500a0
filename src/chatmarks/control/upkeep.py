"""What is done to apps as a whole: made, dropped, reset, seeded, kept and restored."""

from __future__ import annotations

import logging
from asyncio import Lock, to_thread
from collections.abc import Callable
from tempfile import TemporaryFile
from typing import IO

import msgspec
from msgspec import Struct

from chatmarks.control import app_data
from chatmarks.control.app_data import Emptied, MadeApp, NewApp, Put
from chatmarks.control.clocks import Clocks
from chatmarks.control.faults import Faults
from chatmarks.control.gate import Gate
from chatmarks.control.refused import Refused
from chatmarks.control.snapshots import Snapshot, Snapshots
from chatmarks.seal import Seal
from chatmarks.store import UNFINISHED_RESTORES, App, Busy, Store

log = logging.getLogger("chatmarks")


BROKEN = "its restore from a snapshot broke off; restore it again, or reset it"


class Source(Struct, frozen=True):
    """A snapshot: of which app, and its name."""

    sdkappid: int
    name: str


class Upkeep:
    """Does these one after another for each app, while none of its calls is under way.

    `forget` is told each app that was made or dropped. `broken` are the apps whose restore broke off:
    part of their data is old, part new, until they are restored again, reset or dropped.
    """

    def __init__(
        self,
        store: Store,
        seal: Seal,
        snapshots: Snapshots,
        clocks: Clocks,
        faults: Faults,
        gate: Gate,
        forget: Callable[[int], None],
    ) -> None:
        self._store, self._seal, self._snapshots = store, seal, snapshots
        self._clocks, self._faults, self._gate, self._forget = clocks, faults, gate, forget
        self._marking = Lock()
        self.broken: set[int] = set()

    async def start(self) -> None:
        """Go on with the restores that a crash broke off."""
        self._snapshots.clean()
        for sdkappid, source in (await self._unfinished()).items():
            self.broken.add(sdkappid)
            if await self._store.app(sdkappid) is None:
                await self._mark(sdkappid, None)
                continue
            try:
                await self.restore(sdkappid, source.name, source.sdkappid)
            except (Refused, Busy) as error:
                log.warning(
                    "app %s: its restore from snapshot %s of app %s broke off and cannot go on: %s",
                    sdkappid,
                    source.name,
                    source.sdkappid,
                    error or "the store is busy",
                )

    async def app(self, sdkappid: int) -> App:
        """The app. Raises `Refused` 404."""
        app = await self._store.app(sdkappid)
        if app is None:
            raise Refused(404, f"there is no app {sdkappid}", "sdkappid")
        return app

    async def make(self, wanted: NewApp) -> MadeApp:
        """Make an app. Raises `Refused`."""
        made = await app_data.make_app(self._store, self._seal, wanted)
        self._forget(made.sdkappid)
        return made

    async def drop(self, sdkappid: int) -> Emptied:
        """Delete an app with its data, snapshots, clock and rules. Raises `Refused`."""
        async with self._gate.closed(sdkappid):
            app = await self.app(sdkappid)
            gone = await app_data.drop(self._store, app)
            self._forget(sdkappid)
            self._let_go(sdkappid)
            await to_thread(self._snapshots.delete_all, sdkappid)
            await self._mark(sdkappid, None)
        return gone

    async def reset(self, sdkappid: int) -> Emptied:
        """Let an app be as if it had just been made: its accounts and chat groups go, its clock and
        rules, too; its keys, administrators, profile and snapshots stay. Raises `Refused`."""
        async with self._gate.closed(sdkappid):
            gone = await app_data.empty(self._store, await self.app(sdkappid))
            self._let_go(sdkappid)
            await self._mark(sdkappid, None)
        return gone

    def _let_go(self, sdkappid: int) -> None:
        self._clocks.let_go(sdkappid)
        self._faults.clear(sdkappid)

    async def seed(self, sdkappid: int, file: IO[bytes]) -> Put:
        """Put the accounts and chat groups of an export into an app, in place of those that are
        there; others stay. Raises `Refused`."""
        with TemporaryFile() as moved:
            app = await self.app(sdkappid)
            content = await to_thread(app_data.checked, file, "the body")
            await to_thread(app_data.for_app, file, moved, sdkappid)
            async with self._gate.closed(sdkappid):
                self._check_whole(sdkappid)
                return await app_data.put(
                    self._store, app, moved, app_data.content_for(content, sdkappid)
                )

    async def snapshot(self, sdkappid: int, name: str) -> Snapshot:
        """Keep what an app has, under a name, in place of what had it. Raises `Refused`."""
        async with self._gate.closed(sdkappid):
            await self.app(sdkappid)
            self._check_whole(sdkappid)
            return await self._snapshots.write(self._store, sdkappid, name)

    async def restore(self, sdkappid: int, name: str, of: int) -> Put:
        """Let an app have what the snapshot `name` of the app `of` has, and nothing else. Raises
        `Refused`, and then nothing was changed.

        The store is told before the first change and after the last one. In between, a crash leaves
        a mark there, with which `start` goes on; anything else that ends this leaves the app broken.
        """
        with self._snapshots.open(of, name) as file, TemporaryFile() as moved:
            content = await to_thread(app_data.checked, file, f"snapshot {name}", 409)
            await to_thread(app_data.for_app, file, moved, sdkappid)
            async with self._gate.closed(sdkappid):
                app = await self.app(sdkappid)
                await self._mark(sdkappid, Source(of, name))
                await app_data.empty(self._store, app)
                put = await app_data.put(
                    self._store, app, moved, app_data.content_for(content, sdkappid)
                )
                await self._mark(sdkappid, None)
        return put

    def _check_whole(self, sdkappid: int) -> None:
        if sdkappid in self.broken:
            raise Refused(409, f"app {sdkappid}: {BROKEN}")

    async def _unfinished(self) -> dict[int, Source]:
        kept = await self._store.read_property(UNFINISHED_RESTORES)
        return msgspec.json.decode(kept or "{}", type=dict[int, Source])

    async def _mark(self, sdkappid: int, source: Source | None) -> None:
        """Tell the store from what an app is being restored, or with None that it is whole."""
        if source is None and sdkappid not in self.broken:
            return
        async with self._marking:
            unfinished = await self._unfinished()
            unfinished.pop(sdkappid, None)
            if source is not None:
                self.broken.add(sdkappid)
                unfinished[sdkappid] = source
            kept = msgspec.json.encode(unfinished).decode() if unfinished else None
            await self._store.write_property(UNFINISHED_RESTORES, kept)
            if source is None:
                self.broken.discard(sdkappid)
