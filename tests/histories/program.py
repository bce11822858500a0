"""The server, but with what a proof does to it, as its environment says.

DIES_AFTER_CHANGES=3 python tests/histories/program.py serve --dev
PLANTED_FAULT=counted-version python tests/histories/program.py serve --dev
FAULTY_DISK=7 python tests/histories/program.py serve --dev
"""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path
from typing import Any, TypeAlias

# What it does it finds beside its own folder.
sys.path.insert(0, str(Path(__file__).parents[1]))

from chatmarks.book import Account
from chatmarks.cli import main
from chatmarks.engines.postgres import PostgresStore
from chatmarks.engines.sqlite import SqliteStore
from chatmarks.store import Change
from histories import planted
from histories.disk import FaultyDisk
from histories.recorder import DIED, DIES_AFTER, DISK, PLANTED

Engine: TypeAlias = type[SqliteStore] | type[PostgresStore]


def let_die(engine: Engine, changes: int) -> None:
    """Let the `changes`th change end the process."""
    update = engine.update
    numbers = itertools.count(1)

    async def dying(self: Any, account: Account, change: Change[Any], **more: Any) -> Any:
        answer = await update(self, account, change, **more)
        if next(numbers) == changes:
            os._exit(DIED)
        return answer

    engine.update = dying  # type: ignore[method-assign] # what this program is for


if __name__ == "__main__":
    # What is planted may lie between the commit and the end.
    if changes := os.environ.get(DIES_AFTER):
        for each in (SqliteStore, PostgresStore):
            let_die(each, int(changes))
    if fault := os.environ.get(PLANTED):
        planted.FAULTS[fault]()
    if seed := os.environ.get(DISK):
        FaultyDisk(int(seed)).mount()
    main(prog_name="chatmarks")
