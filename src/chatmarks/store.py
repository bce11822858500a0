"""The contract of an engine, on one screen. An engine keeps books; it knows no rule of the protocol.

Every transaction of a server touches one account; those that move whole stores touch many. Engines
raise `UnknownAccount` and `Busy`; anything else that leaves them is a fault of the store, after which
the outcome of a change is unknown.
"""

from __future__ import annotations

import secrets
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import blake2b
from typing import Protocol, TypeAlias, TypeVar

from msgspec import Struct, field

from chatmarks.book import Account, Book, Entry, Peer
from chatmarks.event import Told

Returned = TypeVar("Returned")
Change: TypeAlias = Callable[[Book], tuple[Book, Returned]]


def draw_version() -> int:
    """A version or revision: 63 random bits, never 0. Drawn, not counted: a counter would repeat
    itself after delete and re-create, a restore, or a failover with loss."""
    return secrets.randbits(63) or 1


UNFINISHED_COPY_FROM = "unfinished_copy_from"
"""A property of a store: the URL, without password, of the store that it is becoming a copy of. As long
as it has it, nobody may serve it."""

UNFINISHED_COPY_RUN = "unfinished_copy_run"
"""Another property that a store can have: a random token of the run that began last to copy into it.
No other run may write."""


UNFINISHED_RESTORES = "unfinished_restores"
"""Another property: a JSON object of the apps, by SDKAppID, whose restore from a snapshot broke off,
and of what they were restored from. They have a part of the old and a part of the new."""


FEED_READER = "feed_reader:"
"""What the names of properties begin with that say how far a reader of an app's feed has come."""

STALE_COPY = "stale_copy:"
"""What the names of properties begin with that say that the account of the key behind it may be another
one at the server that it is a copy of."""

UNFINISHED_PULL = "unfinished_pull:"
"""How the name of another property begins, which ends with the SDKAppID of the app that accounts are
pulled into: JSON of how far that came."""


class UnknownAccount(Exception):
    """The account was never created, or was deleted."""


class Busy(Exception):
    """The store could not do it in time. Whether a change was kept is unknown."""


class Superseded(Exception):
    """The run of a copy may write no longer: another one began, or the copy is finished. Nothing of
    this call was written."""


class Kept(Struct, frozen=True):
    """A book and its version: a random 63-bit number, good only to be compared with another."""

    version: int
    book: Book


class ChatGroup(Struct, frozen=True):
    """A chat group: its id, its `Type` as in `create_group`, its name, its owner's UserID or "", and
    when it was made, in Unix seconds. `incarnation` tells it from earlier ones of the same id.

    `message_seq` is the number of its newest message, 0 before the first. `shown_seq` and `shown_at`
    are number and time, in Unix seconds, of the newest that shows in the members' lists.
    """

    id: str
    type: str
    name: str
    owner: str
    created_at: int = 0
    incarnation: int = field(default_factory=draw_version)
    message_seq: int = 0
    shown_seq: int = 0
    shown_at: int = 0

    @property
    def place(self) -> int:
        """Where it stands in a list of chat groups, 1 to 2**53 - 1. Drawn from its id alone, so that
        a page can begin behind one that is gone; 53 bits survive clients that count in doubles."""
        digest = blake2b(self.id.encode(), digest_size=8).digest()
        return int.from_bytes(digest) >> 11 or 1


class Membership(Struct, frozen=True):
    """What an account has of a chat group: its `Role` there, and when it joined, in Unix seconds.

    Its list shows the chat group once `shown_seq` is `listed_from` or more: taking it off the list puts
    that above the newest message. `pinned_at`: Unix seconds, 0 where it is not pinned.
    """

    role: str
    joined_at: int
    listed_from: int = 0
    pinned_at: int = 0


class Recent(Struct, frozen=True):
    """A one-to-one conversation in an account's list: when it came there, the time of its newest
    message, and when it was pinned, 0 where it is not. Unix seconds."""

    begun_at: int
    last_at: int
    pinned_at: int = 0


