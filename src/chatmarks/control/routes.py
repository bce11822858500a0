"""The routes of the control API: docs/control.md."""

from __future__ import annotations

import logging
from asyncio import timeout
from collections.abc import Awaitable, Callable, Mapping, Sequence
from tempfile import SpooledTemporaryFile
from typing import Any, TypeAlias

from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route

from chatmarks.control.app_data import NewApp
from chatmarks.control.clocks import NOW_MAX, Clocks, ClockState
from chatmarks.control.faults import Faults, Rule
from chatmarks.control.journal import PAGE_MAX, Filter, Journal
from chatmarks.control.refused import SDKAPPID_MAX, Refused, in_range
from chatmarks.control.snapshots import Snapshots
from chatmarks.control.upkeep import BROKEN, Upkeep
from chatmarks.control.wire import (
    answer,
    asked,
    check_parameters,
    parameter,
    refusal,
    too_large,
    too_slow,
)
from chatmarks.errors import shown
from chatmarks.store import Busy, Store

log = logging.getLogger("chatmarks")

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]

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


class Parts(Struct, frozen=True):
    """What the routes work on."""

    store: Store
    upkeep: Upkeep
    snapshots: Snapshots
    clocks: Clocks
    faults: Faults
    journal: Journal


def control_routes(parts: Parts) -> list[BaseRoute]:
    """All routes, below `/control`."""
    apps, clock, faults = _Apps(parts), _Clock(parts), _Faults(parts)
    snapshots, journal = _Snapshots(parts), _Journal(parts)
    app = "/apps/{sdkappid}"
    kept = f"{app}/snapshots/{{name}}"
    return [
        Mount(
            "/control",
            routes=[
                _route("/apps", GET=apps.all, POST=apps.make),
                _route(app, GET=apps.one, DELETE=apps.drop),
                _route(f"{app}/reset", POST=apps.reset),
                _route(f"{app}/seed", POST=apps.seed),
                _route(f"{app}/clock", GET=clock.show, PUT=clock.change, DELETE=clock.let_go),
                _route(f"{app}/snapshots", GET=snapshots.all),
                _route(kept, GET=snapshots.read, PUT=snapshots.write, DELETE=snapshots.delete),
                _route(f"{kept}/restore", POST=snapshots.restore),
                _route("/faults", GET=faults.all, POST=faults.add, DELETE=faults.clear),
                _route("/faults/{name}", GET=faults.one, DELETE=faults.remove),
                _route("/journal", GET=journal.page, DELETE=journal.clear),
                _route("/{path:path}"),
            ],
        )
    ]


def _route(path: str, **by_method: Endpoint) -> Route:
    """A route, refused in JSON where it is refused."""
    known: Mapping[str, Endpoint] = by_method
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

    async def endpoint(request: Request) -> Response:
        try:
            if not known:
                raise Refused(404, f"there is no {shown(request.url.path)}; docs/control.md has all")
            method = "GET" if request.method == "HEAD" else request.method
            if method not in known:
                return _not_allowed(method, known)
            return await known[method](request)
        except Refused as refused:
            return refusal(refused)
        except Busy:
            return refusal(Refused(503, "the store is busy; try again later"))
        except HTTPException as error:
            return refusal(Refused(error.status_code, error.detail))
        except Exception:
            log.exception("fault in %s", request.url.path)
            return refusal(Refused(500, "server error; the server's log has the reason"))

    return Route(path, endpoint, methods=methods)


def _not_allowed(method: str, known: Mapping[str, Endpoint]) -> Response:
    allowed = ", ".join(known)
    told = refusal(Refused(405, f"{method} is not for this path; {allowed} are allowed"))
    told.headers["Allow"] = allowed
    return told


def _sdkappid(request: Request) -> int:
    text = str(request.path_params["sdkappid"])
    digits = len(str(SDKAPPID_MAX))
    if not (text.isascii() and text.isdigit() and len(text) <= digits):
        raise Refused(400, f"sdkappid is {shown(text)}; 1 to {SDKAPPID_MAX} are allowed", "sdkappid")
    in_range("sdkappid", int(text), 1, SDKAPPID_MAX)
    return int(text)


