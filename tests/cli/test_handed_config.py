"""What was handed over, and is refused before anything starts."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chatmarks.config import ConfigError, load
from chatmarks.handed_over import Handed, NotHandedOver, by_systemd
from process import run


@pytest.fixture
def bound() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def mistakes(flags: dict[str, Any], **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load(flags, environ)
    return raised.value.lines


def test_the_address_is_that_of_the_socket(bound: socket.socket) -> None:
    settings = load({"fd": str(bound.fileno())}, {})
    assert (settings.host, settings.port, settings.fd) == (*bound.getsockname(), bound.fileno())
    assert (settings.admin_port, settings.admin_fd) == (8601, None)
    settings = load({}, {"CHATMARKS_ADMIN_FD": str(bound.fileno())})
    assert (settings.admin_port, settings.admin_fd) == (bound.getsockname()[1], bound.fileno())
    # It is still the one that was handed over.
    socket.create_connection(bound.getsockname()).close()


def test_what_protects_an_open_address_holds_for_a_socket_too() -> None:
    with socket.create_server(("0.0.0.0", 0)) as wide:
        [demo] = mistakes({"dev": True, "fd": wide.fileno()})
        assert "0.0.0.0 is not loopback, and the key of app 1400000000 is published" in demo
        [admin] = mistakes({"admin_fd": wide.fileno()})
        assert "admin_host: 0.0.0.0 is not loopback; CHATMARKS_ADMIN_TOKEN" in admin


def test_a_number_of_no_tcp_socket_that_is_listened_on_is_refused(tmp_path: Path) -> None:
    assert mistakes({"fd": "x"}) == ["--fd: 'x' is not a file number; 0 to 1048575 are allowed"]
    assert mistakes({"fd": "1048575"}) == ["--fd: 1048575 is not a socket: Bad file descriptor"]
    with (tmp_path / "file").open("w") as file:
        [line] = mistakes({}, CHATMARKS_FD=str(file.fileno()))
        assert line.startswith(f"CHATMARKS_FD: {file.fileno()} is not a socket: ")
    with socket.socket() as idle, socket.socket(type=socket.SOCK_DGRAM) as other:
        for wrong in (idle, other):
            [line] = mistakes({"fd": wrong.fileno()})
            assert line == f"--fd: {wrong.fileno()} is not a TCP socket that is listened on"
    with socket.socket(socket.AF_UNIX) as local:
        local.bind(str(tmp_path / "socket"))
        local.listen()
        assert mistakes({"fd": local.fileno()})[0].endswith("is not a TCP socket that is listened on")


def test_a_socket_and_an_address_are_one_too_many(bound: socket.socket) -> None:
    number = bound.fileno()
    assert mistakes({"fd": number, "port": 8600}) == ["--port and --fd: only one of the two is allowed"]
    assert mistakes({"admin_fd": number}, CHATMARKS_ADMIN_HOST="localhost") == [
        "CHATMARKS_ADMIN_HOST and --admin-fd: only one of the two is allowed"
    ]
    assert mistakes({"fd": number, "admin_fd": number}) == [
        f"fd and admin_fd: {number} is one socket, and two are needed"
    ]


def test_what_systemd_hands_over_is_for_the_process_that_it_names() -> None:
    ours = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2"}
    assert by_systemd({}) == by_systemd(ours | {"LISTEN_PID": "1"}) == Handed()
    assert by_systemd(ours | {"LISTEN_FDNAMES": "api:admin"}) == Handed(3, 4)
    assert by_systemd(ours | {"LISTEN_FDS": "1"}) == Handed(3, None)
    assert by_systemd(ours | {"LISTEN_FDS": "0"}) == Handed()
    with pytest.raises(
        NotHandedOver, match="2 sockets for the API and 0 named admin; at most one each"
    ):
        by_systemd(ours)
    assert mistakes({}, **ours | {"LISTEN_FDS": "many"}) == [
        "LISTEN_FDS: 'many' is not a number of sockets"
    ]


def test_a_mistake_is_one_line_and_no_traceback() -> None:
    done = run("serve", "--dev", "--fd", "77")
    assert done.returncode == 2
    assert done.stderr == "chatmarks: --fd: 77 is not a socket: Bad file descriptor\n"
