"""What a server does for feeds beside answering: webhooks, and forgetting what is old."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator

from chatmarks.feed.watch import Watch
from chatmarks.feed.webhooks import Webhooks
from chatmarks.limits import FEED_SECONDS
from chatmarks.seal import Seal
from chatmarks.store import Store

_FORGET_SECONDS = 60.0
_BETWEEN_SECONDS = 0.05


@contextlib.asynccontextmanager
async def kept_up(store: Store, seal: Seal) -> AsyncIterator[Watch]:
    """The feeds of a store are looked after, from here to the end of the block; what wakes readers."""
    watch = Watch(store)
    tasks = [
        asyncio.create_task(Webhooks(store, seal, watch).keep()),
        asyncio.create_task(_forget(store)),
    ]
    try:
        yield watch
    finally:
        watch.end()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _forget(store: Store) -> None:
    """Forget old events, now and again, until cancelled."""
    while True:
        # At random, as several processes do this.
        await asyncio.sleep(random.uniform(0.5, 1.5) * _FORGET_SECONDS)  # noqa: S311 - no secret
        with contextlib.suppress(Exception):
            # Whatever fails now is done a minute later.
            for app in await store.apps():
                before = int(time.time()) - FEED_SECONDS
                while await store.forget_events(app.sdkappid, before):  # noqa: ASYNC110 - writers' turn
                    await asyncio.sleep(_BETWEEN_SECONDS)
