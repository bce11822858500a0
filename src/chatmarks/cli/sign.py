"""`chatmarks sign`: makes a ticket, or explains one."""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from chatmarks import usersig
from chatmarks.cli.failure import refuse
from chatmarks.cli.key import given_key, key_file_option, keys_held, newest_key
from chatmarks.cli.store import config_option, store_option, with_store
from chatmarks.command import is_userid, userid_problem
from chatmarks.usersig import Check, Explanation

EXAMPLES = """
\b
Examples:
  chatmarks sign --sdkappid 1400000001 --identifier administrator
  CHATMARKS_APP_KEY=5bd2… chatmarks sign --sdkappid 1400000000 --identifier administrator
  chatmarks sign --explain eJyrVg…
  chatmarks sign --explain eJyrVg… --sdkappid 1400000001 --identifier administrator --key-file key

\b
Exit codes: 0 the ticket is made, or every check that was done passed; 1 a check failed; 2 a mistake
in what was asked for.
"""


@click.command(epilog=EXAMPLES)
@click.option("--sdkappid", metavar="N", type=click.IntRange(1), help="The app.")
@click.option("--identifier", metavar="ID", help="The UserID to sign for.")
@click.option(
    "--expire",
    metavar="S",
    type=click.IntRange(1),
    default=usersig.EXPIRE_SECONDS_DEFAULT,
    show_default=True,
    help="Lifetime in seconds.",
)
@click.option("--explain", metavar="SIG", help="Explain this UserSig instead of making one.")
@key_file_option
@store_option
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def sign(
    *,
    sdkappid: int | None,
    identifier: str | None,
    expire: int,
    explain: str | None,
    key_file: str | None,
    store: str | None,
    config: str | None,
    as_json: bool,
) -> None:
    """Print a UserSig, or explain one.

    To explain is to show its fields, each check that a server makes, and the mend of what fails;
    whatever is not given is not checked.

    The key comes from --key-file, CHATMARKS_APP_KEY, CHATMARKS_APP_KEY_FILE, or the app in the store.
    """
    if explain is not None:
        keys = _keys_to_check(explain, sdkappid, key_file, store, config)
        found = usersig.explained(
            explain, sdkappid=sdkappid, identifier=identifier, keys=keys, now=time.time()
        )
        click.echo(json.dumps(_as_object(found)) if as_json else _as_text(found))
        sys.exit(0 if found.fine else 1)
    if sdkappid is None or identifier is None:
        refuse("to sign, --sdkappid and --identifier are both required; --explain needs neither")
    if not is_userid(identifier):
        refuse(f"--identifier {userid_problem(identifier)}")
    key = given_key(key_file)
    if key is None:
        key = with_store(store, config, lambda opened, seal: newest_key(opened, seal, sdkappid))
    now = int(time.time())
    ticket = usersig.sign(sdkappid, identifier, key, now=now, expire=expire)
    click.echo(json.dumps({"usersig": ticket, "expires_at": now + expire}) if as_json else ticket)


def _keys_to_check(
    ticket: str, sdkappid: int | None, key_file: str | None, store: str | None, config: str | None
) -> list[str]:
    """The keys that the ticket may be signed with; none when there is nowhere to look for them."""
    if key := given_key(key_file):
        return [key]
    named = store or config or {"CHATMARKS_STORE", "CHATMARKS_CONFIG"} & os.environ.keys()
    if not named and not Path("chatmarks.db").exists():
        return []
    decoded = usersig.explained(ticket, now=0).ticket
    if decoded is None:
        return []
    app = sdkappid or decoded.sdkappid
    return with_store(store, config, lambda opened, seal: keys_held(opened, seal, app))


def _as_object(found: Explanation) -> dict[str, Any]:
    return {
        "fine": found.fine,
        "ticket": msgspec.to_builtins(found.ticket),
        "checks": [
            {
                "name": check.name,
                "result": _result(check),
                "code": int(check.fail.code) if check.fail else None,
                "info": _info(check, found),
                "mend": check.mend,
            }
            for check in found.checks
        ],
    }


def _as_text(found: Explanation) -> str:
    fields = msgspec.to_builtins(found.ticket) or {}
    lines = [f"{name:15} {json.dumps(value)}" for name, value in fields.items()]
    if found.ticket:
        lines += [f"{'good until':15} {_day(found.ticket.expires_at)}", ""]
    for check in found.checks:
        code = f"{int(check.fail.code)} " if check.fail else ""
        lines.append(f"{check.name:15} {_result(check):12} {code}{_info(check, found)}".rstrip())
        if check.mend:
            lines.append(f"{'':15} {'mend':12} {check.mend}")
    return "\n".join(lines)


def _result(check: Check) -> str:
    if not check.done:
        return "not checked"
    return "fail" if check.fail else "pass"


_NEEDS = {
    "app": "needs --sdkappid",
    "identifier": "needs --identifier",
    "signature": "needs the key: --key-file, CHATMARKS_APP_KEY or a store that has the app",
}


def _info(check: Check, found: Explanation) -> str:
    """What there is to say about a check, in words."""
    if check.fail:
        cause = check.fail.__cause__
        return f"{check.fail.info} ({cause})" if cause else check.fail.info
    if check.done:
        return ""
    return _NEEDS[check.name] if found.ticket else "needs a ticket that decodes"


def _day(seconds: int) -> str:
    """A point in time for people; what no calendar holds, as it came."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return str(seconds)
