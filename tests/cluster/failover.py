"""Two servers on a PostgreSQL cluster whose leader is lost again and again lose nothing acknowledged.

    python -m cluster.failover --rounds 10 --seed 1 --json figures.json

What is acknowledged is looked for after each round: over HTTP through both servers, and by SQL on the
leader. Exit code 1: something was lost, or is there in part, or a server died.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import secrets
import shutil
import signal
import sys
import time
from pathlib import Path

import msgspec

from cluster.history import History, Texts
from cluster.patroni import TIMES, Cluster, Node, NotReached, is_whole
from cluster.processes import make_shared_directory, programs
from cluster.report import Report, Round, head, row, summary
from cluster.writers import Refused, Tally, Writer, search
from harness import SDKAPPID
from process import Client, Server, run

SERVERS = 2
_WAYS = ("node", "postgres", "freeze")
_RESUME_SECONDS_MAX = 90
_WHOLE_SECONDS_MAX = 120
_TEXTS = "SELECT owner, peer_id, custom_mark FROM conversation WHERE peer_type = 1"


class Proof:
    """A cluster with servers and writers on it."""

    def __init__(self, cluster: Cluster, servers: list[Server], clients: int, seed: int) -> None:
        self.cluster = cluster
        self.servers = servers
        self.random = random.Random(seed)
        self.tallies = [Tally() for _ in servers]
        self.writers = [self._writer(number) for number in range(clients)]

    def _writer(self, number: int) -> Writer:
        """Every third shares one account, the others have one of their own."""
        userid = "shared" if number % 3 == 0 else f"user{number}"
        here = number % len(self.servers)
        there = (here + 1) % len(self.servers)
        urls = self.servers[here].url, self.servers[there].url
        return Writer(f"w{number}", userid, self.tallies[here], *urls, self.random.getrandbits(32))

    async def round(self, number: int, way: str) -> Round:
        """Lose the leader, see writes go on, get the node back. Writers stop at the end."""
        await self.cluster.wait_until(is_whole, _WHOLE_SECONDS_MAX)
        stop = asyncio.Event()
        writing = [asyncio.create_task(writer.run(stop)) for writer in self.writers]
        try:
            await asyncio.sleep(self.random.uniform(1, 4))
            leader = await self.cluster.leader()
            lose(leader, way)
            lost_at = time.monotonic()
            gaps = await self._gaps(lost_at)
            await asyncio.sleep(self.random.uniform(0, 3))
            bring_back(leader, way)
            began_at = time.monotonic()
            await self.cluster.wait_until(is_whole, _WHOLE_SECONDS_MAX)
            rejoined_after = time.monotonic() - began_at
        finally:
            stop.set()
            await asyncio.gather(*writing)
        successor = await self.cluster.leader()
        acknowledged = sum(len(tally.acks) for tally in self.tallies)
        return Round(
            number, way, leader.name, successor.name, gaps, round(rejoined_after, 2), acknowledged
        )

    async def _gaps(self, lost_at: float) -> list[float]:
        """Wait until each server has acknowledged a write that was sent after the leader was lost."""
        until = time.monotonic() + _RESUME_SECONDS_MAX
        while True:
            gaps = [tally.gap(lost_at) for tally in self.tallies]
            known = [round(gap, 2) for gap in gaps if gap is not None]
            if len(known) == len(gaps):
                return known
            if time.monotonic() > until:
                raise NotReached(f"no acknowledged writes for {_RESUME_SECONDS_MAX} s: {gaps}")
            await asyncio.sleep(0.05)

    async def problems(self, *, recent: bool) -> list[str]:
        """What is not as it must be; only the newest accounts over HTTP when `recent`."""
        found = [f"server {server.url} died" for server in self.servers if server.process.poll()]
        found += [fault for writer in self.writers for fault in writer.faults]
        stored = await self._stored()
        for history in self._histories(recent=False):
            found += history.problems(stored.get(history.userid, {}))
        for server in self.servers:
            async with Client(server.url) as client:
                for history in self._histories(recent=recent):
                    peers = {peer for write in history.writes for peer in write.peers}
                    try:
                        texts = await search(client, history.userid, sorted(peers))
                    except Refused as refused:
                        found.append(f"{server.url}: {history.userid} cannot be read: {refused}")
                    else:
                        told = history.problems(texts)
                        found += [f"{server.url}: {problem}" for problem in told]
        return found

    async def unknown(self) -> tuple[int, int]:
        """Of the writes that were never acknowledged, how many are there, and how many are not."""
        stored = await self._stored()
        histories = self._histories(recent=False)
        landed = sum(
            not write.acknowledged
            for history in histories
            for write in history.landed(stored.get(history.userid, {}))
        )
        never = sum(not write.acknowledged for history in histories for write in history.writes)
        return landed, never - landed

    def _histories(self, *, recent: bool) -> list[History]:
        first = -2 if recent else None
        return [history for writer in self.writers for history in writer.histories[first:]]

    async def _stored(self) -> dict[str, Texts]:
        """All texts, by UserID, as the leader has them."""
        connection = await self.cluster.superuser(await self.cluster.leader())
        rows = await connection.fetch(_TEXTS)
        await connection.close()
        found: dict[str, Texts] = {}
        for owner, peer, text in rows:
            sdkappid, _, userid = owner.partition(":")
            assert sdkappid == str(SDKAPPID)
            found.setdefault(userid, {})[peer] = text
        return found


def lose(leader: Node, way: str) -> None:
    """Take the leader away: all of its node, PostgreSQL alone, or let it hang."""
    if way == "node":
        leader.program.kill()
    elif way == "postgres":
        leader.kill_postgres()
    else:
        leader.program.freeze()


def bring_back(leader: Node, way: str) -> None:
    """Undo that. Where PostgreSQL alone was killed, its Patroni has started it already."""
    if way == "node":
        leader.program.start()
    elif way == "freeze":
        leader.program.signal(signal.SIGCONT)


async def prove(options: argparse.Namespace, cluster: Cluster) -> Report:
    """All rounds, ended early by the first that shows a problem."""
    await cluster.start()
    print(f"cluster: {', '.join(programs())}; logs in {cluster.logs}", flush=True)
    migrated = run("migrate", "--store", cluster.url())
    if migrated.returncode:
        raise NotReached(f"chatmarks migrate: {migrated.stderr}")
    report = Report(options.seed, programs(), os.cpu_count() or 1, options.clients, TIMES)
    chance = random.Random(options.seed)
    with contextlib.ExitStack() as stack:
        servers = [serving(stack, cluster, number) for number in range(SERVERS)]
        proof = Proof(cluster, servers, options.clients, options.seed)
        print(head(SERVERS), flush=True)
        for number in range(1, options.rounds + 1):
            report.add(await proof.round(number, chance.choice(options.ways)))
            print(row(report.rounds[-1]), flush=True)
            report.problems = await proof.problems(recent=number < options.rounds)
            if report.problems:
                break
        report.count(proof.tallies, proof.writers)
        report.unknown_found, report.unknown_absent = await proof.unknown()
    return report


def serving(stack: contextlib.ExitStack, cluster: Cluster, number: int) -> Server:
    """A server on the cluster until the end of `stack`."""
    log = stack.enter_context((cluster.logs / f"chatmarks{number}.log").open("a"))
    server = Server("--store", cluster.url(), stderr=log)
    stack.callback(server.kill)
    return server


async def main(options: argparse.Namespace) -> int:
    """Prove it in a directory of our own; the exit code."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    directory = make_shared_directory()
    cluster = Cluster(directory)
    failed = True
    try:
        report = await prove(options, cluster)
        failed = bool(report.problems)
        print(summary(report), *report.problems[:50], sep="\n")
        if options.json:
            options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    except NotReached as error:
        print(error, file=sys.stderr)
    finally:
        if failed:
            print(cluster.tails(), f"the logs are in {cluster.logs}", sep="\n", file=sys.stderr)
        await cluster.stop()
        if not (failed or options.keep):
            shutil.rmtree(directory)
    return int(failed)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Prove that failovers lose nothing acknowledged.")
    parser.add_argument("--rounds", type=int, default=10, help="failovers; 10 unless told")
    parser.add_argument("--seed", type=int, default=secrets.randbits(16), help="of everything random")
    parser.add_argument("--clients", type=int, default=12, help="concurrent writers; 12 unless told")
    parser.add_argument(
        "--ways",
        type=lambda text: text.split(","),
        default=["node"],
        help="how a leader is lost: node (all is killed), postgres (killed alone), freeze (hangs);"
        " several with commas between",
    )
    parser.add_argument("--keep", action="store_true", help="keep the logs in any case")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures go")
    options = parser.parse_args()
    if unknown := set(options.ways) - set(_WAYS):
        parser.error(f"unknown: {', '.join(unknown)}")
    return options


if __name__ == "__main__":
    chosen = arguments()
    print(f"seed {chosen.seed}", flush=True)
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(asyncio.run(main(chosen)))
    sys.exit(130)
