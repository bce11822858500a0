"""Wakes those who wait for events: one question a tenth of a second for each app that is watched."""

from __future__ import annotations

import asyncio

from chatmarks.store import Store

LOOK_SECONDS = 0.1


class Watch:
    """Looks after feeds as long as somebody waits."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[int, dict[asyncio.Future[bool], int]] = {}
        self._looking: dict[int, asyncio.Task[None]] = {}
        self.ended = False
        """Whether nobody is to wait any longer."""

    async def wait(self, sdkappid: int, after: int, seconds: float) -> bool:
        """Wait until there is an event with a number above `after`, `seconds` at most; whether there is
        one. Raises what the store raises."""
        if self.ended:
            return False
        woken: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(sdkappid, {})[woken] = after
        if sdkappid not in self._looking:
            self._looking[sdkappid] = asyncio.create_task(self._look(sdkappid))
        try:
            async with asyncio.timeout(seconds):
                return await woken
        except TimeoutError:
            return False
        finally:
            self._waiting[sdkappid].pop(woken, None)

    async def _look(self, sdkappid: int) -> None:
        """Wake who waits for what is there, or tell them why that cannot be found out."""
        waiting = self._waiting[sdkappid]
        try:
            while waiting:
                try:
                    newest = (await self._store.event_bounds(sdkappid))[1]
                except Exception as error:  # noqa: BLE001 - it becomes the answer of everybody here
                    for woken in list(waiting):
                        _settle(woken, outcome=error)
                    return
                for woken, after in list(waiting.items()):
                    if newest > after:
                        _settle(woken, outcome=True)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            del self._looking[sdkappid]

    def end(self) -> None:
        """Wake everybody for the last time."""
        self.ended = True
        for waiting in self._waiting.values():
            for woken in list(waiting):
                _settle(woken, outcome=False)


def _settle(woken: asyncio.Future[bool], *, outcome: bool | Exception) -> None:
    if woken.done():
        return
    if isinstance(outcome, Exception):
        woken.set_exception(outcome)
    else:
        woken.set_result(outcome)
