"""`POST /v4/recentcontact/get_list`: the conversations in an account's list, page by page.

Document: 1047/43087 (2024 and 2026). Pages go by the place of a conversation, which is when it came
into the list and never changes while it is there, so new messages, pins and marks between two pages
neither skip nor repeat any. Within a page the pinned ones come first, then the time of the newest
message decides, ascending, as the real service answers.
"""

from __future__ import annotations

from functools import lru_cache
from typing import cast

from msgspec import UNSET, Raw, Struct, UnsetType, json
from msgspec.structs import replace

from chatmarks.book import EMPTY_BOOK, Account, Book, Entry, Peer
from chatmarks.command import AccountName, Call, lists
from chatmarks.commands.recentcontact.conversation_list import (
    Place,
    in_order,
    is_account,
    page_below,
    shown_in,
)
from chatmarks.errors import Code, Fail
from chatmarks.limits import Profile
from chatmarks.store import Conversation, Listing, Store

PINNED, EMPTY = 1, 2
"""Bits of `AssistFlags`: the caller knows pinned conversations; it wants empty ones, too. Bit 2, to
page the pinned ones, makes no difference: both cursors are the same here. Others are not known."""

MARKS_ABOVE = 7
"""With a greater value of `AssistFlags` the items have marks and groups: callers who know bits above
the three of the document of 2024 know those fields (2026-04)."""

_HEADS_MAX = 1 << 16

_encoder = json.Encoder()


class Request(Struct, frozen=True):
    """All four parts of the cursor are 0 at first, then those of the answer before."""

    From_Account: AccountName
    TimeStamp: int
    StartIndex: int
    TopTimeStamp: int
    TopStartIndex: int
    AssistFlags: int


class Session(Struct, frozen=True, kw_only=True, gc=False):
    """A conversation of the list. `MsgTime`: Unix seconds of its newest message; `TopFlag` 1:
    pinned. The rest as in a record of `get_contact_group`, left out where the conversation has no
    data."""

    Type: int
    To_Account: str | UnsetType = UNSET
    GroupId: str | UnsetType = UNSET
    MsgTime: int
    TopFlag: int
    StandardMark: str | UnsetType = UNSET
    CustomMark: str | UnsetType = UNSET
    ContactGroupId: list[int] | UnsetType = UNSET


class Answer(Struct, frozen=True):
    """A page. On the last one `CompleteFlag` is 1, both times are that of the call, both indexes 0."""

    SessionItem: list[Session]
    CompleteFlag: int
    TimeStamp: int
    StartIndex: int
    TopTimeStamp: int
    TopStartIndex: int


def check(request: Request, _: Profile) -> None:
    """50002."""
    for field in ("TimeStamp", "StartIndex", "TopTimeStamp", "TopStartIndex", "AssistFlags"):
        if (value := getattr(request, field)) < 0:
            raise Fail(Code.BAD_PARAMETER, f"{field} is {value}; 0 and above are allowed")


@lists(
    document="1047/43087",
    request=Request,
    check=check,
    differences=(
        "Both cursors are the same, and go by when a conversation came into the list.",
        "Marks are in the items where `AssistFlags` is above 7.",
    ),
)
async def get_list(request: Request, call: Call, store: Store) -> Answer:
    """One page."""
    account, flags = Account(call.sdkappid, request.From_Account), request.AssistFlags
    book = await _book(account, store) if flags > MARKS_ABOVE else EMPTY_BOOK
    page = _page(await store.conversations(account, call.profile.list_size_max), request, call.profile)
    place = page.end or Place(call.now, 0)
    return Answer(_sessions(page, book), int(page.end is None), *place, *place)


async def _book(account: Account, store: Store) -> Book:
    kept = store.read_at_once(account) or await store.read(account)
    return kept.book


def _begin(request: Request) -> Place | None:
    """The place that the page begins below; None for the first page. The cursor of the pinned ones
    counts where the other one was left at 0."""
    for place in (
        Place(request.TimeStamp, request.StartIndex),
        Place(request.TopTimeStamp, request.TopStartIndex),
    ):
        if any(place):
            return place
    return None


class _Page(Struct, frozen=True):
    """The conversations of a page in their order, each with a comma and the beginning of its item as
    JSON; and where the next page begins, None for that of the last."""

    items: list[tuple[Peer, bytes]]
    end: Place | None


def _page(listing: Listing, request: Request, profile: Profile) -> _Page:
    """The page that is asked for. The last first page of a list is kept with it."""
    size, room = profile.get_page_size, profile.list_size_max
    with_empty, knows_pins = bool(request.AssistFlags & EMPTY), bool(request.AssistFlags & PINNED)
    begin = _begin(request)
    key = size, room, with_empty, knows_pins
    kept: tuple[object, _Page] | None = listing.__dict__.get("first_page")
    if begin is None and kept and kept[0] == key:
        return kept[1]
    conversations, end = page_below(shown_in(listing, room, with_empty=with_empty), begin, size)
    if not knows_pins:
        conversations = [replace(each, pinned_at=0) for each in conversations]
    page = _Page([(each.peer, _beginning(each)) for each in in_order(conversations)], end)
    if begin is None:
        listing.__dict__["first_page"] = key, page
    return page


def _sessions(page: _Page, book: Book) -> list[Session]:
    """The items of a page as JSON that goes out as it is."""
    find = book.entries.get
    pieces: list[bytes] = []
    for peer, beginning in page.items:
        pieces.append(beginning)
        entry = find(peer)
        pieces.append(b"}" if entry is None else entry.__dict__.get("session") or _ready_data(entry))
    return cast("list[Session]", Raw(b"[%b]" % b"".join(pieces)[1:]))


def _beginning(conversation: Conversation) -> bytes:
    top = 1 if conversation.pinned_at else 0
    return b'%b,"MsgTime":%d,"TopFlag":%d' % (_head(conversation.peer), conversation.last_at, top)


@lru_cache(_HEADS_MAX)
def _head(peer: Peer) -> bytes:
    """What does not change in an item: JSON that is made once for each peer that is met often."""
    field = "To_Account" if is_account(peer) else "GroupId"
    return b"," + _encoder.encode({"Type": int(peer.type), field: peer.id})[:-1]


class _Data(Struct, frozen=True):
    """What an item has of a conversation's data."""

    StandardMark: str
    CustomMark: str | UnsetType
    ContactGroupId: list[int] | UnsetType


def _ready_data(entry: Entry) -> bytes:
    """The end of an item: JSON that is made once for each state of a conversation."""
    ready: bytes | None = entry.__dict__.get("session")
    if ready is None:
        data = _Data(
            format(entry.marks, "b") if entry.marks else "",
            entry.custom_mark or UNSET,
            entry.group_ids or UNSET,
        )
        ready = entry.__dict__["session"] = b"," + _encoder.encode(data)[1:]
    return ready
