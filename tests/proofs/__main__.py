"""Proves the promises of docs/guarantees.md, part by part, and prints one table.

    python -m proofs                      all parts that are not done yet
    python -m proofs power --seed 7       one part, from this seed
    python -m proofs power --slices 2     only its first two slices
    python -m proofs --table --publish    what was done so far, also into docs/guarantees.md

A part goes on where it was ended, with the seed that it has; `--again` begins it anew. Exit code 1:
there was a violation.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import secrets
import sys
import time
from pathlib import Path

from chatmarks.cli.progress import progress
from proofs.kept import Record, begun, keep, record_of
from proofs.part import Part, Work
from proofs.parts import PARTS
from proofs.table import publish, table

RESULTS = Path(".proof")


def prove(part: Part, options: argparse.Namespace) -> Record:
    """Do what is not done yet of a part."""
    record = None if options.again else record_of(options.results, part.name, options.seed)
    record = record or begun(secrets.randbits(32) if options.seed is None else options.seed)
    directory = options.results / part.name
    directory.mkdir(parents=True, exist_ok=True)
    total = min(part.slices, options.slices or part.slices)
    with progress(f"{part.name}, seed {record.seed}") as show:
        for number in range(total):
            if number not in record.slices:
                began_at = time.monotonic()
                record.slices[number] = part.run(Work(record.seed, number, directory))
                record.seconds += time.monotonic() - began_at
                keep(options.results, part.name, record)
            show(number + 1, total)
    return record


def main(options: argparse.Namespace) -> int:
    """Prove the chosen parts, and print the table of all that was done."""
    chosen = [part for part in PARTS if not options.parts or part.name in options.parts]
    if not options.table:
        for part in chosen:
            prove(part, options)
    kept = [(part, record_of(options.results, part.name, None)) for part in chosen]
    done = [(part, record) for part, record in kept if record is not None]
    violations = [each for _, record in done for each in record.violations]
    print(*violations, sep="\n\n", end="\n" * bool(violations))
    print(table(done))
    if options.publish:
        publish(done)
    return int(bool(violations))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m proofs", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    names = [part.name for part in PARTS]
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(names)}; all if none")
    parser.add_argument("--seed", type=int, help="of everything random; drawn unless told")
    parser.add_argument("--slices", type=int, help="at most so many of each part")
    parser.add_argument("--again", action="store_true", help="forget what was done of them")
    parser.add_argument("--table", action="store_true", help="do nothing, tell what was done")
    parser.add_argument("--publish", action="store_true", help="write it into docs/guarantees.md")
    parser.add_argument(
        "--results", type=Path, default=RESULTS, help="where it is kept; .proof if not told"
    )
    options = parser.parse_args()
    if unknown := set(options.parts) - set(names):
        parser.error(f"part {min(unknown)}: there is {', '.join(names)}")
    return options


if __name__ == "__main__":
    # What fails on purpose is told by nobody.
    logging.disable()
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main(arguments()))
    sys.exit(130)
