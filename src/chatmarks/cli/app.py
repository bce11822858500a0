"""`chatmarks app`: apps, their keys, administrators and profiles."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from msgspec.structs import replace

from chatmarks.app_changes import (
    KEY_BYTES,
    CannotChange,
    fingerprints,
    networks,
    with_admins,
    with_keys,
    with_profile,
)
from chatmarks.cli.failure import refuse
from chatmarks.cli.store import config_option, store_option, with_store
from chatmarks.declared import key_problem
from chatmarks.limits import PROFILES
from chatmarks.seal import Seal
from chatmarks.store import App, Store
from chatmarks.usersig import DEMO_KEY

_TOKEN_CHARACTERS_MAX = 256

sdkappid_option = click.option(
    "--sdkappid", metavar="N", type=click.IntRange(1, 2**63 - 1), required=True, help="The app."
)
profile_option = click.option(
    "--profile", type=click.Choice(list(PROFILES)), help="The behaviour profile."
)
set_option = click.option(
    "--set", "switches", metavar="NAME=VALUE", multiple=True, help="A switch of the profile."
)
source_option = click.option(
    "--source", "sources", metavar="NET", multiple=True, help="A network that may call; else all may."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def app() -> None:
    """Make, show and change apps. Servers that run heed a change within a second."""


CREATE_EXAMPLES = """
\b
Examples:
  chatmarks app create --sdkappid 1400000001
  chatmarks app create --sdkappid 1400000001 --admin boss --profile documented
  chatmarks app create --sdkappid 1400000001 --set pooling=split --source 10.0.0.0/8
  chatmarks app create --sdkappid 1400000001 --json | jq -r .key
"""


@app.command(epilog=CREATE_EXAMPLES)
@sdkappid_option
@click.option(
    "--admin",
    "admins",
    metavar="ID",
    multiple=True,
    default=("administrator",),
    show_default=True,
    help="An administrator.",
)
@click.option("--key-file", metavar="FILE", help="The file with its key; else one is made.")
@profile_option
@set_option
@source_option
@store_option
@config_option
@json_option
def create(
    *,
    sdkappid: int,
    admins: tuple[str, ...],
    key_file: str | None,
    profile: str | None,
    switches: tuple[str, ...],
    sources: tuple[str, ...],
    store: str | None,
    config: str | None,
    as_json: bool,
) -> None:
    """Make an app and print its key, which is not shown again."""
    key = secrets.token_hex(KEY_BYTES) if key_file is None else _key_of(key_file)

    def change(before: App | None, seal: Seal) -> App:
        if before is not None:
            raise CannotChange(f"app {sdkappid} exists already")
        made = App(sdkappid, (seal.seal(sdkappid, key),), sources=networks(sources))
        return with_profile(with_admins(made, admins, ()), profile, _named(switches), ())

    _change(sdkappid, store, config, change, create=True)
    shown = None if key_file else key
    if as_json:
        click.echo(json.dumps({"sdkappid": sdkappid, "admins": admins, "key": shown}))
        return
    click.echo(f"app {sdkappid}, administrator {', '.join(admins)}")
    if shown:
        click.echo(f"key {shown}")


LIST_EXAMPLES = """
\b
Examples:
  chatmarks app list
  chatmarks app list --store sqlite:////var/lib/chatmarks/books.db
  chatmarks app list --json | jq 'select(.enabled) | .sdkappid'
