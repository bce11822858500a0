"""`chatmarks export` and `chatmarks import`: a store as lines of JSON, and back."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from chatmarks.cli.failure import refuse
from chatmarks.cli.progress import progress
from chatmarks.cli.store import config_option, refusing_rows, store_option, with_store
from chatmarks.partial import beside, sync, sync_directory
from chatmarks.seal import Seal
from chatmarks.store import Store

if TYPE_CHECKING:
    from chatmarks.export_format import End
    from chatmarks.exports import Taken

_SOME_LEFT = 1
_PROBLEMS_SHOWN_MAX = 20
_STANDARD = Path("-")

EXPORT_EXAMPLES = """
\b
Examples:
  chatmarks export books.ndjson
  chatmarks export --app 1400000001 --with-keys app.ndjson
  chatmarks export | gzip > books.ndjson.gz
"""


@click.command("export", epilog=EXPORT_EXAMPLES, short_help="Write the store as lines of JSON.")
@click.argument("file", type=click.Path(path_type=Path), default="-")
@click.option(
    "--app", "sdkappid", metavar="N", type=click.IntRange(1, 2**63 - 1), help="Only this app."
)
@click.option("--with-keys", is_flag=True, help="Secret keys too, as sealed as they are kept.")
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@store_option
@config_option
def export_command(
    *,
    file: Path,
    sdkappid: int | None,
    with_keys: bool,
    force: bool,
    store: str | None,
    config: str | None,
) -> None:
    """Write the store to FILE, or to standard output, as a line of JSON for each account.

    Servers may go on. Each account is as it was at one moment; stop the servers for all of one
    moment. Without --with-keys no secret key is in it; with it, keys are as they are kept: under
    the master key, or plain where there is none.
    """
    # Imported here, as below: the other commands move nothing.
    from chatmarks import exports

    if file != _STANDARD and file.exists() and not file.is_file():
        refuse(f"{str(file)!r} is no file; - is standard output")
    if file != _STANDARD and file.exists() and not force:
        refuse(f"{str(file)!r} exists; --force replaces it")

    async def work(opened: Store, _: Seal) -> End:
        if sdkappid is not None and await opened.app(sdkappid) is None:
            refuse(f"there is no app {sdkappid}; chatmarks app list shows them")
        with progress("exporting") as advance, _written(file) as output:
            return await exports.write(opened, output, advance, sdkappid=sdkappid, with_keys=with_keys)

    try:
        with refusing_rows():
            end = with_store(store, config, work)
    except OSError as error:
        refuse(f"{str(file)!r} cannot be written: {error.strerror}")
    told = f"exported: accounts: {end.Accounts}, chat groups: {end.ChatGroups}, apps: {end.Apps}"
    click.echo(told, err=file == _STANDARD)


@contextmanager
def _written(file: Path) -> Iterator[IO[bytes]]:
    """Where the lines go; FILE gets its name when all are there."""
    if file == _STANDARD:
        yield sys.stdout.buffer
        return
    with beside(file) as partial:
        with partial.open("wb") as output:
            yield output
        sync(partial)
        partial.replace(file)
        sync_directory(file.parent)


IMPORT_EXAMPLES = """
\b
Examples:
  chatmarks import books.ndjson --store sqlite:///new.db
  chatmarks import --replace app.ndjson
  gunzip -c books.ndjson.gz | chatmarks import -
"""


@click.command("import", epilog=IMPORT_EXAMPLES, short_help="Take an export into the store.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", "replacing", is_flag=True, help="Replace what exists.")
@store_option
@config_option
def import_command(*, file: Path, replacing: bool, store: str | None, config: str | None) -> None:
    """Take FILE, an export, into the store; - is standard input.

    All lines are checked before anything is written. What exists is refused without --replace.
    An account goes in whole or not at all; an import that broke off is repeated with --replace.
    """
    from chatmarks import exports

    with _readable(file) as source:
        size = source.seek(0, 2)
        source.seek(0)
        problems = _Problems()
        with progress("checking") as advance:
            content = exports.check(source, size, problems.found, advance)
        problems.refuse_any(f"{str(file)!r} is no sound export")

        async def work(opened: Store, _: Seal) -> Taken:
            if not replacing:
                await exports.tell_existing(opened, content, problems.found)
                problems.refuse_any("what exists is only replaced with --replace")
            source.seek(0)
            with progress("importing") as advance:
                return await exports.take_in(opened, source, content, advance, replacing=replacing)

        with refusing_rows():
            taken = with_store(store, config, work, create=True)
    _tell(taken)


class _Problems:
    """Shows the first problems and counts all."""

    def __init__(self) -> None:
        self._count = 0

    def found(self, number: int, problem: str) -> None:
        self._count += 1
        if self._count <= _PROBLEMS_SHOWN_MAX:
            click.echo(f"line {number}: {problem}", err=True)

    def refuse_any(self, reason: str) -> None:
        """Refuse if there were any."""
        if self._count:
            refuse(f"{reason}, problems: {self._count}; nothing was imported")


@contextmanager
def _readable(file: Path) -> Iterator[IO[bytes]]:
    """The lines, in something that can be read twice."""
    import shutil
    import tempfile

    try:
        if file != _STANDARD and stat.S_ISREG(file.stat().st_mode):
            with file.open("rb") as source:
                yield source
            return
        with tempfile.TemporaryFile() as spool:
            if file == _STANDARD:
                shutil.copyfileobj(sys.stdin.buffer, spool)
            else:
                with file.open("rb") as pipe:
                    shutil.copyfileobj(pipe, spool)
            yield spool
    except OSError as error:
        refuse(f"{str(file)!r} cannot be read: {error.strerror}")


def _tell(taken: Taken) -> None:
    click.echo(
        f"imported: accounts: {taken.accounts}, chat groups: {taken.chat_groups}, apps: {taken.apps}"
    )
    for key in taken.left:
        click.echo(f"{key} was made meanwhile, and was left alone", err=True)
    sys.exit(_SOME_LEFT if taken.left else 0)
