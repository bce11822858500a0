"""`POST /v4/recentcontact/mark_contact`: set and clear marks, and the custom mark, of conversations.

Document: 1047/53438, 269/85792. Marks are bits 0 to 63: 0 star, 1 unread, 2 fold, 3 hide, 32 to 63
the app's own. Clearing comes first, so a bit in both lists ends up set. `OptType` decides which part
is applied; the other part's fields are ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from msgspec import UNSET, Struct, UnsetType

from chatmarks.book import Book, Edit, Peer
from chatmarks.command import AccountName, Call, writes
from chatmarks.commands.recentcontact.contact import (
    Contact,
    apply,
    check_count,
    check_edition,
    contact_problem,
    identity_of,
    item_of,
    peer_of,
)
from chatmarks.errors import Code, Fail
from chatmarks.limits import CUSTOM_MARK_BYTES_MAX, MARK_BITS, Profile

STANDARD, CUSTOM, BOTH = 1, 2, 3
"""`OptType`."""


class Mark(Struct, frozen=True):
    """`OptType` 1 applies `SetMark` and `ClearMark`, 2 `CustomMark` (at most 256 bytes), 3 both.

    Without `CustomMark`, `OptType` 2 clears the text and 3 leaves it alone.
    """

    OptType: int
    ContactItem: Contact
    SetMark: list[int] = []
    ClearMark: list[int] = []
    CustomMark: str | UnsetType = UNSET


class Request(Struct, frozen=True, dict=True):
    """`MarkItem` holds 1 to 100 elements."""

    From_Account: AccountName
    MarkItem: list[Mark]

    @cached_property
    def edits(self) -> list[Edit]:
        """The changes that it asks for, once it passed its check."""
        return [_edit(item) for item in self.MarkItem]


class Result(Struct, frozen=True):
    """How marking one conversation went."""

    OptType: int
    ContactItem: Contact
    ResultCode: int
    ResultInfo: str

    @property
    def failed(self) -> bool:
        """Whether this conversation was refused."""
        return self.ResultCode != 0


class Answer(Struct, frozen=True):
    """The results in the order of the request."""

    ResultItem: list[Result]


def check(request: Request, profile: Profile) -> None:
    """51006, 50002, 51013, in this order."""
    check_count(len(request.MarkItem), "MarkItem")
    for number, item in enumerate(request.MarkItem):
        if problem := _problem(item):
            raise Fail(Code.BAD_PARAMETER, f"MarkItem[{number}].{problem}")
    if any(item.OptType != CUSTOM for item in request.MarkItem):
        check_edition(profile)


def _problem(item: Mark) -> str | None:
    if item.OptType not in (STANDARD, CUSTOM, BOTH):
        return f"OptType is {item.OptType}; 1 (marks), 2 (custom mark) and 3 (both) are allowed"
    if problem := contact_problem(item.ContactItem):
        return f"ContactItem.{problem}"
    if item.OptType != CUSTOM:
        for field, bits in (("SetMark", item.SetMark), ("ClearMark", item.ClearMark)):
            for bit in bits:
                if not 0 <= bit < MARK_BITS:
                    return f"{field} holds {bit}; 0 to {MARK_BITS - 1} are allowed"
    if item.OptType != STANDARD and item.CustomMark:
        # Bytes, not characters: document 53438 gives the limit in bytes.
        size = len(item.CustomMark.encode())
        if size > CUSTOM_MARK_BYTES_MAX:
            return f"CustomMark has {size} bytes; at most {CUSTOM_MARK_BYTES_MAX} are allowed"
        if "\0" in item.CustomMark:
            return "CustomMark holds the character U+0000, which is not allowed"
    return None


def _edit(item: Mark) -> Edit:
    custom_mark = None if item.CustomMark is UNSET else item.CustomMark
    if item.OptType == STANDARD:
        custom_mark = None
    elif item.OptType == CUSTOM:
        custom_mark = custom_mark or ""
    applied = item.OptType != CUSTOM
    return Edit(
        peer_of(item.ContactItem),
        set_marks=_mask(item.SetMark) if applied else 0,
        clear_marks=_mask(item.ClearMark) if applied else 0,
        custom_mark=custom_mark,
    )


def _mask(bits: Sequence[int]) -> int:
    mask = 0
    for bit in bits:
        mask |= 1 << bit
    return mask


def brings(request: Request) -> Iterable[Peer]:
    """The conversations that get a mark or a text."""
    return (edit.peer for edit in request.edits if edit.adds)


def items(request: Request) -> Sequence[str]:
    """What each conversation of the request names."""
    return [identity_of(item.ContactItem) for item in request.MarkItem]


@writes(document="1047/53438", request=Request, check=check, brings=brings, items=items)
def mark_contact(request: Request, book: Book, call: Call) -> tuple[Book, Answer]:
    """Mark the conversations."""
    book, outcomes = apply(request.edits, book, call)
    return book, Answer(
        [
            Result(item.OptType, item_of(edit.peer), outcome.code, outcome.info)
            for item, edit, outcome in zip(request.MarkItem, request.edits, outcomes, strict=True)
        ]
    )
