"""What a proof found out, for people and for programs."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct

from cluster.writers import Tally, Writer


class Round(Struct):
    """One failover. `gaps`: for each server process, the seconds without an acknowledged write;
    `rejoined_after`: the seconds until the cluster was whole again."""

    number: int
    way: str
    leader: str
    successor: str
    gaps: list[float]
    rejoined_after: float
    acknowledged: int


class Report(Struct):
    """All of it. Whether a change of which nobody knew is there was looked up at the end."""

    seed: int
    programs: list[str]
    processors: int
    clients: int
    times: dict[str, int]
    rounds: list[Round] = []
    worst_gap: float = 0.0
    acknowledged: int = 0
    unknown_found: int = 0
    unknown_absent: int = 0
    repeated: int = 0
    unanswered: int = 0
    refused: dict[str, int] = {}
    looks: int = 0
    slowest_answer: float = 0.0
    problems: list[str] = []

    def add(self, done: Round) -> None:
        self.rounds.append(done)
        self.worst_gap = max([self.worst_gap, *done.gaps])

    def count(self, tallies: list[Tally], writers: list[Writer]) -> None:
        """Take the numbers of those who wrote."""
        refused: Counter[int] = sum((tally.refused for tally in tallies), Counter())
        self.refused = {str(code): number for code, number in sorted(refused.items())}
        self.repeated = sum(tally.repeated for tally in tallies)
        self.unanswered = sum(tally.unanswered for tally in tallies)
        self.looks = sum(tally.looks for tally in tallies)
        self.slowest_answer = round(max(tally.slowest for tally in tallies), 2)
        writes = [write for writer in writers for known in writer.histories for write in known.writes]
        self.acknowledged = sum(write.acknowledged for write in writes)


def row(done: Round) -> str:
    """A round as a line of the table."""
    gaps = "".join(f"{gap:10.1f}" for gap in done.gaps)
    return (
        f"{done.number:5} {done.way:9} {done.leader:7} {done.successor:10}{gaps}"
        f"{done.rejoined_after:10.1f}{done.acknowledged:14}"
    )


def head(servers: int) -> str:
    """The head of the table."""
    gaps = "".join(f"{f'gap {number}, s':>10}" for number in range(1, servers + 1))
    return f"round way       leader  successor {gaps}  whole, s  acknowledged"


def summary(report: Report) -> str:
    """What counts, in words."""
    refused = ", ".join(f"{code} {number} times" for code, number in report.refused.items()) or "none"
    return "\n".join(
        [
            f"worst gap        {report.worst_gap:.1f} s",
            f"acknowledged     {report.acknowledged} changes",
            f"calls repeated   {report.repeated}",
            f"error answers    {refused}",
            f"without answer   {report.unanswered}",
            f"never known      {report.unknown_found} there, {report.unknown_absent} not there",
            f"looked up        {report.looks} right after the answer, through the other process",
            f"slowest answer   {report.slowest_answer} s",
            f"problems         {len(report.problems)}",
        ]
    )
