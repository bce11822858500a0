"""`chatmarks sign`."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click

from chatmarks import usersig
from chatmarks.cli.failure import refuse
from chatmarks.cli.store import config_option, store_option, with_store
from chatmarks.command import is_userid, userid_problem
from chatmarks.seal import Seal
from chatmarks.store import Store

EXAMPLES = """
\b
Examples:
  chatmarks sign --sdkappid 1400000001 --identifier administrator
  CHATMARKS_APP_KEY=5bd2… chatmarks sign --sdkappid 1400000000 --identifier administrator
"""


@click.command(epilog=EXAMPLES)
@click.option("--sdkappid", metavar="N", type=click.IntRange(1), required=True, help="The app.")
@click.option("--identifier", metavar="ID", required=True, help="The UserID to sign for.")
@click.option(
    "--expire",
    metavar="S",
    type=click.IntRange(1),
    default=usersig.EXPIRE_SECONDS_DEFAULT,
    show_default=True,
    help="Lifetime in seconds.",
)
@click.option("--key-file", metavar="FILE", help="The file with the app's key.")
@store_option
@config_option
def sign(
    *,
    sdkappid: int,
    identifier: str,
    expire: int,
    key_file: str | None,
    store: str | None,
    config: str | None,
) -> None:
    """Print a UserSig.

    The key comes from --key-file, CHATMARKS_APP_KEY, CHATMARKS_APP_KEY_FILE, or the app in the store.
    """
    if not is_userid(identifier):
        refuse(f"--identifier {userid_problem(identifier)}")
    key = _key_given(key_file)
    if key is None:
        key = with_store(store, config, lambda opened, seal: _newest_key(opened, seal, sdkappid))
    click.echo(usersig.sign(sdkappid, identifier, key, now=int(time.time()), expire=expire))


def _key_given(key_file: str | None) -> str | None:
    path = key_file or os.environ.get("CHATMARKS_APP_KEY_FILE")
    if key_file is None and (key := os.environ.get("CHATMARKS_APP_KEY")):
        return key
    if path is None:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        refuse(f"{path} cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        refuse(f"{path} is no text")


async def _newest_key(store: Store, seal: Seal, sdkappid: int) -> str:
    app = await store.app(sdkappid)
    if app is None:
        refuse(
            f"--sdkappid {sdkappid}: the store has no such app; chatmarks app list shows those it has,"
            " --key-file or CHATMARKS_APP_KEY gives the key of any other"
        )
    return seal.open(sdkappid, app.sealed_keys[0])
