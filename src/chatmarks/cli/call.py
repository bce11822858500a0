"""`chatmarks call`: one signed call to a server."""

from __future__ import annotations

import difflib
import json
import os
import sys
from typing import Any, NamedTuple

import click
import msgspec

from chatmarks.cli.exchange import BadUrl, Exchange, Unreachable, server_url
from chatmarks.cli.failure import refuse
from chatmarks.cli.key import given_key, key_file_option, newest_key
from chatmarks.cli.store import config_option, store_option, with_store
from chatmarks.command import is_userid, userid_problem
from chatmarks.commands import COMMANDS, NOT_DONE
from chatmarks.config import ConfigError, Settings, is_loopback, load
from chatmarks.declared import DEV_APP, DeclaredApp
from chatmarks.errors import Code, shown
from chatmarks.usersig import DEMO_KEY

EXAMPLES = """
\b
Examples (the first two work as they are beside chatmarks serve --dev):
  chatmarks call im_open_login_svc/account_import '{"UserID": "user_0001"}'
  chatmarks call recentcontact/get_contact_group '{"From_Account": "user_0001", "StartIndex": 0}'
  chatmarks call --sdkappid 1400000001 --key-file key im_open_login_svc/account_check - <body.json
  chatmarks call --json recentcontact/get_contact_group - <body.json | jq .GroupItem

\b
Exit codes: 0 ErrorCode is 0; 1 ErrorCode is another; 2 a mistake in what was asked for, or no answer.
"""

_DEMO_SDKAPPID, _, _DEMO_ADMIN = DEV_APP.partition(":")


class _Caller(NamedTuple):
    """Who calls, and how their key may be named in public."""

    sdkappid: int
    identifier: str
    key: str
    key_from: str


def _paths(_context: click.Context, _argument: click.Parameter, incomplete: str) -> list[str]:
    """What a shell may complete a command's path to."""
    return [path for path in COMMANDS if path.startswith(incomplete)]


@click.command(epilog=EXAMPLES)
@click.argument("command", metavar="SERVICE/COMMAND", shell_complete=_paths)
@click.argument("body", metavar="BODY")
@click.option(
    "--url", metavar="URL", default="http://127.0.0.1:8600", show_default=True, help="The server."
)
@click.option("--sdkappid", metavar="N", type=click.IntRange(1), help="The app.")
@click.option("--identifier", metavar="ID", help="The administrator who calls.")
@key_file_option
@store_option
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print the answer as it came.")
def call(
    *,
    command: str,
    body: str,
    url: str,
    sdkappid: int | None,
    identifier: str | None,
    key_file: str | None,
    store: str | None,
    config: str | None,
    as_json: bool,
) -> None:
    """Call a server, signed, and print its answer. BODY is JSON; - reads it from standard input.

    The app and its administrator are those that CHATMARKS_APP or the settings file declares, else the
    demo app's. The key comes from --key-file, CHATMARKS_APP_KEY, CHATMARKS_APP_KEY_FILE, the
    declaration, or the app in the store. With nothing given, a server on loopback is called with the
    published demo key.
    """
    _check_command(command)
    content = _content(body)
    caller = _caller(url, sdkappid, identifier, key_file, store, config)
    try:
        with Exchange(url, caller.sdkappid, caller.identifier, caller.key) as exchange:
            raw = exchange.call(command, content)
    except Unreachable as error:
        refuse(str(error))
    answer = _decoded(raw, url)
    # A lone half of a surrogate pair is written as JSON escapes it.
    pretty = json.dumps(answer, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace")
    click.echo(raw if as_json else pretty)
    if answer["ErrorCode"]:
        if not as_json:
            click.echo(_hint(answer["ErrorCode"], caller), err=True)
        sys.exit(1)


def _check_command(command: str) -> None:
    known = [*COMMANDS, *NOT_DONE]
    if command in known:
        return
    last = command.rsplit("/", maxsplit=1)[-1]
    near = [path for path in known if path.endswith(f"/{last}")]
    near = near or difflib.get_close_matches(command, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(COMMANDS)}"
    refuse(f"there is no command {shown(command)}; {hint}")


def _content(body: str) -> bytes:
    """The body as it is sent: JSON, and nothing about it changed."""
    where = "the body"
    try:
        content = body.encode()
        if body == "-":
            where = "the body on standard input"
            content = sys.stdin.buffer.read()
        msgspec.json.decode(content)
    except (ValueError, RecursionError) as error:
        refuse(f"{where} is not JSON: {error}")
    return content


def _caller(
    url: str,
    sdkappid: int | None,
    identifier: str | None,
    key_file: str | None,
    store: str | None,
    config: str | None,
) -> _Caller:
    """Who calls. What no option says is taken from the settings, then from the demo app."""
    try:
        local = is_loopback(server_url(url).hostname or "")
        settings = load({"store": store, "config": config}, os.environ)
    except BadUrl as error:
        refuse(f"--url: {error}")
    except ConfigError as error:
        refuse(*error.lines)
    declared = _declared(settings, sdkappid)
    if sdkappid is None and declared is None and not local:
        refuse(f"--sdkappid must name the app: {url} is not loopback, so it is not the demo app's")
    app = sdkappid or (declared.sdkappid if declared else int(_DEMO_SDKAPPID))
    who = identifier or (declared.admins[0] if declared and declared.admins else _DEMO_ADMIN)
    if not is_userid(who):
        refuse(f"--identifier {userid_problem(who)}")
    if key := given_key(key_file):
        return _Caller(app, who, key, "the key that was given")
    if declared:
        return _Caller(app, who, declared.keys[0], "the key that the settings declare")
    named = sdkappid or store or config or {"CHATMARKS_STORE", "CHATMARKS_CONFIG"} & os.environ.keys()
    if local and not named:
        return _Caller(app, who, DEMO_KEY, "the published demo key")
    key = with_store(store, config, lambda opened, seal: newest_key(opened, seal, app))
    return _Caller(app, who, key, "the key in the store")


def _declared(settings: Settings, sdkappid: int | None) -> DeclaredApp | None:
    """The declared app of this number, or the first one where no number is given."""
    return next((app for app in settings.apps if sdkappid in (None, app.sdkappid)), None)


def _decoded(raw: bytes, url: str) -> dict[str, Any]:
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or not isinstance(answer.get("ErrorCode"), int):
        refuse(f"{url} answered without an ErrorCode: {shown(raw.decode(errors='replace'))}")
    return answer


def _hint(code: int, caller: _Caller) -> str:
    """What a code means and as whom the call was made: most mistakes are seen there."""
    known = next((each for each in Code if each == code), None)
    meaning = f": {known.meaning} ({known.document})" if known else ""
    return (
        f"chatmarks: {code}{meaning}; called as {caller.identifier} of app {caller.sdkappid}"
        f" with {caller.key_from}"
    )
