"""Snapshots of apps: a folder for each app, a file for each snapshot, in the format of an export.

A file gets its name when it is whole and synced, and takes the place of an older one of its name in
one step. So whatever crashes, there is either the old snapshot or the new one, and never a part.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from msgspec import Struct

from chatmarks import exports
from chatmarks.control.refused import Refused
from chatmarks.errors import shown
from chatmarks.partial import beside, sync, sync_directory
from chatmarks.store import Store

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SUFFIX = ".ndjson"


class Snapshot(Struct, frozen=True):
    """A snapshot: its name, when it was made (Unix seconds), and its size."""

    name: str
    made_at: int
    bytes: int


class Snapshots:
    """The snapshots in `folder`, which belongs to one server. Nothing is made before the first one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def clean(self) -> None:
        """Remove what crashes left behind: files that never got their name."""
        for partial in self._folder.glob("*/.*.partial"):
            partial.unlink(missing_ok=True)

    async def write(self, store: Store, sdkappid: int, name: str) -> Snapshot:
        """Write what the store has of an app, without its keys. Raises `Refused` 400, and 507 when the
        folder does not take it."""
        file = self._file(sdkappid, name)
        try:
            self._make_folder(sdkappid)
            with beside(file) as partial:
                with partial.open("wb") as output:
                    await exports.write(store, output, _tell_nobody, sdkappid=sdkappid, with_keys=False)
                sync(partial)
                partial.replace(file)
                sync_directory(file.parent)
            return _described(file)
        except OSError as error:
            raise Refused(507, f"snapshot {name} cannot be written: {error.strerror}") from error

    def _make_folder(self, sdkappid: int) -> None:
        folder = self._folder / str(sdkappid)
        if not folder.is_dir():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            # Or the power that fails next could take the folder with what is synced in it.
            sync_directory(self._folder)

    def open(self, sdkappid: int, name: str) -> IO[bytes]:
        """A snapshot to read. Raises `Refused` 400, and 404 when there is none."""
        try:
            return self._file(sdkappid, name).open("rb")
        except FileNotFoundError as error:
            raise self._missing(sdkappid, name) from error

    def names(self, sdkappid: int) -> list[Snapshot]:
        """The snapshots of an app, by name."""
        return [_described(file) for file in sorted(self._files(sdkappid))]

    def delete(self, sdkappid: int, name: str) -> None:
        """Delete a snapshot. Raises `Refused` 400, and 404 when there is none."""
        file = self._file(sdkappid, name)
        try:
            file.unlink()
        except FileNotFoundError as error:
            raise self._missing(sdkappid, name) from error
        sync_directory(file.parent)

    def delete_all(self, sdkappid: int) -> None:
        """Delete all snapshots of an app."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self._folder / str(sdkappid))

    def _files(self, sdkappid: int) -> Iterator[Path]:
        for file in (self._folder / str(sdkappid)).glob(f"*{_SUFFIX}"):
            if not file.name.startswith("."):
                yield file

    def _file(self, sdkappid: int, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise Refused(
                400,
                f"name is {shown(name)}; 1 to 64 letters, digits, '.', '_' and '-' are allowed, the"
                " first one a letter or a digit",
                "name",
            )
        return self._folder / str(sdkappid) / f"{name}{_SUFFIX}"

    def _missing(self, sdkappid: int, name: str) -> Refused:
        there = ", ".join(found.name for found in self.names(sdkappid)) or "none"
        return Refused(404, f"app {sdkappid} has no snapshot {name}; there are: {there[:1000]}", "name")


def _described(file: Path) -> Snapshot:
    told = file.stat()
    return Snapshot(file.name.removesuffix(_SUFFIX), int(told.st_mtime), told.st_size)


def _tell_nobody(done: int, total: int) -> None:
    """How far it is, which nobody asked."""
