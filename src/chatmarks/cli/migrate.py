"""`chatmarks migrate`: a store's schema brought up."""

from __future__ import annotations

import asyncio
import os

import click

from chatmarks.cli.failure import refuse
from chatmarks.cli.store import config_option, store_option
from chatmarks.config import ConfigError, load
from chatmarks.engines import BadStore
from chatmarks.store import Busy

EXAMPLES = """
\b
Examples:
  chatmarks migrate --store sqlite:////var/lib/chatmarks/books.db
  chatmarks migrate --dry-run --store sqlite:////var/lib/chatmarks/books.db
"""


@click.command(epilog=EXAMPLES)
@click.option("--dry-run", is_flag=True, help="Print the SQL and change nothing.")
@store_option
@config_option
def migrate(*, dry_run: bool, store: str | None, config: str | None) -> None:
    """Bring the store's schema up to date.

    Servers do the same at their start. A copy of the file as it was stays beside it.
    """
    # Imported here: no other command needs the migration tool.
    from chatmarks.engines import migrate as migrations

    try:
        url = load({"store": store, "config": config}, os.environ).store
        upgrade = asyncio.run(migrations.migrate(url, dry_run=dry_run))
    except ConfigError as error:
        refuse(*error.lines)
    except BadStore as error:
        refuse(str(error))
    except Busy:
        refuse("the store is busy; another process keeps it locked")
    if upgrade.since == upgrade.until:
        click.echo(f"the store has schema {upgrade.until}, the newest that this chatmarks knows")
    elif dry_run:
        click.echo(f"-- From schema {upgrade.since} to {upgrade.until}; nothing was changed.")
        click.echo(upgrade.script.strip())
    else:
        click.echo(f"the store had schema {upgrade.since} and has {upgrade.until} now")
        if upgrade.copy:
            click.echo(f"as it was, it is kept in {upgrade.copy}")
