"""`POST /v4/recentcontact/delete`: take a conversation off an account's list.

Document: 1047/43088. It comes back with its next message. Marks and groups of it stay. What is not in
the list, or does not exist at all, is deleted with success.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from chatmarks.book import Account, PeerType
from chatmarks.command import AccountName, Call, lists
from chatmarks.commands.recentcontact.contact import TYPES, Contact, contact_problem, peer_of
from chatmarks.errors import Code, Fail
from chatmarks.limits import Profile
from chatmarks.store import Store

Spelling = Meta(extra={"spelling": True})
"""Another spelling of a field, as clients send it: taken, and not offered by ours."""


class Request(Struct, frozen=True):
    """`ToGroupid` is the documented spelling; `ToGroupId` is taken as well, as is a chat group's id in
    `To_Account`. `ClearRamble` 1 also clears the history that roams: there is none here."""

    From_Account: AccountName
    Type: int | str | UnsetType = UNSET
    To_Account: AccountName | UnsetType = UNSET
    ToGroupid: str | UnsetType = UNSET
    ClearRamble: int = 0
    ToGroupId: Annotated[str | UnsetType, Spelling] = UNSET
    type: Annotated[int | str | UnsetType, Spelling] = UNSET


def check(request: Request, _: Profile) -> None:
    """50002."""
    kind = _type_of(request)
    if kind is UNSET:
        raise Fail(Code.BAD_PARAMETER, "Type is missing; 1 (account) and 2 (chat group) are allowed")
    if problem := contact_problem(_contact_of(request, kind)):
        raise Fail(Code.BAD_PARAMETER, problem.replace("ToGroupId", _group_field(request), 1))
    if request.ClearRamble not in (0, 1):
        raise Fail(Code.BAD_PARAMETER, f"ClearRamble is {request.ClearRamble}; 0 and 1 are allowed")


@lists(
    document="1047/43088",
    request=Request,
    check=check,
    differences=("`ClearRamble` is checked; no history is kept that it could clear.",),
)
async def delete(request: Request, call: Call, store: Store) -> None:
    """Take a conversation off the list."""
    kind = _type_of(request)
    assert kind is not UNSET
    account = Account(call.sdkappid, request.From_Account)
    await store.unlist(account, peer_of(_contact_of(request, kind)))


def _type_of(request: Request) -> int | str | UnsetType:
    return request.type if request.Type is UNSET else request.Type


def _contact_of(request: Request, kind: int | str) -> Contact:
    """The conversation as the other commands have it."""
    if TYPES.get(kind) == PeerType.CHAT_GROUP:
        group_id = getattr(request, _group_field(request))
        return Contact(kind, ToGroupId=group_id)
    return Contact(kind, request.To_Account)


def _group_field(request: Request) -> str:
    """The field that has the id of a chat group."""
    if not (request.ToGroupid or request.ToGroupId) and request.To_Account:
        return "To_Account"
    return "ToGroupId" if request.ToGroupId and not request.ToGroupid else "ToGroupid"
