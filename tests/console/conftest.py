"""Real servers, and browsers without a screen that look at their consoles."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from console.browser import chromium
from console.visitor import Visitor
from process import Server, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A real server with a journal."""
    with serving("--control") as running:
        yield running


@pytest.fixture
def visitor(server: Server) -> Iterator[Visitor]:
    with Visitor(server.announced["admin_url"]) as somebody:
        yield somebody


@pytest.fixture(scope="module")
def unwatched() -> Iterator[Visitor]:
    """Who visits the console of a server without a journal."""
    with serving() as running, Visitor(running.announced["admin_url"]) as somebody:
        yield somebody


# Part of the tests wherever there is a Chromium, as .ci/run sees to.
collect_ignore = [] if chromium() else ["test_in_browser.py"]
