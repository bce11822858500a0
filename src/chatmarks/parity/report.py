"""What a run found out, as values that become JSON and a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from chatmarks.limits import Profile
from chatmarks.parity.decided import CANNOT_BE_ASKED, DECIDED, GOVERNED, NOT_TRIED
from chatmarks.parity.scene import Check, Trial

Verdict = Literal["refuted", "confirmed", "untold"]


class Finding(Struct, frozen=True):
    """What became of a decided answer. `number`, `question` and `decided` are those of section 8;
    `why`: why it could not be told; `switches`: those that make a chatmarks answer so."""

    number: int
    question: str
    decided: str
    verdict: Verdict
    why: str = ""
    checks: Sequence[Check] = ()
    switches: Sequence[str] = ()


class Switch(Struct, frozen=True):
    """A switch of the profile that fits the server; `why`: why it is only taken to be the default."""

    name: str
    value: Any
    default: Any
    why: str = ""

    @property
    def differs(self) -> bool:
        """Whether the server is unlike the default."""
        return bool(self.value != self.default)


class Difference(Struct, frozen=True):
    """A call that both answered differently, though ours was told to be like theirs."""

    episode: str
    call: int
    request: Any
    path: str
    theirs_there: Any
    ours_there: Any
    theirs: Any
    ours: Any


class Asked(Struct, frozen=True):
    """Who was asked, when, and how."""

    url: str
    sdkappid: int
    identifier: str
    began_at: str
    seconds: float
    calls: int
    seed: int
    per_second: float
    version: str
    skew_seconds: float


class Report(Struct, frozen=True):
    """All that a run found out. `compared`: how many calls both were asked; `left`: what could not be
    deleted afterwards; `profile_line`: makes a chatmarks answer alike."""

    asked: Asked
    counts: Mapping[str, int]
    findings: Sequence[Finding]
    switches: Sequence[Switch]
    profile_line: str
    differences: Sequence[Difference]
    episodes: int
    compared: int
    left_out: Sequence[str]
    left: Sequence[str]

    @property
    def is_alike(self) -> bool:
        """Whether nothing was refuted and nothing stays unexplained."""
        return not self.counts["refuted"] and not self.differences


def findings_of(trials: Sequence[Trial]) -> list[Finding]:
    """One finding for each decided answer, the refuted ones first."""
    order = ("refuted", "confirmed", "untold")
    found = [_finding(number, trials) for number in DECIDED]
    return sorted(found, key=lambda each: (order.index(each.verdict), each.number))


def _finding(number: int, trials: Sequence[Trial]) -> Finding:
    checks = [check for trial in trials for check in trial.checks.get(number, ())]
    reasons = [trial.untold[number] for trial in trials if number in trial.untold]
    verdict: Verdict = "untold"
    if not all(check.fits for check in checks):
        verdict = "refuted"
    elif checks and not reasons:
        verdict = "confirmed"
    # A part that was not seen makes nothing of what was seen wrong.
    why = "; ".join(dict.fromkeys(reasons)) if verdict == "untold" else ""
    changed = [
        name
        for trial in trials
        for name, value in trial.switches.items()
        if name in GOVERNED.get(number, ()) and value != getattr(Profile(), name)
    ]
    return Finding(
        number,
        *DECIDED[number],
        verdict,
        why or ("" if checks else CANNOT_BE_ASKED.get(number, "no call of this run met it")),
        checks,
        changed if verdict == "refuted" else (),
    )


def switches_of(known: Profile, trials: Sequence[Trial]) -> list[Switch]:
    """Every switch as the server has it, as far as that was told."""
    told = {name for trial in trials for name in trial.switches}
    reasons = dict(NOT_TRIED)
    for trial in trials:
        reasons |= trial.untold_switches
    default = msgspec.structs.asdict(Profile())
    return [
        Switch(name, value, default[name], "" if name in told else reasons.get(name, "no call told it"))
        for name, value in msgspec.structs.asdict(known).items()
    ]


def profile_line(sdkappid: int, switches: Sequence[Switch]) -> str:
    """The command that makes a chatmarks answer as the server does; "" where it does so by default."""
    sets = [f"--set {switch.name}={_written(switch.value)}" for switch in switches if switch.differs]
    if not sets:
        return ""
    return f"chatmarks app update --sdkappid {sdkappid} --profile default {' '.join(sets)}"


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
