"""`chatmarks backup`, `restore` and `verify`: copies of a store's file, and whether it is sound."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from chatmarks.cli.progress import progress
from chatmarks.cli.store import config_option, counted, refusing, store_file, store_option

if TYPE_CHECKING:
    from chatmarks.soundness import Problem

_DAMAGED = 1
_PROBLEMS_SHOWN_MAX = 20

BACKUP_EXAMPLES = """
\b
Examples:
  chatmarks backup books-2026-01-31.db
  chatmarks backup --force latest.db --store sqlite:////var/lib/chatmarks/books.db
"""


@click.command(epilog=BACKUP_EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@store_option
@config_option
def backup(*, file: Path, force: bool, store: str | None, config: str | None) -> None:
    """Copy the store to FILE while servers write.

    FILE has all that was acknowledged before the backup began. It holds secret keys, so only its
    owner may read it; it does not hold the master key. A backup that is killed leaves no FILE, at
    most a hidden one that ends in .partial.
    """
    # Imported here, as in the commands below: the other commands copy nothing.
    from chatmarks.engines import backup as copies

    path = store_file(store, config)
    with refusing(), progress("copying") as advance:
        size = copies.backup(path, file, force=force, advance=advance)
    click.echo(f"{file} has {size} bytes; chatmarks verify --store sqlite:///{file} reads it through")


RESTORE_EXAMPLES = """
\b
Examples:
  chatmarks restore books-2026-01-31.db --store sqlite:///books.db
  chatmarks restore latest.db --force --store sqlite:////var/lib/chatmarks/books.db
"""


@click.command(epilog=RESTORE_EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace the store if it exists.")
@store_option
@config_option
def restore(*, file: Path, force: bool, store: str | None, config: str | None) -> None:
    """Make the store what FILE, a backup, has.

    Servers must be stopped first: a store that a process has open is not replaced. FILE is read
    through before anything is changed, as by chatmarks verify, and stays as it is.
    """
    from chatmarks.engines import backup as copies

    path = store_file(store, config)
    told = 0

    def found(problem: Problem) -> None:
        nonlocal told
        told += 1
        if told <= _PROBLEMS_SHOWN_MAX:
            click.echo(problem.line, err=True)

    with refusing(), progress("restoring") as advance:
        counts = copies.restore(file, path, force=force, found=found, advance=advance)
    click.echo(f"{path} is restored: {counted(counts)}")


VERIFY_EXAMPLES = """
\b
Examples:
  chatmarks verify
  chatmarks verify --store sqlite:///books-2026-01-31.db --json
"""


@click.command(epilog=VERIFY_EXAMPLES)
@click.option("--json", "as_json", is_flag=True, help="Print one object with all problems.")
@store_option
@config_option
def verify(*, as_json: bool, store: str | None, config: str | None) -> None:
    """Read every row of the store, and tell what is wrong.

    Servers may go on; what they write after the start is not looked at. Prints a line for each
    problem, with its table, owner and row. Exit code 0: all is sound; 1: something is not.
    """
    from chatmarks.engines import verify as reading

    path = store_file(store, config)
    problems: list[Problem] = []
    with refusing(), progress("reading") as advance:
        counts = reading.verify(path, problems.append, advance)
    if as_json:
        found = [msgspec.structs.asdict(problem) for problem in problems]
        click.echo(json.dumps({"sound": not problems, "rows": counts, "problems": found}))
    else:
        for problem in problems:
            click.echo(problem.line)
        click.echo(f"problems: {len(problems)}{'; ' if counts else ''}{counted(counts)}")
    sys.exit(_DAMAGED if problems else 0)
