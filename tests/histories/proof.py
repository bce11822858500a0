"""Records histories of two servers on each engine, and checks that each has an order.

    python -m histories.proof --histories 10000 --seed 1

Histories are numbered, so that a proof can be made in slices: `--first 5000 --histories 1000` has those
from 5,000 on. Exit code 1: a history has no order, or it could not be found out.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

import postgres
from chatmarks.cli.progress import progress
from histories.checker import Operation
from histories.judge import Tally, is_refused, told
from histories.model import CHAT_GROUP
from histories.recorder import Recorder, Way
from histories.servers import Pair
from process import Client

ENGINES = ("sqlite", "postgresql")
_LOST_EVERY = 25
"""Of so many histories one has a server killed, and another one a server that died."""

_KEPT_PROBLEMS = 20


def way_of(number: int) -> Way:
    """What becomes of the servers in the history of that number."""
    ways: dict[int, Way] = {0: "killed", 1: "died"}
    return ways.get(number % _LOST_EVERY, "unharmed")


async def prove(
    engine: str,
    store_url: str,
    seed: int,
    planned: Iterable[tuple[int, Way]],
    directory: Path,
    *,
    advance: Callable[[], None] = lambda: None,
    environ: Mapping[str, str] | None = None,
    workers: int = 1,
) -> Tally:
    """Record and check histories, given by number and way, on two servers of a fresh store, which
    get `environ` and have `workers`. Those without order are kept in `directory`."""
    tally = Tally(engine)
    async with Pair(store_url, environ or {}, workers=workers) as pair:
        async with Client(pair.urls()["A"]) as client:
            body = {"Type": "Public", "Name": "a chat group", "GroupId": CHAT_GROUP}
            await client.ok("group_open_http_svc/create_group", body)
        for number, way in planned:
            tally.add(await Recorder(pair, seed, number, way).record(), seed, directory)
            advance()
    return tally


@contextlib.contextmanager
def fresh_store(engine: str) -> Iterator[str]:
    """The URL of a store of its own."""
    if engine == "postgresql":
        with postgres.database() as url:
            postgres.make_tables(url)
            yield url
        return
    with tempfile.TemporaryDirectory(prefix="chatmarks-histories-") as folder:
        yield f"sqlite:///{folder}/books.db"


def main(options: argparse.Namespace) -> int:
    """Prove it on each engine and print what came out."""
    total = options.histories
    tallies: list[Tally] = []
    began_at = time.monotonic()
    options.directory.mkdir(parents=True, exist_ok=True)
    with progress(f"histories, seed {options.seed}") as show:
        done = 0

        def advance() -> None:
            nonlocal done
            done += 1
            show(done, total)

        for place, engine in enumerate(ENGINES):
            numbers = range(options.first, options.first + total)
            # A number has the same engine and way in whatever slice it comes.
            planned = [
                (number, way_of(number // len(ENGINES)))
                for number in numbers
                if number % len(ENGINES) == place
            ]
            with fresh_store(engine) as url:
                work = prove(engine, url, options.seed, planned, options.directory, advance=advance)
                tallies.append(asyncio.run(work))
    problems = [problem for tally in tallies for problem in tally.problems]
    print(*problems[:_KEPT_PROBLEMS], sep="\n\n")
    print(summary(tallies, options, time.monotonic() - began_at))
    return int(bool(problems))


def summary(tallies: Sequence[Tally], options: argparse.Namespace, seconds: float) -> str:
    """The figures as a table."""
    names = [name for name in Tally.__struct_fields__ if name != "problems"]
    rows = [names, *([str(getattr(tally, name)) for name in names] for tally in tallies)]
    lines = ["".join(f"{cell:>12}" for cell in row) for row in rows]
    last = options.first + options.histories - 1
    lines.append(f"seed {options.seed}, histories {options.first} to {last}, {seconds:.0f} s")
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Prove that what is answered has an order.")
    parser.add_argument("--histories", type=int, default=10_000, help="how many; 10000 unless told")
    parser.add_argument("--first", type=int, default=0, help="the number of the first; 0 unless told")
    parser.add_argument("--seed", type=int, default=secrets.randbits(16), help="of everything random")
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path(tempfile.gettempdir()) / "chatmarks-refused-histories",
        help="where histories without order are kept",
    )
    parser.add_argument("--check", type=Path, metavar="FILE", help="check a kept history again")
    return parser.parse_args()


def check_again(path: Path) -> int:
    """Check a history that was kept."""
    operations = msgspec.json.decode(path.read_bytes(), type=list[Operation])
    refused = is_refused(operations)
    print(told(operations) if refused else "there is an order")
    return int(refused)


if __name__ == "__main__":
    chosen = arguments()
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(check_again(chosen.check) if chosen.check else main(chosen))
    sys.exit(130)
