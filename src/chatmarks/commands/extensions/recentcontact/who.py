"""`POST /x/1/recentcontact/who`: the accounts of an app that filed or marked a conversation.

An extension, described in `docs/extensions.md`. An index has the records by conversation; one call
looks at 1,000 of them at most, so a page can have fewer accounts than asked for, even none, and not
be the last. Accounts come by ascending UserID, byte by byte; one that has the data throughout is
met once.
"""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from chatmarks.book import Entry
from chatmarks.command import (
    EXTENSIONS_DOCUMENT,
    RECENTCONTACT,
    Call,
    is_userid,
    manages,
    userid_problem,
)
from chatmarks.commands.extensions.recentcontact.condition import bits_of, check_bits, check_choice
from chatmarks.commands.recentcontact.contact import Contact, contact_problem, peer_of
from chatmarks.errors import Code, Fail
from chatmarks.limits import WHO_PAGE_SIZE_MAX, WHO_ROWS_MAX, Profile
from chatmarks.store import Store


class Request(Struct, frozen=True):
    """`MarkAll`: bits that must all be set; `InGroup` 1: only who filed it in a group, 0: only who
    did not. `StartUserID` is empty at first, then the `NextUserID` of the answer before. `Limit`: 1
    to 1,000."""

    ContactItem: Contact
    MarkAll: list[int] = []
    InGroup: int | UnsetType = UNSET
    StartUserID: str = ""
    Limit: int = 100


class Holder(Struct, frozen=True, kw_only=True):
    """An account, and what data it has of the conversation, as a record of `get_contact_group`. The
    ids are those of the account's own groups."""

    UserID: str
    StandardMark: str
    CustomMark: str | UnsetType = UNSET
    ContactGroupId: list[int] | UnsetType = UNSET
    Timestamp: int


class Answer(Struct, frozen=True):
    """`CompleteFlag` is 1, and `NextUserID` empty, where no further account has data."""

    AccountItem: list[Holder]
    CompleteFlag: int
    NextUserID: str


def check(request: Request, _: Profile) -> None:
    """50002."""
    if problem := contact_problem(request.ContactItem):
        raise Fail(Code.BAD_PARAMETER, f"ContactItem.{problem}")
    check_bits(request.MarkAll, "MarkAll")
    check_choice(request.InGroup, "InGroup")
    if request.StartUserID and not is_userid(request.StartUserID):
        raise Fail(Code.BAD_PARAMETER, f"StartUserID {userid_problem(request.StartUserID)}")
    if not 1 <= request.Limit <= WHO_PAGE_SIZE_MAX:
        raise Fail(
            Code.BAD_PARAMETER, f"Limit is {request.Limit}; 1 to {WHO_PAGE_SIZE_MAX} are allowed"
        )


@manages(RECENTCONTACT, document=EXTENSIONS_DOCUMENT, request=Request, check=check)
async def who(request: Request, call: Call, store: Store) -> Answer:
    """Who filed or marked a conversation."""
    is_filtered = bool(request.MarkAll) or request.InGroup is not UNSET
    rows_max = WHO_ROWS_MAX if is_filtered else request.Limit
    # One more than is looked at tells whether it goes on.
    rows = await store.holders(
        call.sdkappid, peer_of(request.ContactItem), request.StartUserID, rows_max + 1
    )
    found: list[Holder] = []
    looked_at = ""
    for userid, entry in rows[:rows_max]:
        looked_at = userid
        if _fits(entry, request):
            found.append(_holder(userid, entry))
            if len(found) == request.Limit:
                break
    is_last = not rows or looked_at == rows[-1][0]
    return Answer(found, int(is_last), "" if is_last else looked_at)


def _fits(entry: Entry, request: Request) -> bool:
    wanted = bits_of(request.MarkAll)
    if entry.marks & wanted != wanted:
        return False
    return request.InGroup is UNSET or bool(entry.groups) == bool(request.InGroup)


def _holder(userid: str, entry: Entry) -> Holder:
    return Holder(
        UserID=userid,
        StandardMark=format(entry.marks, "b") if entry.marks else "",
        CustomMark=entry.custom_mark or UNSET,
        ContactGroupId=entry.group_ids or UNSET,
        Timestamp=entry.updated_at,
    )
