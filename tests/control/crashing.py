"""A program that ends in the middle of making a snapshot, as often and as evenly as it is told to.

`python crashing.py FOLDER CRASHES`: keeps a snapshot of one state in FOLDER, then begins CRASHES times
to keep one of another state under the same name, each time in a process of its own that ends, as if it
were killed, before another line of the code that does it: half of them anywhere, half of them in the
last lines, where the swap is. After each it prints which of the two states the snapshot has, read as a
restore would read it: `old`, `new`, or what is wrong with it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from chatmarks import exports, partial
from chatmarks.book import Account
from chatmarks.control import app_data, snapshots
from chatmarks.control.refused import Refused
from chatmarks.control.snapshots import Snapshots
from chatmarks.engines.memory import MemoryStore
from chatmarks.store import App

SDKAPPID = 5
OLD_ACCOUNTS, NEW_ACCOUNTS = 20, 30
CRASHED = 9
LAST_LINES = 30
WATCHED = {module.__file__ for module in (exports, partial, snapshots)}


async def keep(folder: Path, accounts: int) -> None:
    store = MemoryStore()
    await store.put_apps([App(SDKAPPID)])
    for number in range(accounts):
        await store.create_account(Account(SDKAPPID, f"user_{number}"))
    await Snapshots(folder).write(store, SDKAPPID, "a")


class Crash:
    """Counts the lines that are run, and ends the process before the one of its number."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.lines = 0

    def trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename not in WATCHED:
            return None
        if event == "line":
            self.lines += 1
            if self.lines == self.at:
                os._exit(CRASHED)
        return self.trace


def kept_in_child(folder: Path, at: int) -> tuple[int, int]:
    """Keep the new state in a process that crashes before line `at`, 0 for never; its exit code, and
    how many lines it ran."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        crash = Crash(at)
        sys.settrace(crash.trace)
        asyncio.run(keep(folder, NEW_ACCOUNTS))
        sys.settrace(None)
        os.write(writing, str(crash.lines).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        lines = int(told.read() or b"0")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), lines


def state(folder: Path) -> str:
    with Snapshots(folder).open(SDKAPPID, "a") as file:
        try:
            content = app_data.checked(file, "the snapshot")
        except Refused as refused:
            return refused.message
    states = {OLD_ACCOUNTS: "old", NEW_ACCOUNTS: "new"}
    return states.get(len(content.accounts), f"{len(content.accounts)} accounts")


def main(folder: Path, crashes: int) -> None:
    asyncio.run(keep(folder, OLD_ACCOUNTS))
    exit_code, lines = kept_in_child(folder, 0)
    assert (exit_code, state(folder)) == (0, "new")
    half = crashes // 2
    anywhere = [1 + number * lines // half for number in range(half)]
    at_the_swap = [lines - number % LAST_LINES for number in range(crashes - half)]
    for at in anywhere + at_the_swap:
        asyncio.run(keep(folder, OLD_ACCOUNTS))
        exit_code, _ = kept_in_child(folder, at)
        assert exit_code == CRASHED, f"line {at} of {lines}: {exit_code}"
        print(state(folder))
        Snapshots(folder).clean()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
