"""No probe confirms anything where one of the answers that it saw was another."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from chatmarks.cli.parity import own_chatmarks
from chatmarks.limits import Profile
from chatmarks.parity.asks import Ask, Reply
from chatmarks.parity.probes import PROBES, Probe
from chatmarks.parity.report import findings_of
from chatmarks.parity.run import begin, tried
from chatmarks.parity.scene import Scene, Trial
from harness import ADMIN, SDKAPPID, Clock

STRANGE = {"ActionStatus": "FAIL", "ErrorCode": 59999, "ErrorInfo": "strange", "ErrorDisplay": ""}


async def seen_by(probe: Probe, change: Callable[[int, Reply], Reply]) -> tuple[Trial, int]:
    """What a probe sees of a chatmarks whose numbered answers go through `change`, and how many."""
    clock = Clock(time.time())
    scene = Scene(1, ADMIN, SDKAPPID)
    count = 0

    async def rest(seconds: float) -> None:
        clock.now += seconds

    async with own_chatmarks(SDKAPPID, ADMIN)(Profile(), clock) as asker:

        async def ask(wanted: Ask) -> Reply:
            nonlocal count
            count += 1
            return change(count, await asker(wanted))

        await begin(scene, asker)
        return await tried(probe, scene, ask, rest), count


def outcome(probe: Probe, trial: Trial) -> list[object]:
    """Verdicts and switches."""
    verdicts = [each.verdict for each in findings_of([trial]) if each.number in probe.numbers]
    return [*verdicts, *(trial.switches.get(name) for name in probe.switches)]


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.script.__name__)
async def test_a_probe_tells_something_else_when_any_answer_is_another(probe: Probe) -> None:
    fine, count = await seen_by(probe, lambda _number, reply: reply)
    expected = outcome(probe, fine)
    assert "refuted" not in expected
    assert None not in expected
    for wrong in range(1, count + 1):

        def change(number: int, reply: Reply, wrong: int = wrong) -> Reply:
            return replace(reply, answer=STRANGE) if number == wrong else reply

        trial, _ = await seen_by(probe, change)
        assert outcome(probe, trial) != expected, f"call {wrong} of {count}"
