"""`POST /x/1/recentcontact/query`: the conversations of an account that fit conditions, and counts
of them.

An extension, described in `docs/extensions.md`. All conditions given must hold. A question asks
either for conversations with data, which come in the order of `get_contact_group`, or, where it
says `InList` 1 or `TopFlag` 1, for conversations in the list, also those without data, which come
by their place there as in `get_list`. Neither order changes with messages, pins and marks, so what
fits throughout is met once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import UNSET, Struct, UnsetType

from chatmarks.book import Account, Book, Entry, Peer
from chatmarks.command import EXTENSIONS_DOCUMENT, AccountName, Call, lists
from chatmarks.commands.extensions.recentcontact.condition import bits_of, check_bits, check_choice
from chatmarks.commands.recentcontact.contact import Group, group_items
from chatmarks.commands.recentcontact.conversation_list import (
    Place,
    in_order,
    is_account,
    page_below,
    shown_in,
)
from chatmarks.errors import Code, Fail, shown
from chatmarks.limits import CUSTOM_MARK_BYTES_MAX, QUERY_PAGE_SIZE_MAX, Profile
from chatmarks.store import Conversation, Store


class Request(Struct, frozen=True):
    """`GroupName`: in this group. `MarkAll`, `MarkAny`, `MarkNone`: bits of which all, one at
    least, none is set. `CustomMarkText`: stands in the custom mark, in just these letters.
    `TopFlag`: pinned or not, `InList`: in the list or not, each 1 or 0. What is left out or empty
    is no condition.

    `TimeStamp` and `StartIndex` are 0 at first, then `NextTimeStamp` and `NextStartIndex` of the answer
    before. `Limit`: 1 to 500."""

    From_Account: AccountName
    GroupName: str = ""
    MarkAll: list[int] = []
    MarkAny: list[int] = []
    MarkNone: list[int] = []
    CustomMarkText: str = ""
    TopFlag: int | UnsetType = UNSET
    InList: int | UnsetType = UNSET
    TimeStamp: int = 0
    StartIndex: int = 0
    Limit: int = 100


class Found(Struct, frozen=True, kw_only=True):
    """A conversation: a record of `get_contact_group` where it has data, `MsgTime` and `TopFlag` as in
    `get_list` where it is in the list."""

    Type: int
    To_Account: str | UnsetType = UNSET
    ToGroupId: str | UnsetType = UNSET
    MsgTime: int | UnsetType = UNSET
    TopFlag: int | UnsetType = UNSET
    StandardMark: str | UnsetType = UNSET
    CustomMark: str | UnsetType = UNSET
    ContactGroupId: list[int] | UnsetType = UNSET
    Timestamp: int | UnsetType = UNSET


class GroupCount(Struct, frozen=True):
    """How many conversations that fit are in a group."""

    GroupId: int
    Count: int


class MarkCount(Struct, frozen=True):
    """How many conversations that fit have a bit set."""

    Mark: int
    Count: int


class Answer(Struct, frozen=True):
    """A page, all groups of the account, and counts of all that fits, on whatever page: groups and bits
    without any are left out. `CompleteFlag` is 1 on the last page, which has 0 in both cursors."""

    ContactItem: list[Found]
    CompleteFlag: int
    NextTimeStamp: int
    NextStartIndex: int
    TotalCount: int
    GroupCount: list[GroupCount]
    MarkCount: list[MarkCount]
    GroupItem: list[Group]


def check(request: Request, _: Profile) -> None:
    """50002."""
    for field in ("MarkAll", "MarkAny", "MarkNone"):
        check_bits(getattr(request, field), field)
    for field in ("TopFlag", "InList"):
        check_choice(getattr(request, field), field)
    if (size := len(request.CustomMarkText.encode())) > CUSTOM_MARK_BYTES_MAX:
        raise Fail(
            Code.BAD_PARAMETER,
            f"CustomMarkText has {size} bytes; at most {CUSTOM_MARK_BYTES_MAX} are allowed",
        )
    for field in ("TimeStamp", "StartIndex"):
        if (value := getattr(request, field)) < 0:
            raise Fail(Code.BAD_PARAMETER, f"{field} is {value}; 0 and above are allowed")
    if not 1 <= request.Limit <= QUERY_PAGE_SIZE_MAX:
        raise Fail(
            Code.BAD_PARAMETER, f"Limit is {request.Limit}; 1 to {QUERY_PAGE_SIZE_MAX} are allowed"
        )


@lists(document=EXTENSIONS_DOCUMENT, request=Request, check=check)
async def query(request: Request, call: Call, store: Store) -> Answer:
    """Which conversations fit."""
    account = Account(call.sdkappid, request.From_Account)
    kept = store.read_at_once(account) or await store.read(account)
    book = kept.book
    if request.GroupName and request.GroupName not in book.groups:
        raise Fail(Code.GROUP_NOT_FOUND, f"GroupName {shown(request.GroupName)} does not exist")
    room = call.profile.list_size_max
    conversations = shown_in(await store.conversations(account, room), room, with_empty=True)
    listed = {conversation.peer: conversation for conversation in conversations}
    fitting = [each for each in _asked(request, book, listed) if _fits(each, request, book)]
    page, begin = _page(fitting, request)
    return Answer(
        [_found(each) for each in page],
        int(begin is None),
        *(begin or (0, 0)),
        len(fitting),
        _group_counts(fitting),
        _mark_counts(fitting),
        group_items(book),
    )


class _Known(NamedTuple):
    """What is known of a conversation: its data, and how the list has it; one of both is there."""

    peer: Peer
    entry: Entry | None
    listed: Conversation | None


def _is_on_the_list(request: Request) -> bool:
    """Whether a question asks for conversations in the list."""
    return request.InList == 1 or request.TopFlag == 1


def _asked(request: Request, book: Book, listed: Mapping[Peer, Conversation]) -> Iterator[_Known]:
    """The conversations that a question is about."""
    if _is_on_the_list(request):
        return (_Known(peer, book.entries.get(peer), each) for peer, each in listed.items())
    return (_Known(peer, entry, listed.get(peer)) for peer, entry in book.entries.items())


_NO_DATA = Entry(0, 0, "", 0, 0)


def _fits(known: _Known, request: Request, book: Book) -> bool:
    entry, listed = known.entry or _NO_DATA, known.listed
    wanted = bits_of(request.MarkAll)
    return (
        entry.marks & wanted == wanted
        and not entry.marks & bits_of(request.MarkNone)
        and (not request.MarkAny or bool(entry.marks & bits_of(request.MarkAny)))
        and (not request.GroupName or bool(entry.groups >> book.groups[request.GroupName] & 1))
        and request.CustomMarkText in entry.custom_mark
        and request.InList in (UNSET, int(listed is not None))
        and request.TopFlag in (UNSET, int(listed is not None and listed.pinned_at > 0))
    )


def _page(fitting: Sequence[_Known], request: Request) -> tuple[Sequence[_Known], Place | None]:
    """The page that is asked for, and the cursor of the one behind it; None where it is the last."""
    if _is_on_the_list(request):
        after = Place(request.TimeStamp, request.StartIndex)
        known = {each.peer: each for each in fitting}
        listed = [each.listed for each in fitting if each.listed]
        page, end = page_below(listed, after if any(after) else None, request.Limit)
        return [known[each.peer] for each in in_order(page)], end
    rest = [each for each in fitting if each.entry and each.entry.position >= request.StartIndex]
    page_of_records = rest[: request.Limit]
    if len(rest) == len(page_of_records):
        return page_of_records, None
    last = page_of_records[-1].entry
    assert last is not None
    return page_of_records, Place(0, last.position + 1)


def _found(known: _Known) -> Found:
    peer, entry, listed = known
    return Found(
        Type=peer.type,
        To_Account=peer.id if is_account(peer) else UNSET,
        ToGroupId=UNSET if is_account(peer) else peer.id,
        MsgTime=listed.last_at if listed else UNSET,
        TopFlag=int(listed.pinned_at > 0) if listed else UNSET,
        StandardMark=UNSET if entry is None else format(entry.marks, "b") if entry.marks else "",
        CustomMark=(entry and entry.custom_mark) or UNSET,
        ContactGroupId=(entry and entry.group_ids) or UNSET,
        Timestamp=UNSET if entry is None else entry.updated_at,
    )


def _group_counts(fitting: Sequence[_Known]) -> list[GroupCount]:
    counts = Counter(number for each in fitting if each.entry for number in each.entry.group_ids)
    return [GroupCount(number, counts[number]) for number in sorted(counts)]


def _mark_counts(fitting: Sequence[_Known]) -> list[MarkCount]:
    counts: Counter[int] = Counter()
    for each in fitting:
        marks = each.entry.marks if each.entry else 0
        counts.update(bit for bit in range(marks.bit_length()) if marks >> bit & 1)
    return [MarkCount(bit, counts[bit]) for bit in sorted(counts)]
