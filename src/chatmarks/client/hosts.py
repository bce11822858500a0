"""Where a client calls: a region of the real service, with its backup host, or any URL."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Literal
from urllib.parse import urlsplit

from chatmarks.regions import REGIONS

RegionName = Literal["china", "singapore", "seoul", "tokyo", "frankfurt", "silicon-valley", "jakarta"]
"""The names of `REGIONS`, as type checkers want them."""

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_AVOIDED_SECONDS = 30.0


def urls_of(server: str | Sequence[str]) -> tuple[str, ...]:
    """The URLs of a region, of a URL, or of several: the main one and its backups.

    Raises `ValueError` that tells what is allowed.
    """
    if isinstance(server, str):
        region = REGIONS.get(server)
        return tuple(f"https://{host}" for host in region) if region else (_checked(server),)
    if not server:
        raise ValueError("server is an empty list; one URL at least is required")
    return tuple(map(_checked, server))


def _checked(url: str) -> str:
    if "@" in url:
        # What stands before it is a secret, and URLs are logged.
        raise ValueError("server holds a user name or a password, which this API does not take")
    if not is_url(url):
        allowed = ", ".join(REGIONS)
        raise ValueError(f"server {url!r} is neither a URL as https://host:port nor one of {allowed}")
    return url.rstrip("/")


def is_url(url: str) -> bool:
    """Whether `url` is one of HTTP that ends before its query."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and not set(" ?#") & set(url)
    return bool(fine and plain)


def is_loopback(url: str) -> bool:
    """Whether `url` is plain HTTP within this machine, for which nothing of TLS is loaded."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in _LOOPBACK


class Hosts:
    """The URLs of a server, those that could not be reached a moment ago last."""

    def __init__(self, urls: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self.urls = tuple(urls)
        self._clock = clock
        self._avoided: dict[str, float] = {}

    def in_order(self) -> list[str]:
        now = self._clock()
        return sorted(self.urls, key=lambda url: self._avoided.get(url, 0.0) > now)

    def avoid(self, url: str) -> None:
        """Ask others first for half a minute: `url` could not be reached."""
        self._avoided[url] = self._clock() + _AVOIDED_SECONDS
