"""Which commands take a list, how long it may be, and how the answers to its parts become one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from chatmarks.client.errors import ChatError, NoAnswer
from chatmarks.client.road import Flow, as_json_has_it
from chatmarks.limits import (
    ACCOUNTS_PER_CALL_MAX,
    CHAT_GROUP_MEMBERS_PER_ADD_MAX,
    CHAT_GROUP_MEMBERS_PER_DELETE_MAX,
    CHAT_GROUPS_PER_INFO_MAX,
    CONVERSATIONS_PER_CALL_MAX,
    CONVERSATIONS_PER_SEARCH_MAX,
)

Path = tuple[str, ...]


class LongList(Struct, frozen=True):
    """The lists of a command, as paths into its request; how many items a call takes of them; where its
    answer has one result for each, and what it has once for all of them."""

    lists: tuple[Path, ...]
    items_max: int
    results: Path = ()
    shared: str = ""


LONG_LISTS: Mapping[str, LongList] = {
    "recentcontact/mark_contact": LongList(
        (("MarkItem",),), CONVERSATIONS_PER_CALL_MAX, ("ResultItem",)
    ),
    "recentcontact/update_contact_group": LongList(
        (("UpdateGroup", "ContactUpdateItem"),),
        CONVERSATIONS_PER_CALL_MAX,
        ("UpdateGroupResult", "ContactResultItem"),
    ),
    "recentcontact/search_contact_group": LongList(
        (("ContactItem",),), CONVERSATIONS_PER_SEARCH_MAX, ("ContactResultItem",), "GroupItem"
    ),
    "im_open_login_svc/multiaccount_import": LongList(
        (("Accounts",), ("AccountList",)), ACCOUNTS_PER_CALL_MAX, ("FailAccounts",)
    ),
    "im_open_login_svc/account_check": LongList(
        (("CheckItem",),), ACCOUNTS_PER_CALL_MAX, ("ResultItem",)
    ),
    "im_open_login_svc/account_delete": LongList(
        (("DeleteItem",),), ACCOUNTS_PER_CALL_MAX, ("ResultItem",)
    ),
    "group_open_http_svc/get_group_info": LongList(
        (("GroupIdList",),), CHAT_GROUPS_PER_INFO_MAX, ("GroupInfo",)
    ),
    "group_open_http_svc/add_group_member": LongList(
        (("MemberList",),), CHAT_GROUP_MEMBERS_PER_ADD_MAX, ("MemberList",)
    ),
    "group_open_http_svc/delete_group_member": LongList(
        (("MemberToDel_Account",),), CHAT_GROUP_MEMBERS_PER_DELETE_MAX
    ),
}


def in_parts(
    command: str, fields: Mapping[str, object], ask: Callable[[Mapping[str, object]], Flow[Any]]
) -> Flow[Any]:
    """One answer to a call whose list may be of any length, from as many calls as that takes.

    The first part that is refused ends it; its failure carries what was answered until then.
    """
    long = LONG_LISTS.get(command)
    if long is None:
        return (yield from ask(fields))
    whole: Any = None
    for part in _parts(long, fields):
        try:
            answer = yield from ask(part)
        except (ChatError, NoAnswer) as error:
            error.done = whole
            raise
        whole = answer if whole is None else _joined(long, whole, answer)
    return whole


def _parts(long: LongList, fields: Mapping[str, object]) -> Iterator[dict[str, Any]]:
    given = {name: value for name, value in fields.items() if value is not UNSET}
    plain: dict[str, Any] = msgspec.to_builtins(given, enc_hook=as_json_has_it)
    sizes = {path: len(_at(plain, path)) for path in long.lists}
    if sum(sizes.values()) <= long.items_max:
        yield plain
        return
    for path, size in sizes.items():
        for begin in range(0, size, long.items_max):
            part = plain
            for other in long.lists:
                items = _at(plain, other)[begin : begin + long.items_max] if other == path else []
                part = _with(part, other, items)
            yield part


def _at(value: Any, path: Path) -> list[Any]:
    """The list at `path`; an empty one where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, list) else []


def _with(value: dict[str, Any], path: Path, items: list[Any]) -> dict[str, Any]:
    """`value` with `items` at `path`; an empty list is left out."""
    name, *rest = path
    if rest:
        return {**value, name: _with(value.get(name, {}), tuple(rest), items)}
    if not items:
        return {key: kept for key, kept in value.items() if key != name}
    return {**value, name: items}


def _joined(long: LongList, first: Any, second: Any) -> Any:
    """Two answers as one: the results of both in order, and what they share once."""
    joined = _appended(first, second, long.results) if long.results else second
    if not long.shared:
        return joined
    shared = {item.GroupId: item for answer in (first, second) for item in getattr(answer, long.shared)}
    return msgspec.structs.replace(joined, **{long.shared: [shared[key] for key in sorted(shared)]})


def _appended(first: Any, second: Any, path: Path) -> Any:
    if not path:
        return [*first, *second]
    name, *rest = path
    inner = _appended(getattr(first, name), getattr(second, name), tuple(rest))
    return msgspec.structs.replace(second, **{name: inner})
