"""One server after another on a socket that was handed over, and clients who come all the time."""

from __future__ import annotations

import asyncio
import random
import socket
import tempfile

from histories.wire import NoAnswer, NotSent, Wire
from process import Server
from proofs.part import Done, Part, Work

_RESTARTS = 20
_CALLERS = 8
_PAUSE_SECONDS_MAX = 0.3
_SEARCH = "recentcontact/search_contact_group"
_BODY = b'{"From_Account":"administrator","ContactItem":[{"Type":1,"To_Account":"peer"}]}'


class _Caller:
    """Calls over a new connection each time. `calls`: how many were answered; `problems`: the others,
    a line each."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.is_enough = False
        self.calls = 0
        self.problems: list[str] = []

    async def work(self) -> None:
        """Until it is enough."""
        while not self.is_enough:
            async with Wire(self._url) as wire:
                try:
                    answer = await wire.call(_SEARCH, _BODY)
                except NotSent:
                    self.problems.append("a connection was refused")
                except (NoAnswer, TimeoutError):
                    self.problems.append("a call was not answered")
                else:
                    self.calls += 1
                    if b'"ErrorCode":0,' not in answer:
                        self.problems.append(f"answered {answer.decode()}")


def run(work: Work) -> Done:
    """Restarts, one after another. Counted are the connections."""
    with (
        tempfile.TemporaryDirectory(prefix="chatmarks-follow-") as folder,
        socket.create_server(("127.0.0.1", 0), backlog=128) as bound,
    ):
        problems, calls = asyncio.run(_followed(f"sqlite:///{folder}/books.db", bound, work.dice()))
    return Done(calls, tuple(f"seed {work.seed}, slice {work.number}: {each}" for each in problems))


async def _followed(store: str, bound: socket.socket, chance: random.Random) -> tuple[list[str], int]:
    number = bound.fileno()

    def started(workers: int) -> Server:
        return Server(
            *("--store", store, "--log-calls", "none", "--workers", str(workers)),
            listening=("--fd", str(number), "--admin-port", "0"),
            pass_fds=(number,),
        )

    problems: list[str] = []
    server = await asyncio.to_thread(started, 1)
    callers = [_Caller(server.url) for _ in range(_CALLERS)]
    working = [asyncio.create_task(caller.work()) for caller in callers]
    for _ in range(_RESTARTS):
        follower = await asyncio.to_thread(started, chance.choice([1, 1, 2]))
        await asyncio.sleep(chance.uniform(0, _PAUSE_SECONDS_MAX))
        if code := await asyncio.to_thread(server.stop):
            problems.append(f"a server ended with exit code {code}")
        server = follower
    for caller in callers:
        caller.is_enough = True
    await asyncio.gather(*working)
    await asyncio.to_thread(server.stop)
    for caller in callers:
        problems += caller.problems
    return problems, sum(caller.calls for caller in callers)


PART = Part(
    "following",
    "a server follows another on a socket that was handed over: no connection is refused, and every"
    " call is answered",
    "connections",
    10,
    run,
)
