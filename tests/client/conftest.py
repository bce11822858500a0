"""A real server, a proxy before it that can be told to fail, and both clients behind one face."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from anyio.from_thread import start_blocking_portal

from chatmarks.client import AsyncClient, Client
from client.callers import Awaited, Make
from faulty import Proxy, proxy_before
from harness import ADMIN, KEY, SDKAPPID
from process import serving

_numbers = itertools.count()


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    with serving() as server:
        yield server.url


@pytest.fixture
def proxy(server_url: str) -> Iterator[Proxy]:
    with proxy_before(server_url) as opened:
        yield opened


@pytest.fixture(params=["blocking", "awaited"])
def flavour(request: pytest.FixtureRequest) -> Literal["blocking", "awaited"]:
    kind: Literal["blocking", "awaited"] = request.param
    return kind


@pytest.fixture
def make(proxy: Proxy, flavour: str) -> Iterator[Make]:
    """Makes clients that are closed afterwards."""
    with contextlib.ExitStack() as stack:
        portal = None if flavour == "blocking" else stack.enter_context(start_blocking_portal())

        def made(url: Any = None, **options: Any) -> Any:
            settings = {"sdkappid": SDKAPPID, "identifier": ADMIN, **options}
            if "usersig" not in settings:
                settings.setdefault("key", KEY)
            if portal is None:
                return stack.enter_context(Client(url or proxy.url, **settings))
            client = AsyncClient(url or proxy.url, **settings)
            stack.callback(portal.call, client.aclose)
            return Awaited(portal, client)

        yield made


@pytest.fixture
def owner(server_url: str) -> str:
    """An account of its own for each test."""
    userid = f"owner_{next(_numbers)}"
    with Client(server_url, sdkappid=SDKAPPID, identifier=ADMIN, key=KEY) as client:
        client.account_import(UserID=userid)
    return userid
