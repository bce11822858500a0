"""`python -m chatmarks.tethered serve …`: as `chatmarks`, but it ends when its standard input does.

So a server that a test run started ends with the run, however that ends.
"""

from __future__ import annotations

import os
import signal
import threading

from chatmarks.cli import main

_STANDARD_INPUT = 0


def _end_with_input() -> None:
    while os.read(_STANDARD_INPUT, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_input, daemon=True).start()
    main(prog_name="chatmarks")
