"""Five times the calls that a server can do, for a minute: it lives, lies to nobody, and recovers."""

from __future__ import annotations

import asyncio
import bisect
import resource
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from histories.wire import NoAnswer, Wire
from process import Client, Server
from proofs.crowd import ACCOUNTS, GIVE_UP_SECONDS, Change, Crowd, Heard
from proofs.part import Done, Part, Work
from proofs.vitals import vitals

_CAPACITY_SECONDS, _USUAL_SECONDS, _OVERLOAD_SECONDS = 5.0, 5.0, 60.0
_CLIENTS = 64
_TIMES, _USUAL = 5.0, 0.2
"""What is asked for by what can be done: in the overload, and usually."""

_NORMAL_SECONDS_MAX = 5.0
_ANSWER_SECONDS_MAX = 10.0
_PROBE_SECONDS = 0.5
_MORE_MIB, _MORE_FILES = 256.0, 8
_MARK = "recentcontact/mark_contact"


class _Probe:
    """Somebody with a connection of their own who searches now and then. `slowest`: in seconds."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.slowest = 0.0
        self.unanswered = 0

    async def ask(self) -> None:
        """Until cancelled."""
        body = b'{"From_Account":"user0","ContactItem":[{"Type":1,"To_Account":"peer0"}]}'
        async with Wire(self._url) as wire:
            while True:
                began = time.perf_counter()
                try:
                    await wire.call("recentcontact/search_contact_group", body)
                except (NoAnswer, TimeoutError):
                    self.unanswered += 1
                    return
                self.slowest = max(self.slowest, time.perf_counter() - began)
                await asyncio.sleep(_PROBE_SECONDS)


def run(work: Work) -> Done:
    """One server. Counted are the calls."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with tempfile.TemporaryDirectory(prefix="chatmarks-overload-") as folder:
            said = Path(folder) / "stderr"
            with said.open("w") as stderr:
                store = f"sqlite:///{folder}/books.db"
                server = Server("--store", store, "--log-calls", "none", stderr=stderr)
            try:
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    done = runner.run(_overloaded(server, work))
            finally:
                server.stop()
            if "Traceback" in said.read_text():
                kept = said.rename(work.directory / f"overload-{work.number}.log")
                done = msgspec.structs.replace(
                    done, violations=(*done.violations, f"faults: see {kept}")
                )
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return done


async def _overloaded(server: Server, work: Work) -> Done:
    async with Client(server.url) as client:
        for number in range(ACCOUNTS):
            await client.ok("im_open_login_svc/account_import", {"UserID": f"user{number}"})
    crowd, probe = Crowd(server.url), _Probe(server.url)
    most = await crowd.saturate(_CLIENTS, _CAPACITY_SECONDS)
    can = most.done / _CAPACITY_SECONDS
    await _through(most)
    usual = await _through(await crowd.ask(can * _USUAL, _USUAL_SECONDS))
    before = vitals(server)
    probing = asyncio.create_task(probe.ask())
    heard = await crowd.ask(can * _TIMES, _OVERLOAD_SECONDS)
    ended_at = time.perf_counter()
    offered, done_meanwhile = heard.asked / _OVERLOAD_SECONDS / can, heard.done
    peak = vitals(server).mib
    normal = await _until_normal(crowd, can, usual, ended_at)
    await _through(heard)
    probing.cancel()
    crowd.leave()
    await asyncio.sleep(1.0)
    after = vitals(server)

    problems = [f"answered otherwise: {answer[:200]!r}" for answer in heard.other[:3]]
    if offered < _TIMES - 0.1:
        problems.append(f"only {offered:.1f} times what can be done was asked for")
    if normal is None:
        problems.append(f"not normal again within {_NORMAL_SECONDS_MAX:g} s")
    if probe.unanswered or probe.slowest > _ANSWER_SECONDS_MAX:
        problems.append(f"a search in between took {probe.slowest:.1f} s, or was not answered")
    if peak > before.mib + _MORE_MIB:
        problems.append(f"memory went from {before.mib:.0f} to {peak:.0f} MiB")
    if after.files > before.files + _MORE_FILES:
        problems.append(f"{after.files} files are open, and were {before.files} before")
    problems += await lost(server, crowd.changes)
    figures = {
        "calls a second that can be done": round(can),
        "times that asked for": round(offered, 2),
        "done of what can be done": round(done_meanwhile / _OVERLOAD_SECONDS / can, 2),
        "refused as busy": heard.busy,
        "given up by clients": heard.given_up,
        "slowest search in between, s": round(probe.slowest, 2),
        "normal again after s": round(-1.0 if normal is None else normal, 2),
        "more MiB": round(peak - before.mib),
    }
    return Done(len(crowd.changes), tuple(f"seed {work.seed}: {each}" for each in problems), figures)


async def _through(heard: Heard) -> Heard:
    """The same, once all of it ended."""
    async with asyncio.timeout(3 * GIVE_UP_SECONDS):
        while heard.ended < heard.asked:  # noqa: ASYNC110 - counts have no event
            await asyncio.sleep(0.01)
    return heard


async def _until_normal(crowd: Crowd, can: float, usual: Heard, since: float) -> float | None:
    """After how many seconds the usual calls were answered as usual; None where not in time."""
    while (began := time.perf_counter() - since) < _NORMAL_SECONDS_MAX:
        heard = await _through(await crowd.ask(can * _USUAL, 1.0))
        if is_normal(heard, usual):
            return began
    return None


def is_normal(heard: Heard, usual: Heard) -> bool:
    """Whether calls were answered as usual, but for what a machine does otherwise from second to
    second."""
    if heard.done < heard.asked:
        return False
    [now, then] = [statistics.quantiles(each.taken, n=100) for each in (heard, usual)]
    return now[49] <= 2 * then[49] + 0.002 and now[98] <= 3 * then[98] + 0.02


async def lost(server: Server, changes: list[Change]) -> list[str]:
    """Accounts that are not as the last acknowledged change left them, or one that nobody knows of."""
    found = []
    of_account: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        of_account[change.userid].append(change)
    async with Client(server.url) as client:
        for userid, asked in of_account.items():
            body = {"From_Account": userid, "StartIndex": 0}
            answer: Any = await client.ok("recentcontact/get_contact_group", body)
            texts = {item["CustomMark"] for item in answer["ContactItem"]}
            if not texts <= possible(asked) or len(texts) > 1:
                found.append(f"{userid}: {sorted(texts)} is not what was acknowledged last")
    return found


def possible(changes: list[Change]) -> set[str]:
    """Texts that may be there: of a change after whose end no other began that was acknowledged."""
    begins = sorted(change.begin for change in changes if change.end is not None)
    return {
        change.text
        for change in changes
        if change.end is None or bisect.bisect_right(begins, change.end) == len(begins)
    }


PART = Part(
    "overload",
    "SQLite: with five times the calls that can be done, for a minute, a search in between is answered,"
    " nothing acknowledged is lost, and within 5 s after it calls are answered as usual",
    "calls",
    1,
    run,
)
