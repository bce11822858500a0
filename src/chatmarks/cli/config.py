"""`chatmarks config`: what the settings are, where each came from, and what is wrong with them."""

from __future__ import annotations

import difflib
import json
import os
import sys
from typing import Any

import click

from chatmarks.cli.failure import USAGE, refuse
from chatmarks.cli.serve import serve
from chatmarks.config import Examined, examined
from chatmarks.engines import BadStore, check_url, shown
from chatmarks.reader import Value
from chatmarks.seal import Seal, SealError

_PREFIX = "CHATMARKS_"
_LIKENESS_MIN = 0.75
# Of a declared app all but its keys, and nothing that is no field of one: it may be a key misnamed.
_APP_FIELDS = ("sdkappid", "admins", "key_files", "profile", "overrides")

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def config() -> None:
    """Show and check the settings.

    They are those that chatmarks serve would have with the same options, variables and file.
    """


CHECK_EXAMPLES = """
\b
Examples:
  chatmarks config check
  chatmarks config check --config chatmarks.toml --json
  CHATMARKS_PORT=http chatmarks config check

\b
Exit codes: 0 the settings are fine; 2 they are not.
"""


@config.command(epilog=CHECK_EXAMPLES)
@json_option
def check(*, as_json: bool, **flags: Any) -> None:
    """Print "fine", or a line for each mistake. Nothing is opened and nothing is started.

    A variable whose name is almost that of a setting is a mistake here, though no server minds it.
    """
    mistakes = _mistakes(examined(flags, os.environ))
    if as_json:
        click.echo(json.dumps({"fine": not mistakes, "mistakes": mistakes}))
        sys.exit(USAGE if mistakes else 0)
    if mistakes:
        refuse(*mistakes)
    click.echo("fine")


SHOW_EXAMPLES = """
\b
Examples:
  chatmarks config show
  chatmarks config show --origin --dev
  chatmarks config show --json | jq .settings.store

\b
Exit codes: 0 the settings are fine; 2 they are not: they are shown, and the mistakes after them.
"""


@config.command(epilog=SHOW_EXAMPLES)
@click.option("--origin", is_flag=True, help="Show where each setting came from.")
@json_option
def show(*, origin: bool, as_json: bool, **flags: Any) -> None:
    """Show every setting. Of secrets only whether they are set."""
    found = examined(flags, os.environ)
    mistakes = _mistakes(found)
    rows = _rows(found)
    if as_json:
        settings = {name: row._asdict() for name, row in rows.items()}
        click.echo(json.dumps({"settings": settings, "mistakes": mistakes}, default=str))
        sys.exit(USAGE if mistakes else 0)
    texts = {name: _text(row.value) for name, row in rows.items()}
    width = max(map(len, texts.values()), default=0)
    for name, row in rows.items():
        click.echo(
            f"{name:16}  {texts[name]:{width}}  {row.origin}" if origin else f"{name:16}  {texts[name]}"
        )
    if mistakes:
        refuse(*mistakes)


for _command in (check, show):
    # Whatever `serve` can be told, so that the answer is about the server that is meant.
    _command.params += [option for option in serve.params if option.name != "as_json"]


def _mistakes(found: Examined) -> list[str]:
    """All that is wrong, also what `serve` finds only when it opens its store."""
    mistakes = [*found.mistakes]
    if found.settings:
        try:
            check_url(found.settings.store)
        except BadStore as error:
            mistakes.append(str(error))
        try:
            Seal(found.settings.master_key)
        except SealError as error:
            mistakes.append(str(error))
    known = [*found.values, "config"]
    for variable in sorted(os.environ):
        name = variable.removeprefix(_PREFIX).lower()
        if not variable.startswith(_PREFIX) or name in known:
            continue
        if near := difflib.get_close_matches(name, known, 1, _LIKENESS_MIN):
            mistakes.append(f"{variable}: no such setting; did you mean {_PREFIX}{near[0].upper()}?")
    return mistakes


def _rows(found: Examined) -> dict[str, Value]:
    """The settings by name, as anybody may see them."""
    rows = {name: _row(name, value, found) for name, value in sorted(found.values.items())}
    for number, (table, origin) in enumerate(found.app_tables):
        fields = table if isinstance(table, dict) else {}
        listed = {name: fields[name] for name in _APP_FIELDS if name in fields}
        listed["keys"] = "set" if fields.get("keys") else "not set"
        rows[f"apps[{number}]"] = Value(listed, origin)
    return rows


def _row(name: str, found: Value, among: Examined) -> Value:
    if name in among.secrets:
        return Value("set" if found.value else "not set", found.origin)
    # As it came where it cannot be used, else as it is used: a port is a number, wherever it is from.
    used = found.value if among.settings is None else getattr(among.settings, name, found.value)
    return Value(shown(used) if isinstance(used, str) else used, found.origin)


def _text(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, str) and value and value.isprintable():
        return value
    return json.dumps(value, ensure_ascii=False, default=str)
