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

from chatmarks.feed.readers import HOLD_SECONDS, Lost, Position, Reader, following
from chatmarks.feed.watch import Watch
from chatmarks.feed.wire import Change, page_of
from chatmarks.limits import FEED_PAGE_BYTES_MAX
from chatmarks.seal import Seal
from chatmarks.store import App, Store

if TYPE_CHECKING:
    import httpx2

log = logging.getLogger("chatmarks")

READER = "webhook"
COMMAND = "RecentContact.CallbackAfterChange"
_PAGE_SIZE = 100
_LOOK_SECONDS = 5.0
_BEGIN_AGAIN_SECONDS = 30.0
_ANSWER_BYTES_MAX = 1 << 16
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
        while True:
            await self._deliver_until_a_fault(app)
            await asyncio.sleep(_BEGIN_AGAIN_SECONDS)

    async def _deliver_until_a_fault(self, app: App) -> None:
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
        # After a failure less at a time: what is too much for this receiver must come through.
        taken, items = page_of(found, FEED_PAGE_BYTES_MAX >> min(self._failures, 20))
        try:
            await self._tell(items)
        except NotTold as error:
            if not self._failures:
                log.warning("webhook of app %s: %s; tried again", sdkappid, error)
            await asyncio.sleep(min(_PAUSE_SECONDS_MAX, _PAUSE_SECONDS * 2 ** min(self._failures, 10)))
            self._failures += 1
            return
        self._failures = 0
        await self._reader.move(taken[-1].seq, taken[-1].token)

    async def _tell(self, items: list[Change]) -> None:
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
        body = _Body(COMMAND, self._app.sdkappid, int(now * 1000), items)
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        try:
            async with (
                asyncio.timeout(_ANSWER_SECONDS),
                self._http.stream(
                    "POST",
                    httpx2.URL(self._app.webhook).copy_merge_params(query),
                    content=msgspec.json.encode(body),
                    headers=headers,
                ) as response,
            ):
                if response.status_code != _HTTP_OK:
                    raise NotTold(f"it answered HTTP {response.status_code}")
                answer = await _bounded(response)
            code = msgspec.json.decode(answer, type=_Answer).ErrorCode
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
            raise NotTold(f"it cannot be reached: {type(error).__name__}") from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise NotTold("it answered no JSON object") from None
        if code:
            raise NotTold(f"it answered ErrorCode {code}")


async def _bounded(response: httpx2.Response) -> bytes:
    """What was answered, as far as it may go. Raises `NotTold`."""
    answer = b""
    async for chunk in response.aiter_raw():
        answer += chunk
        if len(answer) > _ANSWER_BYTES_MAX:
            raise NotTold(f"its answer has more than {_ANSWER_BYTES_MAX} bytes")
    return answer
