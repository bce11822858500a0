"""Asks a store whether kept books are still true: one question for all who wait at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from chatmarks.book import Account

Ask: TypeAlias = Callable[[Sequence[Account]], Awaitable[list[int | None]]]
Waiting: TypeAlias = dict[Account, list[asyncio.Future[int | None]]]


class VersionCheck:
    """Whoever comes while a question is under way waits for the next one: an answer that was begun
    before a call came says nothing about the store at the time of that call."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._waiting: Waiting = {}
        self._asking: asyncio.Task[None] | None = None

    async def version(self, account: Account) -> int | None:
        """The version of a book at some moment after the call, None where there is no account.

        Raises what the store raises.
        """
        future: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account, []).append(future)
        if self._asking is None:
            self._asking = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                asked, self._waiting = self._waiting, {}
                await self._answer(asked)
        finally:
            self._asking = None

    async def _answer(self, asked: Waiting) -> None:
        try:
            versions = await self._ask([*asked])
        except Exception as error:  # noqa: BLE001 - it becomes the answer of everyone who waits
            for futures in asked.values():
                for future in futures:
                    if not future.done():
                        future.set_exception(error)
            return
        for futures, version in zip(asked.values(), versions, strict=True):
            for future in futures:
                if not future.done():
                    future.set_result(version)
