"""Accounts read from a server into a store, and a pull that broke off taken up again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from hashlib import blake2b

import msgspec
from msgspec import Struct

from chatmarks.book import EMPTY_BOOK, Account, Book
from chatmarks.exports import of_app
from chatmarks.moving import ACCOUNTS, Advance
from chatmarks.remote.abreast import READ_AT_A_TIME, abreast
from chatmarks.remote.content import Content, Unsound, replaced
from chatmarks.remote.failures import Failed, Failure
from chatmarks.remote.server import Server
from chatmarks.store import UNFINISHED_PULL, Store, UnknownAccount

_SAVED_EVERY_SECONDS = 0.5
_SAVING_SHARE_MAX = 20
"""A checkpoint that takes long to write, as with many failures, is written less often: at most every
so many times as long."""


class CannotPull(Exception):
    """The pull may not begin, or not go on; the text says why, and what to do."""


class PullReport(Struct):
    """What came of a pull, in all of its runs. `accounts`: how many were asked for; `read`: how many
    were read, with `groups` and `conversations`; `changed`: of how many the store had something else;
    `calls`, `slowed` and `seconds` are of this run alone: calls, how often the server asked for fewer,
    and how long it took. `resumed_at`: how many accounts an earlier run had done."""

    accounts: int
    read: int = 0
    changed: int = 0
    groups: int = 0
    conversations: int = 0
    failures: list[Failure] = []
    resumed_at: int = 0
    calls: int = 0
    slowed: int = 0
    seconds: float = 0.0


class Checkpoint(Struct):
    """How far a pull came. `source`: the server; `digest`: of the list of accounts; `done`: how many at
    its beginning are done; `ahead`: the positions of others that are, behind one that is not; `report`:
    what came of all those."""

    source: str
    digest: str
    done: int
    ahead: set[int]
    report: PullReport

    @property
    def count(self) -> int:
        """How many accounts are done."""
        return self.done + len(self.ahead)

    def note(self, position: int) -> None:
        """Take one account as done."""
        self.ahead.add(position)
        while self.done in self.ahead:
            self.ahead.remove(self.done)
            self.done += 1

    def left(self, accounts: int) -> Iterator[int]:
        """The positions of those that are not, of so many."""
        done = set(self.ahead)
        return (position for position in range(self.done, accounts) if position not in done)


def digest_of(userids: Sequence[str]) -> str:
    """What a list of accounts is known by."""
    return blake2b("\n".join(userids).encode(), digest_size=16).hexdigest()


def property_of(sdkappid: int) -> str:
    """The property of a store with the checkpoint of a pull into an app."""
    return f"{UNFINISHED_PULL}{sdkappid}"


async def begin(
    store: Store,
    sdkappid: int,
    source: str,
    userids: Sequence[str],
    *,
    replacing: bool,
    again: bool,
) -> Checkpoint:
    """Where a pull of `userids` from `source` begins: at 0, or where the last one broke off, unless
    `again`. Raises `CannotPull`: with another source or list than that one's, or where it would write
    over data, unless `replacing`."""
    kept = None if again else await store.read_property(property_of(sdkappid))
    if kept is not None:
        checkpoint = msgspec.json.decode(kept, type=Checkpoint)
        if checkpoint.source != source:
            raise CannotPull(
                f"an unfinished pull into app {sdkappid} is from {checkpoint.source}, not from"
                f" {source}; --again forgets it and begins anew"
            )
        if checkpoint.digest != digest_of(userids):
            raise CannotPull(
                f"an unfinished pull into app {sdkappid} is of another list of accounts, of"
                f" {checkpoint.report.accounts}; --again forgets it and begins anew"
            )
        checkpoint.report.resumed_at = checkpoint.count
        return checkpoint
    if not replacing:
        await _refuse_data(store, sdkappid)
    checkpoint = Checkpoint(source, digest_of(userids), 0, set(), PullReport(len(userids)))
    await _save(store, sdkappid, checkpoint)
    return checkpoint


async def _refuse_data(store: Store, sdkappid: int) -> None:
    async for whole in of_app(ACCOUNTS, store, sdkappid):
        book = whole.kept.book
        if book.groups or book.entries:
            raise CannotPull(
                f"app {sdkappid} has data, that of {whole.account.userid} for one;"
                " --replace makes the accounts of the list be as they are at the server"
            )


async def _save(store: Store, sdkappid: int, checkpoint: Checkpoint) -> None:
    await store.write_property(property_of(sdkappid), msgspec.json.encode(checkpoint).decode())


async def pull(
    server: Server,
    store: Store,
    sdkappid: int,
    userids: Sequence[str],
    checkpoint: Checkpoint,
    advance: Advance,
) -> PullReport:
    """Make the accounts of `userids` behind those that are done have in the store what they have at the
    server; nothing else of them changes. Raises `Stopped`: then the checkpoint stays."""
    began_at = time.monotonic()
    saving = _Saving(store, sdkappid, checkpoint)
    report = checkpoint.report
    has_feed = await has_feed_of(store, sdkappid)

    async def one(position: int) -> None:
        account = Account(sdkappid, userids[position])
        try:
            content = await server.read(account.userid)
            changed = await keep(store, account, content, has_feed=has_feed)
        except Failed as error:
            report.failures.append(error.of(account.userid))
        except Unsound as error:
            report.failures.append(Failure(account.userid, 0, str(error)))
        else:
            report.read += 1
            report.changed += changed
            report.groups += len(content.groups)
            report.conversations += len(content.conversations)
        checkpoint.note(position)
        advance(checkpoint.count, len(userids))
        await saving.save_now_and_then()

    try:
        await abreast(checkpoint.left(len(userids)), one, READ_AT_A_TIME)
    finally:
        await saving.save()
    await store.write_property(property_of(sdkappid), None)
    if report.failures:
        places = {userid: number for number, userid in enumerate(userids)}
        report.failures.sort(key=lambda failure: places[failure.UserID])
    report.calls, report.slowed = server.pace.calls, server.pace.slowed
    report.seconds = round(time.monotonic() - began_at, 3)
    return report


async def has_feed_of(store: Store, sdkappid: int) -> bool:
    """Whether what is kept in the app is told in its feed."""
    app = await store.app(sdkappid)
    return app is not None and app.feed


async def keep(store: Store, account: Account, content: Content, *, has_feed: bool) -> bool:
    """Keep `content` as what the account has; whether the store had something else. Raises
    `Unsound`."""
    told_at = int(time.time()) if has_feed else None

    def change(book: Book) -> tuple[Book, bool]:
        after = replaced(book, content)
        return after, after is not book

    try:
        return await store.update(account, change, told_at=told_at)
    except UnknownAccount:
        # An account is only made for what it can have.
        replaced(EMPTY_BOOK, content)
        await store.create_account(account, told_at=told_at)
        await store.update(account, change, told_at=told_at)
        return True


class _Saving:
    """Writes a checkpoint now and then."""

    def __init__(self, store: Store, sdkappid: int, checkpoint: Checkpoint) -> None:
        self._store, self._sdkappid, self._checkpoint = store, sdkappid, checkpoint
        self._save_at = time.monotonic() + _SAVED_EVERY_SECONDS

    async def save_now_and_then(self) -> None:
        if time.monotonic() >= self._save_at:
            # At once, so that no other task saves meanwhile.
            self._save_at = float("inf")
            await self.save()

    async def save(self) -> None:
        began_at = time.monotonic()
        await _save(self._store, self._sdkappid, self._checkpoint)
        took = time.monotonic() - began_at
        self._save_at = began_at + max(_SAVED_EVERY_SECONDS, _SAVING_SHARE_MAX * took)
