"""The key that a command of the command line signs with, or holds a ticket against."""

from __future__ import annotations

import os
from pathlib import Path

import click

from chatmarks.cli.failure import refuse
from chatmarks.declared import key_problem
from chatmarks.seal import Seal
from chatmarks.store import Store

key_file_option = click.option("--key-file", metavar="FILE", help="The file with the app's key.")


def given_key(key_file: str | None) -> str | None:
    """The key of `--key-file`, CHATMARKS_APP_KEY or CHATMARKS_APP_KEY_FILE, in this order."""
    path = key_file or os.environ.get("CHATMARKS_APP_KEY_FILE")
    if key_file is None and (key := os.environ.get("CHATMARKS_APP_KEY")):
        return _usable(key, "CHATMARKS_APP_KEY")
    if path is None:
        return None
    try:
        return _usable(Path(path).read_text(encoding="utf-8").strip(), f"the key in {path}")
    except OSError as error:
        refuse(f"{path} cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        refuse(f"{path} is no text")


def _usable(key: str, where: str) -> str:
    if problem := key_problem(key):
        refuse(f"{where} {problem}")
    return key


async def newest_key(store: Store, seal: Seal, sdkappid: int) -> str:
    """The key that the app signs with now."""
    app = await store.app(sdkappid)
    if app is None:
        refuse(
            f"--sdkappid {sdkappid}: the store has no such app; chatmarks app list shows those it has,"
            " --key-file or CHATMARKS_APP_KEY gives the key of any other"
        )
    return seal.open(sdkappid, app.sealed_keys[0])


async def keys_held(store: Store, seal: Seal, sdkappid: int) -> list[str]:
    """Every key of the app; none when the store has no such app."""
    app = await store.app(sdkappid)
    return [seal.open(sdkappid, key) for key in app.sealed_keys] if app else []
