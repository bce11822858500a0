"""An upkeep over each engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatmarks.store import Store
from control.kit import Kit
from control.over_http import Admin
from process import Server, serving


@pytest.fixture
async def kit(store: Store, tmp_path: Path) -> Kit:
    return Kit(store, tmp_path / "snapshots")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A real server that is controlled."""
    with serving("--control") as running:
        yield running


@pytest.fixture
def admin(server: Server) -> Iterator[Admin]:
    """Its tester, who leaves no rule behind."""
    tester = Admin(server)
    yield tester
    tester.ask("DELETE", "/faults")
