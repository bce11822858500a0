"""Real server processes, and clients that speak HTTP to them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self, cast
from urllib.parse import quote

import httpx
import msgspec

from chatmarks import usersig
from chatmarks.command import url_path
from harness import ADMIN, KEY, SDKAPPID, Answer

PROGRAM = (sys.executable, "-m", "chatmarks")
FREE_PORTS = ("--port", "0", "--admin-port", "0")


def run(
    *arguments: str, environ: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command of the command line to its end."""
    return subprocess.run(
        [*PROGRAM, *arguments],
        env=_environment(environ),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _environment(more: Mapping[str, str] | None) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CHATMARKS_")}
    return clean | dict(more or {})


class Server:
    """A `chatmarks serve --dev`, on free ports unless told otherwise, that has announced itself."""

    def __init__(
        self,
        *arguments: str,
        environ: Mapping[str, str] | None = None,
        stderr: IO[str] | None = None,
        program: Sequence[str] = PROGRAM,
        listening: Sequence[str] = FREE_PORTS,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.process = subprocess.Popen(
            [*program, "serve", "--dev", "--json", *listening, *arguments],
            env=_environment(environ),
            pass_fds=pass_fds,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        announced: dict[str, Any] = json.loads(self.stdout.readline())
        self.announced = announced
        self.url: str = announced["url"]

    @property
    def stdout(self) -> IO[str]:
        return cast("IO[str]", self.process.stdout)

    def workers(self) -> set[int]:
        """Its worker processes."""
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return {int(pid) for children in threads for pid in children.read_text().split()}

    def kill(self) -> int:
        """End it as a power cut would, as far as the process is concerned; its exit code."""
        self.process.kill()
        return self._reap()

    def stop(self) -> int:
        """Ask it to end and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._reap()

    def _reap(self) -> int:
        self.stdout.close()
        return self.process.wait(timeout=30)


@contextlib.contextmanager
def serving(*arguments: str, environ: Mapping[str, str] | None = None) -> Generator[Server, None, None]:
    """A server for a block; afterwards it must end well when asked to."""
    server = Server(*arguments, environ=environ)
    try:
        yield server
    except BaseException:
        server.kill()
        raise
    if server.process.returncode is None:
        assert server.stop() == 0


def signed_query(identifier: str = ADMIN, key: str = KEY, sdkappid: int = SDKAPPID) -> str:
    """The query of a signed URL."""
    ticket = usersig.sign(sdkappid, identifier, key, now=int(time.time()))
    return (
        f"sdkappid={sdkappid}&identifier={identifier}&usersig={quote(ticket, safe='*')}"
        "&random=99999999&contenttype=json"
    )


class Client:
    """One caller with a connection of its own."""

    def __init__(
        self, url: str, *, key: str = KEY, identifier: str = ADMIN, sdkappid: int = SDKAPPID
    ) -> None:
        self.http = httpx.AsyncClient(base_url=url, timeout=30, trust_env=False, verify=False)
        self.sdkappid = sdkappid
        self.query = signed_query(identifier, key, sdkappid)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def call(self, command: str, body: object) -> Answer:
        """The answer; HTTP 200 whatever it says."""
        response = await self.http.post(
            f"{url_path(command)}?{self.query}", content=msgspec.json.encode(body)
        )
        assert response.status_code == 200
        answer: Answer = msgspec.json.decode(response.content)
        return answer

    async def answered_by(self) -> str:
        """The part of a request's name that each process draws at its start."""
        response = await self.http.post(f"/v4/?{self.query}")
        return str(response.headers["X-Request-Id"]).partition("-")[0]

    async def ok(self, command: str, body: object) -> Answer:
        answer = await self.call(command, body)
        assert answer["ErrorCode"] == 0, answer
        return answer

    async def code(self, command: str, body: object) -> int:
        code: int = (await self.call(command, body))["ErrorCode"]
        return code


async def client_of_each_worker(
    stack: contextlib.AsyncExitStack, url: str, workers: int
) -> list[Client]:
    """A client for each of `workers`, whose connection that worker took."""
    found: dict[str, Client] = {}
    async with asyncio.timeout(30):
        while len(found) < workers:
            several = [await stack.enter_async_context(Client(url)) for _ in range(4 * workers)]
            names = await asyncio.gather(*(client.answered_by() for client in several))
            found |= dict(zip(names, several, strict=True))
    return list(found.values())
