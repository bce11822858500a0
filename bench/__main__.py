"""Measure the server beside its floors: python -m bench [--quick] [--case NAME …] [--publish]."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from bench import machine, report
from bench.cases import CASES, PEER_CASE, Case
from bench.generator import PACKAGES, lacking
from bench.results import Results
from bench.rounds import Plan, measure
from bench.stores import cache
from bench.subjects import Workshop

_FULL, _QUICK = Plan(rounds=7, seconds=3), Plan(rounds=3, seconds=1)
_NOT_QUICK = ("search-100", "mark-100", "accounts", "half-search-1-postgres", "half-search-300")


def main() -> None:
    """Measure what was asked for, print it, and keep it."""
    options = _options()
    cases = _chosen(options)
    _say_what_is_lacking()
    plan = _QUICK if options.quick else _FULL
    plan = Plan(options.rounds or plan.rounds, options.seconds or plan.seconds)
    cores = machine.cores()
    measured = Results()
    order = [case.name for case in (*CASES, PEER_CASE)]
    began_at = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=cache()))
        stack.callback(shutil.rmtree, folder)
        # All that is started inherits it, a database among them; servers are moved to the other one.
        stack.enter_context(machine.on_core(cores.generator))
        workshop = Workshop(folder, stack)
        for case in cases:
            result = measure(case, plan, workshop, cores)
            print(*report.tables(Results([result])), sep="\n", flush=True)
            measured = measured.with_cases([result], order)
    print(*report.goals(measured), sep="\n")
    last = cache() / "last.json"
    last.write_bytes(msgspec.json.encode(measured))
    print(f"{time.monotonic() - began_at:.0f} s; all figures are in {last}")
    if options.publish:
        report.publish(report.kept().with_cases(measured.cases, order))
        print("docs/performance.md, .json and .svg are written")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names = [case.name for case in (*CASES, PEER_CASE)]
    parser.add_argument("--case", action="append", choices=names, help="only this one; repeatable")
    parser.add_argument("--quick", action="store_true", help="less often, shorter, fewer cases")
    parser.add_argument("--rounds", type=int, help="how often each is measured")
    parser.add_argument("--seconds", type=int, help="how long each time")
    parser.add_argument("--publish", action="store_true", help="write docs/performance.*")
    return parser.parse_args()


def _chosen(options: argparse.Namespace) -> list[Case]:
    if options.case:
        return [case for case in (*CASES, PEER_CASE) if case.name in options.case]
    return [case for case in CASES if not (options.quick and case.name in _NOT_QUICK)]


def _say_what_is_lacking() -> None:
    missing = lacking()
    for program in missing:
        print(f"{program} is not installed: apt-get install {PACKAGES[program]}", file=sys.stderr)
    if "wrk" in missing:
        raise SystemExit("nothing can be measured without wrk")
    if missing:
        print("its lines are left out", file=sys.stderr)


if __name__ == "__main__":
    main()
