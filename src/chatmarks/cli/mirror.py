"""`chatmarks mirror`: two servers with the same accounts."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import click

from chatmarks.cli.failure import refuse
from chatmarks.cli.key import given_key, newest_key
from chatmarks.cli.remote import Caller, accounts_of, caller_options, require_client
from chatmarks.cli.serve import announce_and_serve
from chatmarks.cli.store import config_option, store_option, with_store
from chatmarks.config import ConfigError, load
from chatmarks.seal import Seal
from chatmarks.store import Store

if TYPE_CHECKING:
    from chatmarks.service import Road, Service


@click.group()
def mirror() -> None:
    """Keep an app the same at two servers. docs/moving.md has the steps."""


SEND_EXAMPLES = """
\b
Examples:
  chatmarks mirror send --to singapore --app 1400000001 --key-file key
  chatmarks mirror send --to http://10.0.0.7:8600 --app 1400000001 --rate 500 --store sqlite:///books.db

\b
Exit codes: 0 it was told to end; 2 a mistake in what was asked for.
"""


@mirror.command(epilog=SEND_EXAMPLES, short_help="Send what happens in the store on to a server.")
@click.option("--to", "target", metavar="URL", required=True, help="The other server, or a region.")
@caller_options
@store_option
@config_option
def send(*, target: str, caller: Caller, store: str | None, config: str | None) -> None:
    """Send every change of an app on to another server, until SIGTERM or SIGINT.

    Runs beside chatmarks serve, on the same store; the app needs a feed (chatmarks app update
    --feed). At first all accounts are compared with the other server and brought over, then what
    happens is sent on, each account in its order. It goes on where it was after whatever ended it.
    /metrics of the server tells how far it is behind. The key is that of the app unless --key-file or
    CHATMARKS_APP_KEY gives another.
    """
    require_client()

    async def work(opened: Store, seal: Seal) -> None:
        # Imported here: the other commands send nothing.
        from chatmarks.mirror.sending import Sending

        app = await opened.app(caller.sdkappid)
        key = given_key(caller.key_file) or await newest_key(opened, seal, caller.sdkappid)
        if app is None or not app.feed:
            refuse(
                f"--app {caller.sdkappid}: the app has no feed that could be sent on; chatmarks app"
                f" update --sdkappid {caller.sdkappid} --feed gives it one"
            )
        async with caller.at("--to", target, key, patience_seconds=_PATIENCE_SECONDS) as server:
            sending = Sending(opened, caller.sdkappid, server, _tell)
            await _until_told(sending.keep())
            _tell(f"ended; accounts looked at: {sending.sent.accounts}, calls: {sending.sent.calls}")

    with_store(store, config, work)


_CONNECTIONS_MAX = 500

_PATIENCE_SECONDS = 5.0
"""How long a call is repeated before it is told that the other server is away."""


def _tell(line: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')} {line}", err=True)


async def _until_told(work: Any) -> None:
    """Do `work` until SIGTERM or SIGINT."""
    doing = asyncio.ensure_future(work)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, doing.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await doing


RELAY_EXAMPLES = """
\b
Examples:
  chatmarks mirror pass --to singapore --app 1400000001 --accounts userids.txt
  chatmarks mirror pass --to https://adminapisgp.im.qcloud.com --app 1400000001 --port 8600 --rate 50
"""


@mirror.command("pass", epilog=RELAY_EXAMPLES, short_help="Pass calls on to a server, keep a copy.")
@click.option("--to", "target", metavar="URL", required=True, help="The other server, or a region.")
@caller_options
@click.option("--accounts", metavar="FILE|-", help="Copy these accounts, a UserID a line, at first.")
@click.option("--host", metavar="H", help="Address of the API. [default: 127.0.0.1]")
@click.option("--port", metavar="P", help="Port of the API; 0 picks one. [default: 8600]")
@click.option("--admin-host", metavar="H", help="Address of the admin listener. [default: 127.0.0.1]")
@click.option("--admin-port", metavar="P", help="Its port; 0 picks one. [default: 8601]")
@click.option("--tls-cert", metavar="FILE", help="Certificate chain (PEM), to serve HTTPS.")
@click.option("--tls-key", metavar="FILE", help="Its private key (PEM).")
@store_option
@config_option
@click.option("--json", "as_json", is_flag=True, help="Announce the server as one line of JSON.")
def pass_(*, target: str, caller: Caller, accounts: str | None, as_json: bool, **flags: Any) -> None:
    """Answer calls with what another server answers, and keep a copy of its accounts.

    Whatever comes under /v4/ is passed on as it came and answered as it was answered there. Accounts
    that a call may have changed are read there, and kept in the store, which must have the app
    (chatmarks app create). --rate is for this reading. What is under /x/1/ is answered from the copy.
    """
    require_client()
    try:
        settings = load(flags, os.environ)
    except ConfigError as error:
        refuse(*error.lines)
    if settings.workers > 1:
        refuse("workers: one process passes calls on; leave the setting out, or set it to 1")
    userids = accounts_of(accounts) if accounts else []

    @contextlib.asynccontextmanager
    async def passing(service: Service, seal: Seal) -> AsyncIterator[Road]:
        # Imported here: the other commands pass nothing on.
        import httpx2

        from chatmarks.client.calls import http_options
        from chatmarks.client.hosts import urls_of
        from chatmarks.mirror.passing import Passing

        key = given_key(caller.key_file) or await newest_key(service.store, seal, caller.sdkappid)
        limits = httpx2.Limits(max_connections=_CONNECTIONS_MAX)
        async with contextlib.AsyncExitStack() as stack:
            calling = caller.at("--to", target, key, patience_seconds=_PATIENCE_SECONDS)
            server = await stack.enter_async_context(calling)
            urls = urls_of(target)
            client = httpx2.AsyncClient(**http_options(urls), limits=limits)
            http = await stack.enter_async_context(client)
            road = Passing(service, caller.sdkappid, server, http, urls[0])
            await road.begin()
            await road.note(userids)
            keeping = asyncio.create_task(road.keep())
            try:
                yield road
            finally:
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)

    announce_and_serve(settings, as_json=as_json, stand=passing)
    sys.exit(0)
