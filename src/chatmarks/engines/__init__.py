"""The engines: whatever keeps books behind the contract of `store.py`. Only they name drivers."""

from __future__ import annotations

from pathlib import Path

from chatmarks.store import Store


class BadStore(Exception):
    """A store cannot be opened; the text says why and what to do."""


async def open_store(url: str, *, create: bool = True) -> Store:
    """Open the store at `url`: `memory:`, `sqlite:///relative/path` or `sqlite:////absolute/path`.

    Without `create` a file must be there. Raises `BadStore`.
    """
    check_url(url)
    if url == "memory:":
        from chatmarks.engines.memory import MemoryStore

        return MemoryStore()
    from chatmarks.engines.sqlite import SqliteStore

    return await SqliteStore.open(url.partition(":///")[2], create=create)


def check_url(url: str) -> None:
    """Raise `BadStore` when `url` is of a form that no engine knows. Nothing is opened."""
    scheme, separator, path = url.partition(":///")
    if url != "memory:" and not (scheme == "sqlite" and separator and path):
        raise BadStore(f"store {url!r} is unknown; memory: and sqlite:///path are known")


def file_of(url: str) -> Path:
    """The file of the store at `url`. Raises `BadStore` for a store that is not one file."""
    scheme, separator, path = url.partition(":///")
    if scheme == "sqlite" and separator and path:
        return Path(path)
    raise BadStore(f"store {url!r} is not one file; sqlite:///path is")
