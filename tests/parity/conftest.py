"""Runs against a chatmarks of this process, which may be told to answer otherwise."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

import pytest
from msgspec.structs import replace

from chatmarks.cli.parity import own_chatmarks
from chatmarks.limits import Profile
from chatmarks.parity.asks import Ask, Asker, Reply
from chatmarks.parity.report import Report
from chatmarks.parity.run import Wanted, compare
from harness import ADMIN, SDKAPPID, Clock

Wrap: TypeAlias = Callable[[Ask, Reply], Reply]
Run: TypeAlias = Callable[..., Coroutine[Any, Any, Report]]

URL = "http://127.0.0.1:8600"


def as_it_came(_ask: Ask, reply: Reply) -> Reply:
    return reply


@pytest.fixture
def run() -> Run:
    """Compare a chatmarks whose profile has `switches` and whose clock is ahead, every answer of which
    goes through `wrap`. `asked` gets every call."""

    async def ran(
        *,
        wrap: Wrap = as_it_came,
        seed: int = 7,
        calls: int = 150,
        asked: list[Ask] | None = None,
        ahead_seconds: float = 0,
        **switches: Any,
    ) -> Report:
        own = own_chatmarks(SDKAPPID, ADMIN)
        wanted = Wanted(
            url=URL, identifier=ADMIN, seed=seed, sdkappid=SDKAPPID, calls=calls, per_second=20.0
        )
        clock = Clock(time.time())

        async def rest(seconds: float) -> None:
            clock.now += seconds

        async with own(replace(Profile(), **switches), lambda: clock() + ahead_seconds) as theirs:
            asker = _wrapped(theirs, wrap, asked, clock)
            return await compare(wanted, asker, own, lambda _done, _total: None, rest=rest)

    return ran


def _wrapped(asker: Asker, wrap: Wrap, asked: list[Ask] | None, clock: Clock) -> Asker:
    async def ask(wanted: Ask) -> Reply:
        if asked is not None:
            asked.append(wanted)
        return replace(wrap(wanted, await asker(wanted)), at=clock())

    return ask
