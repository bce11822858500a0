"""What a server counts, and what it logs of calls."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from chatmarks.call_log import CallLog
from chatmarks.engines.memory import MemoryStore
from chatmarks.engines.sqlite import SqliteStore
from chatmarks.errors import Code
from chatmarks.metrics import Metrics
from chatmarks.seal import Seal
from chatmarks.service import Observed, Service
from chatmarks.store import Store
from harness import ADMIN, SDKAPPID, Caller, Clock, make_app

GET = "recentcontact/get_contact_group"
LABELS = ("command", "code", "le")
BODY = {"From_Account": ADMIN, "StartIndex": 0}


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """The value of each sample by its name and the values of its labels."""
    return {
        (sample.name, *(sample.labels[name] for name in LABELS if name in sample.labels)): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
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
    store = await SqliteStore.open(f"{tmp_path}/books.db")
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


async def test_a_thousand_lines_are_written_at_once() -> None:
    stream = io.StringIO()
    log = CallLog(stream, failed_only=False)
    for _ in range(1000):
        log.observe(Observed(GET, "1", Code.OK, 0.001, "id"))
    assert len(stream.getvalue().splitlines()) == 1000
    log.observe(Observed("", "9" * 1000, Code.OK, 0.001, "id"))
    log.flush()
    assert json.loads(stream.getvalue().splitlines()[-1])["app"] == "9" * 20
