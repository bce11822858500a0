"""Clients that write over HTTP while a cluster fails over, and remember what they were told."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from chatmarks.errors import Code
from chatmarks.limits import CONVERSATIONS_PER_SEARCH_MAX
from cluster.history import History, Texts, Write
from harness import account
from process import Client

MARK = "recentcontact/mark_contact"
SEARCH = "recentcontact/search_contact_group"
IMPORT = "im_open_login_svc/account_import"

# Of the 1,000 conversations of an account four writers may share, each takes less than a quarter.
_WRITES_PER_ACCOUNT = 200
_OTHER_PEERS = 30
_OTHER_PEERS_PER_WRITE_MAX = 3
_ANSWER_SECONDS_MAX = 10
_PAUSE_SECONDS_MAX = 0.08
_AFTER_FAILURE_SECONDS = 0.1
_LOOKS = 0.2


@dataclass
class Tally:
    """What became of the calls to one server process. `acks`: when each acknowledged write was sent
    and answered, by the monotonic clock; `slowest` answer, of any kind, in seconds."""

    acks: list[tuple[float, float]] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)
    unanswered: int = 0
    repeated: int = 0
    looks: int = 0
    slowest: float = 0.0

    def gap(self, since: float) -> float | None:
        """How long nothing was acknowledged around a moment: from the last answer to a write sent
        before to the first one to a write sent after. None when there is none yet."""
        before = max((answered for sent, answered in self.acks if sent <= since), default=since)
        after = min((answered for sent, answered in self.acks if sent > since), default=None)
        return None if after is None else after - before


class Writer:
    """Writes one call after another through one server, and looks at some through another.

    A call that failed is repeated until it is acknowledged, or left alone for good, by lot: the one is
    what clients do, the other leaves a change of which nobody knows. `userid` is the account, of which
    a new one is taken when it is full; writers may share it.
    """

    def __init__(
        self, name: str, userid: str, tally: Tally, url: str, other_url: str, seed: int
    ) -> None:
        self.name = name
        self.userid = userid
        self.tally = tally
        self.urls = (url, other_url)
        self.random = random.Random(seed)
        self.histories: list[History] = []
        self.faults: list[str] = []
        self._count = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Write until `stop`; the last call is finished."""
        here, there = (Client(url) for url in self.urls)
        async with here, there:
            for client in (here, there):
                client.http.timeout = httpx.Timeout(_ANSWER_SECONDS_MAX)
            while not stop.is_set():
                if self._count % _WRITES_PER_ACCOUNT == 0 and not await self._next_account(here, stop):
                    return
                write = self._draw()
                while not await self._send(here, write) and not stop.is_set():
                    await asyncio.sleep(_AFTER_FAILURE_SECONDS)
                    if self.random.random() < 0.5:
                        break
                    self.tally.repeated += 1
                if write.acknowledged and self.random.random() < _LOOKS:
                    await self._look(there, write)
                await asyncio.sleep(self.random.uniform(0, _PAUSE_SECONDS_MAX))

    async def _next_account(self, client: Client, stop: asyncio.Event) -> bool:
        """Import the account that is written next. False when it was not acknowledged until `stop`."""
        userid = f"{self.userid}-{self._count // _WRITES_PER_ACCOUNT}"
        while await self._code(client, IMPORT, {"UserID": userid}) != Code.OK:
            if stop.is_set():
                return False
            await asyncio.sleep(_AFTER_FAILURE_SECONDS)
        self.histories.append(History(userid, f"{self.name}-"))
        return True

    def _draw(self) -> Write:
        number = self._count
        self._count += 1
        others = self.random.sample(
            range(_OTHER_PEERS), self.random.randint(0, _OTHER_PEERS_PER_WRITE_MAX)
        )
        write = Write(
            f"{self.name}-own{number}",
            tuple(f"{self.name}-{other}" for other in others),
            f"{number} {self.random.getrandbits(64):016x}",
        )
        self.histories[-1].writes.append(write)
        return write

    async def _send(self, client: Client, write: Write) -> bool:
        """Send a write; whether it was acknowledged."""
        items = [
            {"OptType": 2, "ContactItem": account(peer), "CustomMark": write.text}
            for peer in write.peers
        ]
        sent = time.monotonic()
        userid = self.histories[-1].userid
        code = await self._code(client, MARK, {"From_Account": userid, "MarkItem": items})
        if code == Code.OK:
            write.acknowledged = True
            self.tally.acks.append((sent, time.monotonic()))
        elif code == Code.ACCOUNT_NOT_IMPORTED:
            self.faults.append(f"{userid}: acknowledged, and unknown afterwards")
        return write.acknowledged

    async def _code(self, client: Client, command: str, body: object) -> int | None:
        """The code of an answer, None for none."""
        sent = time.monotonic()
        try:
            answer = await client.call(command, body)
        except httpx.TransportError:
            self.tally.unanswered += 1
            return None
        finally:
            self.tally.slowest = max(self.tally.slowest, time.monotonic() - sent)
        code: int = answer["ErrorCode"]
        if code != Code.OK:
            self.tally.refused[code] += 1
        for item in answer.get("ResultItem", []):
            if item["ResultCode"]:
                self.faults.append(f"{self.name}: an item was refused: {item}")
        return code

    async def _look(self, client: Client, write: Write) -> None:
        """What was acknowledged must be seen at once, through every process."""
        userid = self.histories[-1].userid
        try:
            found = await search(client, userid, write.peers)
        except (httpx.TransportError, Refused):
            return
        self.tally.looks += 1
        if found != dict.fromkeys(write.peers, write.text):
            self.faults.append(f"{userid}: {write} was acknowledged, then seen as {found}")


class Refused(Exception):
    """A search was answered with an error."""


async def search(client: Client, userid: str, peers: Sequence[str]) -> Texts:
    """The texts of those of `peers` that have one."""
    found: Texts = {}
    for first in range(0, len(peers), CONVERSATIONS_PER_SEARCH_MAX):
        asked = [account(peer) for peer in peers[first : first + CONVERSATIONS_PER_SEARCH_MAX]]
        answer = await client.call(SEARCH, {"From_Account": userid, "ContactItem": asked})
        if answer["ErrorCode"]:
            raise Refused(answer)
        found |= {item["To_Account"]: item["CustomMark"] for item in answer["ContactResultItem"]}
    return found
