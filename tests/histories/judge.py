"""What is wrong with recorded histories, for programs and for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from histories.checker import Operation, Undecided, shortened
from histories.model import is_idle, searched, step
from histories.recorder import DIED, History


class Tally(Struct):
    """What was checked on one engine. `unknown` counts the changes that were never answered,
    `killed` the histories in which servers or workers were, `died` the servers that ended just between
    a commit and its answer."""

    engine: str
    histories: int = 0
    accounts: int = 0
    calls: int = 0
    unknown: int = 0
    killed: int = 0
    died: int = 0
    violations: int = 0
    undecided: int = 0
    problems: list[str] = []

    def add(self, history: History, seed: int, directory: Path) -> None:
        """Check a history. What is wrong becomes a problem, and files in `directory`."""
        operations = history.operations
        self.histories += 1
        self.accounts += len(history.accounts)
        self.calls += len(operations)
        self.unknown += sum(
            operation.answer is None and not is_idle(operation) for operation in operations
        )
        self.killed += history.way in ("killed", "crashed", "worker")
        self.died += history.way == "died" and history.exit_code == DIED
        for userid, calls in history.accounts.items():
            try:
                if not is_refused(calls):
                    continue
                self.violations += 1
            except Undecided as error:
                self.undecided += 1
                self.problems.append(f"{userid}: {error}")
                continue
            name = f"{self.engine}, seed {seed}, history {history.number} ({history.way}), {userid}"
            text = f"{name}: no order explains the answers\n{told(calls)}"
            path = directory / f"{self.engine}-{seed}-{history.name}-{userid}.json"
            path.write_bytes(msgspec.json.encode(calls))
            path.with_suffix(".txt").write_text(text, encoding="utf-8")
            self.problems.append(f"{text}\nthe whole history: {path}")


def is_refused(operations: Sequence[Operation]) -> bool:
    """Whether no order explains the answers. Raises `Undecided`."""
    return searched(operations).order() is None


def told(operations: Sequence[Operation]) -> str:
    """A refused history, shortened, with what the model would have answered where it ends."""
    part = shortened(operations, is_refused, is_idle)
    search = searched(part)
    search.order()
    began_at = min(operation.begin for operation in operations)
    lines = [f"{len(part)} of {len(operations)} calls, milliseconds from begin to end:"]
    lines += [_line(operation, began_at) for operation in part]
    lines += ["", "the longest order that explains its answers:"]
    lines += [_line(operation, began_at) for operation in search.longest]
    lines += ["", "after which these would have been answered otherwise:"]
    for operation in part:
        if operation not in search.longest and operation.answer is not None:
            _, answer = step(search.stuck_at, operation)
            lines += [_line(operation, began_at), f"    by the model: {answer.decode()}"]
    return "\n".join(lines)


def _line(operation: Operation, began_at: float) -> str:
    begin = f"{1000 * (operation.begin - began_at):8.2f}"
    end = "       ?" if operation.end is None else f"{1000 * (operation.end - began_at):8.2f}"
    answer = "no answer" if operation.answer is None else operation.answer.decode()
    command = operation.path.partition("/")[2]
    return f"{begin} {end} {operation.server} {command} {operation.body.decode()}\n    {answer}"
