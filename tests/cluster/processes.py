"""Programs that are not ours: started as a user who may run them, and killed with all they started."""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

_USER = "postgres"
_TAIL_LINES = 30


def become() -> dict[str, Any]:
    """What makes `Popen` run a program as a user that PostgreSQL accepts: it refuses to be root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(_USER)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def make_shared_directory() -> Path:
    """A new directory that both users get through."""
    path = Path(tempfile.mkdtemp(prefix="chatmarks-cluster-"))
    path.chmod(0o711)
    return path


def make_directory(path: Path) -> Path:
    """A directory for that user alone."""
    path.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(path, _USER, _USER)
    return path


def write_file(path: Path, text: str) -> Path:
    """A file for that user alone."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    if os.geteuid() == 0:
        shutil.chown(path, _USER, _USER)
    return path


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on, and that the system gives to no connection: a node
    that was killed must find its ports free when it comes back."""
    first, last = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()
    given = range(int(first), int(last) + 1)
    free: set[int] = set()
    while len(free) < count:
        port = random.randrange(10_000, 60_000)
        if port not in given and _is_free(port):
            free.add(port)
    return list(free)


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


class Program:
    """A program with a directory and a log of its own. Whatever works in the directory belongs to it,
    also what has left its process group, as PostgreSQL does."""

    def __init__(
        self, name: str, command: Sequence[str], directory: Path, log: Path, environ: Mapping[str, str]
    ) -> None:
        self.name = name
        self.command = command
        self.directory = directory
        self.log = log
        self.environ = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **environ}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.directory,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **become(),
            )

    def signal(self, number: int) -> None:
        """Send a signal to the program and to all that it started."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def freeze(self) -> None:
        """Let nothing of it run, as if its machine hung: its sockets stay open and mute."""
        seen: set[int] = set()
        # What was not stopped yet may have started more.
        while seen < (seen := self.pids() | seen):
            self.signal(signal.SIGSTOP)

    def kill(self) -> None:
        """End everything at once, as a crash of the machine would, and return when it is gone.

        Frozen before, so that no process sees another one die."""
        self.freeze()
        while self.pids():
            self.signal(signal.SIGKILL)
            time.sleep(0.01)
        if self.process:
            self.process.wait()

    def pids(self) -> set[int]:
        """Every process that works in the directory, or below it."""
        return {pid for pid, where in _working_directories() if where.is_relative_to(self.directory)}


def tail(log: Path) -> str:
    """The end of a log."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
    return "\n".join([f"--- {log}", *lines])


def _working_directories() -> Iterator[tuple[int, Path]]:
    for process in Path("/proc").iterdir():
        # A process may go away while it is looked at, or be of somebody else.
        with contextlib.suppress(OSError):
            if process.name.isdigit():
                yield int(process.name), (process / "cwd").readlink()


def postgres_programs() -> Path:
    """The programs of the newest PostgreSQL that Debian has here."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return found[-1].parent


def programs() -> list[str]:
    """What is run, with its version."""
    commands = [[str(postgres_programs() / "postgres"), "--version"], ["patroni", "--version"]]
    commands += [["etcd", "--version"]]
    told = (subprocess.run(command, capture_output=True, text=True, check=True) for command in commands)
    return [one.stdout.splitlines()[0] for one in told]


def patroni_version() -> tuple[int, ...]:
    """As numbers."""
    told = subprocess.run(["patroni", "--version"], capture_output=True, text=True, check=True)
    return tuple(int(part) for part in told.stdout.split()[-1].split(".") if part.isdigit())
