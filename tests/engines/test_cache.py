"""Books kept in memory: bounded, and never older than the call."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from chatmarks.book import EMPTY_BOOK, Account, Book, Edit, Entry, Peer
from chatmarks.cache import ENTRY_BYTES, BookCache
from chatmarks.engines import open_store
from chatmarks.engines.version_check import VersionCheck
from chatmarks.store import Busy, Kept, Store, UnknownAccount, Whole, draw_version

ALICE = Account(1400000000, "alice")
BOB = Account(1400000000, "bob")


class OwnError(Exception):
    """What a change of these tests refuses with."""


def book_of(size: int) -> Book:
    entries = {Peer(1, f"peer{n}"): Entry(n, 1, "", 0, 1) for n in range(size)}
    return Book({}, entries, size)


def named(name: str) -> Callable[[Book], tuple[Book, None]]:
    return lambda book: (book.with_group(name), None)


def marking(peer: str) -> Callable[[Book], tuple[Book, None]]:
    return lambda book: (
        book.with_edits([Edit(Peer(1, peer), custom_mark="x")], 5, "shared")[0],
        None,
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def shared_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('shared')}/books.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
async def pair(shared_url: str) -> AsyncIterator[tuple[Store, Store]]:
    """Two stores on the same rows, as of two processes, with the account alice."""
    stores = await open_store(shared_url), await open_store(shared_url)
    await stores[0].create_account(ALICE)
    yield stores
    for store in stores:
        await store.close()


def loads(store: Store) -> float:
    return store.counts()["cache_loads"][1]


# The bound.


def test_the_least_recently_used_book_leaves_first() -> None:
    books = BookCache(3 * ENTRY_BYTES * 100)
    accounts = [Account(1, f"user{n}") for n in range(4)]
    for account in accounts[:2]:
        books.put_changed(account, Kept(1, book_of(100)), checked_at=0)
    assert books.get(accounts[0])
    books.put_changed(accounts[2], Kept(1, book_of(100)), checked_at=0)
    assert [books.get(account) is not None for account in accounts] == [True, False, True, False]
    assert books.evictions == 1


def test_the_books_never_take_more_than_the_bound() -> None:
    books = BookCache(1_200_000)
    drawn = random.Random(7)
    for _ in range(2000):
        account = Account(1, f"user{drawn.randrange(50)}")
        if drawn.random() < 0.1:
            books.drop(account)
        else:
            kept = Kept(1, book_of(drawn.randrange(400)))
            books.put_changed(account, kept, checked_at=0)
        assert 0 <= books.size <= 1_200_000
    for number in range(50):
        books.drop(Account(1, f"user{number}"))
    assert books.size == 0


def test_a_book_that_is_larger_than_the_bound_is_not_kept_nor_is_its_predecessor() -> None:
    books = BookCache(100_000)
    books.put_changed(ALICE, Kept(1, EMPTY_BOOK), checked_at=0)
    books.put_changed(BOB, Kept(1, EMPTY_BOOK), checked_at=0)
    books.put_changed(ALICE, Kept(2, book_of(1000)), checked_at=0)
    assert books.get(ALICE) is None
    assert books.get(BOB) is not None


async def test_a_store_without_a_cache_loads_each_time(shared_url: str) -> None:
    store = await open_store(shared_url, cache_bytes=0)
    await store.create_account(ALICE)
    for _ in range(3):
        await store.read(ALICE)
    assert loads(store) == 3
    await store.close()


# Never older than the call.


async def test_a_book_that_nobody_changed_is_loaded_once(pair: tuple[Store, Store]) -> None:
    store, other = pair
    await store.read(ALICE)
    before = loads(store)
    for _ in range(10):
        await store.read(ALICE)
        # Other accounts may change meanwhile.
        await other.create_account(BOB)
        await other.delete_account(BOB)
    assert loads(store) == before
    assert store.counts()["cache_hits"][1] >= 10


async def test_what_one_store_wrote_the_other_reads_at_once(pair: tuple[Store, Store]) -> None:
    for turn in range(20):
        writer, reader = pair[turn % 2], pair[1 - turn % 2]
        await reader.read(ALICE)
        await writer.update(ALICE, named(f"group{turn}"))
        assert f"group{turn}" in (await reader.read(ALICE)).book.groups
        assert f"group{turn}" in (await writer.read(ALICE)).book.groups


async def test_a_store_reads_what_it_wrote_without_loading_it(pair: tuple[Store, Store]) -> None:
    store, _ = pair
    await store.update(ALICE, named("first"))
    before = loads(store)
    await store.update(ALICE, named("second"))
    assert list((await store.read(ALICE)).book.groups) == ["first", "second"]
    assert loads(store) == before


async def test_an_account_deleted_elsewhere_is_unknown_and_one_made_again_is_empty(
    pair: tuple[Store, Store],
) -> None:
    store, other = pair
    for _ in range(5):
        await store.update(ALICE, named("work"))
        await store.read(ALICE)
        await other.delete_account(ALICE)
        with pytest.raises(UnknownAccount):
            await store.read(ALICE)
        await other.create_account(ALICE)
        assert (await store.read(ALICE)).book == EMPTY_BOOK
        await store.update(ALICE, named("play"))
        await other.delete_account(ALICE)
        await other.create_account(ALICE)
        with pytest.raises(OwnError):
            await store.update(ALICE, _refusing_without("play"))


async def test_a_change_of_an_account_deleted_elsewhere_is_refused(pair: tuple[Store, Store]) -> None:
    store, other = pair
    await store.read(ALICE)
    await other.delete_account(ALICE)
    with pytest.raises(UnknownAccount):
        await store.update(ALICE, named("work"))
    with pytest.raises(UnknownAccount):
        await store.read(ALICE)


async def test_an_account_that_was_put_whole_is_read_as_it_was_put(pair: tuple[Store, Store]) -> None:
    store, other = pair
    for size in (3, 1, 0, 2):
        await store.read(ALICE)
        await other.put_wholes([Whole(ALICE, Kept(draw_version(), book_of(size)))])
        assert len((await store.read(ALICE)).book.entries) == size


def _refusing_without(name: str) -> Callable[[Book], tuple[Book, None]]:
    def change(book: Book) -> tuple[Book, None]:
        if name not in book.groups:
            raise OwnError
        return book.without_group(name), None

    return change


async def test_no_change_is_refused_because_of_a_book_that_is_old(pair: tuple[Store, Store]) -> None:
    store, other = pair
    for turn in range(5):
        await store.read(ALICE)
        await other.update(ALICE, named(f"group{turn}"))
        await store.update(ALICE, _refusing_without(f"group{turn}"))
        with pytest.raises(OwnError):
            await other.update(ALICE, _refusing_without(f"group{turn}"))
    assert (await other.read(ALICE)).book.groups == {}


async def test_a_change_that_refuses_leaves_the_kept_book_as_it_was(pair: tuple[Store, Store]) -> None:
    store, _ = pair
    await store.update(ALICE, named("work"))
    with pytest.raises(OwnError):
        await store.update(ALICE, _refusing_without("play"))
    assert list((await store.read(ALICE)).book.groups) == ["work"]


async def test_writers_with_warm_books_in_two_stores_lose_nothing(pair: tuple[Store, Store]) -> None:
    async def write(number: int) -> None:
        for turn in range(10):
            await pair[number % 2].update(ALICE, marking(f"{number}x{turn}"))
            await pair[number % 2].read(ALICE)

    await asyncio.gather(*(write(number) for number in range(6)))
    books = [(await store.read(ALICE)).book for store in pair]
    assert books[0] == books[1]
    assert len(books[0].entries) == 60


# As old as is allowed.


async def test_an_answer_may_be_as_old_as_is_allowed_but_not_older(shared_url: str) -> None:
    store = await open_store(shared_url, max_stale_ms=400)
    other = await open_store(shared_url)
    await store.create_account(ALICE)
    await store.read(ALICE)
    await other.update(ALICE, named("work"))
    assert (await store.read(ALICE)).book.groups == {}
    await asyncio.sleep(0.45)
    assert list((await store.read(ALICE)).book.groups) == ["work"]
    # What a store wrote itself it reads at once.
    await store.update(ALICE, named("play"))
    assert list((await store.read(ALICE)).book.groups) == ["work", "play"]
    await store.delete_account(ALICE)
    with pytest.raises(UnknownAccount):
        await store.read(ALICE)
    for opened in (store, other):
        await opened.close()


async def test_what_was_loaded_before_an_own_change_does_not_come_back(shared_url: str) -> None:
    store = await open_store(shared_url, max_stale_ms=60_000)
    await store.create_account(ALICE)
    for turn in range(10):
        calls = [store.read(ALICE), store.update(ALICE, named(f"group{turn}")), store.read(ALICE)]
        await asyncio.gather(*calls)
        assert f"group{turn}" in (await store.read(ALICE)).book.groups
    await asyncio.gather(store.read(ALICE), store.delete_account(ALICE), store.read(ALICE))
    with pytest.raises(UnknownAccount):
        await store.read(ALICE)
    await store.close()


# One question for all who wait.


class Asked:
    """A store's side of the questions: each waits until it is let go."""

    def __init__(self) -> None:
        self.questions: list[list[Account]] = []
        self.gate = asyncio.Event()
        self.fault: Exception | None = None

    async def __call__(self, accounts: Sequence[Account]) -> list[int | None]:
        self.questions.append(list(accounts))
        number = len(self.questions)
        await self.gate.wait()
        if self.fault:
            raise self.fault
        return [number] * len(accounts)


