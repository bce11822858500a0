"""What the pytest plugin hands to tests: see `docs/testing.md`."""

from __future__ import annotations

from chatmarks.client import ControlledApp
from chatmarks.testing.app_client import AppClient
from chatmarks.testing.server import Server

__all__ = ["AppClient", "ControlledApp", "Server"]
