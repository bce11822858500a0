"""Fixtures over all engines, and the rule that every command and every code is met in a whole run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import postgres
from chatmarks.commands import COMMANDS
from chatmarks.engines import connections, group_commit, open_store
from chatmarks.engines import postgres as postgres_engine
from chatmarks.errors import Code, Fail
from chatmarks.service import Service
from chatmarks.store import Store
from harness import Caller, make_caller

ENGINES = ("memory", "sqlite", "postgresql")
_PATIENCE_SECONDS = 30.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=ENGINES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh store of each engine."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return "memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/books.db"


@pytest.fixture(scope="session")
def postgres_database() -> Iterator[str]:
    """A real PostgreSQL with our tables, for this process of the run."""
    with postgres.database() as url:
        postgres.make_tables(url)
        yield url


@pytest.fixture
def postgres_url(postgres_database: str) -> str:
    """The URL of a PostgreSQL store without rows."""
    postgres.empty(postgres_database)
    return postgres_database


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines that a slow disk keeps, too, for tests that are about something else."""
    for engine in (connections, postgres_engine):
        monkeypatch.setattr(engine, "CHANGE_SECONDS_MAX", _PATIENCE_SECONDS)
    monkeypatch.setattr(connections, "ASK_SECONDS_MAX", _PATIENCE_SECONDS)
    monkeypatch.setattr(group_commit, "BUSY_SECONDS_MAX", _PATIENCE_SECONDS)


@pytest.fixture
async def store(store_url: str, patient: None) -> AsyncIterator[Store]:
    opened = await open_store(store_url)
    yield opened
    await opened.close()


@pytest.fixture
async def caller(store: Store) -> Caller:
    """An administrator of the app 1400000000 with the default profile, at 1700000000."""
    return await make_caller(store)


class Met:
    """Which commands were called and which codes were answered, over all workers of a run."""

    def __init__(self) -> None:
        self.commands: set[str] = set()
        self.codes: set[int] = set()

    def note(self, answer: bytes) -> None:
        self._note_codes(msgspec.json.decode(answer))

    def _note_codes(self, value: Any) -> None:
        if isinstance(value, dict):
            self.codes.update(value[name] for name in ("ErrorCode", "ResultCode") if name in value)
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                self._note_codes(item)

    def missing(self) -> list[str]:
        uncalled = [f"command never called: {path}" for path in COMMANDS if path not in self.commands]
        unmet = [f"code never answered: {code} {code.name}" for code in Code if code not in self.codes]
        return uncalled + unmet


MET = Met()


def pytest_configure(config: pytest.Config) -> None:
    """Watch every answer that leaves a service of this process."""
    handle, refuse = Service.handle, Service.refuse

    async def handle_watched(self: Service, path: str, query: bytes, body: bytes, **more: Any) -> bytes:
        answer = await handle(self, path, query, body, **more)
        MET.commands.add(path.removeprefix("/v4/").removeprefix("/"))
        MET.note(answer)
        return answer

    def refuse_watched(self: Service, fail: Fail) -> bytes:
        answer = refuse(self, fail)
        MET.note(answer)
        return answer

    Service.handle = handle_watched  # type: ignore[method-assign] # it only watches
    Service.refuse = refuse_watched  # type: ignore[method-assign]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Collect what a worker of pytest-xdist met."""
    output = getattr(node, "workeroutput", {})
    MET.commands.update(output.get("commands", ()))
    MET.codes.update(output.get("codes", ()))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput["commands"] = sorted(MET.commands)
        config.workeroutput["codes"] = sorted(MET.codes)
        return
    whole = config.args == config.getini("testpaths") and not config.option.keyword
    if whole and exitstatus == pytest.ExitCode.OK and (missing := MET.missing()):
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        assert reporter is not None
        for line in missing:
            reporter.write_line(line, red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
