"""The server of a test run."""

from __future__ import annotations

from chatmarks.client import Control
from chatmarks.tethered import Tethered


class Server:
    """A server that is controlled. `url`: of the API; `admin_url`: of the admin listener; `control`:
    controls it. Raises `NotStarted`."""

    def __init__(self, process: Tethered) -> None:
        announced = process.announced()
        self.process = process
        self.url: str = announced["url"]
        self.admin_url: str = announced["admin_url"]
        self.control = Control(self.admin_url, url=self.url)

    def __repr__(self) -> str:
        return f"Server({self.url!r})"

    def close(self) -> None:
        """End it."""
        self.control.close()
        self.process.close()
