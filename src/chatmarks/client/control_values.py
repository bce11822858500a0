"""What the control API answers with: see `docs/control.md`."""

from __future__ import annotations

from typing import Any, TypedDict

from msgspec import Struct


class When(TypedDict, total=False):
    """Which calls a fault is about; what is left out is no condition. `command`: the URL behind `/v4/`;
    `account`: the `From_Account`; `every`: each n-th of those; `probability`, 0 to 1, with `seed`: each
    of those with so much; `times`: so often at most."""

    command: str
    account: str
    every: int
    probability: float
    seed: int
    times: int


class Counts(Struct, frozen=True):
    """How many accounts and chat groups were put or deleted."""

    accounts: int
    chat_groups: int


class ClockShown(Struct, frozen=True):
    """What the clock of an app shows: Unix seconds, whether it stands still, and by how many seconds it
    is ahead of the machine's."""

    now: float
    frozen: bool
    ahead_seconds: float


class AppShown(Struct, frozen=True):
    """An app. `broken` says why its calls are refused after a restore that did not end."""

    sdkappid: int
    admins: tuple[str, ...]
    profile: str
    overrides: dict[str, str | int | bool]
    enabled: bool
    accounts: int
    chat_groups: int
    clock: ClockShown
    broken: str | None = None


class AppListed(Struct, frozen=True):
    """An app of the list of all."""

    sdkappid: int
    admins: tuple[str, ...]
    enabled: bool


class Snapshot(Struct, frozen=True):
    """A snapshot: its name, when it was made (Unix seconds), and its size."""

    name: str
    made_at: int
    bytes: int


class Fault(Struct, frozen=True):
    """A rule that is there: how many calls it `matched`, and how many of them it `struck`. `when` and
    `effect` are as the server tells them."""

    name: str
    when: dict[str, Any]
    effect: dict[str, Any]
    matched: int = 0
    struck: int = 0


class JournalCall(Struct, frozen=True):
    """A call that ended. `time`: Unix seconds at its arrival, `now`: the same by the clock of its app;
    `code`: its `ErrorCode`, None when the connection was dropped; `done_code`: that of what the server
    would have answered, None where nothing was done; `ms`: milliseconds; `faults`: the rules that
    struck; `why`: what decided; `cut`: which of `request` and `answer` is not whole."""

    cursor: str
    time: float
    now: float
    request_id: str
    method: str
    path: str
    command: str
    query: str
    source: str
    sdkappid: int | None
    account: str | None
    request: Any
    answer: Any
    code: int | None
    done_code: int | None
    ms: float
    faults: tuple[str, ...]
    why: tuple[dict[str, Any], ...]
    cut: tuple[str, ...] = ()


class JournalPage(Struct, frozen=True):
    """Calls in the order in which they ended, and where the next page begins."""

    calls: tuple[JournalCall, ...]
    next: str
    lost: int
    more: bool
