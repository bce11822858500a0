"""Clients who ask when they want to, however many wait already, and who give up after a while."""

from __future__ import annotations

import asyncio
import itertools
import time
from urllib.parse import urlsplit

from msgspec import Struct

from process import signed_query

ACCOUNTS, ITEMS = 64, 100
GIVE_UP_SECONDS = 2.0

_TICK_SECONDS = 0.005
_DONE = b'"ErrorCode":0,'
_BUSY = b'"ErrorCode":50005,'
_LENGTH = b"content-length: "
_MARK = b"unmarked"


class Change(Struct):
    """A mark of all the conversations of an account with `text`. `end`: when it was acknowledged."""

    userid: str
    text: str
    begin: float
    end: float | None = None


class Heard(Struct):
    """What became of calls, and how long those took that were done, in seconds."""

    asked: int = 0
    done: int = 0
    busy: int = 0
    given_up: int = 0
    taken: list[float] = []
    other: list[bytes] = []

    @property
    def ended(self) -> int:
        return self.done + self.busy + self.given_up + len(self.other)

    def count(self, change: Change, answer: bytes) -> None:
        """Count an answer."""
        if _DONE in answer:
            change.end = time.perf_counter()
            self.done += 1
            self.taken.append(change.end - change.begin)
        elif _BUSY in answer:
            self.busy += 1
        else:
            self.other.append(answer)


class Crowd:
    """Clients of one server. `changes`: all that were ever asked for."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._place = parts.hostname or "", parts.port or 0
        self._requests = [_request(f"user{number}") for number in range(ACCOUNTS)]
        self._numbers = itertools.count(1)
        self._idle: list[_Client] = []
        self._connecting: set[asyncio.Task[None]] = set()
        self.changes: list[Change] = []

    async def ask(self, rate: float, seconds: float) -> Heard:
        """Have so many calls a second asked for so long. What became of them goes on being counted."""
        heard = Heard()
        began_at = time.perf_counter()
        while (passed := time.perf_counter() - began_at) < seconds:
            while heard.asked < passed * rate:
                self._ask_once(heard)
            await asyncio.sleep(_TICK_SECONDS)
        return heard

    async def saturate(self, clients: int, seconds: float) -> Heard:
        """Have so many calls asked for at any time for so long."""
        heard = Heard()
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            while heard.asked - heard.ended < clients:
                self._ask_once(heard)
            await asyncio.sleep(_TICK_SECONDS)
        return heard

    def _ask_once(self, heard: Heard) -> None:
        heard.asked += 1
        number = next(self._numbers)
        change = Change(f"user{number % ACCOUNTS}", f"{number:08x}", time.perf_counter())
        self.changes.append(change)
        request = self._requests[number % ACCOUNTS].replace(_MARK, change.text.encode())
        if self._idle:
            self._idle.pop().ask(request, change, heard)
        else:
            task = asyncio.get_running_loop().create_task(self._connected(request, change, heard))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    async def _connected(self, request: bytes, change: Change, heard: Heard) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                _, client = await loop.create_connection(lambda: _Client(self), *self._place)
        except (OSError, TimeoutError):
            heard.given_up += 1
            return
        client.ask(request, change, heard)

    def free(self, client: _Client) -> None:
        """Let another call go over a connection."""
        self._idle.append(client)

    def lost(self, client: _Client) -> None:
        """Forget a connection that ended."""
        if client in self._idle:
            self._idle.remove(client)

    def leave(self) -> None:
        """End every connection that nobody asks over."""
        for client in list(self._idle):
            client.transport.abort()


class _Client(asyncio.Protocol):
    """A connection of a crowd."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._asked: tuple[Change, Heard] | None = None
        self._came = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # TCP
        self.transport = transport

    def ask(self, request: bytes, change: Change, heard: Heard) -> None:
        """Ask; whoever waits for too long goes away."""
        self._came, self._asked = b"", (change, heard)
        self._timer = asyncio.get_running_loop().call_later(GIVE_UP_SECONDS, self.transport.abort)
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._came += data
        head, _, body = self._came.partition(b"\r\n\r\n")
        length = int(head.partition(_LENGTH)[2].split(b"\r\n", 1)[0] or -1)
        if length < 0 or len(body) < length or self._asked is None or self._timer is None:
            return
        self._timer.cancel()
        (change, heard), self._asked = self._asked, None
        heard.count(change, body)
        self._crowd.free(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._asked is not None:
            self._asked[1].given_up += 1
        self._crowd.lost(self)


def _request(userid: str) -> bytes:
    """A call that marks all the conversations, with a place for the text."""
    items = ",".join(
        f'{{"OptType":2,"ContactItem":{{"Type":1,"To_Account":"peer{number}"}},'
        f'"CustomMark":"{_MARK.decode()}"}}'
        for number in range(ITEMS)
    )
    body = f'{{"From_Account":"{userid}","MarkItem":[{items}]}}'.encode()
    path = f"/v4/recentcontact/mark_contact?{signed_query()}"
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
