"""`POST /v4/recentcontact/get_contact_group`: all groups, and the conversations page by page.

Document: 1047/53440. Conversations come in the order in which they came into being, and a page is
found by that place, so changes between two pages never skip or repeat a conversation that stays.
The groups are complete on every page. An index past the end is an empty, last page.
"""

from __future__ import annotations

from itertools import islice

from msgspec import UNSET, Struct, UnsetType

from chatmarks.book import Book
from chatmarks.command import AccountName, Call, reads
from chatmarks.commands.recentcontact.contact import (
    Group,
    Record,
    group_items,
    listed,
    ready_record,
)
from chatmarks.errors import Code, Fail
from chatmarks.limits import Profile


class Request(Struct, frozen=True):
    """`StartIndex` is 0 at first, then the `NextStartIndex` of the answer before."""

    From_Account: AccountName
    StartIndex: int


class Answer(Struct, frozen=True, kw_only=True):
    """`CompleteFlag` is 1 on the last page, which has `NextStartIndex` 0 and, where there are
    conversations, `CompleteTime`: the newest `Timestamp`, as production has it."""

    ContactItem: list[Record]
    CompleteFlag: int
    NextStartIndex: int
    CompleteTime: int | UnsetType = UNSET
    GroupItem: list[Group]


def check(request: Request, _: Profile) -> None:
    """50002."""
    if request.StartIndex < 0:
        raise Fail(Code.BAD_PARAMETER, f"StartIndex is {request.StartIndex}; 0 and above are allowed")


@reads(document="1047/53440", request=Request, check=check)
def get_contact_group(request: Request, book: Book, call: Call) -> Answer:
    """One page."""
    following = (
        (peer, entry) for peer, entry in book.entries.items() if entry.position >= request.StartIndex
    )
    page = list(islice(following, call.profile.get_page_size))
    is_last = next(following, None) is None
    newest = max((entry.updated_at for entry in book.entries.values()), default=UNSET)
    return Answer(
        ContactItem=listed(ready_record(peer, entry) for peer, entry in page),
        CompleteFlag=int(is_last),
        NextStartIndex=0 if is_last else page[-1][1].position + 1,
        CompleteTime=newest if is_last else UNSET,
        GroupItem=group_items(book),
    )
