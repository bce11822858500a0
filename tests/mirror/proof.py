"""Two servers under writes, the other of which is away for a minute: how soon they are the same again.

make proof-mirror MIRROR="--away 60 --accounts 200 --writers 4"
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path

from harness import SDKAPPID
from mirror.pair import Place, Program, Writer, until_same


async def proved(away_seconds: float, accounts: int, writers: int, rate: int) -> dict[str, object]:
    """Let it happen; figures of it."""
    userids = [f"user{number}" for number in range(accounts)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours = Place(f"sqlite:///{folder}/ours.db", feed=True)
        theirs = Place(f"sqlite:///{folder}/theirs.db")
        ours.come()
        theirs.come()
        sending = Program(
            folder,
            *("mirror", "send", "--to", theirs.url, "--app", str(SDKAPPID)),
            *("--store", ours.store, "--rate", str(rate)),
        )
        several = [Writer(ours.url, userids, seed) for seed in range(writers)]
        for writer in several:
            writer.begin()
        await asyncio.sleep(10)
        theirs.go()
        await asyncio.sleep(away_seconds)
        await asyncio.to_thread(theirs.come)
        came_at = time.monotonic()
        await asyncio.sleep(5)
        for writer in several:
            await writer.end()
        await until_same(folder, ours.url, theirs.url, userids, seconds=60)
        figures: dict[str, object] = {
            "away_seconds": away_seconds,
            "accounts": accounts,
            "calls_of_writers": sum(writer.calls for writer in several),
            "calls_a_second_of_the_mirror_at_most": rate,
            "same_seconds_after_its_return": round(time.monotonic() - came_at, 1),
        }
        sending.end()
        ours.go()
        theirs.go()
        return figures


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--away", type=float, default=60)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--rate", type=int, default=150)
    given = parser.parse_args()
    figures = asyncio.run(proved(given.away, given.accounts, given.writers, given.rate))
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
