"""What a tester does with a server of `serve --control`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import httpx2
from msgspec import Struct

from chatmarks.client.control_road import ControlRoad
from chatmarks.client.control_values import AppListed, JournalCall
from chatmarks.client.controlled import ControlledApp, Faults, journal


class _Made(Struct, frozen=True):
    sdkappid: int
    identifier: str
    key: str


class _Apps(Struct, frozen=True):
    apps: tuple[AppListed, ...]


class _Removed(Struct, frozen=True):
    removed: int


class Control:
    """The control API of one server, on its admin listener.

    `url`: where its calls go, which apps then tell; `token`: that of the admin listener, where it asks
    for one; `http`: an own `httpx2.Client`, which is not closed here. Everything raises `ControlError`.
    Threads may share it. Raises `ValueError` for what cannot be right.
    """

    def __init__(
        self,
        admin_url: str,
        *,
        url: str = "",
        token: str | None = None,
        http: httpx2.Client | None = None,
    ) -> None:
        self._road = ControlRoad(admin_url, token, http)
        self._url = url
        self.faults = Faults(self._road, None)

    def __repr__(self) -> str:
        return f"Control({self._road.admin_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._road.close()

    def make_app(
        self,
        *,
        sdkappid: int | None = None,
        admins: Sequence[str] | None = None,
        key: str | None = None,
        profile: str | None = None,
        overrides: Mapping[str, str | int | bool] | None = None,
    ) -> ControlledApp:
        """Make an app; what is left out is chosen by the server. The first of `admins` is its
        `identifier`; `profile` and `overrides` are those of `docs/profiles.md`."""
        wanted = {
            "sdkappid": sdkappid,
            "admins": admins,
            "key": key,
            "profile": profile,
            "overrides": overrides,
        }
        given = {name: value for name, value in wanted.items() if value is not None}
        made = self._road.ask("POST", "/apps", _Made, given)
        return ControlledApp(
            self._road,
            url=self._url,
            sdkappid=made.sdkappid,
            identifier=made.identifier,
            key=made.key,
        )

    def app(
        self, sdkappid: int, *, identifier: str = "administrator", key: str | None = None
    ) -> ControlledApp:
        """An app that is there; it is not asked for yet."""
        return ControlledApp(
            self._road, url=self._url, sdkappid=sdkappid, identifier=identifier, key=key
        )

    def apps(self) -> list[AppListed]:
        """All apps of the store."""
        return [*self._road.ask("GET", "/apps", _Apps).apps]

    def journal(
        self,
        *,
        command: str | None = None,
        account: str | None = None,
        code: int | None = None,
        since: float | None = None,
    ) -> list[JournalCall]:
        """The calls of all apps that the server still knows and that fit, the oldest first. `since`:
        Unix seconds."""
        return journal(self._road, command=command, account=account, code=code, since=since)

    def clear_journal(self) -> int:
        """Forget all calls; how many."""
        return self._road.ask("DELETE", "/journal", _Removed).removed
