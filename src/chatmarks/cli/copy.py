"""`chatmarks copy`: a whole store moved to another engine, or compared with its copy."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import click
import msgspec
from msgspec import Struct

from chatmarks.cli.failure import refuse
from chatmarks.cli.progress import progress
from chatmarks.cli.store import counted, refusing_rows
from chatmarks.engines import BadStore, is_same_store, open_store, plain_url
from chatmarks.soundness import Problem
from chatmarks.store import Store, Superseded

if TYPE_CHECKING:
    from chatmarks.moving import Copied

_DIFFERENT = 1
_DIFFERENCES_SHOWN_MAX = 20

EXAMPLES = """
\b
Examples:
  chatmarks copy sqlite:///books.db sqlite:////mnt/new/books.db
  chatmarks copy --leave-open sqlite:///books.db sqlite:///new.db
  chatmarks copy --compare --json sqlite:///books.db sqlite:///new.db
"""


class _Outcome(Struct):
    """What came of it. `copied` is None for a mere comparison; `first` are the first differences;
    `is_finished`: the copy is whole and may be served; None where that was not asked."""

    copied: Copied | None = None
    compared: Mapping[str, int] = {}
    differences: int = 0
    first: list[Problem] = []
    is_finished: bool | None = None


@click.command("copy", epilog=EXAMPLES, short_help="Copy a whole store, or compare it with its copy.")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--compare", "compare_only", is_flag=True, help="Only compare; change nothing.")
@click.option("--leave-open", is_flag=True, help="Leave TO unfinished: another run will follow.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def copy_command(
    *, source: str, target: str, compare_only: bool, leave_open: bool, as_json: bool
) -> None:
    """Make the store TO a copy of the store FROM, versions included, and compare the two.

    TO must be empty or not there. Until a comparison finds no difference it is marked as unfinished
    and cannot be served; the same command goes on with a copy that broke off, and brings over what
    servers wrote to FROM meanwhile. Exit code 0: no difference; 1: there are some.
    """
    if "memory:" in (source, target):
        refuse("store memory: belongs to one process and cannot be copied")
    with refusing_rows():
        if is_same_store(source, target):
            refuse(f"{plain_url(source)} is FROM and TO")
        try:
            outcome = asyncio.run(
                _run(source, target, compare_only=compare_only, leave_open=leave_open)
            )
        except Superseded:
            refuse(
                "another copy into this store has begun or is finished; this one wrote nothing since"
            )
    if as_json:
        click.echo(msgspec.json.encode(outcome))
    else:
        _tell(outcome, source, target)
    sys.exit(_DIFFERENT if outcome.differences else 0)


async def _run(source: str, target: str, *, compare_only: bool, leave_open: bool) -> _Outcome:
    # Imported here: the other commands move nothing.
    from chatmarks import moving

    outcome = _Outcome()
    run = ""

    def found(difference: Problem) -> None:
        outcome.differences += 1
        if outcome.differences <= _DIFFERENCES_SHOWN_MAX:
            outcome.first.append(difference)

    async with AsyncExitStack() as stack:
        ours = await _opened(stack, source, create=False, unfinished=compare_only)
        theirs = await _opened(stack, target, create=not compare_only, unfinished=True)
        if not compare_only:
            try:
                run = await moving.begin(theirs, plain_url(source))
            except moving.CannotCopy as error:
                raise BadStore(f"store {plain_url(target)!r} {error}") from error
            with progress("copying") as advance:
                outcome.copied = await moving.copy(ours, theirs, advance, run)
        with progress("comparing") as advance:
            outcome.compared = await moving.compare(ours, theirs, found, advance)
        if not compare_only:
            outcome.is_finished = not (leave_open or outcome.differences)
        if outcome.is_finished:
            await moving.finish(theirs, run)
    return outcome


async def _opened(stack: AsyncExitStack, url: str, *, create: bool, unfinished: bool) -> Store:
    store = await open_store(url, create=create, unfinished=unfinished)
    stack.push_async_callback(store.close)
    return store


def _tell(outcome: _Outcome, source: str, target: str) -> None:
    if outcome.copied is not None:
        click.echo(f"written: {counted(outcome.copied.written)}")
        if any(outcome.copied.deleted.values()):
            click.echo(f"deleted: {counted(outcome.copied.deleted)}")
    for difference in outcome.first:
        click.echo(difference.line)
    click.echo(f"differences: {outcome.differences}; compared: {counted(outcome.compared)}")
    if outcome.is_finished:
        click.echo(f"{plain_url(target)} is a whole copy and can be served")
    elif outcome.copied is not None:
        import shlex

        again = shlex.join(["chatmarks", "copy", plain_url(source), plain_url(target)])
        click.echo(f"{plain_url(target)} is unfinished; {again} brings over what changed")
