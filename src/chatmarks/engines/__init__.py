"""The engines: whatever keeps books behind the contract of `store.py`. Only they name drivers."""

from __future__ import annotations

import re
from pathlib import Path

from chatmarks.store import Store

# Of the URL of a database: ://user:password@, and the same as an option.
_PASSWORD = re.compile(r"(://[^:/?#]*:).*@")
_PASSWORD_OPTION = re.compile(r"([?&]password=)[^&#]*")


class BadStore(Exception):
    """A store cannot be opened; the text says why and what to do."""


POSTGRES = ("postgresql", "postgres")
"""How the URL of a PostgreSQL database begins."""

_KNOWN = "memory:, sqlite:///path and postgresql://… are known"


async def open_store(url: str, *, create: bool = True) -> Store:
    """Open the store at `url`: `memory:`, `sqlite:///relative/path`, `sqlite:////absolute/path` or
    `postgresql://user@host/database`.

    Without `create` a file must be there; the tables of a database must be there always. Raises
    `BadStore`.
    """
    check_url(url)
    if url == "memory:":
        from chatmarks.engines.memory import MemoryStore

        return MemoryStore()
    if is_postgres(url):
        from chatmarks.engines.postgres import PostgresStore

        return await PostgresStore.open(url)
    from chatmarks.engines.sqlite import SqliteStore

    return await SqliteStore.open(url.partition(":///")[2], create=create)


def check_url(url: str) -> None:
    """Raise `BadStore` when `url` is of a form that no engine knows. Nothing is opened."""
    scheme, separator, path = url.partition(":///")
    if url != "memory:" and not is_postgres(url) and not (scheme == "sqlite" and separator and path):
        raise BadStore(f"store {shown(url)!r} is unknown; {_KNOWN}")


def is_postgres(url: str) -> bool:
    """Whether `url` is that of a PostgreSQL database."""
    return url.partition("://")[0] in POSTGRES and "://" in url


def shown(url: str) -> str:
    """`url` as people may see it: without a password."""
    return _PASSWORD_OPTION.sub(r"\1…", _PASSWORD.sub(r"\1…@", url))


def file_of(url: str) -> Path:
    """The file of the store at `url`. Raises `BadStore` for a store that is not one file."""
    scheme, separator, path = url.partition(":///")
    if scheme == "sqlite" and separator and path:
        return Path(path)
    raise BadStore(f"store {shown(url)!r} is not one file; sqlite:///path is")
