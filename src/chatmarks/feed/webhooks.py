"""Tells webhooks of apps what happens: signed calls as the real service makes them, one after another.

The scheme of the signature is that of the vendor's webhooks (269/1522, 647/64412): `Sign` is the
hexadecimal SHA-256 of token and `RequestTime`. A page of events is sent until it is confirmed; only
then comes the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import time
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from chatmarks.event import Told
from chatmarks.feed.readers import HOLD_SECONDS, Lost, Position, Reader, following
from chatmarks.feed.watch import Watch
from chatmarks.feed.wire import Change, change_of
from chatmarks.seal import Seal
from chatmarks.store import App, Store

if TYPE_CHECKING:
    import httpx2

log = logging.getLogger("chatmarks")

READER = "webhook"
COMMAND = "RecentContact.CallbackAfterChange"
_PAGE_SIZE = 100
_LOOK_SECONDS = 1.0
# Both together less than the reader is held for.
_ANSWER_SECONDS = 4.0
_PAUSE_SECONDS, _PAUSE_SECONDS_MAX = 0.25, 4.0
_HTTP_OK = 200


class _Answer(Struct, frozen=True):
    ErrorCode: int = 0


class _Body(Struct, frozen=True):
    """What is sent. `EventTime`: milliseconds, when it was sent."""

    CallbackCommand: str
    SdkAppid: int
    EventTime: int
    ChangeItem: list[Change]


def sign(token: str, request_time: int) -> str:
    """The signature of a call made at `request_time`, Unix seconds."""
    return hashlib.sha256(f"{token}{request_time}".encode()).hexdigest()


class NotTold(Exception):
    """A webhook did not confirm; the text says what came instead."""


class Webhooks:
    """Keeps a delivery going for each app that has a webhook. Made and used in one event loop."""

    def __init__(self, store: Store, seal: Seal, watch: Watch) -> None:
        self._store = store
        self._seal = seal
        self._watch = watch
        self._deliveries: dict[int, tuple[int, asyncio.Task[None]]] = {}

    async def keep(self) -> None:
        """Look after the apps until cancelled."""
        try:
            while True:
                with contextlib.suppress(Exception):
                    # A store that cannot tell is looked at again; deliveries go on meanwhile.
                    self._begin(await self._store.apps())
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            tasks = [task for _, task in self._deliveries.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, apps: list[App]) -> None:
        wanted = {app.sdkappid: app for app in apps if app.feed and app.webhook and app.enabled}
        for sdkappid, (revision, task) in list(self._deliveries.items()):
            app = wanted.get(sdkappid)
            if app is None or app.revision != revision or task.done():
                task.cancel()
                del self._deliveries[sdkappid]
        for sdkappid, app in wanted.items():
            if sdkappid not in self._deliveries:
                task = asyncio.create_task(self._deliver(app))
                self._deliveries[sdkappid] = app.revision, task

    async def _deliver(self, app: App) -> None:
        try:
            token = self._seal.open(app.sdkappid, app.sealed_webhook_token)
            # Imported here: a server without webhooks needs no client.
            import httpx2

            async with httpx2.AsyncClient() as http:
                await Delivery(self._store, app, token, self._watch, http).keep()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.exception("webhook of app %s: %s; begun again", app.sdkappid, type(error).__name__)


class Delivery:
    """Tells one webhook what happens in its app, as long as this process holds the reader."""

    def __init__(
        self, store: Store, app: App, token: str, watch: Watch, http: httpx2.AsyncClient
    ) -> None:
        self._store = store
        self._app = app
        self._token = token
        self._watch = watch
        self._http = http
        self._reader = Reader(store, app.sdkappid, READER)
        self._failures = 0

    async def keep(self) -> None:
        """Deliver until cancelled."""
        while True:
            position = await self._reader.hold()
            if position is None:
                await asyncio.sleep(HOLD_SECONDS / 2)
                continue
            try:
                await self._deliver(position)
            except Lost:
                continue
            except asyncio.CancelledError:
                with contextlib.suppress(Exception):
                    await self._reader.release()
                raise

    async def _deliver(self, position: Position) -> None:
        sdkappid = self._app.sdkappid
        found = await following(self._store, sdkappid, position, _PAGE_SIZE)
        if found is None:
            log.error(
                "webhook of app %s: the events behind %s are gone; it goes on with the oldest one, and"
                " its receiver must read the accounts anew",
                sdkappid,
                position.seq,
            )
            oldest = (await self._store.event_bounds(sdkappid))[0]
            found = await self._store.events(sdkappid, oldest - 1, _PAGE_SIZE)
        if not found:
            await self._watch.wait(sdkappid, position.seq, HOLD_SECONDS / 2)
            return
        try:
            await self._tell(found)
        except NotTold as error:
            if not self._failures:
                log.warning("webhook of app %s: %s; tried again", sdkappid, error)
            await asyncio.sleep(min(_PAUSE_SECONDS_MAX, _PAUSE_SECONDS * 2 ** min(self._failures, 10)))
            self._failures += 1
            return
        self._failures = 0
        await self._reader.move(found[-1].seq, found[-1].token)

    async def _tell(self, found: list[Told]) -> None:
        """Send events. Raises `NotTold`."""
        import httpx2

        now = time.time()
        query: dict[str, str | int] = {
            "SdkAppid": self._app.sdkappid,
            "CallbackCommand": COMMAND,
            "contenttype": "json",
            "ClientIP": "",
            "OptPlatform": "RESTAPI",
            "Sign": sign(self._token, int(now)),
            "RequestTime": int(now),
        }
        changes = [change_of(told) for told in found]
        body = _Body(COMMAND, self._app.sdkappid, int(now * 1000), changes)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                response = await self._http.post(
                    httpx2.URL(self._app.webhook).copy_merge_params(query),
                    content=msgspec.json.encode(body),
                    headers={"Content-Type": "application/json"},
                )
        except (httpx2.HTTPError, TimeoutError) as error:
            raise NotTold(f"it cannot be reached: {type(error).__name__}") from None
        if response.status_code != _HTTP_OK:
            raise NotTold(f"it answered HTTP {response.status_code}")
        try:
            code = msgspec.json.decode(response.content, type=_Answer).ErrorCode
        except msgspec.DecodeError:
            raise NotTold("it answered no JSON object") from None
        if code:
            raise NotTold(f"it answered ErrorCode {code}")
