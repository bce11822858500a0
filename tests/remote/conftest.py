"""A real server, a proxy before it that can be told to fail, and a way past the proxy."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator

import pytest

from chatmarks.client import AsyncClient
from chatmarks.remote.pace import Pace
from chatmarks.remote.server import Server
from faulty import Proxy, proxy_before
from harness import ADMIN, KEY, SDKAPPID
from process import Server as Running
from process import serving

_numbers = itertools.count()


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    with serving("--control") as server:
        yield server


@pytest.fixture(scope="session")
def server_url(running: Running) -> str:
    return running.url


@pytest.fixture
def proxy(server_url: str) -> Iterator[Proxy]:
    with proxy_before(server_url) as opened:
        yield opened


@pytest.fixture
async def past(server_url: str) -> AsyncIterator[AsyncClient]:
    """A client that asks past the proxy."""
    async with AsyncClient(server_url, sdkappid=SDKAPPID, identifier=ADMIN, key=KEY) as client:
        yield client


@pytest.fixture
async def server(proxy: Proxy) -> AsyncIterator[Server]:
    """A server that is given up after two seconds."""
    async with server_at(proxy.url, patience_seconds=2.0) as opened:
        yield opened


def server_at(url: str, *, key: str = KEY, patience_seconds: float = 60.0) -> Server:
    return Server(
        url,
        sdkappid=SDKAPPID,
        identifier=ADMIN,
        key=key,
        pace=Pace(1000),
        patience_seconds=patience_seconds,
    )


@pytest.fixture
async def owner(past: AsyncClient) -> str:
    """An account of its own for each test."""
    userid = f"owner_{next(_numbers)}"
    await past.account_import(UserID=userid)
    return userid
