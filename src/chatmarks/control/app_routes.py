"""What the control API does with apps: themselves, their clocks and their snapshots."""

from __future__ import annotations

from asyncio import timeout
from tempfile import SpooledTemporaryFile
from typing import Any

from msgspec import Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from chatmarks.control.app_data import NewApp
from chatmarks.control.clocks import NOW_MAX, Clocks, ClockState
from chatmarks.control.endpoint import sdkappid_of
from chatmarks.control.refused import SDKAPPID_MAX, Refused, in_range
from chatmarks.control.snapshots import Snapshots
from chatmarks.control.upkeep import BROKEN, Upkeep
from chatmarks.control.wire import answer, asked, too_large, too_slow
from chatmarks.store import Store

SEED_BYTES_MAX = 64 << 20
"""Of a seed."""

SEED_SECONDS_MAX = 120.0
"""How long one may take to arrive."""

_SPOOLED_BYTES = 1 << 20
_PIECE_BYTES = 1 << 16


class ClockChange(Struct, frozen=True, forbid_unknown_fields=True):
    """`now`: what the clock shows from now on, in Unix seconds; or `move_seconds`: by how much it is
    moved. `frozen`: whether it stands still; as it was when left out."""

    now: float | None = None
    move_seconds: float | None = None
    frozen: bool | None = None


class RestoreOf(Struct, frozen=True, forbid_unknown_fields=True):
    """`of`: the app whose snapshot it is; the one that is restored when left out."""

    of: int | None = None


class Apps:
    """Apps as a whole."""

    def __init__(self, store: Store, upkeep: Upkeep, clocks: Clocks) -> None:
        self._store, self._upkeep, self._clocks = store, upkeep, clocks

    async def all(self, _: Request) -> Response:
        found = [
            {"sdkappid": app.sdkappid, "admins": app.admins, "enabled": app.enabled}
            for app in await self._store.apps()
        ]
        return answer({"apps": found})

    async def make(self, request: Request) -> Response:
        return answer(await self._upkeep.make(await asked(request, NewApp)), 201)

    async def one(self, request: Request) -> Response:
        app = await self._upkeep.app(sdkappid_of(request))
        totals = await self._store.totals(app.sdkappid)
        told: dict[str, Any] = {
            "sdkappid": app.sdkappid,
            "admins": app.admins,
            "profile": app.profile,
            "overrides": app.overrides,
            "enabled": app.enabled,
            "accounts": totals.accounts,
            "chat_groups": totals.chat_groups,
            "clock": self._clocks.state(app.sdkappid),
        }
        if app.sdkappid in self._upkeep.broken:
            told["broken"] = BROKEN
        return answer(told)

    async def drop(self, request: Request) -> Response:
        return answer(await self._upkeep.drop(sdkappid_of(request)))

    async def reset(self, request: Request) -> Response:
        return answer(await self._upkeep.reset(sdkappid_of(request)))

    async def seed(self, request: Request) -> Response:
        sdkappid = sdkappid_of(request)
        # Refused before 64 MiB were sent for nothing.
        await self._upkeep.app(sdkappid)
        with SpooledTemporaryFile(_SPOOLED_BYTES) as file:
            size = 0
            try:
                async with timeout(SEED_SECONDS_MAX):
                    async for chunk in request.stream():
                        size += len(chunk)
                        if size > SEED_BYTES_MAX:
                            raise too_large(SEED_BYTES_MAX)
                        file.write(chunk)
            except (TimeoutError, ClientDisconnect) as error:
                raise too_slow(SEED_SECONDS_MAX) from error
            return answer(await self._upkeep.seed(sdkappid, file))


class Clock:
    """The clock of an app."""

    def __init__(self, upkeep: Upkeep, clocks: Clocks) -> None:
        self._upkeep, self._clocks = upkeep, clocks

    async def show(self, request: Request) -> Response:
        app = await self._upkeep.app(sdkappid_of(request))
        return answer(self._clocks.state(app.sdkappid))

    async def change(self, request: Request) -> Response:
        app = await self._upkeep.app(sdkappid_of(request))
        wanted = await asked(request, ClockChange)
        return answer(self.changed(app.sdkappid, wanted))

    def changed(self, sdkappid: int, wanted: ClockChange) -> ClockState:
        """What the clock of an app shows once it was changed. Raises `Refused` 400."""
        before = self._clocks.state(sdkappid)
        now = self._clocks.now(sdkappid)
        if wanted.now is not None and wanted.move_seconds is not None:
            raise Refused(400, "now and move_seconds: only one of the two is allowed", "now")
        if wanted.now is None and wanted.move_seconds is None and wanted.frozen is None:
            raise Refused(400, "now, move_seconds and frozen: one at least is required")
        if wanted.now is not None:
            now = wanted.now
            in_range("now", now, 0, NOW_MAX)
        elif wanted.move_seconds is not None:
            in_range("move_seconds", wanted.move_seconds, -NOW_MAX, NOW_MAX)
            now += wanted.move_seconds
            in_range("move_seconds", now, 0, NOW_MAX, "now, once moved,")
        frozen = before.frozen if wanted.frozen is None else wanted.frozen
        self._clocks.change(sdkappid, now, frozen=frozen)
        return self._clocks.state(sdkappid)

    async def let_go(self, request: Request) -> Response:
        app = await self._upkeep.app(sdkappid_of(request))
        self._clocks.let_go(app.sdkappid)
        return answer(self._clocks.state(app.sdkappid))


class SnapshotsOfApps:
    """The snapshots of an app."""

    def __init__(self, upkeep: Upkeep, snapshots: Snapshots) -> None:
        self._upkeep, self._snapshots = upkeep, snapshots

    async def all(self, request: Request) -> Response:
        app = await self._upkeep.app(sdkappid_of(request))
        return answer({"snapshots": self._snapshots.names(app.sdkappid)})

    async def write(self, request: Request) -> Response:
        name = request.path_params["name"]
        return answer(await self._upkeep.snapshot(sdkappid_of(request), name), 201)

    async def read(self, request: Request) -> Response:
        file = self._snapshots.open(sdkappid_of(request), request.path_params["name"])
        pieces = iter(lambda: file.read(_PIECE_BYTES), b"")

        async def content() -> Any:
            with file:
                for piece in pieces:
                    yield piece

        return StreamingResponse(content(), media_type="application/x-ndjson")

    async def delete(self, request: Request) -> Response:
        name = request.path_params["name"]
        self._snapshots.delete(sdkappid_of(request), name)
        return answer({"deleted": name})

    async def restore(self, request: Request) -> Response:
        sdkappid = sdkappid_of(request)
        of = (await asked(request, RestoreOf)).of
        if of is not None:
            in_range("of", of, 1, SDKAPPID_MAX)
        name = request.path_params["name"]
        return answer(await self._upkeep.restore(sdkappid, name, sdkappid if of is None else of))
