"""`chatmarks compare`: the accounts of two servers or stores, field by field."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, NamedTuple

import click

from chatmarks.cli.failure import refuse
from chatmarks.cli.key import given_key
from chatmarks.cli.progress import progress
from chatmarks.cli.remote import (
    ALL,
    SDKAPPID,
    SOME_LEFT,
    Caller,
    Telling,
    accounts_of,
    accounts_option,
    caller_options,
    require_client,
    tell_failures,
    telling_options,
)
from chatmarks.cli.store import refusing_rows
from chatmarks.engines import BadStore, check_url, open_store, shown
from chatmarks.store import Store

if TYPE_CHECKING:
    from chatmarks.remote.comparing import CompareReport
    from chatmarks.remote.places import Place

EXAMPLES = """
\b
Examples:
  chatmarks compare singapore sqlite:///books.db --app 1400000001 --key-file key --accounts all
  chatmarks compare sqlite:///books.db http://127.0.0.1:8600 --app 1400000001 --key-file key \\
      --accounts userids.txt --ignore GroupId,Timestamp --json
  chatmarks compare sqlite:///a.db sqlite:///b.db --app 1400000001 --app-b 1400000002 --accounts all

\b
Exit codes: 0 no difference; 1 some, or an account could not be read; 2 a mistake in what was
asked for, or no answer.
"""


@click.command(epilog=EXAMPLES, short_help="Compare accounts at two servers or stores.")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@caller_options
@accounts_option(or_all=True)
@click.option("--app-b", metavar="N", type=SDKAPPID, help="The app at B.  [default: --app]")
@click.option("--key-file-b", metavar="FILE", help="The file with its key.  [default: --key-file]")
@click.option("--identifier-b", metavar="ID", help="Who calls B.  [default: --identifier]")
@click.option("--ignore", metavar="FIELDS", default="", help="Fields that may differ, with commas.")
@telling_options
def compare(
    *,
    a: str,
    b: str,
    caller: Caller,
    accounts: str,
    app_b: int | None,
    key_file_b: str | None,
    identifier_b: str | None,
    ignore: str,
    telling: Telling,
) -> None:
    """Compare what accounts have of groups and marks at A and at B, each a server or a store.

    A server is a URL or a region of the real one, a store sqlite:///path or postgresql://…. The fields
    are Account, GroupName, GroupId, ContactItem, StandardMark, CustomMark, ContactGroupId (by the
    names of the groups) and Timestamp. After a push --ignore GroupId,Timestamp leaves out what no call
    can choose. Keys come from --key-file, CHATMARKS_APP_KEY or CHATMARKS_APP_KEY_FILE.
    """
    require_client()
    ignored = _ignored(ignore)
    listed = None if accounts == ALL else accounts_of(accounts)
    caller_b = Caller(
        app_b or caller.sdkappid,
        identifier_b or caller.identifier,
        key_file_b or caller.key_file,
        caller.rate,
    )
    sides = _Side("A", a, caller), _Side("B", b, caller_b)
    with refusing_rows():
        done = asyncio.run(_run(sides, listed, ignored))
    telling.tell(done, _tell)
    sys.exit(SOME_LEFT if done.differences or done.unread else 0)


class _Side(NamedTuple):
    """One of the two: its name and URL, and who calls a server there."""

    label: str
    url: str
    caller: Caller


def _ignored(text: str) -> list[str]:
    from chatmarks.remote.comparing import FIELDS

    ignored = [name.strip() for name in text.split(",") if name.strip()]
    for name in ignored:
        if name not in FIELDS:
            refuse(f"--ignore: there is no field {name!r}; {', '.join(FIELDS)} are allowed")
    return ignored


async def _run(
    sides: Sequence[_Side], listed: list[str] | None, ignored: Sequence[str]
) -> CompareReport:
    # Imported here: the other commands move nothing.
    from chatmarks.remote import comparing
    from chatmarks.remote.failures import Stopped
    from chatmarks.remote.places import ServerPlace, StorePlace

    async with AsyncExitStack() as stack:
        a, b = places = [await _opened(stack, side) for side in sides]
        userids = listed
        if userids is None:
            stores = [place for place in places if isinstance(place, StorePlace)]
            if not stores:
                refuse("--accounts all: neither A nor B is a store; name a file with UserIDs")
            found = [await place.accounts() for place in stores]
            userids = list(dict.fromkeys(userid for several in found for userid in several))
        try:
            with progress("comparing") as advance:
                done = await comparing.compare(a, b, userids, advance, ignored=ignored)
        except Stopped as error:
            refuse(str(error))
        servers = [place.server for place in places if isinstance(place, ServerPlace)]
        done.calls = sum(server.pace.calls for server in servers)
    return done


async def _opened(stack: AsyncExitStack, side: _Side) -> Place:
    from chatmarks.client.hosts import is_url
    from chatmarks.regions import REGIONS
    from chatmarks.remote.places import ServerPlace, StorePlace

    if side.url in REGIONS or is_url(side.url):
        key = given_key(side.caller.key_file)
        if key is None:
            refuse(f"{side.label} is a server; --key-file must name the file with the app's key")
        server = side.caller.at(side.label, side.url, key)
        return ServerPlace(await stack.enter_async_context(server))
    store: Store = await _store(side)
    stack.push_async_callback(store.close)
    return StorePlace(store, side.caller.sdkappid)


async def _store(side: _Side) -> Store:
    try:
        check_url(side.url)
    except BadStore:
        refuse(
            f"{side.label} is {shown(side.url)!r}; a server (http://…, https://… or a region) or a"
            " store (sqlite:///path, postgresql://…) is allowed"
        )
    if side.url == "memory:":
        refuse(f"{side.label}: store memory: belongs to one process and cannot be compared")
    return await open_store(side.url, create=False)


def _tell(done: CompareReport) -> None:
    for each in done.first:
        where = f" {each.where}" if each.where else ""
        click.echo(f"{each.UserID}{where}: {each.field}: {each.a!r} at A, {each.b!r} at B")
    if done.differences:
        fields = ", ".join(f"{name}: {count}" for name, count in sorted(done.by_field.items()))
        click.echo(f"by field: {fields}")
    absent = f", on neither side: {done.absent}" if done.absent else ""
    click.echo(
        f"differences: {done.differences}; compared: accounts: {done.accounts - len(done.unread)},"
        f" conversations: {done.conversations}{absent}"
    )
    tell_failures("could not be read", done.unread)
