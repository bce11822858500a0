"""What is drawn depends on the seed alone, and meets both sides of the limits."""

from __future__ import annotations

from collections import Counter
from random import Random

from chatmarks.commands import COMMANDS
from chatmarks.parity.asks import Ask, Reply
from chatmarks.parity.bodies import account, found
from chatmarks.parity.random_calls import drawn_calls
from parity.conftest import Run

PEOPLE = [account(f"friend{number}") for number in range(5)]
FAMILY = {path for path in COMMANDS if path.startswith("recentcontact/")}


def drawn(seed: int, count: int) -> list[Ask]:
    return list(drawn_calls(Random(seed), ("owner", "nobody"), PEOPLE, "room", count))


def test_the_same_seed_draws_the_same_calls_and_another_draws_others() -> None:
    assert drawn(1, 200) == drawn(1, 200)
    assert drawn(1, 200) != drawn(2, 200)


def test_all_eight_commands_are_drawn() -> None:
    assert {ask.command for ask in drawn(1, 200)} >= FAMILY


async def test_two_runs_with_one_seed_ask_the_same(run: Run) -> None:
    first: list[Ask] = []
    second: list[Ask] = []
    await run(asked=first)
    await run(asked=second)
    # Chat groups whose ids the servers drew differ.
    generated = [[ask for ask in asked if b"@TGS#" not in ask.content] for asked in (first, second)]
    assert generated[0] == generated[1]
    assert len(generated[0]) > 0.9 * len(first)


async def test_drawn_calls_are_mostly_done_and_meet_every_kind_of_refusal(run: Run) -> None:
    answered: Counter[int | None] = Counter()

    def wrap(ask: Ask, reply: Reply) -> Reply:
        if ask.command in FAMILY and found(ask.body, "From_Account") is not None:
            answered[reply.code] += 1
        return reply

    report = await run(wrap=wrap, calls=3000)
    assert report.differences == []
    assert answered[0] > answered.total() / 3
    assert {50001, 50002, 51006, 51009, 51010, 51011} <= answered.keys()