"""


@app.command("list", epilog=LIST_EXAMPLES)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one app a line.")
@store_option
@config_option
def list_(*, as_json: bool, store: str | None, config: str | None) -> None:
    """Show all apps. Of keys only their fingerprints are shown."""

    async def rows(opened: Store, seal: Seal) -> list[dict[str, Any]]:
        return [_row(found, seal) for found in await opened.apps()]

    found = with_store(store, config, rows)
    if as_json:
        for row in found:
            click.echo(json.dumps(row))
        return
    # Imported here: a table for people is all that this library is needed for.
    from rich.console import Console
    from rich.table import Column, Table

    titles = ("sdkappid", "state", "administrators", "keys", "profile", "sources")
    table = Table(*(Column(title, overflow="fold") for title in titles))
    for row in found:
        switches = [f"{name}={value}" for name, value in row["overrides"].items()]
        table.add_row(
            str(row["sdkappid"]),
            "enabled" if row["enabled"] else "disabled",
            "\n".join(row["admins"]),
            "\n".join(row["keys"]),
            "\n".join([row["profile"], *switches]),
            "\n".join(row["sources"]) or "all",
        )
    Console().print(table)


UPDATE_EXAMPLES = """
\b
Examples (the first two rotate a key):
  chatmarks app update --sdkappid 1400000001 --new-key
  chatmarks app update --sdkappid 1400000001 --drop-key 3f6b0c2a9d41
  chatmarks app update --sdkappid 1400000001 --add-admin boss --remove-admin administrator
  chatmarks app update --sdkappid 1400000001 --set unknown_chat_group=lenient
  chatmarks app update --sdkappid 1400000001 --feed
  chatmarks app update --sdkappid 1400000001 --webhook https://hook.example.org/ \\
      --webhook-token-file token
"""


@app.command(epilog=UPDATE_EXAMPLES)
@sdkappid_option
@click.option("--new-key", is_flag=True, help="Make one more key and print it; two at most.")
@click.option("--add-key-file", metavar="FILE", help="Add the key in this file; two at most.")
@click.option("--drop-key", "dropped", metavar="FINGERPRINT", multiple=True, help="Revoke a key.")
@click.option("--add-admin", "added", metavar="ID", multiple=True, help="Add an administrator.")
@click.option("--remove-admin", "removed", metavar="ID", multiple=True, help="Remove one.")
@profile_option
@set_option
@click.option("--unset", metavar="NAME", multiple=True, help="Give a switch its profile's value.")
@source_option
@click.option("--any-source", is_flag=True, help="Let all networks call again.")
@click.option("--feed/--no-feed", default=None, help="Tell what happens to its accounts, or not.")
@click.option("--webhook", metavar="URL", help="Tell it there, too; needs --webhook-token-file.")
@click.option("--webhook-token-file", metavar="FILE", help="The file with the token that signs.")
@click.option("--no-webhook", is_flag=True, help="Tell it there no longer.")
@store_option
@config_option
@json_option
def update(  # noqa: PLR0913 - one for each option
    *,
    sdkappid: int,
    new_key: bool,
    add_key_file: str | None,
    dropped: tuple[str, ...],
    added: tuple[str, ...],
    removed: tuple[str, ...],
    profile: str | None,
    switches: tuple[str, ...],
    unset: tuple[str, ...],
    sources: tuple[str, ...],
    any_source: bool,
    feed: bool | None,
    webhook: str | None,
    webhook_token_file: str | None,
    no_webhook: bool,
    store: str | None,
    config: str | None,
    as_json: bool,
) -> None:
    """Change an app: all that is asked for, or nothing."""
    made = secrets.token_hex(KEY_BYTES) if new_key else None
    keys = [key for key in (made, _key_of(add_key_file) if add_key_file else None) if key]

    def change(before: App | None, seal: Seal) -> App:
        after = with_keys(_existing(before, sdkappid), seal, keys, dropped)
        after = with_profile(with_admins(after, added, removed), profile, _named(switches), unset)
        if any_source or sources:
            after = replace(after, sources=networks(sources))
        if feed is not None:
            after = replace(after, feed=feed)
        if no_webhook:
            after = replace(after, webhook="", sealed_webhook_token=b"")
        return after if told is None else told(after, seal)

    told = _webhook_of(webhook, webhook_token_file)
    if told is not None and no_webhook:
        refuse("--webhook and --no-webhook: only one of the two is allowed")
    _change(sdkappid, store, config, change, webhook=False if no_webhook else bool(told) or None)
    if as_json:
        click.echo(json.dumps({"sdkappid": sdkappid, "key": made}))
        return
    click.echo(f"app {sdkappid} is changed")
    if made:
        click.echo(f"key {made}")


DISABLE_EXAMPLES = """
\b
Examples:
  chatmarks app disable --sdkappid 1400000001
  chatmarks app disable --sdkappid 1400000001 --store sqlite:////var/lib/chatmarks/books.db
