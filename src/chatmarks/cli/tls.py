"""`chatmarks tls`: certificates for the real host names, at loopback."""

from __future__ import annotations

import datetime as dt
import json
import shlex
from pathlib import Path
from typing import Any

import click

from chatmarks.cli.failure import refuse
from chatmarks.config import default_tls_folder
from chatmarks.regions import REGIONS

dir_option = click.option(
    "--dir",
    "folder",
    metavar="DIR",
    envvar="CHATMARKS_TLS_DIR",
    help="Where the files are. [default: CHATMARKS_TLS_DIR, or tls in the user's own configuration]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def tls() -> None:
    """Serve the real host names on this machine.

    Clients that know nothing but HTTPS to console.tim.qq.com can be served so.
    """


INIT_EXAMPLES = """
\b
Examples:
  chatmarks tls init
  chatmarks tls init --dir certificates --json
  chatmarks tls init --renew

\b
Exit codes: 0 the folder is whole and good; 2 it is not, or cannot be made.
"""


@tls.command(epilog=INIT_EXAMPLES)
@dir_option
@click.option("--renew", is_flag=True, help="Make only the server certificate anew.")
@click.option("--force", is_flag=True, help="Make all anew; clients must then trust the new root.")
@json_option
def init(*, folder: str | None, renew: bool, force: bool, as_json: bool) -> None:
    """Make an authority and a server certificate.

    The certificate is for the hosts of every region and for loopback. The authority can vouch for those
    names and for nothing else, so it does no harm to trust it. What is there stays: a folder that is
    whole and good is left as it is, any other is refused without --renew or --force.
    """
    if renew and force:
        refuse("--renew and --force: only one of the two is allowed")
    # Imported here, as below: the other commands need no cryptography of this kind.
    from chatmarks import tls_folder

    path, now = _path(folder), dt.datetime.now(dt.UTC)
    try:
        if renew:
            did, made = "renewed", tls_folder.renew(path, now)
        else:
            made, anew = tls_folder.ensured(path, now, force=force)
            did = "made" if anew else "left as it was"
    except tls_folder.BadFolder as error:
        refuse(str(error))
    click.echo(json.dumps({"did": did, **_facts(made)}) if as_json else _told(did, made))


TRUST_EXAMPLES = """
\b
Examples:
  chatmarks tls trust
  chatmarks tls trust java
  chatmarks tls trust node --region frankfurt --port 8700
  chatmarks tls trust --json | jq -r .tools.java.environ.JAVA_TOOL_OPTIONS
"""

# As in `recipes`; a test holds the two together. Its module would cost every command its start-up time.
_TOOLS = ("curl", "python", "httpx", "node", "java", "go", "php", "docker")


@tls.command(epilog=TRUST_EXAMPLES)
@click.argument("tool", type=click.Choice(_TOOLS), required=False)
@dir_option
@click.option(
    "--region",
    type=click.Choice(list(REGIONS)),
    default="china",
    show_default=True,
    help="Whose hosts.",
)
@click.option(
    "--port",
    metavar="P",
    type=click.IntRange(1, 65535),
    default=8600,
    show_default=True,
    help="Where chatmarks serve --tls listens.",
)
@json_option
def trust(*, tool: str | None, folder: str | None, region: str, port: int, as_json: bool) -> None:
    """Print what TOOL needs to be a client.

    That is what makes it, or each tool, find the hosts of a region at loopback, and trust what it finds
    there. Nothing of it touches the machine: no list of the system's, no /etc/hosts.
    """
    from chatmarks.cli.trust import Recipe, recipes
    from chatmarks.tls_folder import BadFolder, opened

    try:
        made = opened(_path(folder), dt.datetime.now(dt.UTC))
    except BadFolder as error:
        refuse(str(error))
    found = recipes(made, REGIONS[region], port)
    if tool:
        found = {tool: found[tool]}

    def told(name: str, recipe: Recipe) -> str:
        variables = [f"export {key}={shlex.quote(value)}" for key, value in recipe.environ.items()]
        parts = ["\n".join([*variables, recipe.trust]), recipe.names, recipe.note]
        return f"== {name}\n\n" + "\n\n".join(part for part in parts if part)

    if as_json:
        tools = {name: _fields(recipe) for name, recipe in found.items()}
        click.echo(json.dumps({**_facts(made), "region": region, "port": port, "tools": tools}))
    else:
        click.echo("\n\n".join(told(name, recipe) for name, recipe in found.items()))


def _fields(recipe: Any) -> dict[str, Any]:
    return {name: getattr(recipe, name) for name in recipe.__struct_fields__}


def _path(folder: str | None) -> Path:
    return Path(folder or default_tls_folder()).absolute()


def _facts(made: Any) -> dict[str, Any]:
    """A folder, for programs; times in RFC 3339."""
    from chatmarks.certificates import ADDRESSES, HOSTS, TRUST_STORE_PASSWORD

    return {
        "dir": str(made.path),
        "ca": str(made.root),
        "java_trust_store": str(made.trust_store),
        "java_trust_store_password": TRUST_STORE_PASSWORD,
        "hosts_file": str(made.hosts_file),
        "names": [*HOSTS, *map(str, ADDRESSES)],
        "until": made.until.isoformat(),
        "ca_until": made.authority_until.isoformat(),
    }


def _told(did: str, made: Any) -> str:
    from chatmarks.certificates import ADDRESSES, HOSTS

    return "\n".join(
        [
            f"{made.path} {did}" if did != "made" else f"{made.path} made:",
            f"  ca.pem      what clients trust, until {made.authority_until:%Y-%m-%d}",
            "  ca.p12      the same as a trust store for Java",
            "  hosts       the names at loopback, for Java",
            f"  server.pem  what the server shows, with its private key, until {made.until:%Y-%m-%d};",
            "              chatmarks tls init --renew makes it anew",
            "  issuer.pem  what signed it, with its private key",
            "",
            f"Good for {', '.join([*HOSTS, *map(str, ADDRESSES)])}, and for nothing else.",
            "",
            "Next: chatmarks serve --tls, and chatmarks tls trust for what clients need.",
        ]
    )
