"""What the pages of the console work on."""

from __future__ import annotations

from asyncio import Event
from collections.abc import Awaitable, Callable

from msgspec import Struct

from chatmarks.control.parts import Parts
from chatmarks.history import History
from chatmarks.seal import Seal
from chatmarks.service import Road
from chatmarks.store import Store


class Facts(Struct, frozen=True):
    """What the server is: its store as people may see it, the URL of its API, how many processes
    answer calls, and whether only this machine can call."""

    store: str
    url: str
    workers: int
    loopback: bool


class Console(Struct, frozen=True):
    """What the pages work on.

    `road` answers their calls as it does those of clients; `forget` is told each app that was changed;
    `problem` tells why calls cannot be answered, None when they can; `control` is None without
    `--control`; `token`: the credential of the admin listener, None for none; `ending` is set when the
    server ends, so that streams do.
    """

    facts: Facts
    store: Store
    seal: Seal
    road: Road
    forget: Callable[[int], None]
    problem: Callable[[], Awaitable[str | None]]
    history: History
    control: Parts | None
    token: str | None
    ending: Event