async def test_all_who_wait_share_one_question_and_who_comes_later_gets_the_next() -> None:
    asked = Asked()
    checks = VersionCheck(asked)
    early = [asyncio.create_task(checks.version(account)) for account in (ALICE, BOB, ALICE)]
    await asyncio.sleep(0.01)
    late = [asyncio.create_task(checks.version(account)) for account in (BOB, BOB)]
    await asyncio.sleep(0.01)
    asked.gate.set()
    assert await asyncio.gather(*early) == [1, 1, 1]
    assert await asyncio.gather(*late) == [2, 2]
    assert asked.questions == [[ALICE, BOB], [BOB]]
    assert await checks.version(ALICE) == 3


async def test_a_fault_reaches_all_who_wait_and_nobody_after() -> None:
    asked = Asked()
    checks = VersionCheck(asked)
    waiting = [asyncio.create_task(checks.version(ALICE)) for _ in range(3)]
    await asyncio.sleep(0.01)
    asked.fault = Busy()
    asked.gate.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Busy, Busy, Busy]
    asked.fault = None
    assert await checks.version(ALICE) == 2


async def test_who_leaves_takes_nobody_along() -> None:
    asked = Asked()
    checks = VersionCheck(asked)
    leaving = asyncio.create_task(checks.version(ALICE))
    staying = asyncio.create_task(checks.version(ALICE))
    await asyncio.sleep(0.01)
    leaving.cancel()
    await asyncio.sleep(0.01)
    asked.gate.set()
    assert await staying == 1
