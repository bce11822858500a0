"""Draw what a server does while it is saturated with searches of 1: python -m bench.flame FILE.svg.

Needs py-spy (PyPI) on the PATH and the right to look into other processes, as root has. With `--source`
the server is that of another tree, to compare two states of the project.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import subprocess
import tempfile
from pathlib import Path

from bench import calls, machine, stores
from bench.books import shelved
from bench.cases import Load
from bench.generator import saturate
from process import Server, signed_query

_SECONDS = 20
_SAMPLES_A_SECOND = 500
_COMMAND_LINE = re.compile(r"py-spy record [^<]*")


def main() -> None:
    """Start a server, ask it for as long as py-spy looks, and stop it."""
    parser = argparse.ArgumentParser(prog="python -m bench.flame", description=__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--source", type=Path, help="the src folder of another tree")
    options = parser.parse_args()
    environ = {"PYTHONPATH": str(options.source.resolve())} if options.source else {}
    cores = machine.cores()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=stores.cache())))
        stack.enter_context(machine.on_core(cores.generator))
        url = f"sqlite:///{folder}/books.db"
        stores.fill(url, shelved())
        calls.write(folder / "calls", Load("search"), signed_query(), 0)
        with machine.on_core(cores.server):
            server = Server("--store", url, "--log-calls", "failed", environ=environ)
        stack.callback(server.stop)
        saturate(server.url, folder / "calls", 64, 2, ())
        spy = stack.enter_context(_spied(server.process.pid, options.picture))
        heard = saturate(server.url, folder / "calls", 64, _SECONDS + 2, ())
        spy.wait()
    # py-spy writes its command line into it, with the folders of this machine.
    drawn = options.picture.read_text(encoding="utf-8")
    options.picture.write_text(_COMMAND_LINE.sub("Searches of 1", drawn), encoding="utf-8")
    print(f"{options.picture}: {heard.calls / heard.seconds:,.0f} calls a second under py-spy")


def _spied(pid: int, picture: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            "py-spy",
            "record",
            "--nonblocking",
            f"--rate={_SAMPLES_A_SECOND}",
            f"--duration={_SECONDS}",
            f"--pid={pid}",
            f"--output={picture}",
        ],
        stdout=subprocess.DEVNULL,
        env=os.environ,
    )


if __name__ == "__main__":
    main()
