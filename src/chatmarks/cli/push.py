"""`chatmarks push`: groups and marks of the store written to a server."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from chatmarks.cli.failure import refuse
from chatmarks.cli.key import given_key, newest_key
from chatmarks.cli.progress import progress
from chatmarks.cli.remote import (
    ALL,
    SHOWN_MAX,
    SOME_LEFT,
    Caller,
    Telling,
    accounts_of,
    accounts_option,
    caller_options,
    on_one_line,
    require_client,
    tell_calls,
    tell_failures,
    tell_more,
    telling_options,
)
from chatmarks.cli.store import config_option, refusing_rows, store_option, with_store
from chatmarks.seal import Seal
from chatmarks.store import Store

if TYPE_CHECKING:
    from chatmarks.remote.push import PushReport

EXAMPLES = """
\b
Examples:
  chatmarks push --to singapore --app 1400000001 --key-file key --accounts all
  chatmarks push --to http://127.0.0.1:8600 --app 1400000001 --accounts userids.txt \\
      --import-accounts --store sqlite:///books.db

\b
Exit codes: 0 all was written; 1 something was refused, and the report says what; 2 a mistake in
what was asked for, or the server does not answer: the same command goes on.
"""


@click.command(epilog=EXAMPLES, short_help="Write groups and marks of the store to a server.")
@click.option(
    "--to", "target", metavar="URL", required=True, help="The server, or a region of the real one."
)
@caller_options
@accounts_option(or_all=True)
@click.option("--import-accounts", is_flag=True, help="Import accounts that the server does not have.")
@telling_options
@store_option
@config_option
def push(
    *,
    target: str,
    caller: Caller,
    accounts: str,
    import_accounts: bool,
    telling: Telling,
    store: str | None,
    config: str | None,
) -> None:
    """Make accounts at a server have the groups and marks that they have in the store.

    Only documented calls are made, and only those that are needed: a repeat goes on where another one
    broke off, and makes none in the end. No call chooses a GroupId or a time. The key comes from
    --key-file, CHATMARKS_APP_KEY, CHATMARKS_APP_KEY_FILE, or the app in the store.
    """
    listed = None if accounts == ALL else accounts_of(accounts)

    async def work(opened: Store, seal: Seal) -> PushReport:
        # Imported here: the other commands move nothing.
        from chatmarks.remote import push as pushing
        from chatmarks.remote.failures import Failed, Stopped
        from chatmarks.remote.places import StorePlace

        place = StorePlace(opened, caller.sdkappid)
        key = given_key(caller.key_file) or await newest_key(opened, seal, caller.sdkappid)
        userids = await place.accounts() if listed is None else listed
        async with caller.at("--to", target, key) as server:
            try:
                with progress("pushing") as advance:
                    return await pushing.push(
                        server, userids, place, advance, import_accounts=import_accounts
                    )
            except (Failed, Stopped) as error:
                refuse(f"{error}; the same command goes on")

    require_client()
    with refusing_rows():
        done = with_store(store, config, work)
    telling.tell(done, _tell)
    sys.exit(SOME_LEFT if done.failures or done.refused else 0)


def _tell(done: PushReport) -> None:
    imported = f", imported: {done.imported}" if done.imported else ""
    click.echo(
        f"accounts: {done.accounts}, changed: {done.changed}, had all of it: {done.unchanged}{imported}"
    )
    tell_calls(done.calls, done.seconds, done.slowed)
    tell_failures("could not be written", done.failures)
    if done.refused:
        click.echo(f"refused: {len(done.refused)}")
        for item in done.refused[:SHOWN_MAX]:
            what = f"{item.UserID} {item.conversation}".rstrip()
            click.echo(f"  {what}: {item.command}: {item.code} {on_one_line(item.text)}")
        tell_more(len(done.refused))
