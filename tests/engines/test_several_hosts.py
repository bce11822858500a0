"""Among several hosts: one that hangs keeps nobody from the others, and the leader is asked first."""

from __future__ import annotations

import contextlib
import socket

import pytest

import postgres
from chatmarks.engines.connections import Connections, Target
from chatmarks.store import Busy


def hosts(target: Target) -> str:
    return "".join(url.partition("@")[2][0] for url in target.urls())


def test_of_several_that_look_for_the_leader_at_once_each_puts_it_first() -> None:
    target = Target("postgresql://me@a,b,c/books")
    leader = target.urls()[2]
    for _ in range(3):
        target.found(leader)
        assert hosts(target) == "cab"


def test_a_host_that_does_not_answer_is_asked_last_the_next_time() -> None:
    target = Target("postgresql://me@a,b,c/books")
    first, second, _ = target.urls()
    for _ in range(3):
        target.silent(second)
        assert hosts(target) == "acb"
    target.silent(first)
    assert hosts(target) == "cba"


@pytest.mark.parametrize("before", ["", "127.0.0.1:1,"])
async def test_a_host_that_hangs_keeps_nobody_from_the_others_for_ever(before: str) -> None:
    """It takes connections and says nothing, as a machine does whose processes are stopped."""
    with postgres.server() as server, socket.create_server(("127.0.0.1", 0)) as mute:
        folder = server.get_uri().rpartition("host=")[2].partition("&")[0].replace("/", "%2F")
        # Before it: nobody, or one that refuses at once, as a replica does.
        places = f"{before}127.0.0.1:{mute.getsockname()[1]},{folder}:5432"
        connections = Connections(Target(f"postgresql://postgres@{places}/postgres"))
        await connections._pool
        with contextlib.suppress(Busy):
            await connections.ask("SELECT 1")
        assert len(await connections.ask("SELECT 1")) == 1
        await connections.close()
