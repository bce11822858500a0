"""A store of a part: opened, called, closed, and gone over."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from unittest import mock

from chatmarks.engines import BadStore, group_commit, open_store
from chatmarks.engines.verify import verify
from chatmarks.soundness import Problem
from harness import Caller, make_caller
from histories.model import CHAT_GROUP


@contextlib.asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Caller]:
    """A caller of a service on the store in a file, which is made where it is not there."""
    is_new = not path.exists()  # noqa: ASYNC240 - nothing else waits yet
    store = await open_store(f"sqlite:///{path}")
    try:
        caller = await make_caller(store)
        if is_new:
            await caller.chat_groups(CHAT_GROUP)
        yield caller
    finally:
        await store.close()


def damage(path: Path) -> list[str]:
    """What is wrong with the rows of a store that nobody has open, or with its file."""
    problems: list[Problem] = []
    try:
        verify(path, problems.append, lambda *_: None)
    except BadStore as error:
        return [str(error)]
    return [str(problem) for problem in problems]


def log_of(pages: int) -> contextlib.AbstractContextManager[object]:
    """Let the log of a store be moved into its file as soon as it has so many pages, for a block."""
    return mock.patch.object(group_commit, "_CHECKPOINT_PAGES", pages)