class Conversation(Struct, frozen=True, gc=False):
    """A conversation as a list has it. `begun_at`: when it came into the list, or when the account
    joined; it stays the same as long as the conversation is there. `last_at`: the time of the newest
    message, or of joining where there was none and `is_empty`. All in Unix seconds; `pinned_at` 0: not
    pinned."""

    peer: Peer
    begun_at: int
    last_at: int
    pinned_at: int = 0
    is_empty: bool = False


class Listing(Struct, frozen=True, dict=True):
    """What is in an account's list, in no particular order. As with a book, what is worked out of it
    may be kept in its `__dict__`: an engine may hand it out again."""

    conversations: tuple[Conversation, ...]


class Message(Struct, frozen=True):
    """What the store learns of a message to a chat group. `at` is its time, `now` that of the call, in
    Unix seconds. `key` tells its repeats, None where there are none; `shows`: in the members' lists."""

    at: int
    now: int
    key: str | None
    shows: bool = True


class Posted(Struct, frozen=True):
    """A message that was counted: its number and time, those of the first one where it is a repeat."""

    seq: int
    at: int
    is_repeat: bool = False


class Pinning(Struct, frozen=True):
    """How pinning went. Nothing was changed where `absent` has conversations, which are not in the
    list, or where `count`, the pinned ones there would be, is above what is allowed."""

    absent: tuple[Peer, ...]
    count: int


REPEAT_SECONDS = 300
"""How long the key of a message is known (1047/34959: five minutes)."""


class App(Struct, frozen=True):
    """An app as it is kept. `sealed_keys`: at most two envelopes of `seal.py`, the newest first;
    `overrides`: fields of the profile named `profile`; `sources`: networks that may call, all when
    empty; `revision`: another random number after every change. `feed`: what happens to its accounts
    is told; `webhook`: the URL that is told so, or "", with the sealed token that signs for it."""

    sdkappid: int
    sealed_keys: tuple[bytes, ...] = ()
    admins: tuple[str, ...] = ()
    profile: str = "default"
    overrides: Mapping[str, str | int | bool] = {}
    sources: tuple[str, ...] = ()
    enabled: bool = True
    revision: int = 0
    feed: bool = False
    webhook: str = ""
    sealed_webhook_token: bytes = b""


class Whole(Struct, frozen=True):
    """All that is kept of an account. `memberships`: by chat-group id and incarnation, also those in
    chat groups that are gone. `recents`: its one-to-one conversations by UserID."""

    account: Account
    kept: Kept
    memberships: Mapping[tuple[str, int], Membership] = {}
    recents: Mapping[str, Recent] = {}

    @property
    def key(self) -> str:
        return self.account.owner


class AppChatGroup(Struct, frozen=True):
    """A chat group and the app that has it."""

    sdkappid: int
    group: ChatGroup

    @property
    def key(self) -> str:
        """Both as one key, as that of an account: `1400000000:@TGS#1`."""
        return f"{self.sdkappid}:{self.group.id}"


class Totals(Struct, frozen=True):
    """How many there are."""

    accounts: int
    chat_groups: int
    apps: int


