"""The gate of an app: calls stay outside while something is done to all of its data."""

from __future__ import annotations

import asyncio

import pytest

from chatmarks.control.gate import Gate


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_calls_pass_an_open_gate_together() -> None:
    gate = Gate()
    async with asyncio.timeout(1), gate.passed(1), gate.passed(1), gate.passed(2):
        pass


async def test_a_closed_gate_keeps_calls_of_its_app_outside_and_of_no_other() -> None:
    gate = Gate()
    passed: list[int] = []

    async def call(sdkappid: int) -> None:
        async with gate.passed(sdkappid):
            passed.append(sdkappid)

    async with gate.closed(1):
        calls = [asyncio.create_task(call(1)), asyncio.create_task(call(2))]
        await turns()
        assert passed == [2]
    await asyncio.gather(*calls)
    assert passed == [2, 1]


async def test_a_gate_closes_when_the_calls_inside_have_ended() -> None:
    gate = Gate()
    may_end, done = asyncio.Event(), []

    async def call() -> None:
        async with gate.passed(1):
            await may_end.wait()
            done.append("call")

    async def work() -> None:
        async with gate.closed(1):
            done.append("work")

    tasks = [asyncio.create_task(call())]
    await turns()
    tasks.append(asyncio.create_task(work()))
    await turns()
    assert done == []
    late = asyncio.create_task(call())
    await turns()
    may_end.set()
    await asyncio.gather(*tasks, late)
    assert done == ["call", "work", "call"]


async def test_works_on_one_app_take_turns() -> None:
    gate = Gate()
    inside = most = 0

    async def work() -> None:
        nonlocal inside, most
        async with gate.closed(1):
            inside += 1
            most = max(most, inside)
            await turns()
            inside -= 1

    async with asyncio.timeout(5):
        await asyncio.gather(*(work() for _ in range(20)))
    assert most == 1


@pytest.mark.parametrize("moment", ["waiting for others", "waiting for calls", "inside"])
async def test_work_that_is_cancelled_leaves_the_gate_open(moment: str) -> None:
    gate = Gate()
    end = asyncio.Event()

    async def hold() -> None:
        async with gate.passed(1) if moment == "waiting for calls" else gate.closed(1):
            await end.wait()

    async def work() -> None:
        async with gate.closed(1):
            await asyncio.sleep(60)

    holding = asyncio.create_task(hold()) if moment != "inside" else None
    await turns()
    working = asyncio.create_task(work())
    await turns()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    end.set()
    async with asyncio.timeout(1), gate.passed(1):
        pass
    if holding:
        await holding


async def test_a_call_that_is_cancelled_is_inside_no_longer() -> None:
    gate = Gate()

    async def call() -> None:
        async with gate.passed(1):
            await asyncio.sleep(60)

    calling = asyncio.create_task(call())
    await turns()
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
    async with asyncio.timeout(1), gate.closed(1):
        pass
