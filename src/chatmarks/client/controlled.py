"""One app of a server that a tester controls: its data, its clock, its faults, its calls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

from msgspec import Struct

from chatmarks.client.control_road import ControlRoad, named
from chatmarks.client.control_values import (
    AppShown,
    ClockShown,
    Counts,
    Fault,
    JournalCall,
    JournalPage,
    Snapshot,
    When,
)
from chatmarks.client.tickets import TICKET_SECONDS_DEFAULT
from chatmarks.usersig import sign

_PAGE_CALLS = 1000


class _Faults(Struct, frozen=True):
    faults: tuple[Fault, ...]


class _Removed(Struct, frozen=True):
    removed: int


class _Snapshots(Struct, frozen=True):
    snapshots: tuple[Snapshot, ...]


def journal(road: ControlRoad, **wanted: Any) -> list[JournalCall]:
    """All calls that fit, the oldest first."""
    found: list[JournalCall] = []
    after, more = None, True
    while more:
        parameters = {**wanted, "after": after, "limit": _PAGE_CALLS}
        page = road.ask_for("/journal", JournalPage, parameters)
        found += page.calls
        after, more = page.next, page.more
    return found


class Clock:
    """The clock of an app, by which tickets expire and changes get their `Timestamp`. Each method
    answers with what it shows then."""

    def __init__(self, road: ControlRoad, path: str) -> None:
        self._road, self._path = road, f"{path}/clock"

    def show(self) -> ClockShown:
        """What it shows."""
        return self._road.ask("GET", self._path, ClockShown)

    def set(self, now: float) -> ClockShown:
        """Let it show `now`, in Unix seconds."""
        return self._road.ask("PUT", self._path, ClockShown, {"now": now})

    def freeze(self, now: float | None = None) -> ClockShown:
        """Let it stand still, at `now` where given."""
        at = {} if now is None else {"now": now}
        return self._road.ask("PUT", self._path, ClockShown, {"frozen": True, **at})

    def unfreeze(self) -> ClockShown:
        """Let it go on from where it stands."""
        return self._road.ask("PUT", self._path, ClockShown, {"frozen": False})

    def move(self, *, days: float = 0, hours: float = 0, seconds: float = 0) -> ClockShown:
        """Move it forward, or back where the sum is below zero."""
        moved = days * 86400 + hours * 3600 + seconds
        return self._road.ask("PUT", self._path, ClockShown, {"move_seconds": moved})

    def let_go(self) -> ClockShown:
        """Let it show the machine's time again."""
        return self._road.ask("DELETE", self._path, ClockShown)


class Faults:
    """The faults of an app, or of a whole server. `name` is chosen by the server when left out."""

    def __init__(self, road: ControlRoad, sdkappid: int | None) -> None:
        self._road, self._sdkappid = road, sdkappid

    def answer(
        self,
        code: int,
        *,
        info: str | None = None,
        kept: bool = False,
        name: str | None = None,
        **when: Unpack[When],
    ) -> Fault:
        """Answer with `code`, in place of doing anything, or after it was done when `kept`."""
        return self._add(name, when, kind="answer", code=code, info=info, kept=kept)

    def items(
        self,
        code: int,
        *,
        items: Sequence[int] | None = None,
        ids: Sequence[str] | None = None,
        info: str | None = None,
        name: str | None = None,
        **when: Unpack[When],
    ) -> Fault:
        """Let items of a `command`, which is required, fail with `code`: those at the positions
        `items`, the first being 0, and those that name one of `ids`; all when neither is given."""
        return self._add(name, when, kind="items", code=code, items=items, ids=ids, info=info)

    def latency(
        self, ms: int, *, kept: bool = False, name: str | None = None, **when: Unpack[When]
    ) -> Fault:
        """Let calls wait for `ms` before they are done, or between that and the answer when `kept`."""
        return self._add(name, when, kind="latency", ms=ms, kept=kept)

    def drop(self, *, kept: bool = False, name: str | None = None, **when: Unpack[When]) -> Fault:
        """End the connection without an answer, before anything is done, or after it when `kept`."""
        return self._add(name, when, kind="drop", kept=kept)

    def rate(self, of: str = "command", *, name: str | None = None, **when: Unpack[When]) -> Fault:
        """Answer as over the cap `of` the command (60007) or of the `app` (60011)."""
        return self._add(name, when, kind="rate", of=of)

    def all(self) -> list[Fault]:
        """Those of the app with their counts; of a server, those of all apps."""
        found = self._road.ask("GET", "/faults", _Faults).faults
        ours = self._sdkappid
        return [fault for fault in found if ours is None or fault.when.get("sdkappid") == ours]

    def show(self, name: str) -> Fault:
        """One of them, with its counts."""
        return self._road.ask("GET", f"/faults/{named('name', name)}", Fault)

    def remove(self, name: str) -> None:
        """Remove one."""
        self._road.ask("DELETE", f"/faults/{named('name', name)}", _Removed)

    def clear(self) -> int:
        """Remove those of the app, of a server all; how many."""
        of = "" if self._sdkappid is None else f"?sdkappid={self._sdkappid}"
        return self._road.ask("DELETE", f"/faults{of}", _Removed).removed

    def _add(self, name: str | None, when: When, **effect: Any) -> Fault:
        app = {} if self._sdkappid is None else {"sdkappid": self._sdkappid}
        given = {field: value for field, value in effect.items() if value is not None}
        rule: dict[str, Any] = {"when": {**when, **app}, "effect": given}
        if name is not None:
            rule["name"] = name
        return self._road.ask("POST", "/faults", Fault, rule)


