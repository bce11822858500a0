"""`chatmarks parity`: another server of this API, held against what chatmarks decided."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from chatmarks.cli.exchange import BadUrl, server_url
from chatmarks.cli.failure import refuse
from chatmarks.cli.key import given_key, key_file_option
from chatmarks.cli.progress import progress
from chatmarks.command import is_userid, userid_problem
from chatmarks.config import is_loopback
from chatmarks.limits import Profile
from chatmarks.partial import beside

if TYPE_CHECKING:
    from chatmarks.parity.asks import Ask, Asker, Reply
    from chatmarks.parity.lockstep import Own
    from chatmarks.parity.report import Report
    from chatmarks.parity.run import Wanted

_UNLIKE = 1
_SEED_MAX = 999_999
"""So that the names that begin with it stay within the 32 bytes of a UserID."""

EXAMPLES = """
\b
Examples:
  chatmarks parity --against http://127.0.0.1:8600 --app 1400000000 --key-file key
  chatmarks parity --against https://adminapisgp.im.qcloud.com --app 1400000001 --key-file key \\
      --rate 5 --calls 100 --report parity.html
  chatmarks parity --against http://127.0.0.1:8600 --app 1400000000 --key-file key --json \\
      --seed 7 | jq '.switches[] | select(.value != .default)'

