"""`chatmarks serve`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chatmarks.cli.failure import refuse
from chatmarks.cli.store import config_option, store_option
from chatmarks.config import ConfigError, Settings, load

if TYPE_CHECKING:
    from chatmarks.serve import Stand

EXAMPLES = """
\b
Examples:
  chatmarks serve --dev
  chatmarks serve --dev --tls
  chatmarks serve --store sqlite:////var/lib/chatmarks/books.db
  chatmarks serve --workers 4 --store sqlite:////var/lib/chatmarks/books.db
  chatmarks serve --dev --control
  chatmarks serve --fd 3 --store sqlite:////var/lib/chatmarks/books.db
  CHATMARKS_APP=1400000001:admin CHATMARKS_APP_KEY_FILE=key chatmarks serve
"""


@click.command(epilog=EXAMPLES)
@click.option("--dev", is_flag=True, help="Serve the demo app from memory, to try things out.")
@click.option("--host", metavar="H", help="Address of the API. [default: 127.0.0.1]")
@click.option("--port", metavar="P", help="Port of the API; 0 picks one. [default: 8600]")
@click.option("--admin-host", metavar="H", help="Address of the admin listener. [default: 127.0.0.1]")
@click.option("--admin-port", metavar="P", help="Its port; 0 picks one. [default: 8601]")
@click.option("--fd", metavar="N", help="A socket for the API that is listened on, by its number.")
@click.option("--admin-fd", metavar="N", help="The same for the admin listener.")
@click.option("--tls-cert", metavar="FILE", help="Certificate chain (PEM), to serve HTTPS.")
@click.option("--tls-key", metavar="FILE", help="Its private key (PEM).")
@click.option(
    "--tls", is_flag=True, default=None, help="Serve HTTPS with what chatmarks tls init made."
)
@click.option(
    "--tls-dir", metavar="DIR", help="The folder of chatmarks tls init, where not the default."
)
@click.option("--log-calls", metavar="WHICH", help="Log calls: all, failed or none. [default: failed]")
@click.option(
    "--control", is_flag=True, default=None, help="Let testers control it by the admin listener."
)
@click.option("--workers", metavar="N", help="How many processes answer calls, 1 to 64. [default: 1]")
@store_option
@config_option
@click.option("--json", "as_json", is_flag=True, help="Announce the server as one line of JSON.")
def serve(*, as_json: bool, **flags: Any) -> None:
    """Serve the API until SIGTERM or SIGINT."""
    try:
        settings = load(flags, os.environ)
    except ConfigError as error:
        refuse(*error.lines)
    announce_and_serve(settings, as_json=as_json)


def announce_and_serve(settings: Settings, *, as_json: bool, stand: Stand | None = None) -> None:
    """Serve until told to end. `stand` makes what stands before the service."""
    # Imported here: the other commands need no server.
    from chatmarks.engines import BadStore
    from chatmarks.listen import CannotListen
    from chatmarks.seal import SealError
    from chatmarks.serve import (
        CannotStart,
        Running,
        collect_rarely,
        log_to_stderr,
        loop_factory,
        running,
    )
    from chatmarks.serve import serve as serve_until_stopped

    def announce(server: Running) -> None:
        click.echo(_announcement_json(server, settings) if as_json else _announcement(server, settings))
        sys.stdout.flush()

    run: Callable[[Settings], AbstractAsyncContextManager[Running]] = partial(running, stand=stand)
    if settings.workers > 1:
        # Imported here: one process needs none of it.
        from chatmarks.supervisor import supervising

        run = supervising
    log_to_stderr()
    collect_rarely()
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(serve_until_stopped(settings, announce, run))
    except (BadStore, SealError, CannotListen, CannotStart) as error:
        refuse(str(error))


def _announcement_json(server: Any, settings: Settings) -> str:
    app = server.app
    fields: dict[str, object] = {
        "url": server.url,
        "admin_url": server.admin_url,
        "sdkappid": app.sdkappid if app else None,
        "identifier": app.admins[0] if app else None,
    }
    if ca := _ca(settings):
        fields["ca"] = ca
    if settings.dev:
        fields["key"] = app.keys[0]
    return json.dumps(fields)


def _ca(settings: Settings) -> str | None:
    """What clients need to trust, where we made it."""
    if not (settings.tls and settings.tls_cert):
        return None
    from chatmarks.tls_folder import ROOT  # Loaded already: the settings looked through the folder.

    return str(Path(settings.tls_cert).absolute().with_name(ROOT))


def _announcement(server: Any, settings: Settings) -> str:
    from chatmarks.engines import shown
    from chatmarks.serve import curl_line

    store = shown(settings.store)
    lines = [
        "chatmarks is ready",
        f"  URL    {server.url}",
        f"  admin  {server.admin_url}",
        f"  store  {store}{' (nothing is kept)' if store == 'memory:' else ''}",
    ]
    ca = _ca(settings)
    if ca:
        lines.append(f"  CA     {ca} (chatmarks tls trust tells who needs it, and how)")
    lines.append(f"  console {server.admin_url}/console")
    if settings.control:
        lines.append(f"  control {server.admin_url}/control")
    if server.app:
        lines.append(f"  app    {server.app.sdkappid}, administrator {server.app.admins[0]}")
    if settings.dev:
        lines += [f"  key    {server.app.keys[0]}", "", "Try it from another shell:", ""]
        lines += [curl_line(server.url, server.app, ca)]
    elif not server.has_apps:
        lines += ["", "There is no app yet. Make one, it prints its key:", ""]
        lines += [f"chatmarks app create --sdkappid 1400000001 --admin administrator --store {store}"]
    return "\n".join(lines)
