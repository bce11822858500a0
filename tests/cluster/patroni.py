"""Three PostgreSQL servers under Patroni with three etcd nodes: a cluster on loopback that fails over.

Its times are a tenth of what one would run, so that a proof with many failovers takes minutes.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
from msgspec import Struct

from cluster.processes import (
    Program,
    free_ports,
    make_directory,
    patroni_version,
    postgres_programs,
    tail,
    write_file,
)

NODES = 3
DATABASE = USER = "chatmarks"
# Patroni wants loop_wait + 2 * retry_timeout <= ttl. The ttl, in seconds, is most of a failover.
TIMES = {"ttl": 7, "loop_wait": 1, "retry_timeout": 3}
_REPLICAS = ("replica", "sync_standby")
_RUNS = ("running", "streaming")


class NotReached(Exception):
    """The cluster did not get into the state that was waited for."""


class Member(Struct, frozen=True):
    """A node as Patroni tells of it. `lag`: bytes behind the leader, None when unknown."""

    name: str
    role: str
    state: str
    timeline: int = 0
    lag: int | str | None = None


class _Answer(Struct, frozen=True):
    members: list[Member]


class Node:
    """A PostgreSQL server and the Patroni that looks after it."""

    def __init__(self, name: str, program: Program, port: int, rest_port: int) -> None:
        self.name = name
        self.program = program
        self.port = port
        self.rest_url = f"http://127.0.0.1:{rest_port}"

    def kill_postgres(self) -> None:
        """Kill the PostgreSQL server and leave it to Patroni."""
        pid = int((self.program.directory / "data/postmaster.pid").read_text("ascii").split()[0])
        os.kill(pid, signal.SIGKILL)


class Cluster:
    """A cluster below `directory`, which must exist, with its logs in `directory / "logs"`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.password = secrets.token_hex(16)
        self._secrets = {role: secrets.token_hex(16) for role in ("superuser", "replication", "rewind")}
        self._rest_password = secrets.token_hex(16)
        self.logs = directory / "logs"
        self.logs.mkdir()
        # A leader that hung takes the lock back from its successor, with that one's newest changes
        # gone, where Patroni is older and speaks etcd's newer protocol (its pull request 2689).
        self._protocol = "etcd3" if patroni_version() >= (3, 0, 3) else "etcd"
        self.etcd = self._etcd_nodes()
        self.nodes = self._nodes()
        self._http = httpx.AsyncClient(timeout=2, trust_env=False)

    def url(self) -> str:
        """The URL for whoever writes: all nodes, of which the leader is to be found."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"postgresql://{USER}:{self.password}@{hosts}/{DATABASE}?target_session_attrs=read-write"

    async def start(self) -> None:
        """Start it, wait for it, and make an empty database with a user."""
        for program in self.etcd:
            program.start()
        await self._wait_for_etcd()
        for node in self.nodes:
            node.program.start()
        await self.wait_until(is_whole, seconds=90)
        superuser = await self.superuser(await self.leader(), "postgres")
        await superuser.execute(f"CREATE ROLE {USER} LOGIN PASSWORD '{self.password}'")
        await superuser.execute(f"CREATE DATABASE {DATABASE} OWNER {USER}")
        await superuser.close()
        for node in self.nodes:
            await self._wait_for_database(node)

    async def superuser(self, node: Node, database: str = DATABASE) -> asyncpg.Connection:
        """A connection to this very node, leader or not."""
        return await asyncpg.connect(
            host="127.0.0.1",
            port=node.port,
            user="postgres",
            password=self._secrets["superuser"],
            database=database,
        )

    async def _wait_for_etcd(self) -> None:
        """Wait for its first election: a Patroni that comes too early sleeps for five seconds."""
        for _ in range(100):
            try:
                health = await self._http.get(f"http://{self._etcd_hosts[0]}/health")
            except httpx.TransportError:
                health = None
            if health is not None and health.json()["health"] == "true":
                return
            await asyncio.sleep(0.1)
        raise NotReached("etcd has elected nobody after 10 s")

    async def _wait_for_database(self, node: Node) -> None:
        """A replica lags behind: who asks it for a database that is to come is refused."""
        while True:
            try:
                connection = await self.superuser(node)
            except asyncpg.InvalidCatalogNameError:
                await asyncio.sleep(0.1)
            else:
                await connection.close()
                return

    async def stop(self) -> None:
        """End all of it. Only its logs are left."""
        await self._http.aclose()
        for program in [node.program for node in self.nodes] + self.etcd:
            program.kill()
            shutil.rmtree(program.directory)

    async def members(self) -> list[Member]:
        """What Patroni knows, asked of the first node that answers."""
        for node in self.nodes:
            try:
                answer = await self._http.get(f"{node.rest_url}/cluster")
                return msgspec.json.decode(answer.content, type=_Answer).members
            except (httpx.TransportError, msgspec.DecodeError):
                continue
        return []

    async def leader(self) -> Node:
        names = [member.name for member in await self.members() if member.role == "leader"]
        return next(node for node in self.nodes if node.name in names)

    async def wait_until(self, state: Callable[[list[Member]], bool], seconds: float) -> None:
        """Wait for a state of the members. Raises `NotReached`."""
        until = time.monotonic() + seconds
        while not state(members := await self.members()):
            if time.monotonic() > until:
                raise NotReached(f"not {state.__name__} after {seconds} s: {members}")
            await asyncio.sleep(0.2)

    def tails(self) -> str:
        """The ends of all logs."""
        return "\n".join(tail(log) for log in sorted(self.logs.glob("*.log")))

    def _etcd_nodes(self) -> list[Program]:
        ports = free_ports(2 * NODES)
        self._etcd_hosts = [f"127.0.0.1:{port}" for port in ports[:NODES]]
        peers = [f"http://127.0.0.1:{port}" for port in ports[NODES:]]
        members = ",".join(f"etcd{number}={peer}" for number, peer in enumerate(peers))
        programs = []
        for number, (host, peer) in enumerate(zip(self._etcd_hosts, peers, strict=True)):
            name = f"etcd{number}"
            client = f"http://{host}"
            command = ["etcd", "--name", name, "--data-dir", "data", "--logger", "zap"]
            command += ["--listen-client-urls", client, "--advertise-client-urls", client]
            command += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
            command += ["--initial-cluster", members, "--log-level", "warn"]
            # A ttl needs elections that are much shorter; a busy disk needs some room below them.
            command += ["--heartbeat-interval", "100", "--election-timeout", "1000"]
            if self._protocol == "etcd":
                command += ["--enable-v2"]
            home = make_directory(self.directory / name)
            programs.append(Program(name, command, home, self.logs / f"{name}.log", {}))
        return programs

    def _nodes(self) -> list[Node]:
        ports = free_ports(2 * NODES)
        nodes = []
        for number, (port, rest_port) in enumerate(zip(ports[:NODES], ports[NODES:], strict=True)):
            name = f"node{number}"
            home = make_directory(self.directory / name)
            settings = json.dumps(self._settings(name, home, port, rest_port), indent=1)
            # JSON is YAML.
            file = write_file(home / "patroni.yml", settings)
            program = Program(name, ["patroni", str(file)], home, self.logs / f"{name}.log", {})
            nodes.append(Node(name, program, port, rest_port))
        return nodes

    def _settings(self, name: str, home: Path, port: int, rest_port: int) -> dict[str, Any]:
        local = "127.0.0.1/32 scram-sha-256"
        authentication = {
            role: {"username": "postgres" if role == "superuser" else role, "password": password}
            for role, password in self._secrets.items()
        }
        return {
            "scope": "chatmarks",
            "name": name,
            "restapi": {
                "listen": f"127.0.0.1:{rest_port}",
                "connect_address": f"127.0.0.1:{rest_port}",
                "authentication": {"username": "patroni", "password": self._rest_password},
            },
            self._protocol: {"hosts": self._etcd_hosts},
            "bootstrap": {
                "dcs": {
                    **TIMES,
                    "synchronous_mode": True,
                    "synchronous_mode_strict": True,
                    "postgresql": {"use_pg_rewind": True, "use_slots": True},
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums"],
            },
            "postgresql": {
                "listen": f"127.0.0.1:{port}",
                "connect_address": f"127.0.0.1:{port}",
                "data_dir": str(home / "data"),
                "bin_dir": str(postgres_programs()),
                "pgpass": str(home / "pgpass"),
                "authentication": authentication,
                "parameters": {
                    "unix_socket_directories": str(home),
                    "password_encryption": "scram-sha-256",
                    # A replica is refused by the new leader until that has made it a slot. With the
                    # default of 5 s it would try again too late: commits wait for this replica.
                    "wal_retrieve_retry_interval": "500ms",
                },
                "pg_hba": [f"host replication replication {local}", f"host all all {local}"],
                "remove_data_directory_on_rewind_failure": True,
                "remove_data_directory_on_diverged_timelines": True,
            },
        }


def is_whole(members: list[Member]) -> bool:
    """A leader, a synchronous standby, and everybody on the leader's timeline without a lag."""
    leaders = [member for member in members if member.role == "leader" and member.state in _RUNS]
    replicas = [
        member
        for member in members
        if member.role in _REPLICAS
        and member.state in _RUNS
        and member.timeline == (leaders[0].timeline if leaders else None)
        and isinstance(member.lag, int)
    ]
    roles = [member.role for member in replicas]
    return len(leaders) == 1 and len(replicas) == NODES - 1 and "sync_standby" in roles