class _Apps:
    """Apps as a whole."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._upkeep = parts, parts.upkeep

    async def all(self, _: Request) -> Response:
        found = [
            {"sdkappid": app.sdkappid, "admins": app.admins, "enabled": app.enabled}
            for app in await self._parts.store.apps()
        ]
        return answer({"apps": found})

    async def make(self, request: Request) -> Response:
        return answer(await self._upkeep.make(await asked(request, NewApp)), 201)

    async def one(self, request: Request) -> Response:
        app = await self._upkeep.app(_sdkappid(request))
        totals = await self._parts.store.totals(app.sdkappid)
        told: dict[str, Any] = {
            "sdkappid": app.sdkappid,
            "admins": app.admins,
            "profile": app.profile,
            "overrides": app.overrides,
            "enabled": app.enabled,
            "accounts": totals.accounts,
            "chat_groups": totals.chat_groups,
            "clock": self._parts.clocks.state(app.sdkappid),
        }
        if app.sdkappid in self._upkeep.broken:
            told["broken"] = BROKEN
        return answer(told)

    async def drop(self, request: Request) -> Response:
        return answer(await self._upkeep.drop(_sdkappid(request)))

    async def reset(self, request: Request) -> Response:
        return answer(await self._upkeep.reset(_sdkappid(request)))

    async def seed(self, request: Request) -> Response:
        sdkappid = _sdkappid(request)
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


class _Clock:
    """The clock of an app."""

    def __init__(self, parts: Parts) -> None:
        self._clocks, self._upkeep = parts.clocks, parts.upkeep

    async def show(self, request: Request) -> Response:
        app = await self._upkeep.app(_sdkappid(request))
        return answer(self._clocks.state(app.sdkappid))

    async def change(self, request: Request) -> Response:
        app = await self._upkeep.app(_sdkappid(request))
        wanted = await asked(request, ClockChange)
        return answer(self._changed(app.sdkappid, wanted))

    def _changed(self, sdkappid: int, wanted: ClockChange) -> ClockState:
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
        app = await self._upkeep.app(_sdkappid(request))
        self._clocks.let_go(app.sdkappid)
        return answer(self._clocks.state(app.sdkappid))


class _Snapshots:
    """The snapshots of an app."""

    def __init__(self, parts: Parts) -> None:
        self._snapshots, self._upkeep = parts.snapshots, parts.upkeep

    async def all(self, request: Request) -> Response:
        app = await self._upkeep.app(_sdkappid(request))
        return answer({"snapshots": self._snapshots.names(app.sdkappid)})

    async def write(self, request: Request) -> Response:
        name = request.path_params["name"]
        return answer(await self._upkeep.snapshot(_sdkappid(request), name), 201)

    async def read(self, request: Request) -> Response:
        file = self._snapshots.open(_sdkappid(request), request.path_params["name"])
        pieces = iter(lambda: file.read(_PIECE_BYTES), b"")

        async def content() -> Any:
            with file:
                for piece in pieces:
                    yield piece

        return StreamingResponse(content(), media_type="application/x-ndjson")

    async def delete(self, request: Request) -> Response:
        name = request.path_params["name"]
        self._snapshots.delete(_sdkappid(request), name)
        return answer({"deleted": name})

    async def restore(self, request: Request) -> Response:
        sdkappid = _sdkappid(request)
        of = (await asked(request, RestoreOf)).of
        if of is not None:
            in_range("of", of, 1, SDKAPPID_MAX)
        name = request.path_params["name"]
        return answer(await self._upkeep.restore(sdkappid, name, sdkappid if of is None else of))


class _Faults:
    """The rules."""

    def __init__(self, parts: Parts) -> None:
        self._faults = parts.faults

    async def all(self, _: Request) -> Response:
        return answer({"faults": self._faults.states()})

    async def add(self, request: Request) -> Response:
        return answer(self._faults.add(await asked(request, Rule)), 201)

    async def one(self, request: Request) -> Response:
        name = request.path_params["name"]
        for state in self._faults.states():
            if state.name == name:
                return answer(state)
        raise self._missing(name)

    async def remove(self, request: Request) -> Response:
        name = request.path_params["name"]
        if not self._faults.remove(name):
            raise self._missing(name)
        return answer({"removed": 1})

    async def clear(self, request: Request) -> Response:
        check_parameters(request, "sdkappid")
        return answer({"removed": self._faults.clear(parameter(request, "sdkappid", 1, SDKAPPID_MAX))})

    def _missing(self, name: str) -> Refused:
        there = ", ".join(state.name for state in self._faults.states()) or "none"
        return Refused(404, f"there is no rule {shown(name)}; there are: {there[:1000]}", "name")


_FILTERS: Sequence[str] = ("command", "sdkappid", "account", "code", "since", "after", "limit")


class _Journal:
    """The last calls."""

    def __init__(self, parts: Parts) -> None:
        self._journal = parts.journal

    async def page(self, request: Request) -> Response:
        check_parameters(request, *_FILTERS)
        wanted = Filter(
            request.query_params.get("command"),
            parameter(request, "sdkappid", 1, SDKAPPID_MAX),
            request.query_params.get("account"),
            parameter(request, "code", 0, 2**31),
            self._since(request),
        )
        limit = parameter(request, "limit", 1, PAGE_MAX) or 100
        return answer(self._journal.page(wanted, request.query_params.get("after"), limit))

    def _since(self, request: Request) -> float | None:
        text = request.query_params.get("since")
        if text is None:
            return None
        try:
            since = float(text)
        except ValueError as error:
            wrong = f"since is {shown(text)}; Unix seconds, as 1700000000.5, are allowed"
            raise Refused(400, wrong, "since") from error
        in_range("since", since, 0, NOW_MAX)
        return since

    async def clear(self, _: Request) -> Response:
        return answer({"removed": self._journal.clear()})
