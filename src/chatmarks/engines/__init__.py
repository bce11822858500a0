"""The engines: whatever keeps books behind the contract of `store.py`. Only they name drivers."""

from __future__ import annotations

from chatmarks.store import Store


class BadStore(Exception):
    """A store cannot be opened; the text says why and what to do."""


async def open_store(url: str, *, create: bool = True) -> Store:
    """Open the store at `url`: `memory:`, `sqlite:///relative/path` or `sqlite:////absolute/path`.

    Without `create` a file must be there. Raises `BadStore`.
    """
    if url == "memory:":
        from chatmarks.engines.memory import MemoryStore

        return MemoryStore()
    scheme, separator, path = url.partition(":///")
    if scheme == "sqlite" and separator and path:
        from chatmarks.engines.sqlite import SqliteStore

        return await SqliteStore.open(path, create=create)
    raise BadStore(f"store {url!r} is unknown; memory: and sqlite:///path are known")
