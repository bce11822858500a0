"""The engines: whatever keeps books behind the contract of `store.py`. Only they name drivers."""

from __future__ import annotations

import re
from pathlib import Path

from chatmarks.cache import CACHE_BYTES, BookCache
from chatmarks.store import UNFINISHED_COPY_FROM, Store

# Of the URL of a database: ://user:password@, and the same as an option.
_PASSWORD = re.compile(r"(://[^:/?#@]*:)(?:[^/?#]*|[^@]*)@")
_PASSWORD_OPTION = re.compile(r"([?&]password=)[^&#]*")


class BadStore(Exception):
    """A store cannot be opened; the text says why and what to do."""


POSTGRES = ("postgresql", "postgres")
"""How the URL of a PostgreSQL database begins."""

_KNOWN = "memory:, sqlite:///path and postgresql://… are known"


async def open_store(
    url: str,
    *,
    create: bool = True,
    unfinished: bool = False,
    cache_bytes: int = CACHE_BYTES,
    max_stale_ms: int = 0,
) -> Store:
    """Open the store at `url`: `memory:`, `sqlite:///relative/path`, `sqlite:////absolute/path` or
    `postgresql://user@host/database`.

    Without `create` a file must be there; the tables of a database must be there always. At most
    `cache_bytes` of books are kept in memory, and used without a look at the store for `max_stale_ms`.
    Raises `BadStore`, also for a store that is an unfinished copy, unless `unfinished`.
    """
    store = await _opened(url, BookCache(cache_bytes, max_stale_ms=max_stale_ms), create=create)
    source = None if unfinished else await store.read_property(UNFINISHED_COPY_FROM)
    if source is not None:
        import shlex

        await store.close()
        going_on = shlex.join(["chatmarks", "copy", source, plain_url(url)])
        raise BadStore(f"store {plain_url(url)!r} is an unfinished copy; {going_on} goes on with it")
    return store


async def _opened(url: str, books: BookCache, *, create: bool) -> Store:
    check_url(url)
    if url == "memory:":
        from chatmarks.engines.memory import MemoryStore

        return MemoryStore()
    if is_postgres(url):
        from chatmarks.engines.postgres import PostgresStore

        return await PostgresStore.open(url, books)
    from chatmarks.engines.sqlite import SqliteStore

    return await SqliteStore.open(url.partition(":///")[2], books, create=create)


def plain_url(url: str) -> str:
    """`url` as it means the same from everywhere, and wherever its password comes from."""
    if url.startswith("sqlite:///"):
        return f"sqlite:///{file_of(url).absolute()}"
    without = _PASSWORD.sub(lambda found: f"{found[1][:-1]}@", url)
    return re.sub(r"(?<=[?&])password=[^&#]*&?", "", without).rstrip("?&")


def is_same_store(one: str, other: str) -> bool:
    """Whether two URLs are known to name one store."""
    if plain_url(one) == plain_url(other):
        return True
    if not (one.startswith("sqlite:///") and other.startswith("sqlite:///")):
        return False
    paths = file_of(one), file_of(other)
    return all(path.exists() for path in paths) and paths[0].samefile(paths[1])


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
