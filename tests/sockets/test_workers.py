"""Several workers behind one socket: calls, counts, deaths and ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from harness import ADMIN
from process import PROGRAM, Client, Server, client_of_each_worker, run, serving

GET = "recentcontact/get_contact_group"
BODY = {"From_Account": ADMIN, "StartIndex": 0}
IMPORT = "im_open_login_svc/account_import"
PATIENCE = 30.0


@pytest.fixture
def server(file_url: str) -> Iterator[Server]:
    with serving("--store", file_url, "--workers", "2") as running:
        yield running


def admin(server: Server, path: str) -> httpx.Response:
    return httpx.get(f"{server.announced['admin_url']}{path}", trust_env=False, timeout=PATIENCE)


def metrics(server: Server) -> dict[str, float]:
    """Every sample by its name and labels."""
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(admin(server, "/metrics").text)
        for sample in family.samples
    }


def counters(server: Server) -> dict[str, float]:
    """Those samples that must never fall."""
    return {name: value for name, value in metrics(server).items() if name != "chatmarks_workers"}


def calls(found: dict[str, float], command: str) -> float:
    return found[f"chatmarks_calls_total 0 {command}"]


def fallen(before: dict[str, float], after: dict[str, float]) -> dict[str, tuple[float, float]]:
    """The samples that are less than they were, or gone."""
    return {
        name: (value, after.get(name, -1.0))
        for name, value in before.items()
        if after.get(name, -1.0) < value
    }


def runs(pid: int) -> bool:
    """Whether there is such a process; one that only waits to be noticed has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what no event tells of."""
    async with asyncio.timeout(PATIENCE):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110 - it says so
            await asyncio.sleep(0.05)


async def test_calls_are_answered_by_all_workers_and_counted_together(server: Server) -> None:
    assert len(server.workers()) == 2
    async with contextlib.AsyncExitStack() as stack:
        first, second = await client_of_each_worker(stack, server.url, 2)
        before = metrics(server)
        for client, count in ((first, 3), (second, 4)):
            for number in range(count):
                await client.ok(IMPORT, {"UserID": f"user{count}{number}"})
        await second.ok(GET, BODY)
        after = metrics(server)
    assert calls(after, IMPORT) == 7
    assert calls(after, GET) == 1
    assert after[f"chatmarks_call_seconds_count {IMPORT}"] == 7
    stored = "chatmarks_store_updates_total"
    assert after[stored] == before[stored] + 7
    assert after["chatmarks_workers"] == 2
    assert after["chatmarks_workers_replaced_total"] == 0


async def test_what_one_worker_kept_another_finds(server: Server) -> None:
    async with contextlib.AsyncExitStack() as stack:
        first, second = await client_of_each_worker(stack, server.url, 2)
        group = {"GroupName": "work", "ContactItem": [{"Type": 1, "To_Account": ADMIN}]}
        made = {"From_Account": ADMIN, "GroupContactItem": [group]}
        await first.ok("recentcontact/create_contact_group", made)
        found = await second.ok(GET, BODY)
    assert found["ContactItem"][0]["ContactGroupId"] == [1]


async def test_a_killed_worker_is_replaced_while_calls_go_on_and_its_counts_are_kept(
    server: Server,
) -> None:
    workers = server.workers()
    async with contextlib.AsyncExitStack() as stack:
        clients = await client_of_each_worker(stack, server.url, 2)
        names = [await client.answered_by() for client in clients]
        for client in (clients[0], clients[1], clients[1]):
            await client.ok(GET, BODY)
        highest = counters(server)
        assert calls(highest, GET) == 3
        os.kill(min(workers), signal.SIGKILL)

        def replaced() -> bool:
            now = counters(server)
            assert fallen(highest, now) == {}
            highest.update(now)
            return now["chatmarks_workers_replaced_total"] == 1

        answered = 0
        replacing = asyncio.create_task(until(replaced))
        while not replacing.done():
            answered += await is_answered(server.url)
        await replacing
        assert answered
        assert len(server.workers() - workers) == 1
        # One of the two connections is to the worker that it was to.
        now = [await client.answered_by() for client in clients]
        assert [name in now for name in names].count(True) == 1
        found = metrics(server)
        assert calls(found, GET) == 3 + answered
        assert found["chatmarks_workers"] == 2
        await client_of_each_worker(stack, server.url, 2)


async def is_answered(url: str) -> bool:
    """Whether a call with a connection of its own is answered: it is not if the kill hit it."""
    async with Client(url) as client:
        try:
            await client.ok(GET, BODY)
        except httpx.TransportError:
            return False
    return True


async def test_a_worker_that_is_told_to_end_is_replaced_and_loses_no_count(server: Server) -> None:
    (told, other) = server.workers()
    async with contextlib.AsyncExitStack() as stack:
        for client in await client_of_each_worker(stack, server.url, 2):
            for _ in range(5):
                await client.ok(GET, BODY)
        os.kill(told, signal.SIGTERM)
        await until(lambda: metrics(server)["chatmarks_workers_replaced_total"] == 1)
    assert not runs(told)
    assert other in server.workers()
    assert calls(metrics(server), GET) == 10


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_parent_ends_all_well(file_url: str, number: signal.Signals) -> None:
    server = Server("--store", file_url, "--workers", "3")
    workers = server.workers()
    assert len(workers) == 3
    server.process.send_signal(number)
    assert server.process.wait(PATIENCE) == 0
    server.stdout.close()
    assert [pid for pid in workers if runs(pid)] == []


async def test_workers_end_by_themselves_when_their_parent_is_killed(file_url: str) -> None:
    server = Server("--store", file_url, "--workers", "2")
    workers = server.workers()
    async with contextlib.AsyncExitStack() as stack:
        clients = await client_of_each_worker(stack, server.url, 2)
        await asyncio.gather(*(client.ok(IMPORT, {"UserID": "kept"}) for client in clients))
        server.kill()
        began = time.monotonic()
        await until(lambda: not any(map(runs, workers)))
        assert time.monotonic() - began < 10
    with serving("--store", file_url) as again:
        async with Client(again.url) as client:
            found = await client.ok(
                "im_open_login_svc/account_check", {"CheckItem": [{"UserID": "kept"}]}
            )
    assert found["ResultItem"][0]["AccountStatus"] == "Imported"


def test_what_a_worker_cannot_start_with_is_one_clear_line(file_url: str, tmp_path: Path) -> None:
    ports = ("--port", "0", "--admin-port", "0")
    absent = str(tmp_path / "absent.pem")
    tls = ("--tls-cert", absent, "--tls-key", absent)
    finished = run("serve", "--store", file_url, "--workers", "2", *ports, *tls)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr == (
        f"chatmarks: certificate {absent} with key {absent}: [Errno 2] No such file or directory\n"
    )


def logging_server(file_url: str, log: Path) -> Server:
    with log.open("w") as stream:
        return Server("--store", file_url, "--workers", "2", stderr=stream)


async def test_a_worker_that_cannot_start_again_is_tried_again_later(tmp_path: Path) -> None:
    log = tmp_path / "log"
    folder, aside = tmp_path / "store", tmp_path / "aside"
    folder.mkdir()
    server = logging_server(f"sqlite:///{folder}/books.db", log)
    folder.rename(aside)
    (killed, _) = server.workers()
    os.kill(killed, signal.SIGKILL)
    await until(lambda: log.read_text().count("there is no store") >= 2)
    assert metrics(server)["chatmarks_workers"] == 1
    aside.rename(folder)
    await until(lambda: metrics(server)["chatmarks_workers"] == 2)
    lines = log.read_text().splitlines()
    assert f"worker {killed} was ended by signal 9; another takes its place at once" in lines[0]
    assert "another takes its place in 1 s" in lines[1]
    assert "another takes its place in 2 s" in lines[2]
    assert server.stop() == 0


def test_a_worker_that_ends_before_it_answers_is_one_clear_line(file_url: str) -> None:
    process = subprocess.Popen(
        [*PROGRAM, "serve", "--store", file_url, "--workers", "2", "--port", "0", "--admin-port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while process.poll() is None:
        with contextlib.suppress(OSError):
            for pid in children.read_text().split():
                os.kill(int(pid), signal.SIGKILL)
    printed, told = process.communicate()
    assert (process.returncode, printed) == (2, "")
    assert told == "chatmarks: a worker was ended by signal 9 before it answered calls\n"


async def test_no_worker_is_no_readiness(tmp_path: Path) -> None:
    folder, aside = tmp_path / "store", tmp_path / "aside"
    folder.mkdir()
    server = logging_server(f"sqlite:///{folder}/books.db", tmp_path / "log")
    assert admin(server, "/readyz").text == "ok\n"
    folder.rename(aside)
    for pid in server.workers():
        os.kill(pid, signal.SIGKILL)
    await until(lambda: metrics(server)["chatmarks_workers"] == 0)
    answer = admin(server, "/readyz")
    assert (answer.status_code, answer.text) == (503, "not ready: no worker answers calls\n")
    assert server.stop() == 0