\b
Exit codes: 0 all as decided, and no difference; 1 something was refuted, or differs without a reason;
2 a mistake in what was asked for, or no answer.
"""


@click.command(epilog=EXAMPLES, short_help="Hold another server against what chatmarks decided.")
@click.option("--against", metavar="URL", required=True, help="The other server.")
@click.option("--app", "sdkappid", metavar="N", type=click.IntRange(1), required=True, help="The app.")
@click.option(
    "--identifier",
    metavar="ID",
    default="administrator",
    show_default=True,
    help="The administrator who calls.",
)
@key_file_option
@click.option(
    "--seed", metavar="N", type=click.IntRange(0, _SEED_MAX), help="Draw the same calls as another run."
)
@click.option(
    "--calls",
    metavar="N",
    type=click.IntRange(0, 100_000),
    default=250,
    show_default=True,
    help="How many calls to draw at random.",
)
@click.option(
    "--rate",
    "per_second",
    metavar="N",
    type=click.FloatRange(0, 1000, min_open=True),
    default=20.0,
    show_default=True,
    help="Calls a second, at most.",
)
@click.option("--flood", is_flag=True, help="Also call as fast as possible, to see call caps.")
@click.option("--report", metavar="FILE", type=click.Path(path_type=Path), help="Write a page of HTML.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@click.option("--yes", is_flag=True, help="Do not ask before accounts are made on a server elsewhere.")
def parity(
    *,
    against: str,
    identifier: str,
    key_file: str | None,
    seed: int | None,
    report: Path | None,
    as_json: bool,
    yes: bool,
    flood: bool,
    **amounts: Any,
) -> None:
    """Ask another server of this API what the documents leave open, and tell how it differs.

    It tells which of the forty decided answers hold there, and the profile under which a chatmarks
    answers alike; then both get the published exchanges and calls drawn at random. About 600 accounts
    called parity-SEED-… and some chat groups are made there, and deleted at the end. The key comes from
    --key-file, CHATMARKS_APP_KEY or CHATMARKS_APP_KEY_FILE.
    """
    key = _checked(against, identifier, key_file, report, yes=yes)
    # Imported here: the other commands compare nothing.
    try:
        # It asks over HTTP with what the client does, and says so where that is missing.
        import_module("chatmarks.client")
        from chatmarks.parity.run import Wanted
    except ImportError as error:
        refuse(str(error).replace("chatmarks.client", "chatmarks parity", 1))
    drawn = secrets.randbelow(_SEED_MAX + 1) if seed is None else seed
    wanted = Wanted(url=against, identifier=identifier, seed=drawn, **amounts)
    found = found_over_http(wanted, key, flood=flood)
    if report is not None:
        _write(report, found)
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        _tell(found)
    sys.exit(0 if found.is_alike else _UNLIKE)


def _checked(
    against: str, identifier: str, key_file: str | None, report: Path | None, *, yes: bool
) -> str:
    """The key, once all that was asked for can be done."""
    try:
        host = server_url(against).hostname or ""
    except BadUrl as error:
        refuse(f"--against: {error}")
    if not is_userid(identifier):
        refuse(f"--identifier {userid_problem(identifier)}")
    key = given_key(key_file)
    if key is None:
        refuse("no key: --key-file, CHATMARKS_APP_KEY or CHATMARKS_APP_KEY_FILE gives that of the app")
    if report is not None and (report.is_dir() or not report.absolute().parent.is_dir()):
        refuse(f"--report {report}: a file in a folder that exists is required")
    if not yes and not is_loopback(host):
        question = f"{against} is not this machine: parity makes accounts and chat groups there, and"
        question = f"{question} deletes those that it made"
        if not sys.stdin.isatty():
            refuse(f"{question}; --yes says that this is wanted")
        click.confirm(f"{question}. Go on?", abort=True, err=True)
    return key


def found_over_http(wanted: Wanted, key: str, *, flood: bool) -> Report:
    """The report of a run; ends the program with a line where the server does not answer."""
    from chatmarks.parity.asks import Caller, Unanswered
    from chatmarks.parity.road import asking, flooding
    from chatmarks.parity.run import Refused, compare

    async def run(advance: Callable[[int, int], None]) -> Report:
        caller = Caller(wanted.sdkappid, wanted.identifier, key)
        own = own_chatmarks(wanted.sdkappid, wanted.identifier)
        async with (
            asking(wanted.url, caller, wanted.per_second) as asker,
            flooding(wanted.url, caller) as floods,
        ):
            return await compare(wanted, asker, own, advance, flood=floods if flood else None)

    try:
        with progress("comparing") as advance:
            return asyncio.run(run(advance))
    except (Unanswered, Refused) as error:
        refuse(_printable(str(error)))
    except KeyboardInterrupt:
        refuse("stopped; what this run made at the server was deleted again")


def own_chatmarks(sdkappid: int, identifier: str) -> Own:
    """What makes the chatmarks of this process that the other server is held against, with one app and
    its administrator."""
    from chatmarks.engines import open_store
    from chatmarks.parity.asks import Caller, read_reply
    from chatmarks.seal import Seal
    from chatmarks.service import Service
    from chatmarks.store import App

    caller = Caller(sdkappid, identifier, secrets.token_hex(32))

    @asynccontextmanager
    async def opened(profile: Profile, clock: Callable[[], float]) -> AsyncIterator[Asker]:
        store, seal = await open_store("memory:"), Seal()
        sealed = (seal.seal(caller.sdkappid, caller.key),)
        switches = msgspec.structs.asdict(profile)
        app = App(caller.sdkappid, sealed, (caller.identifier,), overrides=switches)
        await store.change_app(caller.sdkappid, lambda _: app)
        service = Service(store, seal, loopback=True, clock=clock)

        async def ask(wanted: Ask) -> Reply:
            path, query, ticket = caller.target(wanted)
            answer = await service.handle(path, query.encode(), wanted.content, method=wanted.method)
            return read_reply(answer, ticket, clock())

        yield ask
        await store.close()

    return opened


def _write(file: Path, found: Report) -> None:
    from chatmarks.parity.page import page

    try:
        with beside(file) as partial:
            partial.write_text(page(found), encoding="utf-8")
            partial.replace(file)
    except OSError as error:
        refuse(f"--report {file} cannot be written: {error.strerror}")


def _tell(found: Report) -> None:
    counts, differences = found.counts, found.differences
    click.echo(
        f"{found.asked.url}, app {found.asked.sdkappid}, seed {found.asked.seed}:"
        f" {counts['refuted']} refuted, {counts['confirmed']} confirmed,"
        f" {counts['untold']} could not be told; {found.compared} calls compared,"
        f" {len(differences)} differences that nothing explains"
    )
    for finding in found.findings:
        if finding.verdict == "refuted":
            broken = "; ".join(check.what for check in finding.checks if not check.fits)
            explained = f" (explained by {', '.join(finding.switches)})" if finding.switches else ""
            click.echo(f"refuted {finding.number}: expected {_printable(broken)}{explained}")
    for switch in found.switches:
        if switch.differs:
            click.echo(f"switch {switch.name}: {switch.value} (default {switch.default})")
    for different in differences:
        click.echo(
            f"differs: {different.episode}, call {different.call}, at {_printable(different.path)}"
        )
    if found.profile_line:
        click.echo(found.profile_line)
    for line in found.left:
        click.echo(f"left there: {_printable(line)}")


def _printable(text: str) -> str:
    """What came from a server, without what a terminal would act on."""
    return "".join(character if character.isprintable() else "?" for character in text)
