"""Which calls may be repeated, and how the outcome of the others is found out.

Creating, deleting and renaming a group must not be repeated blindly: a repeat of what was done is
refused. When the answer to one is lost, `get_contact_group` tells what became of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Struct

from chatmarks.client.errors import ChatError, NoAnswer, OutcomeUnknown
from chatmarks.client.pages import following
from chatmarks.client.road import Ask, Flow, body_of
from chatmarks.command import Kind
from chatmarks.commands import COMMANDS
from chatmarks.commands.recentcontact import (
    create_contact_group,
    del_contact_group,
    get_contact_group,
    update_contact_group,
)
from chatmarks.commands.recentcontact.contact import Contact, Group

A = TypeVar("A")

_READING = "recentcontact/get_contact_group"
_CREATE = "recentcontact/create_contact_group"
_DELETE = "recentcontact/del_contact_group"
_UPDATE = "recentcontact/update_contact_group"

_REPEATABLE = frozenset(
    {
        "recentcontact/mark_contact",
        "im_open_login_svc/account_import",
        "im_open_login_svc/multiaccount_import",
        "im_open_login_svc/account_check",
        "group_open_http_svc/get_appid_group_list",
        "group_open_http_svc/get_group_info",
        "recentcontact/get_list",
        "x/1/recentcontact/top",
        "x/1/recentcontact/query",
        "x/1/recentcontact/who",
    }
)
"""Beside the commands that only read a book. What stands nowhere is not repeated."""


def is_repeatable(command: str, body: bytes) -> bool:
    """Whether a call may be made twice with no harm: marks, changes of members, imports, all reads."""
    if command in _REPEATABLE or (command in COMMANDS and COMMANDS[command].kind is Kind.READS):
        return True
    request = _request(command, body) if command == _UPDATE else None
    if not isinstance(request, update_contact_group.Request):
        return False
    wanted = request.UpdateGroup
    return (
        wanted.UpdateGroupType == update_contact_group.CHANGE_MEMBERS
        or wanted.OldGroupName == wanted.NewGroupName
    )


def settled(ask: Ask[A], attempts: int) -> Flow[A]:
    """The answer to `ask`; when it is lost and must not be repeated, what is found out instead.

    Raises `OutcomeUnknown` when that cannot be decided.
    """
    judge = None if ask.repeats else _judge(ask)
    if judge is not None:
        return (yield from _found_out(ask, judge, attempts))
    try:
        answer: A = yield ask
    except NoAnswer as error:
        if error.maybe_done and not ask.repeats:
            raise OutcomeUnknown(ask.command, f"{error.reason}; it may have been done") from error
        raise
    return answer


class _Undecided(Exception):
    """What was read fits neither a call that was done nor one that was not."""


Judge = Callable[["_Found"], Any]
"""The answer that the call would have had, None when it was not done. Raises `_Undecided`."""


class _Found(Struct, frozen=True):
    """The groups of an account, and the conversations of each by `GroupId`."""

    groups: dict[str, int]
    members: dict[int, set[tuple[int | str, str]]]


def _found_out(ask: Ask[A], judge: tuple[str, Judge], attempts: int) -> Flow[A]:
    lost: ChatError | NoAnswer | None = None
    for attempt in range(attempts):
        try:
            answer: A | None = yield msgspec.structs.replace(ask, first=attempt)
        except (ChatError, NoAnswer) as error:
            if lost is None and not error.maybe_done:
                raise
            # From here on a refusal may be the work of the attempt whose answer was lost.
            if lost is None or isinstance(error, ChatError) or error.maybe_done:
                lost = error
        else:
            return cast("A", answer)
        answer = yield from _seen(ask, judge, lost)
        if answer is not None:
            return answer
        if not lost.maybe_done and not lost.is_passing:
            break
    assert lost is not None
    if isinstance(lost, NoAnswer):
        reason = f"{_told(lost)}; get_contact_group does not show it as done, but it may be under way"
        raise OutcomeUnknown(ask.command, reason) from lost
    raise lost


def _seen(ask: Ask[A], judge: tuple[str, Judge], lost: ChatError | NoAnswer) -> Flow[A | None]:
    """The answer that `ask` would have had, as far as its work is to be seen; None where it is not."""
    owner, verdict = judge
    try:
        found = yield from _read(owner, ask.until)
        return cast("A | None", verdict(found))
    except _Undecided as doubt:
        raise OutcomeUnknown(ask.command, f"{_told(lost)}; {doubt}") from lost
    except (ChatError, NoAnswer) as error:
        reason = f"{_told(lost)}; and get_contact_group could not tell: {_told(error)}"
        raise OutcomeUnknown(ask.command, reason) from lost


def _told(error: ChatError | NoAnswer) -> str:
    return error.reason if isinstance(error, NoAnswer) else f"{error.code} {error.text}"


def _read(owner: str, until: float) -> Flow[_Found]:
    """Everything that `owner` has, page by page."""
    found = _Found({}, {})
    fields: dict[str, object] | None = {"From_Account": owner, "StartIndex": 0}
    while fields is not None:
        page = yield Ask(_READING, body_of(fields), get_contact_group.Answer, repeats=True, until=until)
        found.groups.clear()
        found.groups.update({group.GroupName: group.GroupId for group in page.GroupItem})
        for record in page.ContactItem:
            for number in record.ContactGroupId or ():
                found.members.setdefault(number, set()).add(_identity(record))
        fields = following(_READING, fields, page)
    return found


def _identity(item: Any) -> tuple[int, str]:
    kind = 1 if str(item.Type) == "1" else 2
    return kind, str(item.To_Account if kind == 1 else item.ToGroupId)


def _request(command: str, body: bytes) -> Any:
    """What the body asks for; None when it is not of the form that the documents give."""
    try:
        return COMMANDS[command].decoder.decode(body)
    except msgspec.DecodeError:
        return None


def _judge(ask: Ask[Any]) -> tuple[str, Judge] | None:
    """Whose groups tell what became of a call, and how; None where nothing tells."""
    if ask.command not in (_CREATE, _DELETE, _UPDATE):
        return None
    request = _request(ask.command, ask.body)
    match request:
        case create_contact_group.Request(GroupContactItem=[group]):
            return request.From_Account, lambda found: _created(found, group)
        case del_contact_group.Request(GroupName=[name]):
            return request.From_Account, lambda found: _deleted(found, name)
        case update_contact_group.Request():
            return request.From_Account, lambda found: _renamed(found, request.UpdateGroup)
    return None


def _created(found: _Found, group: create_contact_group.NewGroup) -> object:
    number = found.groups.get(group.GroupName)
    if number is None:
        return None
    asked = {_identity(item) for item in group.ContactItem}
    if asked != found.members.get(number, set()):
        raise _Undecided("there is a group of that name, but with other conversations")
    results = [create_contact_group.Result(_bare(item), 0, "") for item in group.ContactItem]
    made = create_contact_group.GroupResult(Group(group.GroupName, number), results)
    return create_contact_group.Answer([made])


def _bare(item: Contact) -> Contact:
    """The conversation as an answer has it."""
    kind, name = _identity(item)
    return Contact(1, To_Account=name) if kind == 1 else Contact(2, ToGroupId=name)


def _deleted(found: _Found, name: str) -> object:
    # Nobody knows its number any more; no group has 0.
    return None if name in found.groups else del_contact_group.Answer([Group(name, 0)])


def _renamed(found: _Found, wanted: update_contact_group.GroupUpdate) -> object:
    old, new = wanted.OldGroupName, wanted.NewGroupName
    match old in found.groups, new in found.groups:
        case True, False:
            return None
        case False, True:
            number = found.groups[new]
            result = update_contact_group.GroupUpdateResult(
                wanted.UpdateGroupType, new, number, old, []
            )
            return update_contact_group.Answer(update_contact_group.ONE_GROUP, result)
        case True, True:
            raise _Undecided("there is a group of the old name and one of the new")
    raise _Undecided("there is neither a group of the old name nor one of the new")
