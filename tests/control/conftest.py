"""An upkeep over each engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatmarks.store import Store
from control.kit import Kit


@pytest.fixture
async def kit(store: Store, tmp_path: Path) -> Kit:
    return Kit(store, tmp_path / "snapshots")
