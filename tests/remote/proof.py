"""Moves many accounts between real servers, with kills, and tells what it took.

    python -m remote.proof --accounts 20000 --kills 5

Exit code 1: something differs after it, or a second had more than 165 calls.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import msgspec

from remote.story import faulty, moved

CALLS_IN_A_SECOND_MAX = 165


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = moved(
            Path(folder),
            options.accounts,
            options.kills,
            faults=faulty,
            log=lambda line: print(line, file=sys.stderr, flush=True),
        )
    told = msgspec.json.format(msgspec.json.encode(figures))
    print(told.decode())
    if options.json:
        options.json.write_bytes(told)
    most = max(figures.pull_most_in_a_second, figures.push_most_in_a_second)
    differ = figures.pull_differences or figures.push_differences
    sys.exit(1 if differ or most > CALLS_IN_A_SECOND_MAX else 0)


if __name__ == "__main__":
    main()
