"""Call caps, seen in a flood."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatmarks.cli.parity import found_over_http
from chatmarks.errors import Code
from chatmarks.parity.asks import Ask, Caller, Reply, Unanswered
from chatmarks.parity.flood import cap_in
from chatmarks.parity.road import flooding
from chatmarks.parity.run import Wanted
from harness import ADMIN, KEY, SDKAPPID
from process import run, serving


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


def test_both_caps_of_a_server_are_told(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/books.db"
    sets = ["--set=calls_per_second=30", "--set=app_calls_per_second=60"]
    with serving("--store", store) as server:
        changed = run("app", "update", "--sdkappid", str(SDKAPPID), *sets, "--store", store)
        assert changed.returncode == 0, changed.stderr
        wanted = Wanted(
            url=server.url, identifier=ADMIN, seed=5, sdkappid=SDKAPPID, calls=0, per_second=29
        )
        report = found_over_http(wanted, KEY, flood=True)
    told = {switch.name: switch.value for switch in report.switches if switch.differs}
    assert told == {"calls_per_second": 30, "app_calls_per_second": 60}
    assert report.is_alike
    assert report.left == []
