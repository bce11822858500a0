"""A client of the server API, for this server and for the real service alike: see `docs/client.md`.

`Client` and `AsyncClient` have a method for every command of `chatmarks.commands.COMMANDS`. `Control`
is for testers, who control a server of `serve --control`.
"""

from __future__ import annotations

try:
    import httpx2 as _http
    import tenacity as _tenacity
except ModuleNotFoundError as error:
    if error.name not in ("httpx2", "tenacity"):
        raise
    raise ImportError(
        f"chatmarks.client needs {error.name}, which is not installed; pip install 'chatmarks[client]'"
    ) from error

from chatmarks.client.awaiting import AsyncClient
from chatmarks.client.blocking import Client
from chatmarks.client.control import Control
from chatmarks.client.control_road import ControlError
from chatmarks.client.controlled import ControlledApp
from chatmarks.client.errors import ChatError, NoAnswer, OutcomeUnknown
from chatmarks.client.hosts import RegionName
from chatmarks.client.road import Patience
from chatmarks.regions import REGIONS

del _http, _tenacity

__all__ = [
    "REGIONS",
    "AsyncClient",
    "ChatError",
    "Client",
    "Control",
    "ControlError",
    "ControlledApp",
    "NoAnswer",
    "OutcomeUnknown",
    "Patience",
    "RegionName",
]