class Store(Protocol):
    """Keeps books, apps and chat groups. What returned was kept, as far as the engine promises."""

    async def read(self, account: Account) -> Kept:
        """The book as it is at some moment after the call. Raises `UnknownAccount`."""

    def read_at_once(self, account: Account) -> Kept | None:
        """The same without waiting; None where that cannot be told. Raises `UnknownAccount`."""

    async def update(
        self, account: Account, change: Change[Returned], *, told_at: int | None = None
    ) -> Returned:
        """Run the pure `change` in a transaction, keep its book, return its answer.

        Changes of one account happen one after another. When `change` raises, nothing is kept and
        the caller gets its exception. It may run again on a conflict. Raises `UnknownAccount`.

        With `told_at`, Unix seconds, here and below: what happened is an event of the app's feed, from
        the same transaction on.
        """

    async def versions(self, accounts: Sequence[Account]) -> list[int | None]:
        """The version of each book, None where there is no account."""

    async def create_account(self, account: Account, *, told_at: int | None = None) -> bool:
        """Make an account with an empty book. False, and nothing changed, when there is one."""

    async def delete_account(self, account: Account, *, told_at: int | None = None) -> bool:
        """Delete an account, its book, its memberships and its list. False when there is none."""

    async def known_accounts(self, sdkappid: int, userids: Collection[str]) -> set[str]:
        """Those of `userids` that are accounts of the app."""

    async def create_chat_group(self, sdkappid: int, group: ChatGroup) -> ChatGroup | None:
        """Keep `group`. When its id is taken, nothing is changed and its holder is returned."""

    async def delete_chat_group(self, sdkappid: int, group_id: str) -> bool:
        """Forget a chat group. False when there is none."""

    async def known_chat_groups(self, sdkappid: int, group_ids: Collection[str]) -> set[str]:
        """Those of `group_ids` that are chat groups of the app."""

    async def chat_groups(self, sdkappid: int, group_ids: Collection[str]) -> dict[str, ChatGroup]:
        """Those of `group_ids` that are chat groups of the app, by id."""

    async def list_chat_groups(
        self, sdkappid: int, kind: str, after: int, limit: int
    ) -> tuple[int, list[ChatGroup]]:
        """How many chat groups of type `kind` the app has, or of all types for "", and of those the
        first `limit` whose place comes after `after`, by ascending place."""

    async def join(self, account: Account, group: ChatGroup, membership: Membership) -> bool:
        """Make an account a member of this incarnation of `group`, which need not exist yet. False,
        and nothing changed, when it is one. Raises `UnknownAccount`. No version changes."""

    async def leave(self, account: Account, group: ChatGroup) -> bool:
        """End the membership in this incarnation of `group`. False when there is none."""

    async def members(self, sdkappid: int, group: ChatGroup) -> dict[str, Membership]:
        """The members of this incarnation of `group` by UserID, in the order of joining, then of
        UserIDs."""

    async def conversations(self, account: Account, limit: int) -> Listing:
        """The conversations in an account's list: of one-to-one ones the `limit` with the newest
        messages and those that are pinned, and all chat groups, as they are at one moment after the
        call. Raises `UnknownAccount`. No version changes with any of this, here and below."""

    async def converse(
        self, account: Account, userid: str, at: int, *, key: str | None = None, now: int = 0
    ) -> None:
        """Note that a message of the time `at` came to, or from, the account's conversation with
        `userid`, which comes into its list if it is not there. An older time than what is known changes
        nothing. With `key`, `sent_before` knows the message for `REPEAT_SECONDS` after `now`. Raises
        `UnknownAccount`."""

    async def sent_before(self, account: Account, key: str, now: int) -> int | None:
        """The time of the message that `account` sent under `key` within `REPEAT_SECONDS` before
        `now`."""

    async def post(self, sdkappid: int, group: ChatGroup, message: Message) -> Posted | None:
        """Count a message to this incarnation of `group`; None, and nothing changed, where it is gone.

        One row is written, however many members there are. The message of a key that was posted within
        `REPEAT_SECONDS` before `now` is counted no second time.
        """

    async def posted_before(self, sdkappid: int, group: ChatGroup, key: str, now: int) -> Posted | None:
        """The message that was posted to this incarnation of `group` under `key` within
        `REPEAT_SECONDS` before `now`."""

    async def pin(self, account: Account, peers: Sequence[Peer], at: int, most: int) -> Pinning:
        """Pin conversations of an account's list, all or none; at most `most` may be pinned. What is
        pinned stays as it is. Raises `UnknownAccount`."""

    async def unpin(self, account: Account, peers: Sequence[Peer]) -> None:
        """Unpin conversations; those that are not pinned or not there are passed over. Raises
        `UnknownAccount`."""

    async def unlist(self, account: Account, peer: Peer) -> bool:
        """Take a conversation off the list, and its pin, until its next message. False when it is not
        there. Raises `UnknownAccount`."""

    async def holders(
        self, sdkappid: int, peer: Peer, after: str, limit: int
    ) -> list[tuple[str, Entry]]:
        """The first `limit` accounts of the app that have data of the conversation `peer` and whose
        UserID comes after `after`, byte by byte, by ascending UserID; each with that data."""

    async def events(self, sdkappid: int, after: int, limit: int) -> list[Told]:
        """The first `limit` events of the app's feed whose number is above `after`, by their numbers.

        Those of one account come in the order in which they happened. None comes later with a number
        below one that was seen, and none that was seen is lost, as far as the engine promises.
        """

    async def event_bounds(self, sdkappid: int) -> tuple[int, int]:
        """The numbers of the oldest and of the newest event that is kept; 1 and 0 before the first."""

    async def forget_events(self, sdkappid: int, before: int) -> int:
        """Forget some of the oldest events, as far as they are older than `before`, Unix seconds, but
        never the newest one; how many."""

    async def app(self, sdkappid: int) -> App | None:
        """One app."""

    async def apps(self) -> list[App]:
        """All apps, by ascending SDKAppID."""

    async def change_app(self, sdkappid: int, change: Callable[[App | None], App]) -> App:
        """Replace an app by `change` of it, with a new revision; its admins become accounts.

        `change` gets None when there is no such app, and may raise or return the very same app: then
        nothing is changed.
        """

    async def totals(self, sdkappid: int | None = None) -> Totals:
        """How many accounts, chat groups and apps there are, of one app or of all."""

    async def wholes(self, after: str, limit: int) -> list[Whole]:
        """The first `limit` accounts whose key comes after `after`, by ascending key, byte by byte.
        Each is as it was at one moment; "" comes before all keys."""

    async def put_wholes(
        self,
        wholes: Sequence[Whole],
        gone: Collection[str] = (),
        *,
        only_new: bool = False,
        run: str | None = None,
        told_at: Mapping[int, int] = types.MappingProxyType({}),
    ) -> set[str]:
        """Make accounts be exactly so, their versions included, and delete those with the keys `gone`,
        in one transaction. With `only_new`, accounts that exist are left alone; their keys. `told_at`:
        by app, for those that have a feed.

        With `run`, here and below: raises `Superseded` unless the property `UNFINISHED_COPY_RUN` is
        that, which is looked up in the same transaction.
        """

    async def all_chat_groups(self, after: str, limit: int) -> list[AppChatGroup]:
        """The first `limit` chat groups whose key comes after `after`, as `wholes` has accounts."""

    async def put_chat_groups(
        self, groups: Sequence[AppChatGroup], gone: Collection[str] = (), *, run: str | None = None
    ) -> None:
        """Make chat groups be exactly so, their incarnations included, and forget those with the keys
        `gone`, in one transaction."""

    async def put_apps(
        self, apps: Sequence[App], gone: Collection[int] = (), *, run: str | None = None
    ) -> None:
        """Make apps be exactly so, their revisions included, and delete those with the ids `gone`, in
        one transaction. Their admins do not become accounts."""

    async def read_property(self, name: str) -> str | None:
        """A property of the store as a whole."""

    async def write_property(self, name: str, value: str | None, *, run: str | None = None) -> None:
        """Set a property, or drop it with None."""

    async def swap_property(self, name: str, before: str | None, after: str | None) -> bool:
        """Set a property that is `before`, None where there is none, to `after`; False, and nothing
        changed, where it is another."""

    async def properties(self, prefix: str) -> dict[str, str]:
        """The properties whose names begin with `prefix`."""

    async def check(self) -> None:
        """Raise unless the store can be read and written and its last sync went well."""

    def counts(self) -> Mapping[str, tuple[str, float]]:
        """What the engine counts of its work since it was opened: name, meaning and number."""

    async def close(self) -> None:
        """Finish what was begun, then let go of files and connections."""
