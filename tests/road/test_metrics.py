"""What a server counts, and what it logs of calls."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chatmarks.cache import BookCache
from chatmarks.call_log import CallLog
from chatmarks.engines.memory import MemoryStore
from chatmarks.engines.sqlite import SqliteStore
from chatmarks.errors import Code
from chatmarks.metrics import Counts, Metrics, Workers, summed, text
from chatmarks.seal import Seal
from chatmarks.service import Observed, Service
from chatmarks.store import Store
from harness import ADMIN, SDKAPPID, Caller, Clock, make_app

GET = "recentcontact/get_contact_group"
LABELS = ("command", "code", "le")
BODY = {"From_Account": ADMIN, "StartIndex": 0}


class Pieces(io.StringIO):
    """Remembers how it was written to."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def write(self, text: str, /) -> int:
        self.pieces.append(text)
        return super().write(text)


class Broken(io.StringIO):
    """A pipe that nobody reads any more."""

    def write(self, _: str, /) -> int:
        raise BrokenPipeError


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    return shown(text(metrics.counts()))


def shown(page: bytes) -> dict[tuple[str, ...], float]:
    """The value of each sample by its name and the values of its labels."""
    return {
        (sample.name, *(sample.labels[name] for name in LABELS if name in sample.labels)): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


async def observed_caller(store: Store, *observers: object) -> Caller:
    await make_app(store)
    clock = Clock()
    return Caller(
        Service(store, Seal(), loopback=True, clock=clock, observers=observers),  # type: ignore[arg-type] # any
        clock,
    )


async def test_calls_are_counted_by_command_and_code() -> None:
    store = MemoryStore()
    metrics = Metrics(store)
    caller = await observed_caller(store, metrics.observe)
    for body in (BODY, BODY, {"From_Account": "nobody", "StartIndex": 0}):
        await caller.call(GET, body)
    await caller.call("no/such", {})
    found = samples(metrics)
    assert found["chatmarks_calls_total", GET, "0"] == 2
    assert found["chatmarks_calls_total", GET, "50001"] == 1
    assert found["chatmarks_calls_total", "", "60009"] == 1


def test_durations_fall_into_the_class_at_or_above_them() -> None:
    metrics = Metrics(MemoryStore())
    for seconds in (0.0005, 0.0006, 3.0):
        metrics.observe(Observed(GET, None, Code.OK, seconds, ""))
    found = samples(metrics)
    bucket = "chatmarks_call_seconds_bucket"
    assert found[bucket, GET, "0.0005"] == 1
    assert found[bucket, GET, "0.001"] == 2
    assert found[bucket, GET, "2.0"] == 2
    assert found[bucket, GET, "+Inf"] == 3
    assert found["chatmarks_call_seconds_count", GET] == 3
    assert found["chatmarks_call_seconds_sum", GET] == 3.0011


async def test_the_embedded_store_counts_its_commits(tmp_path: Path) -> None:
    store = await SqliteStore.open(f"{tmp_path}/books.db", BookCache())
    metrics = Metrics(store)
    caller = await observed_caller(store)
    before = samples(metrics)
    await caller.accounts("one")
    await caller.accounts("two")
    after = samples(metrics)
    assert after["chatmarks_store_commits_total",] == before["chatmarks_store_commits_total",] + 2
    assert after["chatmarks_store_updates_total",] == before["chatmarks_store_updates_total",] + 2
    assert after["chatmarks_store_commit_seconds_total",] > 0
    assert after["chatmarks_store_faults_total",] == 0
    await store.close()


def test_the_counts_of_several_processes_are_added_up() -> None:
    one, other = Metrics(MemoryStore()), Metrics(MemoryStore())
    for metrics, code, seconds in (
        (one, Code.OK, 0.25),
        (other, Code.OK, 3.0),
        (other, Code.HTTP_WRONG, 0.5),
    ):
        metrics.observe(Observed(GET, None, code, seconds, ""))
    other.observe(Observed("", None, Code.NO_SUCH_COMMAND, 0.5, ""))
    stores = (Counts(store={"commits": ("Done.", 2)}), Counts(store={"commits": ("Done.", 3)}))
    found = shown(text(summed([one.counts(), other.counts(), *stores])))
    assert found["chatmarks_calls_total", GET, "0"] == 2
    assert found["chatmarks_calls_total", GET, "60008"] == 1
    assert found["chatmarks_calls_total", "", "60009"] == 1
    assert found["chatmarks_call_seconds_bucket", GET, "0.5"] == 2
    assert found["chatmarks_call_seconds_sum", GET] == 3.75
    assert found["chatmarks_store_commits_total",] == 5


def test_workers_are_told_of_only_where_there_are_several() -> None:
    assert b"workers" not in text(Counts())
    found = shown(text(Counts(), Workers(answering=2, replaced=1)))
    assert found["chatmarks_workers",] == 2
    assert found["chatmarks_workers_replaced_total",] == 1


async def test_a_failed_call_is_logged_as_one_line_of_json_without_secrets() -> None:
    stream = io.StringIO()
    log = CallLog(stream, failed_only=True)
    caller = await observed_caller(MemoryStore(), log.observe)
    mark = {"OptType": 2, "ContactItem": {"Type": 1}, "CustomMark": "a secret text"}
    await caller.ok(GET, BODY)
    await caller.call("recentcontact/mark_contact", {"From_Account": ADMIN, "MarkItem": [mark]})
    log.flush()
    (line,) = stream.getvalue().splitlines()
    logged = json.loads(line)
    assert list(logged) == ["time", "app", "command", "code", "ms", "request"]
    assert logged["app"] == str(SDKAPPID)
    assert logged["command"] == "recentcontact/mark_contact"
    assert logged["code"] == 50002
    assert "secret" not in line
    assert caller.ticket() not in line


async def test_every_call_is_logged_when_asked_and_written_soon() -> None:
    stream = io.StringIO()
    caller = await observed_caller(MemoryStore(), CallLog(stream, failed_only=False).observe)
    await caller.ok(GET, BODY)
    assert stream.getvalue() == ""
    async with asyncio.timeout(5):
        while not stream.getvalue():  # noqa: ASYNC110 - a text has no event
            await asyncio.sleep(0.01)
    assert json.loads(stream.getvalue())["code"] == 0


async def test_lines_are_written_in_pieces_that_several_processes_cannot_tear_apart() -> None:
    stream = Pieces()
    log = CallLog(stream, failed_only=False)
    for _ in range(999):
        log.observe(Observed(GET, "1", Code.OK, 0.001, "id"))
    log.flush()
    log.flush()
    assert len(stream.getvalue().splitlines()) == 999
    assert all(piece.endswith("\n") and len(piece) <= 4096 for piece in stream.pieces)
    assert min(len(piece) for piece in stream.pieces[:-1]) > 3800


async def test_a_thousand_lines_are_written_at_once() -> None:
    stream = io.StringIO()
    log = CallLog(stream, failed_only=False)
    for _ in range(1000):
        log.observe(Observed(GET, "1", Code.OK, 0.001, "id"))
    assert len(stream.getvalue().splitlines()) == 1000
    log.observe(Observed("", "9" * 1000, Code.OK, 0.001, "id"))
    log.flush()
    assert json.loads(stream.getvalue().splitlines()[-1])["app"] == "9" * 20


async def test_a_call_is_answered_though_its_line_cannot_be_written() -> None:
    log, metrics = CallLog(Broken(), failed_only=False), Metrics(MemoryStore())
    caller = await observed_caller(MemoryStore(), log.observe, metrics.observe)
    for _ in range(1001):
        await caller.ok(GET, BODY)
    # Those who observe behind the log are told as well.
    assert samples(metrics)["chatmarks_calls_total", GET, "0"] == 1001


async def test_a_log_that_cannot_be_written_ends_nothing_when_its_time_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = CallLog(Broken(), failed_only=False)
    log.observe(Observed(GET, "1", Code.OK, 0.001, "id"))
    await asyncio.sleep(0.3)
    assert "could not be written" in caplog.text
    log.flush()
