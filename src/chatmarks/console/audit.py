"""Who changed what in the console: a line of JSON each, in the server's log. Never a key or ticket."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import Any


def note(action: str, source: str, **facts: Any) -> None:
    """Log that somebody at the address `source` did `action`; `facts` say to what."""
    line = {"time": round(time.time(), 3), "console": action, "from": source, **facts}
    # In ASCII, whatever is in it. What was done is done, also where the log can no longer be written.
    with contextlib.suppress(OSError):
        sys.stderr.write(json.dumps(line) + "\n")
        sys.stderr.flush()
