"""A run: the probes, then the comparison with a chatmarks that has the profile which they told."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TypeAlias

from msgspec import Struct

from chatmarks.limits import Profile
from chatmarks.parity.asks import Ask, Asker, Reply, Rest, Unanswered, played
from chatmarks.parity.bodies import (
    CHECK_ACCOUNTS,
    IMPORT_MANY,
    found,
    listed,
)
from chatmarks.parity.cleaning import cleaned
from chatmarks.parity.episodes import (
    GOLDEN_LEFT_OUT,
    Episode,
    golden_episodes,
    random_episodes,
    ticket_episode,
)
from chatmarks.parity.flood import Flood, caps
from chatmarks.parity.lockstep import Compared, Own, compare_all
from chatmarks.parity.probes import PROBES, Probe
from chatmarks.parity.report import (
    Asked,
    Report,
    findings_of,
    profile_line,
    switches_of,
)
from chatmarks.parity.scene import Scene, Trial, Untold
from chatmarks.parity.watching import Watched

Advance: TypeAlias = Callable[[int, int], None]


class Refused(Exception):
    """The server does not let this caller in, or the run cannot begin; the text says why."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What to do: whom to ask as whom, and how much. `calls`: how many are drawn from `seed`."""

    url: str
    identifier: str
    seed: int
    sdkappid: int
    calls: int
    per_second: float


async def compare(
    wanted: Wanted,
    asker: Asker,
    own: Own,
    advance: Advance,
    *,
    rest: Rest = asyncio.sleep,
    flood: Flood | None = None,
) -> Report:
    """Ask the server all there is to ask, and delete what was made there. With `flood` call caps are
    looked for, too. Raises `Refused` when the first calls are refused, and `Unanswered`."""
    began, began_at = time.monotonic(), datetime.now(UTC)
    watched = Watched(asker)
    scene = Scene(wanted.seed, wanted.identifier, wanted.sdkappid)
    episodes = list(_episodes(scene, wanted))
    total = len(PROBES) + len(episodes)
    steps = itertools.count(1)

    def step() -> None:
        advance(min(next(steps), total), total)

    await begin(scene, watched)
    left: list[str] = []
    trials: list[Trial] = []
    try:
        try:
            for probe in PROBES:
                trials.append(await tried(probe, scene, watched, rest))
                step()
            compared = await compare_all(scene, watched, own, episodes, step)
            if flood is not None:
                trials.append(await caps(scene, flood))
                scene.learn(**trials[-1].switches)
        finally:
            left += await cleaned(scene, watched)
    except Unanswered as error:
        raise Unanswered(f"{error}; accounts and chat groups {scene.prefix}… may be left") from error
    trials.append(watched.trial())
    asked = Asked(
        url=wanted.url,
        sdkappid=wanted.sdkappid,
        identifier=wanted.identifier,
        began_at=began_at.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - began, 1),
        calls=watched.calls,
        seed=wanted.seed,
        per_second=wanted.per_second,
        version=version("chatmarks"),
        skew_seconds=scene.skew_seconds,
    )
    return _report(asked, scene.known, trials, compared, left)


def _report(
    asked: Asked, known: Profile, trials: Sequence[Trial], compared: Compared, left: Sequence[str]
) -> Report:
    findings = findings_of(trials)
    switches = switches_of(known, trials)
    counts = Counter(finding.verdict for finding in findings)
    return Report(
        asked=asked,
        counts={verdict: counts[verdict] for verdict in ("refuted", "confirmed", "untold")},
        findings=findings,
        switches=switches,
        profile_line=profile_line(asked.sdkappid, switches),
        differences=compared.differences,
        episodes=compared.episodes,
        compared=compared.calls,
        left_out=[f"{command}: {reason}" for command, reason in GOLDEN_LEFT_OUT.items()],
        left=left,
    )


def _episodes(scene: Scene, wanted: Wanted) -> Iterable[Episode]:
    yield from golden_episodes(scene)
    yield ticket_episode(scene)
    yield from random_episodes(scene, wanted.seed, wanted.calls)


async def begin(scene: Scene, asker: Asker) -> None:
    """See that the caller is let in and the accounts of the run are not there yet; import the first."""
    items = [{"UserID": userid} for userid in scene.friends]
    reply = await asker(Ask(CHECK_ACCOUNTS, {"CheckItem": items}))
    _must_be_done(reply, CHECK_ACCOUNTS)
    if any(found(item, "AccountStatus") == "Imported" for item in listed(reply, "ResultItem")):
        raise Refused(
            f"accounts {scene.prefix}… are there already, from a run with this seed; choose another"
        )
    reply = await asker(Ask(IMPORT_MANY, {"AccountList": items}))
    _must_be_done(reply, IMPORT_MANY)


def _must_be_done(reply: Reply, command: str) -> None:
    if reply.code != 0:
        came = reply.fault or f"{reply.code} {reply.answer.get('ErrorInfo', '')}"
        raise Refused(f"{command} answered {came}")


async def tried(probe: Probe, scene: Scene, asker: Asker, rest: Rest = asyncio.sleep) -> Trial:
    """What a probe saw, once what it tells of the server is known to the scene."""
    trial = Trial(probe.numbers[0] if probe.numbers else None)
    reason = ""
    if probe.needs_groups and scene.known.edition == "basic":
        reason = "this edition has neither groups nor standard marks (51013)"
    else:
        try:
            await played(probe.script(scene, trial), asker, rest)
        except Untold as error:
            reason = str(error)
    if reason:
        trial.untold |= dict.fromkeys(probe.numbers, reason)
        untold = [name for name in probe.switches if name not in trial.switches]
        trial.untold_switches |= dict.fromkeys(untold, reason)
    scene.learn(**trial.switches)
    return trial
