"""The routes of the control API: docs/control.md."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount

from chatmarks.control.app_routes import Apps, Clock, SnapshotsOfApps
from chatmarks.control.clocks import NOW_MAX
from chatmarks.control.endpoint import route
from chatmarks.control.faults import Faults
from chatmarks.control.journal import PAGE_MAX, Filter, Journal
from chatmarks.control.parts import Parts
from chatmarks.control.refused import SDKAPPID_MAX, Refused, in_range
from chatmarks.control.rules import Rule
from chatmarks.control.wire import answer, asked, check_parameters, parameter
from chatmarks.errors import shown


def control_routes(parts: Parts) -> list[BaseRoute]:
    """All routes, below `/control`."""
    upkeep, clocks = parts.upkeep, parts.clocks
    apps, clock = Apps(parts.store, upkeep, clocks), Clock(upkeep, clocks)
    snapshots = SnapshotsOfApps(upkeep, parts.snapshots)
    faults, journal = _Faults(parts.faults), _Journal(parts.journal)
    app = "/apps/{sdkappid}"
    kept = f"{app}/snapshots/{{name}}"
    return [
        Mount(
            "/control",
            routes=[
                route("/apps", GET=apps.all, POST=apps.make),
                route(app, GET=apps.one, DELETE=apps.drop),
                route(f"{app}/reset", POST=apps.reset),
                route(f"{app}/seed", POST=apps.seed),
                route(f"{app}/clock", GET=clock.show, PUT=clock.change, DELETE=clock.let_go),
                route(f"{app}/snapshots", GET=snapshots.all),
                route(kept, GET=snapshots.read, PUT=snapshots.write, DELETE=snapshots.delete),
                route(f"{kept}/restore", POST=snapshots.restore),
                route("/faults", GET=faults.all, POST=faults.add, DELETE=faults.clear),
                route("/faults/{name}", GET=faults.one, DELETE=faults.remove),
                route("/journal", GET=journal.page, DELETE=journal.clear),
                route("/{path:path}"),
            ],
        )
    ]


class _Faults:
    """The rules."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

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

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

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
