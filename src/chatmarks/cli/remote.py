"""What `pull`, `push` and `compare` share: whom they call, which accounts, and how they tell of it."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec
from msgspec import Struct

from chatmarks.cli.failure import refuse
from chatmarks.cli.key import key_file_option
from chatmarks.command import is_userid, userid_problem
from chatmarks.errors import shown

if TYPE_CHECKING:
    from chatmarks.remote.failures import Failure
    from chatmarks.remote.server import Server

Told = TypeVar("Told", bound=Struct)

SOME_LEFT = 1
SHOWN_MAX = 20
"""So many accounts, items or lines that something is wrong with are shown; all are counted."""

ALL = "all"
SDKAPPID = click.IntRange(1, 2**63 - 1)
_STANDARD = "-"
_RATE_MAX = 10_000


class Caller(Struct, frozen=True):
    """Who calls a server, and how often in a second at most."""

    sdkappid: int
    identifier: str
    key_file: str | None
    rate: int

    @asynccontextmanager
    async def at(
        self, option: str, url: str, key: str, *, patience_seconds: float | None = None
    ) -> AsyncIterator[Server]:
        """The server at `url`, which `option` named. Refuses what cannot be one. `patience_seconds`:
        how long a call is repeated, None for as long as a pull does."""
        from chatmarks.remote.pace import Pace
        from chatmarks.remote.server import PATIENCE_SECONDS, Server

        if not is_userid(self.identifier):
            refuse(f"--identifier {userid_problem(self.identifier)}")
        try:
            server = Server(
                url,
                sdkappid=self.sdkappid,
                identifier=self.identifier,
                key=key,
                pace=Pace(self.rate),
                patience_seconds=PATIENCE_SECONDS if patience_seconds is None else patience_seconds,
            )
        except ValueError as error:
            refuse(f"{option}: {error}")
        async with server:
            yield server


class Telling(Struct, frozen=True):
    """How it is told what came of it."""

    report: Path | None
    as_json: bool

    def tell(self, done: Told, in_words: Callable[[Told], None]) -> None:
        """Write `--report`, and print `done` as JSON or in words."""
        encoded = msgspec.json.encode(done)
        if self.report is not None:
            try:
                self.report.write_bytes(encoded + b"\n")
            except OSError as error:
                refuse(f"--report: {self.report} cannot be written: {error.strerror}")
        if self.as_json:
            click.echo(encoded)
        else:
            in_words(done)


def caller_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a caller, which `command` gets as its `caller`."""

    @click.option("--app", metavar="N", type=SDKAPPID, required=True, help="The app.")
    @key_file_option
    @click.option(
        "--identifier",
        metavar="ID",
        default="administrator",
        show_default=True,
        help="The administrator who calls.",
    )
    @click.option(
        "--rate",
        type=click.IntRange(1, _RATE_MAX),
        metavar="CALLS",
        default=150,
        show_default=True,
        help="Calls a second, at most.",
    )
    @functools.wraps(command)
    def gathered(
        *, app: int, identifier: str, key_file: str | None, rate: int, **others: object
    ) -> None:
        command(caller=Caller(app, identifier, key_file, rate), **others)

    return gathered


def telling_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--report` and `--json`, which `command` gets as its `telling`."""

    @click.option(
        "--report",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Write all that came of it to FILE, as JSON.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
    @functools.wraps(command)
    def gathered(*, report: Path | None, as_json: bool, **others: object) -> None:
        # Looked at before hours of work end with it.
        if report is not None and not report.absolute().parent.is_dir():
            refuse(f"--report: {report} cannot be written: there is no folder {report.parent}")
        command(telling=Telling(report, as_json), **others)

    return gathered


def accounts_option(*, or_all: bool) -> Callable[[Any], Any]:
    """`--accounts`; `or_all`: also those of a store."""
    wanted = "FILE|-|all" if or_all else "FILE|-"
    of_store = "; all: those of the store" if or_all else ""
    return click.option(
        "--accounts",
        metavar=wanted,
        required=True,
        help=f"A file with a UserID a line; -: standard input{of_store}.",
    )


def accounts_of(file: str) -> list[str]:
    """The UserIDs of `--accounts`. Refuses, with their numbers, lines that are none or come twice."""
    try:
        content = sys.stdin.buffer.read() if file == _STANDARD else Path(file).read_bytes()
    except OSError as error:
        refuse(f"--accounts: {file} cannot be read: {error.strerror}")
    lines: dict[str, int] = {}
    problems: list[str] = []
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        userid = line.decode(errors="backslashreplace")
        if not userid:
            continue
        if not is_userid(userid):
            problems.append(f"line {number}: {shown(userid)} {userid_problem(userid)}")
        elif userid in lines:
            problems.append(f"line {number}: {shown(userid)} stands on line {lines[userid]} already")
        lines.setdefault(userid, number)
    if problems:
        for problem in problems[:SHOWN_MAX]:
            click.echo(problem, err=True)
        refuse(f"--accounts: {file} has lines that are wrong: {len(problems)}; nothing was done")
    if not lines:
        refuse(f"--accounts: {file} names no account; a UserID a line is required")
    return list(lines)


def require_client() -> None:
    """Refuse, in a line, where the packages of the client are missing."""
    try:
        importlib.import_module("chatmarks.client")
    except ImportError as error:
        refuse(str(error))


def tell_failures(what: str, failures: Sequence[Failure]) -> None:
    """Show the first accounts of `failures`, which could not be read or written."""
    if not failures:
        return
    click.echo(f"{what}: {len(failures)}")
    for failure in failures[:SHOWN_MAX]:
        code = f"{failure.code} " if failure.code else ""
        click.echo(f"  {failure.UserID}: {code}{on_one_line(failure.text)}")
    tell_more(len(failures))


def tell_more(count: int) -> None:
    """Say that not all were shown."""
    if count > SHOWN_MAX:
        click.echo(f"  and {count - SHOWN_MAX} more; --report FILE has all")


def tell_calls(calls: int, seconds: float, slowed: int) -> None:
    """Show how many calls were made."""
    rate = calls / max(seconds, 0.001)
    told = f"; the server asked for fewer: {slowed} times" if slowed else ""
    click.echo(f"calls: {calls} in {seconds:.1f} s, {rate:.1f} a second{told}")


def on_one_line(text: str) -> str:
    """Whatever a server says, on one line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
