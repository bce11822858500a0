"""Many pieces of work at a time, begun in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

READ_AT_A_TIME = 32
"""So many accounts are read at a time: enough for what a pace of 150 allows where an answer takes a
quarter of a second."""

WRITTEN_AT_A_TIME = 16
"""Fewer, as whatever breaks it off leaves them half-written."""


async def abreast(items: Iterable[T], work: Callable[[T], Awaitable[None]], width: int) -> None:
    """Do `work` on each item, on at most `width` at a time. What it raises ends the others, and is
    raised."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    tasks = [asyncio.ensure_future(worker()) for _ in range(width)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
