"""A server for the tests of one file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from process import Client, Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server on a SQLite file."""
    with serving("--store", f"sqlite:///{tmp_path_factory.mktemp('store')}/books.db") as running:
        yield running


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    async with Client(server.url) as opened:
        yield opened


@pytest.fixture
def file_url(tmp_path: Path) -> str:
    """The URL of a SQLite store of a test's own."""
    return f"sqlite:///{tmp_path}/books.db"
