"""Who changed what in the console: a line of JSON each, in the server's log. Never a key or ticket."""

from __future__ import annotations

import sys
import time
from typing import Any

import msgspec


def note(action: str, source: str, **facts: Any) -> None:
    """Log that somebody at the address `source` did `action`; `facts` say to what."""
    line = {"time": round(time.time(), 3), "console": action, "from": source, **facts}
    sys.stderr.write(msgspec.json.encode(line).decode() + "\n")
    sys.stderr.flush()
