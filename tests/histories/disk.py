"""Disks between SQLite and the disk: what is written passes them, and may fail there.

Mounted for a process: whatever it opens meanwhile is on them.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import random
import threading
from collections.abc import Generator
from typing import Any

import apsw

_NUMBERS = itertools.count()


class Disk:
    """A disk that does what it is told; others override what they like. Each method is called before
    it is done, on whatever thread does it, and may raise what `failure` makes. `torn`: whether half of
    a write that fails is written all the same."""

    torn = False

    def writing(self, name: str, data: bytes, offset: int) -> None:
        """`data` is about to be written."""

    def syncing(self, name: str) -> None:
        """What was written to a file is about to be made durable."""

    def truncating(self, name: str, size: int) -> None:
        """A file is about to be cut."""

    def deleting(self, name: str) -> None:
        """A file is about to be deleted."""

    def mount(self) -> apsw.VFS:
        """Let all files that SQLite opens from now on be on it."""
        return _Mounted(self, f"disk-{next(_NUMBERS)}")

    @contextlib.contextmanager
    def mounted(self) -> Generator[None, None, None]:
        """The same for a block, in which all of them must be closed again."""
        mounted = self.mount()
        try:
            yield
        finally:
            mounted.unregister()


def failure(number: int) -> apsw.Error:
    """What SQLite gets where a system call failed with that `errno`."""
    full = number == errno.ENOSPC
    return apsw.FullError("no space left") if full else apsw.IOError("input or output failed")


class FaultyDisk(Disk):
    """A disk on which every nth write, sync, or either fails while it is `on`, with EIO or ENOSPC; a
    write perhaps in its middle. Which of that it is comes from the seed. `faults`: how many there
    were."""

    def __init__(self, seed: int | str) -> None:
        chance = random.Random(f"disk {seed}")
        self.on = True
        self.faults = 0
        self._kinds = chance.choice([("write",), ("sync",), ("write", "sync")])
        self._every = chance.randint(2, 25)
        self._errno = chance.choice([errno.EIO, errno.ENOSPC])
        self.torn = chance.random() < 0.5
        self._calls = 0
        self._lock = threading.Lock()

    def writing(self, name: str, data: bytes, offset: int) -> None:
        self._meet("write")

    def syncing(self, name: str) -> None:
        self._meet("sync")

    def _meet(self, kind: str) -> None:
        with self._lock:
            if not self.on or kind not in self._kinds:
                return
            self._calls += 1
            if self._calls % self._every:
                return
            self.faults += 1
        raise failure(self._errno)


class _Mounted(apsw.VFS):
    def __init__(self, disk: Disk, name: str) -> None:
        super().__init__(name, "", makedefault=True)
        self._disk, self._name = disk, name

    def xOpen(self, name: Any, flags: list[int]) -> _File:
        return _File(self._disk, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: FBT001 - as APSW calls it
        self._disk.deleting(filename)
        super().xDelete(filename, syncdir)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        super().__init__("unix", name, flags)
        self._disk = disk
        self._name = name.filename() if isinstance(name, apsw.URIFilename) else str(name)

    def xWrite(self, data: bytes, offset: int) -> None:
        try:
            self._disk.writing(self._name, data, offset)
        except apsw.Error:
            if self._disk.torn:
                super().xWrite(data[: len(data) // 2], offset)
            raise
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        self._disk.syncing(self._name)
        super().xSync(flags)

    def xTruncate(self, newsize: int) -> None:
        self._disk.truncating(self._name, newsize)
        super().xTruncate(newsize)
