"""The server, but that it ends with its nth change of a book: after the commit, before the answer.

DIES_AFTER_CHANGES=3 python tests/histories/dying.py serve --dev
"""

from __future__ import annotations

import itertools
import os
from typing import Any, TypeAlias

from chatmarks.book import Account
from chatmarks.cli import main
from chatmarks.engines.postgres import PostgresStore
from chatmarks.engines.sqlite import SqliteStore
from chatmarks.store import Change

EXIT_CODE = 9
VARIABLE = "DIES_AFTER_CHANGES"

Engine: TypeAlias = type[SqliteStore] | type[PostgresStore]


def let_die(engine: Engine, changes: int) -> None:
    """Let the `changes`th change end the process."""
    update = engine.update
    numbers = itertools.count(1)

    async def dying(self: Any, account: Account, change: Change[Any], **more: Any) -> Any:
        answer = await update(self, account, change, **more)
        if next(numbers) == changes:
            os._exit(EXIT_CODE)
        return answer

    engine.update = dying  # type: ignore[method-assign] # what this program is for


if __name__ == "__main__":
    for each in (SqliteStore, PostgresStore):
        let_die(each, int(os.environ[VARIABLE]))
    main(prog_name="chatmarks")
