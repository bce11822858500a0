"""Sockets that are listened on already, and handed over by who starts the server.

They come as file numbers: told by `--fd`, or as systemd tells them (sd_listen_fds(3)), in `LISTEN_PID`,
`LISTEN_FDS` and `LISTEN_FDNAMES`.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import NamedTuple

ADMIN = "admin"
"""What systemd calls the socket of the admin listener (`FileDescriptorName=`)."""

_FIRST = 3


class NotHandedOver(Exception):
    """What was handed over cannot be listened on; the text says why."""


class Handed(NamedTuple):
    """The file numbers of the sockets of the API and of the admin listener."""

    public: int | None = None
    admin: int | None = None


def by_systemd(environ: Mapping[str, str]) -> Handed:
    """What systemd handed over to this very process. Raises `NotHandedOver`."""
    if environ.get("LISTEN_PID") != str(os.getpid()):
        return Handed()
    count = environ.get("LISTEN_FDS", "")
    if not (count.isascii() and count.isdigit()):
        raise NotHandedOver(f"{count!r} is not a number of sockets")
    numbers = range(_FIRST, _FIRST + int(count))
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    admins = [number for number, name in zip(numbers, names, strict=False) if name == ADMIN]
    publics = [number for number in numbers if number not in admins]
    if len(publics) > 1 or len(admins) > 1:
        raise NotHandedOver(
            f"{len(publics)} sockets for the API and {len(admins)} named {ADMIN}; at most one each"
        )
    return Handed(next(iter(publics), None), next(iter(admins), None))


def address_of(number: int) -> tuple[str, int]:
    """The host and the port of the socket with a file number. Raises `NotHandedOver`."""
    try:
        # A copy, which is closed again: the socket stays as it is.
        with socket.socket(fileno=os.dup(number)) as handed:
            is_tcp = handed.family in (socket.AF_INET, socket.AF_INET6)
            if not (is_tcp and handed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)):
                raise NotHandedOver(f"{number} is not a TCP socket that is listened on")
            host, port = handed.getsockname()[:2]
    except OSError as error:
        raise NotHandedOver(f"{number} is not a socket: {error.strerror}") from error
    return host, port
