"""Count what a search takes in the processor's instructions: python -m bench.instructions.

Needs valgrind (Debian: apt-get install valgrind). A busy machine changes nothing in these figures.
They are of the service alone: of no socket and no parser of HTTP. Each is the difference of two runs,
so that what a process does but once is in none of them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import subprocess
import sys
import tempfile
from typing import Literal

import msgspec

from chatmarks.call_log import CallLog
from chatmarks.engines import open_store
from chatmarks.metrics import Metrics
from chatmarks.seal import Seal
from chatmarks.service import Asked, Service
from harness import Clock, account, make_caller

_PATH = "/v4/recentcontact/search_contact_group"
_CONVERSATIONS, _AT_ONCE = 300, 100
_COLLECTED = re.compile(r"Collected : (\d+)")
_FEW, _MANY = 50, 550

Watched = Literal["nobody", "metrics", "metrics and log"]


def main() -> None:
    """Count, and print a line for each case."""
    parser = argparse.ArgumentParser(prog="python -m bench.instructions", description=__doc__)
    parser.add_argument("--inner", nargs=3, help=argparse.SUPPRESS)
    inner = parser.parse_args().inner
    if inner:
        asyncio.run(_answer(int(inner[0]), int(inner[1]), inner[2]))
        return
    for items in (1, 300):
        watchers: tuple[Watched, ...] = ("nobody", "metrics", "metrics and log")
        for watched in watchers:
            few, many = (_counted(items, calls, watched) for calls in (_FEW, _MANY))
            each = (many - few) / (_MANY - _FEW)
            print(f"search of {items:3}, observed by {watched}: {each:9,.0f} instructions", flush=True)


def _counted(items: int, calls: int, watched: Watched) -> int:
    """The instructions of a process that answers `calls` searches."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable]
    command += ["-m", "bench.instructions", "--inner", str(items), str(calls), watched]
    # The same hashes in every run.
    environ = os.environ | {"PYTHONHASHSEED": "0"}
    finished = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
    found = _COLLECTED.search(finished.stderr)
    assert found
    return int(found[1])


async def _answer(items: int, calls: int, watched: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = await open_store(f"sqlite:///{folder}/books.db")
        caller = await make_caller(store)
        await caller.accounts("alice")
        names = [f"user_{number:04}" for number in range(_CONVERSATIONS)]
        for begin in range(0, _CONVERSATIONS, _AT_ONCE):
            marks = [
                {"OptType": 3, "ContactItem": account(name), "SetMark": [0, 33], "CustomMark": name}
                for name in names[begin : begin + _AT_ONCE]
            ]
            body = {"From_Account": "alice", "MarkItem": marks}
            await caller.ok("recentcontact/mark_contact", body)
        with open(os.devnull, "w") as nowhere:  # noqa: ASYNC230, PTH123 - it is no disk
            log = CallLog(nowhere, failed_only=False)
            observers = {
                "nobody": [],
                "metrics": [Metrics(store).observe],
                "metrics and log": [Metrics(store).observe, log.observe],
            }[watched]
            service = Service(store, Seal(), loopback=True, clock=Clock(), observers=observers)
            await _ask(service, caller.query(), names[:items], calls)
            log.flush()
        await store.close()


async def _ask(service: Service, query: bytes, names: list[str], calls: int) -> None:
    contacts = [account(name) for name in names]
    body = msgspec.json.encode({"From_Account": "alice", "ContactItem": contacts})
    for number in range(calls):
        # Another `random` in each, as clients send it.
        random = query.replace(b"99999999", str(number).encode())
        await service.finish(Asked(_PATH, random, body, request_id="name"))


if __name__ == "__main__":
    main()
