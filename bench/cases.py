"""What is measured, and which figures are compared. Cells of one case take turns, round after round."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

Subject: TypeAlias = Literal[
    "fixed bytes",
    "dictionary",
    "nginx",
    "memory",
    "sqlite",
    "sqlite, all logged",
    "sqlite, always read",
    "sqlite, a million",
    "postgres",
    "postgres, always read",
    "synapse",
]
"""Who answers. Fixed bytes, dictionary and nginx are floors: they keep no promise."""


class Load(Struct, frozen=True):
    """What is asked: calls on `items` conversations of random accounts of a shelf. `once`: of accounts
    that were not asked for before. `clients`: how many ask at the same time."""

    kind: Literal["search", "mark", "mixed", "tags"]
    items: int = 1
    shelf: str = "20"
    clients: int = 64
    once: bool = False


class Cell(Struct, frozen=True):
    """One line of a table."""

    name: str
    subject: Subject
    load: Load


class Case(Struct, frozen=True):
    """Cells that are comparable. `half_of` names the cell at half of whose saturation all are asked,
    at fixed times; without it, clients wait for one answer before they ask again."""

    name: str
    title: str
    cells: tuple[Cell, ...]
    half_of: str = ""


class Ratio(Struct, frozen=True):
    """A figure of one cell by that of another. Cells are named as (case, cell)."""

    title: str
    figure: Literal["calls_per_second", "cpu_microseconds", "p99_ms"]
    of: tuple[str, str]
    by: tuple[str, str]
    goal: float
    at_least: bool = True


def _cells(load: Load, *subjects: Subject) -> tuple[Cell, ...]:
    return tuple(Cell(subject, subject, load) for subject in subjects)


_SEARCH, _MARK = Load("search"), Load("mark")
_LONE_MARK = Load("mark", clients=1)
_FULL, _FEW = "book of 1,000", "book of 20"


def _books(kind: Literal["search", "mark"]) -> tuple[Cell, ...]:
    engines: tuple[Subject, ...] = ("sqlite", "postgres")
    shelves = ((_FEW, "20 of 50"), (_FULL, "1000"))
    return tuple(
        Cell(f"{engine}, {title}", engine, Load(kind, shelf=shelf))
        for engine in engines
        for title, shelf in shelves
    )


CASES = (
    Case(
        "search-1",
        "search of 1 conversation",
        _cells(
            _SEARCH,
            "fixed bytes",
            "dictionary",
            "nginx",
            "memory",
            "sqlite",
            "sqlite, all logged",
            "sqlite, always read",
            "postgres",
            "postgres, always read",
        ),
    ),
    Case(
        "search-100",
        "search of 100 conversations in a book of 300",
        _cells(Load("search", 100, "300"), "fixed bytes", "dictionary", "sqlite", "postgres"),
    ),
    Case(
        "search-300",
        "search of 300 conversations in a book of 300",
        _cells(Load("search", 300, "300"), "fixed bytes", "dictionary", "nginx", "sqlite", "postgres"),
    ),
    Case(
        "mark-1",
        "mark of 1 conversation",
        (
            *_cells(_MARK, "fixed bytes", "dictionary", "memory", "sqlite", "postgres"),
            Cell("sqlite, one client", "sqlite", _LONE_MARK),
            Cell("postgres, one client", "postgres", _LONE_MARK),
        ),
    ),
    Case(
        "mark-100",
        "mark of 100 conversations in a book of 300",
        _cells(Load("mark", 100, "300"), "fixed bytes", "dictionary", "sqlite", "postgres"),
    ),
    Case(
        "mixed",
        "95 searches to 5 marks, of 1 conversation each",
        _cells(Load("mixed"), "fixed bytes", "dictionary", "memory", "sqlite", "postgres"),
    ),
    Case("books-search", "search of 1 in books of two sizes", _books("search")),
    Case("books-mark", "mark of 1 in books of two sizes", _books("mark")),
    Case(
        "accounts",
        "search of 1 in stores of two sizes",
        (
            Cell("a thousand, warm", "sqlite", _SEARCH),
            Cell("a million, warm", "sqlite, a million", _SEARCH),
            Cell("a million, cold", "sqlite, a million", Load("search", once=True)),
        ),
    ),
    Case(
        "half-search-1",
        "search of 1 at half of SQLite's saturation",
        _cells(_SEARCH, "fixed bytes", "dictionary", "nginx", "sqlite", "sqlite, all logged"),
        half_of="sqlite",
    ),
    Case(
        "half-search-1-postgres",
        "search of 1 at half of PostgreSQL's saturation",
        _cells(_SEARCH, "fixed bytes", "postgres"),
        half_of="postgres",
    ),
    Case(
        "half-search-300",
        "search of 300 at half of SQLite's saturation",
        _cells(Load("search", 300, "300"), "fixed bytes", "dictionary", "sqlite"),
        half_of="sqlite",
    ),
)

PEER_CASE = Case(
    "peer",
    "the tags of a room in Synapse, a search of 1 here",
    (Cell("sqlite", "sqlite", _SEARCH), Cell("synapse", "synapse", Load("tags"))),
)

RATIOS = (
    Ratio(
        "Search of 1, SQLite, by fixed bytes",
        "calls_per_second",
        ("search-1", "sqlite"),
        ("search-1", "fixed bytes"),
        0.75,
    ),
    Ratio(
        "The same with every call logged",
        "calls_per_second",
        ("search-1", "sqlite, all logged"),
        ("search-1", "fixed bytes"),
        0.60,
    ),
    Ratio(
        "Search of 300, SQLite, by a dictionary",
        "calls_per_second",
        ("search-300", "sqlite"),
        ("search-300", "dictionary"),
        1.25,
    ),
    Ratio(
        "Search of 1, PostgreSQL, by the same without a cache",
        "calls_per_second",
        ("search-1", "postgres"),
        ("search-1", "postgres, always read"),
        2.5,
    ),
    Ratio(
        "Search of 1, SQLite, in a book of 1,000 texts of 256 bytes, by one of 20",
        "calls_per_second",
        ("books-search", f"sqlite, {_FULL}"),
        ("books-search", f"sqlite, {_FEW}"),
        0.90,
    ),
    Ratio(
        "Search of 1, SQLite, in a million accounts, by a thousand",
        "calls_per_second",
        ("accounts", "a million, warm"),
        ("accounts", "a thousand, warm"),
        0.90,
    ),
    Ratio(
        "Mark of 1, SQLite, 64 clients, by one that waits for its own sync",
        "calls_per_second",
        ("mark-1", "sqlite"),
        ("mark-1", "sqlite, one client"),
        4.0,
    ),
    Ratio(
        "Mark of 1, PostgreSQL, in a book of 1,000 texts of 256 bytes, by one of 20",
        "calls_per_second",
        ("books-mark", f"postgres, {_FULL}"),
        ("books-mark", f"postgres, {_FEW}"),
        0.85,
    ),
    Ratio(
        "p99 of a search of 1, SQLite at half of its saturation, by fixed bytes at that rate",
        "p99_ms",
        ("half-search-1", "sqlite"),
        ("half-search-1", "fixed bytes"),
        2.0,
        at_least=False,
    ),
    Ratio(
        "CPU of a search of 1, by that of reading a room's tags in Synapse",
        "cpu_microseconds",
        ("peer", "sqlite"),
        ("peer", "synapse"),
        0.1,
        at_least=False,
    ),
)