"""


@app.command(epilog=DISABLE_EXAMPLES)
@sdkappid_option
@store_option
@config_option
@json_option
def disable(*, sdkappid: int, store: str | None, config: str | None, as_json: bool) -> None:
    """Refuse all calls of an app (60016). Its data stays."""
    _switch(sdkappid, store, config, enabled=False, as_json=as_json)


@app.command(epilog=DISABLE_EXAMPLES.replace("disable", "enable"))
@sdkappid_option
@store_option
@config_option
@json_option
def enable(*, sdkappid: int, store: str | None, config: str | None, as_json: bool) -> None:
    """Answer the calls of an app again."""
    _switch(sdkappid, store, config, enabled=True, as_json=as_json)


def _switch(
    sdkappid: int, store: str | None, config: str | None, *, enabled: bool, as_json: bool
) -> None:
    _change(
        sdkappid,
        store,
        config,
        lambda before, _: replace(_existing(before, sdkappid), enabled=enabled),
    )
    if as_json:
        click.echo(json.dumps({"sdkappid": sdkappid, "enabled": enabled}))
        return
    click.echo(f"app {sdkappid} is {'enabled' if enabled else 'disabled'}")


def _change(
    sdkappid: int,
    store: str | None,
    config: str | None,
    change: Callable[[App | None, Seal], App],
    *,
    create: bool = False,
    webhook: bool | None = None,
) -> None:
    async def work(opened: Store, seal: Seal) -> None:
        if webhook is None:
            await opened.change_app(sdkappid, lambda before: change(before, seal))
            return
        # Imported here: the other commands have nothing to do with feeds.
        from chatmarks.feed.readers import forget, remember
        from chatmarks.feed.webhooks import READER

        if not webhook:
            await opened.change_app(sdkappid, lambda before: change(before, seal))
            await forget(opened, sdkappid, READER)
            return
        await remember(opened, sdkappid, READER)
        await opened.change_app(sdkappid, lambda before: change(before, seal))

    try:
        with_store(store, config, work, create=create)
    except ValueError as error:
        refuse(str(error))


def _existing(before: App | None, sdkappid: int) -> App:
    if before is None:
        raise CannotChange(f"there is no app {sdkappid}; chatmarks app list shows them")
    return before


def _named(switches: Sequence[str]) -> dict[str, str]:
    """The values of `NAME=VALUE` by their names."""
    return {name: value for name, _, value in (switch.partition("=") for switch in switches)}


def _webhook_of(url: str | None, token_file: str | None) -> Callable[[App, Seal], App] | None:
    """What gives an app a webhook, and a feed with it."""
    if url is None and token_file is None:
        return None
    if url is None or token_file is None:
        refuse("--webhook and --webhook-token-file: both or none must be given")
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fine = False
    if not fine or "@" in url.partition("//")[2].partition("/")[0]:
        refuse(f"--webhook {url!r} is not of the form https://host/path")
    token = _token_of(token_file)
    return lambda app, seal: replace(
        app, feed=True, webhook=url, sealed_webhook_token=seal.seal(app.sdkappid, token)
    )


def _token_of(path: str) -> str:
    token = _text_of(path)
    if not (0 < len(token) <= _TOKEN_CHARACTERS_MAX and token.isascii() and token.isprintable()):
        refuse(f"the token in {path} is not 1 to {_TOKEN_CHARACTERS_MAX} printable characters of ASCII")
    return token


def _key_of(path: str) -> str:
    key = _text_of(path)
    if problem := key_problem(key):
        refuse(f"the key in {path} {problem}")
    if key == DEMO_KEY:
        refuse(f"the key in {path} is published; everybody knows it")
    return key


def _text_of(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        refuse(f"{path} cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        refuse(f"{path} is no text")


def _row(found: App, seal: Seal) -> dict[str, Any]:
    return {
        "sdkappid": found.sdkappid,
        "enabled": found.enabled,
        "admins": list(found.admins),
        "keys": fingerprints(found, seal),
        "profile": found.profile,
        "overrides": dict(found.overrides),
        "sources": list(found.sources),
        "feed": found.feed,
        "webhook": found.webhook or None,
    }
