"""The store that a command of the command line works on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from chatmarks.cli.failure import refuse
from chatmarks.config import ConfigError, load
from chatmarks.engines import BadStore, file_of, open_store
from chatmarks.seal import Seal, SealError
from chatmarks.store import Busy, Store

T = TypeVar("T")

store_option = click.option(
    "--store", metavar="URL", help="The store. [default: CHATMARKS_STORE, or sqlite:///chatmarks.db]"
)
config_option = click.option(
    "--config", metavar="FILE", help="A TOML file with settings. [default: CHATMARKS_CONFIG]"
)


def with_store(
    store: str | None,
    config: str | None,
    work: Callable[[Store, Seal], Awaitable[T]],
    *,
    create: bool = False,
) -> T:
    """Open the store that the settings name, made where it is not there if `create`; do `work`."""

    async def run(url: str, seal: Seal) -> T:
        opened = await open_store(url, create=create)
        try:
            return await work(opened, seal)
        finally:
            await opened.close()

    with refusing():
        settings = load({"store": store, "config": config}, os.environ)
        if settings.store == "memory:":
            refuse("store memory: belongs to one process; name the store of the server with --store")
        return asyncio.run(run(settings.store, Seal(settings.master_key)))


def store_file(store: str | None, config: str | None) -> Path:
    """The file of the store that the settings name."""
    with refusing():
        return file_of(load({"store": store, "config": config}, os.environ).store)


@contextmanager
def refusing() -> Iterator[None]:
    """Refuse, in a line, what the settings or the store do not allow."""
    try:
        yield
    except ConfigError as error:
        refuse(*error.lines)
    except (BadStore, SealError) as error:
        refuse(str(error))
    except Busy:
        refuse("the store is busy; another process keeps it locked")


@contextmanager
def refusing_rows() -> Iterator[None]:
    """Refuse, in a line, also rows that no chatmarks would have written."""
    try:
        with refusing():
            yield
    except (msgspec.DecodeError, ValueError) as error:
        refuse(f"a row cannot be moved: {error}; chatmarks verify names it")


def counted(counts: Mapping[str, int]) -> str:
    """Numbers by the names of their tables, for people."""
    return ", ".join(f"{table.replace('_', ' ')}s: {count}" for table, count in counts.items())
