"""What the control API answers when the store has bad luck."""

from __future__ import annotations

import logging
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from chatmarks.control.journal import Journal
from chatmarks.control.parts import Parts
from chatmarks.control.routes import control_routes
from chatmarks.engines.memory import MemoryStore
from control.kit import Kit
from harness import SDKAPPID, make_app
from nasty import Fate, NastyStore


def client(kit: Kit, fate: Fate) -> httpx.AsyncClient:
    """Who calls the routes over a store that always has this fate."""
    store = NastyStore(kit.store, 1, [fate])
    parts = Parts(store, kit.of(store), kit.snapshots, kit.clocks, kit.faults, Journal())
    transport = httpx.ASGITransport(Starlette(routes=control_routes(parts)))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost/control")


@pytest.fixture
async def kit(tmp_path: Path) -> Kit:
    store = MemoryStore()
    await make_app(store)
    return Kit(store, tmp_path / "snapshots")


async def test_a_busy_store_is_503(kit: Kit) -> None:
    async with client(kit, Fate.BUSY) as http:
        response = await http.post(f"/apps/{SDKAPPID}/reset")
    assert response.status_code == 503
    assert response.json() == {"error": "the store is busy; try again later"}


async def test_a_fault_of_the_store_is_500_and_its_reason_in_the_log(
    kit: Kit, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        async with client(kit, Fate.DIES) as http:
            response = await http.post(f"/apps/{SDKAPPID}/reset")
    assert response.status_code == 500
    assert response.json() == {"error": "server error; the server's log has the reason"}
    assert "Died" in caplog.text
    assert "Died" not in response.text


async def test_a_method_that_is_not_for_a_path_is_told_which_are(kit: Kit) -> None:
    async with client(kit, Fate.PLAIN) as http:
        response = await http.put("/journal")
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, DELETE"


async def test_who_asks_for_the_head_gets_what_who_reads_would_get(kit: Kit) -> None:
    async with client(kit, Fate.PLAIN) as http:
        assert (await http.head(f"/apps/{SDKAPPID}")).status_code == 200
        assert (await http.head("/apps/1")).status_code == 404


async def test_the_store_of_a_snapshot_that_failed_leaves_no_file(kit: Kit) -> None:
    async with client(kit, Fate.DIES) as http:
        assert (await http.put(f"/apps/{SDKAPPID}/snapshots/a")).status_code == 500
    assert [file for file in kit.folder.rglob("*") if file.is_file()] == []
