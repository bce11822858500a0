"""Whatever switches a server has set are named, and nothing else is."""

from __future__ import annotations

import random
from typing import Any

import pytest

from chatmarks.limits import Profile
from chatmarks.parity.decided import DECIDED, NOT_TRIED
from chatmarks.parity.probes import PROBES
from chatmarks.parity.report import Report
from parity.conftest import Run

UNTOLD_ALWAYS = {2, 22, 25, 31, 32, 34}
"""What calls cannot tell, and 32, of which they see a part."""


def differing(report: Report) -> dict[str, Any]:
    return {switch.name: switch.value for switch in report.switches if switch.differs}


def numbers(report: Report, verdict: str) -> set[int]:
    return {finding.number for finding in report.findings if finding.verdict == verdict}


async def test_a_chatmarks_of_the_default_profile_is_as_decided(run: Run) -> None:
    report = await run()
    assert numbers(report, "refuted") == set()
    assert numbers(report, "untold") == UNTOLD_ALWAYS
    assert report.differences == []
    assert differing(report) == {}
    assert report.profile_line == ""
    assert {switch.name for switch in report.switches if switch.why} == set(NOT_TRIED)
    assert report.left == []
    assert report.is_alike


SIXES: list[tuple[dict[str, Any], set[int]]] = [
    (
        {
            "group_name_bytes_max": 64,
            "pooling": "split",
            "unknown_account": "lenient",
            "unknown_chat_group": "lenient",
            "not_admin": 50003,
            "get_page_size": 50,
        },
        {4, 5, 9, 10, 15},
    ),
    (
        {
            "check_to_account": True,
            "edition": "basic",
            "unknown_account": "lenient",
            "group_name_bytes_max": 64,
            "list_size_max": 20,
            "get_page_size": 7,
        },
        {4, 9},
    ),
    (
        {
            "pooling": "per_group",
            "check_to_account": True,
            "usersig": "any",
            "list_size_max": 500,
            "get_page_size": 1000,
            "not_admin": 50003,
        },
        {5, 9, 15},
    ),
]


@pytest.mark.parametrize(("six", "refuted"), SIXES)
async def test_six_switches_that_are_set_differently_are_named_and_no_others(
    run: Run, six: dict[str, Any], refuted: set[int]
) -> None:
    report = await run(**six)
    assert differing(report) == six
    assert numbers(report, "refuted") == refuted
    assert all(finding.switches for finding in report.findings if finding.verdict == "refuted")
    assert report.differences == []
    assert not report.is_alike


async def test_the_line_of_the_profile_is_ready_to_be_typed(run: Run) -> None:
    report = await run(calls=0, check_to_account=True, pooling="split")
    assert report.profile_line == (
        "chatmarks app update --sdkappid 1400000000 --profile default"
        " --set pooling=split --set check_to_account=true"
    )


async def test_without_groups_what_needs_them_cannot_be_told(run: Run) -> None:
    report = await run(calls=0, edition="basic")
    untold = {finding.number: finding.why for finding in report.findings if finding.verdict == "untold"}
    assert untold.keys() == UNTOLD_ALWAYS | {1, 3, 5, 7, 8, 16, 19, 37, 38}
    assert "51013" in untold[7]
    pooling = next(switch for switch in report.switches if switch.name == "pooling")
    assert (pooling.value, pooling.why) == ("shared", "this edition has no groups (51013)")


def test_every_decided_answer_and_every_switch_has_a_probe_or_a_reason() -> None:
    asked = {number for probe in PROBES for number in probe.numbers}
    # 32 and 35 are seen in all answers of a run.
    assert asked | UNTOLD_ALWAYS | {35} == set(DECIDED) == set(range(1, 41))
    told = {name for probe in PROBES for name in probe.switches}
    assert told | NOT_TRIED.keys() == set(Profile.__struct_fields__)


CHOICES: dict[str, list[Any]] = {
    "group_name_bytes_max": [32, 64],
    "pooling": ["shared", "split", "per_group"],
    "unknown_account": ["strict", "lenient"],
    "unknown_chat_group": ["strict", "lenient"],
    "check_to_account": [False, True],
    "not_admin": [60010, 50003],
    "get_page_size": [1, 2, 99, 100, 101, 999, 1000],
    "list_size_max": [1, 2, 99, 100, 101, 499, 500],
    "edition": ["full", "full", "basic"],
    "usersig": ["verify", "any"],
}


@pytest.mark.parametrize("seed", range(8))
async def test_a_profile_drawn_at_random_is_told_exactly_and_explains_everything(
    run: Run, seed: int
) -> None:
    draw = random.Random(seed)
    drawn = {name: draw.choice(values) for name, values in CHOICES.items()}
    report = await run(seed=seed, calls=500, **drawn)
    if drawn["edition"] == "basic":
        # Without groups nothing tells how they are counted.
        drawn["pooling"] = "shared"
    assert {each.name: each.value for each in report.switches if each.name in drawn} == drawn
    assert report.differences == []
    assert all(each.switches for each in report.findings if each.verdict == "refuted")
