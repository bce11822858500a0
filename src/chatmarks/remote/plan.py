"""Which documented calls make of one content another. Pure.

What is taken away goes first, so that neither the 20 groups nor the 1,000 conversations of an account
are met on the way unless what is wanted has more. Neither `GroupId` nor `Timestamp` can be chosen by a
call: groups are made in the order of the wanted ids, and times are those of the calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import Struct

from chatmarks.book import Peer, PeerType
from chatmarks.commands.recentcontact.mark_contact import BOTH, CUSTOM, STANDARD
from chatmarks.commands.recentcontact.update_contact_group import (
    ADD,
    CHANGE_MEMBERS,
    ONE_GROUP,
    REMOVE,
    RENAME,
)
from chatmarks.limits import CONVERSATIONS_PER_CALL_MAX
from chatmarks.remote.content import Content, Filed

T = TypeVar("T")

CREATE = "recentcontact/create_contact_group"
DELETE = "recentcontact/del_contact_group"
UPDATE = "recentcontact/update_contact_group"
MARK = "recentcontact/mark_contact"

_NOTHING = Filed()


class Planned(Struct, frozen=True):
    """A call: the command, and its fields but for `From_Account`. `needs`: the group that an earlier
    call has to have made, "" for none."""

    command: str
    fields: Mapping[str, Any]
    needs: str = ""

    @property
    def makes(self) -> str:
        """The group that it makes, "" for none."""
        name: str = self.fields["GroupContactItem"][0]["GroupName"] if self.command == CREATE else ""
        return name

    @property
    def may_repeat(self) -> bool:
        """Whether it does no harm once more after it was done."""
        update = self.fields.get("UpdateGroup")
        return self.command == MARK or bool(update and update["UpdateGroupType"] == CHANGE_MEMBERS)


class _Groups(Struct, frozen=True):
    """The members of each group by its name, in the order of the conversations."""

    had: dict[str, list[Peer]]
    wanted: dict[str, list[Peer]]


def plan(have: Content, want: Content) -> list[Planned]:
    """The calls that make `want` of `have`, in their order; none when both have the same but for
    `GroupId`s and times."""
    groups = _Groups(_members(have), _members(want))
    renamed = dict(_renames(groups))
    had = {renamed.get(name, name): members for name, members in groups.had.items()}
    return [
        *_deletions(groups, renamed),
        *(_rename(old, new) for old, new in renamed.items()),
        *_memberships(had, groups.wanted, REMOVE),
        *_marks(have, want, are_last=True),
        *_creations(had, groups.wanted, want),
        *_memberships(had, groups.wanted, ADD),
        *_marks(have, want, are_last=False),
    ]


def _members(content: Content) -> dict[str, list[Peer]]:
    names = content.names()
    members: dict[str, list[Peer]] = {name: [] for name in content.groups}
    for peer, filed in content.conversations.items():
        for number in filed.group_ids:
            # A server may tell of a group that it no longer has.
            if number in names:
                members[names[number]].append(peer)
    return members


def _renames(groups: _Groups) -> Iterator[tuple[str, str]]:
    """Groups that are gone, and the new ones that have the very same members. No name of one is the
    name of another group before or after, so no order of renames and deletions is wrong."""
    gone = {
        frozenset(members): name
        for name, members in groups.had.items()
        if members and name not in groups.wanted
    }
    for name, members in groups.wanted.items():
        if name not in groups.had and (old := gone.pop(frozenset(members), None)):
            yield old, name


def _deletions(groups: _Groups, renamed: Mapping[str, str]) -> Iterator[Planned]:
    for name in groups.had:
        if name not in groups.wanted and name not in renamed:
            yield Planned(DELETE, {"GroupName": [name]})


def _rename(old: str, new: str) -> Planned:
    wanted = {"UpdateGroupType": RENAME, "OldGroupName": old, "NewGroupName": new}
    return Planned(UPDATE, {"UpdateType": ONE_GROUP, "UpdateGroup": wanted})


def _creations(
    had: Mapping[str, Sequence[Peer]], wanted: Mapping[str, Sequence[Peer]], want: Content
) -> Iterator[Planned]:
    """New groups with their first members, those with the smallest ids first: a server that gives the
    smallest free one then gives those very ids, where they have no gaps."""
    for name in sorted(wanted.keys() - had.keys(), key=want.groups.__getitem__):
        first = [_item(peer) for peer in wanted[name][:CONVERSATIONS_PER_CALL_MAX]]
        yield Planned(CREATE, {"GroupContactItem": [{"GroupName": name, "ContactItem": first}]})


def _memberships(
    had: Mapping[str, Sequence[Peer]], wanted: Mapping[str, Sequence[Peer]], kind: int
) -> Iterator[Planned]:
    """The changes of one kind, to the members of groups that stay and to those of new groups that were
    too many to make them with."""
    for name, members in wanted.items():
        before = had.get(name)
        if before is None:
            peers = list(members[CONVERSATIONS_PER_CALL_MAX:]) if kind == ADD else []
        else:
            more, fewer = (members, before) if kind == ADD else (before, members)
            known = set(fewer)
            peers = [peer for peer in more if peer not in known]
        for part in _parts(peers):
            changes = [{"ContactOptType": kind, "ContactItem": _item(peer)} for peer in part]
            update = {
                "UpdateGroupType": CHANGE_MEMBERS,
                "OldGroupName": name,
                "ContactUpdateItem": changes,
            }
            fields = {"UpdateType": ONE_GROUP, "UpdateGroup": update}
            yield Planned(UPDATE, fields, needs="" if before is not None else name)


def _marks(have: Content, want: Content, *, are_last: bool) -> Iterator[Planned]:
    """The changes of marks and custom marks. `are_last`: those after which a conversation has none,
    else all others."""
    items = []
    for peer in {**have.conversations, **want.conversations}:
        before = have.conversations.get(peer, _NOTHING)
        after = want.conversations.get(peer, _NOTHING)
        is_last = not (after.marks or after.custom_mark)
        if is_last == are_last and (item := _mark(peer, before, after)):
            items.append(item)
    for part in _parts(items):
        yield Planned(MARK, {"MarkItem": part})


def _mark(peer: Peer, before: Filed, after: Filed) -> dict[str, Any] | None:
    item: dict[str, Any] = {"ContactItem": _item(peer)}
    standard = before.marks != after.marks
    custom = before.custom_mark != after.custom_mark
    if standard:
        item |= {
            "SetMark": _bits(after.marks & ~before.marks),
            "ClearMark": _bits(before.marks & ~after.marks),
        }
    if custom:
        item["CustomMark"] = after.custom_mark
    if not (standard or custom):
        return None
    kind = BOTH if standard and custom else STANDARD if standard else CUSTOM
    return {"OptType": kind, **item}


def _bits(mask: int) -> list[int]:
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1]


def _item(peer: Peer) -> dict[str, Any]:
    if peer.type == PeerType.ACCOUNT:
        return {"Type": 1, "To_Account": peer.id}
    return {"Type": 2, "ToGroupId": peer.id}


def peer_of_item(item: Mapping[str, Any]) -> Peer:
    """The conversation that an item of an answer names."""
    if str(item["Type"]) == "1":
        return Peer(PeerType.ACCOUNT.value, item["To_Account"])
    return Peer(PeerType.CHAT_GROUP.value, item["ToGroupId"])


def _parts(items: list[T]) -> Iterator[list[T]]:
    """Lists of as many as a call may have."""
    for begin in range(0, len(items), CONVERSATIONS_PER_CALL_MAX):
        yield items[begin : begin + CONVERSATIONS_PER_CALL_MAX]
