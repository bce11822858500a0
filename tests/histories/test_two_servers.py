"""What two servers on one store answer to concurrent clients always has an order, whatever dies."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

import msgspec
import pytest

from chatmarks.envelope import encode_answer
from harness import account
from histories.calls import MARK, everything
from histories.checker import Operation
from histories.judge import Tally, is_refused, told
from histories.model import IMPORT, without_times
from histories.proof import ENGINES, prove
from histories.recorder import DIED, DIES_AFTER, History, Way
from histories.servers import Pair
from histories.wire import NoAnswer, Wire

# 150 on each engine, in parts of some seconds, for those who run them side by side.
PARTS: list[tuple[Way, int]] = [("unharmed", 70), ("unharmed", 70), ("killed", 5), ("died", 5)]


@pytest.fixture(params=ENGINES)
def shared_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh store of each engine that two processes can share."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/books.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.mark.parametrize(("way", "histories"), PARTS)
async def test_what_is_answered_has_an_order(
    shared_url: str, tmp_path: Path, way: Way, histories: int
) -> None:
    planned = [(number, way) for number in range(histories)]
    tally = await prove("tested", shared_url, secrets.randbits(16), planned, tmp_path)
    assert not tally.problems, "\n\n".join(tally.problems)
    assert tally.histories == histories
    assert tally.calls > 20 * histories
    # Who was not reached by the change it should die with was killed.
    assert (tally.died > 0) == (way == "died")


async def test_servers_that_may_answer_from_old_books_are_found_out(
    shared_url: str, tmp_path: Path
) -> None:
    planned: list[tuple[int, Way]] = [(number, "unharmed") for number in range(2)]
    stale = {"CHATMARKS_MAX_STALE_MS": "1000"}
    tally = await prove("stale", shared_url, 1, planned, tmp_path, environ=stale)
    assert tally.violations


async def called(url: str, path: str, body: bytes) -> Operation:
    """One call with a connection of its own."""
    begin = time.monotonic()
    async with Wire(url) as wire:
        try:
            answer = without_times(await wire.call(path, body))
        except NoAnswer:
            return Operation(path, body, begin, None, None)
    return Operation(path, body, begin, time.monotonic(), answer)


async def test_a_change_whose_server_died_before_its_answer_is_seen_by_all(shared_url: str) -> None:
    items = [{"OptType": 2, "ContactItem": account("bob"), "CustomMark": "the last words"}]
    mark = msgspec.json.encode({"From_Account": "alice", "MarkItem": items})
    async with Pair(shared_url, {}) as pair:
        await pair.end(1)
        await pair.start(1, {DIES_AFTER: "1"})
        url, mortal = pair.urls().values()
        imported = await called(url, IMPORT, b'{"UserID":"alice"}')
        # From here on the other server has the book in memory.
        before = await called(url, *everything("alice"))
        unknown = await called(mortal, MARK, mark)
        assert unknown.answer is None
        assert await pair.end(1) == DIED
        after = await called(url, *everything("alice"))
        assert b"the last words" in (after.answer or b"")
        await pair.start(1)
        again = await called(pair.urls()["B"], *everything("alice"))
    assert again.answer == after.answer
    assert not is_refused([imported, before, unknown, after, again])
    assert is_refused([imported, before, after, again])


def test_a_refused_history_is_kept_and_told(tmp_path: Path) -> None:
    calls = [
        Operation(IMPORT, b'{"UserID":"alice"}', 1, 2, encode_answer(None), "A"),
        Operation(*everything("alice"), 3, 4, b'{"ErrorCode":50001}', "B"),
    ]
    tally = Tally("an engine")
    tally.add(History(7, "unharmed", {"alice": calls}), 5, tmp_path)
    (problem,) = tally.problems
    assert problem.startswith("an engine, seed 5, history 7 (unharmed), alice: no order")
    (path,) = tmp_path.glob("*.json")
    assert msgspec.json.decode(path.read_bytes(), type=list[Operation]) == calls
    assert told(calls) in path.with_suffix(".txt").read_text(encoding="utf-8")
    assert 'by the model: {"ContactItem":[],' in problem