class ControlledApp:
    """An app. `url`: where its calls go, empty where the `Control` was not told; `key`: its secret key,
    None where it was not made here."""

    def __init__(
        self, road: ControlRoad, *, url: str, sdkappid: int, identifier: str, key: str | None
    ) -> None:
        if sdkappid < 1:
            raise ValueError(f"sdkappid is {sdkappid!r}; a number above 0 is required")
        self.url = url
        self.sdkappid = sdkappid
        self.identifier = identifier
        self.key = key
        self._road = road
        self._path = f"/apps/{sdkappid}"
        self.clock = Clock(road, self._path)
        self.faults = Faults(road, sdkappid)

    def __repr__(self) -> str:
        return f"ControlledApp({self.sdkappid}, identifier={self.identifier!r})"

    def usersig(
        self, identifier: str | None = None, *, expire_seconds: int = TICKET_SECONDS_DEFAULT
    ) -> str:
        """A ticket, made now by the clock of the app. Raises `ValueError` without its key."""
        if self.key is None:
            raise ValueError("the key of the app is unknown; only what make_app made can sign")
        now = int(self.clock.show().now)
        return sign(
            self.sdkappid, identifier or self.identifier, self.key, now=now, expire=expire_seconds
        )

    def show(self) -> AppShown:
        """What it is and has."""
        return self._road.ask("GET", self._path, AppShown)

    def drop(self) -> Counts:
        """Drop it with everything."""
        return self._road.ask("DELETE", self._path, Counts)

    def reset(self) -> Counts:
        """Make it as it was made: without data, faults and a clock of its own."""
        return self._road.ask("POST", f"{self._path}/reset", Counts)

    def seed(self, lines: bytes | Path) -> Counts:
        """Put accounts and chat groups from the lines of an export, or from a file of them. Raises
        `OSError` where the file cannot be read."""
        content = lines.read_bytes() if isinstance(lines, Path) else lines
        return self._road.ask_with(f"{self._path}/seed", Counts, content)

    def keep(self, name: str) -> Snapshot:
        """Keep a snapshot; one of the same name is replaced."""
        return self._road.ask("PUT", self._snapshot(name), Snapshot)

    def restore(self, name: str, *, of: int | None = None) -> Counts:
        """Leave the app with what is in a snapshot, of its own or of the app `of`, and nothing else."""
        body = None if of is None else {"of": of}
        return self._road.ask("POST", f"{self._snapshot(name)}/restore", Counts, body)

    def snapshots(self) -> list[Snapshot]:
        """Its snapshots."""
        return [*self._road.ask("GET", f"{self._path}/snapshots", _Snapshots).snapshots]

    def read_snapshot(self, name: str) -> bytes:
        """The lines of a snapshot, which are good as a seed."""
        return self._road.send("GET", self._snapshot(name))

    def delete_snapshot(self, name: str) -> None:
        """Delete a snapshot."""
        self._road.send("DELETE", self._snapshot(name))

    def journal(
        self,
        *,
        command: str | None = None,
        account: str | None = None,
        code: int | None = None,
        since: float | None = None,
    ) -> list[JournalCall]:
        """Its calls that the server still knows and that fit, the oldest first. `since`: Unix
        seconds."""
        return journal(
            self._road,
            sdkappid=self.sdkappid,
            command=command,
            account=account,
            code=code,
            since=since,
        )

    def _snapshot(self, name: str) -> str:
        return f"{self._path}/snapshots/{named('name', name)}"
