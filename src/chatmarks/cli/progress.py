"""A progress bar for people who wait at a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(label: str, already: int = 0) -> Iterator[Callable[[int, int], None]]:
    """What to tell how much is done, and of how much. Shown where standard error is a terminal.
    `already`: how much of it was done before."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    # Imported here: only to show something.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    began_at = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None, completed=already, rate="")

        def advance(done: int, total: int) -> None:
            # Over all the time, not the last moment: what is passed over counts as done, too.
            rate = (done - already) / max(time.monotonic() - began_at, 0.001)
            bar.update(task, completed=done, total=total, rate=f"{rate:,.0f}/s")

        yield advance
