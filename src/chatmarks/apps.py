"""Apps as the road needs them: opened, and never more than a second behind the store."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from msgspec import Struct

from chatmarks.limits import Profile, resolved_profile
from chatmarks.seal import Seal
from chatmarks.store import App, Busy, Store
from chatmarks.usersig import DEMO_KEY

FRESH_SECONDS = 0.5
"""How long an app is used before the store is asked again, and how long the store may take: together
the second that is promised."""

_ASKED_AGAIN_SECONDS = FRESH_SECONDS / 2

_REMEMBERED_MAX = 10_000


class OpenApp(Struct, frozen=True):
    """An app with its keys opened and its profile resolved."""

    sdkappid: int
    revision: int
    enabled: bool
    keys: tuple[str, ...]
    admins: frozenset[str]
    profile: Profile
    sources: tuple[IPv4Network | IPv6Network, ...]
    feed: bool

    def lets_in(self, source: str) -> bool:
        """Whether a caller at the address `source` may call."""
        if not self.sources:
            return True
        try:
            address = ip_address(source)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self.sources)


def opened(app: App, seal: Seal, *, loopback: bool) -> OpenApp:
    """`app` with its keys opened, without the published one where others than this machine can call.

    Raises `SealError`, or `ValueError` for an unknown profile.
    """
    keys = [seal.open(app.sdkappid, envelope) for envelope in app.sealed_keys]
    return OpenApp(
        app.sdkappid,
        app.revision,
        app.enabled,
        tuple(key for key in keys if loopback or key != DEMO_KEY),
        frozenset(app.admins),
        resolved_profile(app.profile, app.overrides),
        tuple(ip_network(source) for source in app.sources),
        app.feed,
    )


class Apps:
    """The apps of a store, remembered for half a second each."""

    def __init__(
        self,
        store: Store,
        seal: Seal,
        *,
        loopback: bool,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._loopback = loopback
        self._seal = seal
        self._monotonic = monotonic
        self._remembered: OrderedDict[int, tuple[float, OpenApp | None]] = OrderedDict()
        self._loading: dict[int, asyncio.Task[OpenApp | None]] = {}

    def remembered(self, sdkappid: int) -> OpenApp | None:
        """The app as it was kept at most half a second ago, None when that is not remembered.

        The store is asked again when half of that is over, so that calls that keep coming never wait.
        """
        found = self._remembered.get(sdkappid)
        if found is None:
            return None
        age = self._monotonic() - found[0]
        if age >= FRESH_SECONDS:
            return None
        if age >= _ASKED_AGAIN_SECONDS and sdkappid not in self._loading:
            self._begin_load(sdkappid)
        return found[1]

    async def get(self, sdkappid: int) -> OpenApp | None:
        """The app as it was kept at most half a second ago, None when there is none.

        When the store cannot tell, its exception is raised: an app that may have been disabled is
        not let in on an old memory.
        """
        found = self._remembered.get(sdkappid)
        if found is not None and self._monotonic() - found[0] < FRESH_SECONDS:
            return found[1]
        loading = self._loading.get(sdkappid) or self._begin_load(sdkappid)
        # Shielded: one caller that leaves must not fail the others who wait for the same answer.
        return await asyncio.shield(loading)

    def _begin_load(self, sdkappid: int) -> asyncio.Task[OpenApp | None]:
        def end(task: asyncio.Task[OpenApp | None]) -> None:
            if self._loading.get(sdkappid) is task:
                del self._loading[sdkappid]
            # Looked at, since nobody may be waiting: then the next call finds out for itself.
            task.cancelled() or task.exception()

        loading = self._loading[sdkappid] = asyncio.create_task(self._load(sdkappid))
        loading.add_done_callback(end)
        return loading

    def forget(self, sdkappid: int) -> None:
        """Ask the store at the next call, since this process changed the app."""
        self._remembered.pop(sdkappid, None)
        # What is being loaded may be older than the change.
        self._loading.pop(sdkappid, None)

    async def _load(self, sdkappid: int) -> OpenApp | None:
        asked_at = self._monotonic()
        try:
            async with asyncio.timeout(FRESH_SECONDS):
                app = await self._store.app(sdkappid)
        except TimeoutError as error:
            raise Busy from error
        before = self._remembered.get(sdkappid, (0.0, None))[1]
        if app is not None and before is not None and before.revision == app.revision:
            found: OpenApp | None = before
        else:
            found = None if app is None else opened(app, self._seal, loopback=self._loopback)
        if self._loading.get(sdkappid) is not asyncio.current_task():
            return found
        self._remembered.pop(sdkappid, None)
        self._remembered[sdkappid] = (asked_at, found)
        if len(self._remembered) > _REMEMBERED_MAX:
            self._remembered.popitem(last=False)
        return found
