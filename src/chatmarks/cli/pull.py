"""`chatmarks pull`: groups and marks read from a server into the store."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import click

from chatmarks.cli.failure import refuse
from chatmarks.cli.key import given_key
from chatmarks.cli.progress import progress
from chatmarks.cli.remote import (
    SOME_LEFT,
    Caller,
    Telling,
    accounts_of,
    accounts_option,
    caller_options,
    require_client,
    tell_calls,
    tell_failures,
    telling_options,
)
from chatmarks.cli.store import config_option, store_option, with_store
from chatmarks.seal import Seal
from chatmarks.store import Store

if TYPE_CHECKING:
    from chatmarks.remote.pull import PullReport

EXAMPLES = """
\b
Examples:
  chatmarks pull --from singapore --app 1400000001 --key-file key --accounts userids.txt
  chatmarks pull --from https://adminapisgp.im.qcloud.com --app 1400000001 --key-file key \\
      --accounts - --rate 50 --store sqlite:///books.db --report report.json <userids.txt

\b
Exit codes: 0 all accounts were read; 1 some were not, and the report says why; 2 a mistake in
what was asked for, or the server does not answer: the same command goes on.
"""


@click.command(epilog=EXAMPLES, short_help="Read groups and marks from a server into the store.")
@click.option(
    "--from", "source", metavar="URL", required=True, help="The server, or a region of the real one."
)
@caller_options
@accounts_option(or_all=False)
@click.option("--replace", "replacing", is_flag=True, help="Also into an app that has data.")
@click.option("--again", is_flag=True, help="Forget a pull that broke off, and begin anew.")
@telling_options
@store_option
@config_option
def pull(
    *,
    source: str,
    caller: Caller,
    accounts: str,
    replacing: bool,
    again: bool,
    telling: Telling,
    store: str | None,
    config: str | None,
) -> None:
    """Make accounts of the store have the groups and marks that they have at a server.

    GroupIds and times come along. What accounts of the store have beside groups and marks stays, and
    accounts that are not in the list are not touched. Whatever breaks it off, kill -9 included, the
    same command goes on. The key comes from --key-file, CHATMARKS_APP_KEY or CHATMARKS_APP_KEY_FILE.
    """
    key = given_key(caller.key_file)
    if key is None:
        refuse("--key-file must name the file with the app's key, or CHATMARKS_APP_KEY hold it")
    userids = accounts_of(accounts)
    has_app = True
    sdkappid = caller.sdkappid

    async def work(opened: Store, _: Seal) -> PullReport:
        # Imported here: the other commands move nothing.
        from chatmarks.client.hosts import urls_of
        from chatmarks.remote import pull as pulling
        from chatmarks.remote.failures import Stopped

        nonlocal has_app
        async with caller.at("--from", source, key) as server:
            try:
                checkpoint = await pulling.begin(
                    opened, sdkappid, urls_of(source)[0], userids, replacing=replacing, again=again
                )
                with progress("pulling", checkpoint.count) as advance:
                    done = await pulling.pull(server, opened, sdkappid, userids, checkpoint, advance)
            except pulling.CannotPull as error:
                refuse(str(error))
            except Stopped as error:
                refuse(
                    f"{error}; done so far: {checkpoint.count} of {len(userids)} accounts, the same"
                    " command goes on"
                )
        has_app = await opened.app(sdkappid) is not None
        return done

    require_client()
    done = with_store(store, config, work, create=True)
    telling.tell(done, _tell)
    if not has_app:
        made = ["--sdkappid", str(sdkappid), "--admin", caller.identifier]
        made += ["--key-file", caller.key_file or "FILE", *(["--store", store] if store else [])]
        click.echo(
            f"the store has no app {sdkappid}; clients of the server work unchanged after\n"
            f"  {shlex.join(['chatmarks', 'app', 'create', *made])}",
            err=telling.as_json,
        )
    sys.exit(SOME_LEFT if done.failures else 0)


def _tell(done: PullReport) -> None:
    click.echo(
        f"read: accounts: {done.read} of {done.accounts}, groups: {done.groups}, conversations:"
        f" {done.conversations}; changed: accounts: {done.changed}"
    )
    if done.resumed_at:
        click.echo(f"an earlier run had done {done.resumed_at} accounts")
    tell_calls(done.calls, done.seconds, done.slowed)
    tell_failures("could not be read", done.failures)
