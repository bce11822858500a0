"""A server whose app has a feed, and readers of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from process import Client, Server, serving

FEED = {"CHATMARKS_APP_FEED": "true"}


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A real server on each engine, of two workers where there can be some."""
    if request.param == "memory":
        arguments = ["--store", "memory:"]
    elif request.param == "sqlite":
        arguments = ["--store", f"sqlite:///{tmp_path}/books.db"]
    else:
        url: str = request.getfixturevalue("postgres_url")
        arguments = ["--store", url, "--workers", "2"]
    with serving(*arguments, environ=FEED) as running:
        yield running


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    async with Client(server.url) as opened:
        yield opened
