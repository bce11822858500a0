"""Who is measured: real servers, started as a user starts them, and the floors beside them."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from msgspec import Struct

import postgres
from bench import stores
from bench.books import shelved
from bench.cases import Cell, Load
from bench.generator import program_path
from bench.machine import family
from process import Server, signed_query

_PATIENCE_SECONDS = 30
_NGINX_WORD_BYTES = 4000
_REFUSED = re.compile(r'^chatmarks_calls_total\{code="(?!0")\d+",.*\} ([\d.e+]+)$', re.MULTILINE)

_NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 1000000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        default_type application/json;
        {pieces}
        return 200 {names};
    }}
}}
"""


class Started(Struct, frozen=True):
    """Who can be asked at `url`. `pids`: the processes that answer; `database`: those that keep its
    data; `refused`: how many calls it has refused until now; `headers`: what each call must have;
    `paths`: what is read, where it is not the calls of the load."""

    url: str
    pids: Callable[[], list[int]]
    refused: Callable[[], int] = lambda: 0
    database: Callable[[], list[int]] | None = None
    headers: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


class Workshop:
    """Where servers are started: a folder on the disk that is measured, and a database if needed."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self.folder = folder
        self.query = signed_query()
        self.written: tuple[Load, int] | None = None
        """Whose calls, of which round, are in the file of calls."""
        self._stack = stack
        self._database: tuple[str, int] | None = None
        self._template: Path | None = None
        self._made = 0

    @contextlib.contextmanager
    def start(self, cell: Cell, answer: bytes) -> Generator[Started, None, None]:
        """Start who is measured in `cell`; `answer` is what fixed bytes are."""
        self._made += 1
        folder = self.folder / str(self._made)
        folder.mkdir()
        match cell.subject:
            case "fixed bytes":
                (folder / "answer").write_bytes(answer)
                started = _floor("--answer", str(folder / "answer"))
            case "dictionary":
                started = _floor("--shelf", cell.load.shelf)
            case "nginx":
                started = _nginx(folder, answer)
            case "synapse":
                from bench.peer import synapse

                started = synapse(folder)
            case _:
                started = self._chatmarks(cell.subject, folder)
        try:
            with started as subject:
                yield subject
        finally:
            shutil.rmtree(folder)

    @contextlib.contextmanager
    def _chatmarks(self, subject: str, folder: Path) -> Generator[Started, None, None]:
        engine, _, rest = subject.partition(", ")
        postmaster = None
        if engine == "memory":
            url = "memory:"
        elif engine == "postgres":
            url, postmaster = self.database()
        elif rest == "a million":
            url = f"sqlite:///{stores.million()}"
        else:
            shutil.copy(self.template(), folder / "books.db")
            url = f"sqlite:///{folder}/books.db"
        environ = {"CHATMARKS_CACHE_MB": "0"} if rest == "always read" else {}
        log_calls = "all" if rest == "all logged" else "failed"
        with contextlib.ExitStack() as stack:
            errors = stack.enter_context((folder / "errors").open("w"))
            server = Server("--store", url, "--log-calls", log_calls, environ=environ, stderr=errors)
            stack.callback(server.stop)
            if engine == "memory":
                stores.fill_by_calls(server.url, self.query)
            yield Started(
                server.url,
                lambda: family(server.process.pid),
                lambda: refused(server.announced["admin_url"]),
                (lambda: family(postmaster)) if postmaster else None,
            )

    def template(self) -> Path:
        """The file of a small store, to be copied."""
        if self._template is None:
            self._template = self.folder / "template.db"
            stores.fill(f"sqlite:///{self._template}", shelved())
        return self._template

    def database(self) -> tuple[str, int]:
        """The URL of a PostgreSQL that syncs what it commits, and its first process."""
        if self._database is None:
            server = self._stack.enter_context(postgres.server())
            url: str = server.get_uri()
            ((syncs,),) = postgres.rows(url, "SHOW fsync")
            assert syncs == "on"
            postgres.make_tables(url)
            stores.fill(url, shelved())
            postgres.run(url, "VACUUM ANALYZE")
            first = (Path(server.pgdata) / "postmaster.pid").read_text().split()[0]
            self._database = url, int(first)
        return self._database


def refused(admin_url: str) -> int:
    """How many calls a server has refused: none of ours may be."""
    with urllib.request.urlopen(f"{admin_url}/metrics") as page:
        return sum(int(float(count)) for count in _REFUSED.findall(page.read().decode()))


@contextlib.contextmanager
def running(*command: str, **options: Any) -> Generator[subprocess.Popen[str], None, None]:
    """A process, ended with the block."""
    process = subprocess.Popen(command, text=True, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
        if process.stdout:
            process.stdout.close()


@contextlib.contextmanager
def _floor(*options: str) -> Generator[Started, None, None]:
    program = (sys.executable, "-m", "bench.floor", *options)
    with running(*program, stdout=subprocess.PIPE) as process:
        assert process.stdout
        url = json.loads(process.stdout.readline())["url"]
        yield Started(url, lambda: [process.pid])


@contextlib.contextmanager
def _nginx(folder: Path, answer: bytes) -> Generator[Started, None, None]:
    program = program_path("nginx")
    assert program
    port = free_port()
    # A word of its settings has 4 KiB at most, so a long answer is put together.
    text = answer.decode()
    starts = range(0, len(text), _NGINX_WORD_BYTES)
    pieces = [f"set $part{n} '{text[n : n + _NGINX_WORD_BYTES]}';" for n in starts]
    names = "".join(f"$part{n}" for n in starts)
    settings = _NGINX.format(folder=folder, port=port, pieces="\n".join(pieces), names=names)
    (folder / "nginx.conf").write_text(settings)
    with running(program, "-e", f"{folder}/errors", "-c", f"{folder}/nginx.conf") as process:
        wait_for(port)
        yield Started(f"http://127.0.0.1:{port}", lambda: [process.pid])


def free_port() -> int:
    """A port that nobody has, for programs that cannot tell which one they took."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port: int = bound.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    """Wait until somebody listens."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return
