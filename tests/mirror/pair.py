"""Two servers of one app, writers between which they are to stay the same, and what lies between."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx

from harness import KEY, SDKAPPID, account
from process import PROGRAM, Client, Server

GROUPS = ["work", "家", "a:b c", "<i>"]
PEERS = [f"peer{n}" for n in range(30)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port: int = bound.getsockname()[1]
        return port


class Place:
    """A server on a store and a port of its own, that can go away and come back."""

    def __init__(self, store: str, *, feed: bool = False) -> None:
        self.store = store
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environ = {"CHATMARKS_APP_FEED": "true"} if feed else {}
        self._server: Server | None = None

    def come(self) -> Server:
        arguments = ("--store", self.store, "--port", str(self.port), "--log-calls", "none")
        self._server = Server(*arguments, environ=self._environ)
        return self._server

    def go(self) -> None:
        """As by a power cut."""
        if self._server is not None:
            self._server.kill()
            self._server = None


class Program:
    """A command that runs until it is told to end, with what it says."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._log = (folder / "program.log").open("a+")
        self.process = subprocess.Popen(
            [*PROGRAM, *arguments],
            cwd=folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def announced(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def said(self) -> str:
        self._log.seek(0)
        return self._log.read()

    def kill(self) -> None:
        self.process.kill()
        self._ended()

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self._ended()

    def _ended(self) -> int:
        code = self.process.wait(timeout=30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._log.close()
        return code


def environment() -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CHATMARKS_")}
    return clean | {"CHATMARKS_APP_KEY": KEY}


def differences(
    folder: Path, one: str, other: str, userids: Sequence[str], ignore: str = "GroupId,Timestamp"
) -> dict[str, Any]:
    """What `chatmarks compare` tells."""
    (folder / "userids").write_text("".join(f"{userid}\n" for userid in userids))
    done = subprocess.run(
        [
            *(*PROGRAM, "compare", one, other, "--app", str(SDKAPPID), "--accounts", "userids"),
            *("--rate", "2000", "--ignore", ignore, "--json"),
        ],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode in (0, 1), done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


async def until_same(
    folder: Path,
    one: str,
    other: str,
    userids: Sequence[str],
    *,
    ignore: str = "GroupId,Timestamp",
    seconds: float = 30,
) -> float:
    """Wait until there is no difference; how long that took."""
    began = asyncio.get_running_loop().time()
    while True:
        report = await asyncio.to_thread(differences, folder, one, other, userids, ignore)
        took = asyncio.get_running_loop().time() - began
        if not report["differences"] and not report["unread"]:
            return took
        assert took < seconds, report
        await asyncio.sleep(0.3)


class Writer:
    """Changes accounts at random, one call after another, until told to end."""

    def __init__(self, url: str, userids: Sequence[str], seed: int) -> None:
        self.calls = 0
        self._url, self._userids = url, userids
        self._random = random.Random(seed)
        self._done = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._task = asyncio.create_task(self._write())

    async def end(self) -> None:
        self._done.set()
        assert self._task is not None
        await self._task

    async def _write(self) -> None:
        async with Client(self._url) as client:
            while not self._done.is_set():
                command, body = self._drawn()
                try:
                    await client.call(command, body)
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
                self.calls += 1
                await asyncio.sleep(0.002)

    def _drawn(self) -> tuple[str, dict[str, Any]]:
        draw = self._random
        userid, name = draw.choice(self._userids), draw.choice(GROUPS)
        peers = [account(peer) for peer in draw.sample(PEERS, draw.randint(1, 5))]
        kind = draw.random()
        body: dict[str, Any] = {"From_Account": userid}
        if kind < 0.1:
            return "im_open_login_svc/account_import", {"UserID": userid}
        if kind < 0.12:
            return "im_open_login_svc/account_delete", {"DeleteItem": [{"UserID": userid}]}
        if kind < 0.25:
            new = [{"GroupName": name, "ContactItem": peers}]
            return "recentcontact/create_contact_group", {**body, "GroupContactItem": new}
        if kind < 0.3:
            return "recentcontact/del_contact_group", {**body, "GroupName": [name]}
        if kind < 0.4:
            rename = {
                "UpdateGroupType": 1,
                "OldGroupName": name,
                "NewGroupName": draw.choice(GROUPS),
            }
            update = {**body, "UpdateType": 1, "UpdateGroup": rename}
            return "recentcontact/update_contact_group", update
        if kind < 0.6:
            changes = [{"ContactOptType": draw.randint(1, 2), "ContactItem": peer} for peer in peers]
            members = {"UpdateGroupType": 2, "OldGroupName": name, "ContactUpdateItem": changes}
            update = {**body, "UpdateType": 1, "UpdateGroup": members}
            return "recentcontact/update_contact_group", update
        items = [
            {
                "OptType": 3,
                "ContactItem": peer,
                draw.choice(["SetMark", "ClearMark"]): [draw.choice([0, 1, 33, 63])],
                "CustomMark": draw.choice(["", "x", "é"]),
            }
            for peer in peers
        ]
        return "recentcontact/mark_contact", {**body, "MarkItem": items}


async def until(is_so: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not is_so():  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.05)
