"""Call caps, seen in a flood."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from chatmarks.cli.parity import own_chatmarks
from chatmarks.errors import Code
from chatmarks.limits import Profile
from chatmarks.parity.asks import Ask, Caller, Reply, Unanswered
from chatmarks.parity.flood import cap_in, caps
from chatmarks.parity.road import flooding
from chatmarks.parity.run import begin
from chatmarks.parity.scene import Scene
from harness import ADMIN, KEY, SDKAPPID, Clock
from process import serving


def replies(*parts: tuple[int, int, float]) -> list[Reply]:
    """So many replies of each code, within so many seconds, one part after another."""
    made: list[Reply] = []
    begins_at = 0.0
    for count, code, seconds in parts:
        made += [
            Reply({"ErrorCode": code}, begins_at + seconds * each / count) for each in range(count)
        ]
        begins_at += seconds
    return made


CAP = Code.COMMAND_RATE
FIRST = (30, 0, 0.2), (200, CAP, 0.5)
WHOLE = (50, 0, 0.3), (200, CAP, 0.7)


@pytest.mark.parametrize(
    ("parts", "cap"),
    [
        ((*FIRST, *WHOLE), 50),
        ((*FIRST, *WHOLE, (20, 0, 0.1)), 50),
        ((*FIRST, (49, 0, 0.3), (9, CAP, 0.05), (1, 0, 0.01), (200, CAP, 0.6)), 50),
        (FIRST, None),
        ((*FIRST, (50, 0, 0.3)), None),
        (((500, 0, 3.0),), None),
        (((9, CAP, 1.0),), None),
        ((), None),
    ],
    ids=["whole", "cut", "overtaken", "one", "unreached", "no cap", "nothing through", "nothing"],
)
def test_a_cap_is_what_went_through_in_a_whole_second(
    parts: tuple[tuple[int, int, float], ...], cap: int | None
) -> None:
    assert cap_in(replies(*parts), CAP) == cap


async def test_a_flood_that_meets_nobody_is_no_answer() -> None:
    async with flooding("http://127.0.0.1:9", Caller(SDKAPPID, ADMIN, KEY)) as flood:
        with pytest.raises(Unanswered, match="gave no answer"):
            await flood([Ask("recentcontact/get_contact_group")], 1)


@pytest.mark.parametrize(
    ("switches", "told"),
    [
        ({"calls_per_second": 200}, {"calls_per_second": 200}),
        ({"app_calls_per_second": 300}, {"app_calls_per_second": 300}),
        (
            {"calls_per_second": 100, "app_calls_per_second": 250},
            {"calls_per_second": 100, "app_calls_per_second": 250},
        ),
        ({}, {}),
    ],
    ids=["command", "app", "both", "none"],
)
async def test_the_caps_of_a_server_are_told(switches: dict[str, int], told: dict[str, int]) -> None:
    clock = Clock(time.time())
    scene = Scene(1, ADMIN, SDKAPPID)
    async with own_chatmarks(SDKAPPID, ADMIN)(replace(Profile(), **switches), clock) as asker:

        async def flood(asks: Sequence[Ask], seconds: float) -> list[Reply]:
            found: list[Reply] = []
            for number in range(int(seconds * 1000)):
                clock.now += 0.001
                found.append(await asker(asks[number % len(asks)]))
            return found

        await begin(scene, asker)
        trial = await caps(scene, flood)
    assert trial.switches == told
    assert trial.untold_switches.keys() == {"calls_per_second", "app_calls_per_second"} - told.keys()


async def test_a_flood_asks_by_turns_as_often_as_it_can() -> None:
    asks = [Ask("recentcontact/get_contact_group"), Ask("recentcontact/no_such_command")]
    with serving() as server:
        async with flooding(server.url, Caller(SDKAPPID, ADMIN, KEY)) as flood:
            replies = await flood(asks, 0.5)
    codes = Counter(reply.code for reply in replies)
    assert codes.keys() == {50002, 60009}
    assert abs(codes[50002] - codes[60009]) <= 1
    assert len(replies) > 32
