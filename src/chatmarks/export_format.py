"""The lines of an export, format 1, and back: docs/export-format.md.

Names are those of the wire. What is bound to a store stays out of it: versions, revisions and
incarnations are drawn anew by whoever takes an export in, and no key of a message is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import astuple, replace

from chatmarks.book import Account, Book, Entry, Peer, PeerType, account_of, is_sdkappid, problems_of
from chatmarks.limits import GROUPS_PER_ACCOUNT_MAX
from chatmarks.soundness import (
    app_problems,
    chat_group_problems,
    is_group_id,
    membership_problems,
    on_one_line,
    recent_problems,
)
from chatmarks.store import (
    App,
    AppChatGroup,
    ChatGroup,
    Kept,
    Membership,
    Recent,
    Whole,
    draw_version,
)

FORMAT = 1

Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""Unix seconds, or a place in an order."""

Bits = Annotated[str, Meta(pattern=r"\A(1[01]{0,63})?\Z")]
"""64 marks as on the wire: binary, the highest bit first, "" for none."""

GroupId = Annotated[int, Meta(ge=1, le=GROUPS_PER_ACCOUNT_MAX)]


class Head(Struct, frozen=True):
    """The first line: the format, and when it was written. The numbers are those at the beginning,
    for who shows how far it is: servers may have written since. The last line has the true ones."""

    chatmarks_export: int
    CreateTime: int = 0
    Apps: int = 0
    ChatGroups: int = 0
    Accounts: int = 0


class AppLine(
    Struct, frozen=True, tag_field="Line", tag="App", forbid_unknown_fields=True, omit_defaults=True
):
    """An app. `SdkAppid` is text here and below: a double would lose its last digits. `SealedKeys`:
    base64; left out unless keys were asked for."""

    SdkAppid: str
    Administrators: tuple[str, ...] = ()
    Profile: str = "default"
    Overrides: Mapping[str, str | int | bool] = {}
    Sources: tuple[str, ...] = ()
    Enabled: bool = True
    SealedKeys: tuple[bytes, ...] | UnsetType = UNSET
    Feed: bool = False

    @property
    def key(self) -> str:
        return self.SdkAppid

    @property
    def name(self) -> str:
        return f"app {self.key}"


class ChatGroupLine(
    Struct,
    frozen=True,
    tag_field="Line",
    tag="ChatGroup",
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """A chat group. `MsgSeq`: the number of its newest message; `ShownMsgSeq` and `ShownMsgTime`:
    number and time of the newest that shows in lists."""

    SdkAppid: str
    GroupId: str
    Type: str
    Name: str
    CreateTime: Number
    Owner_Account: str = ""
    MsgSeq: Number = 0
    ShownMsgSeq: Number = 0
    ShownMsgTime: Number = 0

    @property
    def key(self) -> str:
        return f"{self.SdkAppid}:{self.GroupId}"

    @property
    def name(self) -> str:
        return f"chat group {self.key}"


class Group(Struct, frozen=True, forbid_unknown_fields=True):
    """A group of an account."""

    GroupName: str
    GroupId: GroupId


class Contact(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A conversation with data. `Type` 1 has `To_Account`, 2 has `ToGroupId`."""

    Type: Literal[1, 2]
    Position: Number
    Timestamp: Number
    To_Account: str = ""
    ToGroupId: str = ""
    StandardMark: Bits = ""
    CustomMark: str = ""
    ContactGroupId: tuple[GroupId, ...] = ()


class Joined(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A membership in a chat group whose line came before. `ListedFrom`: the list has the chat group
    once `ShownMsgSeq` is that or more; `TopTime`: when it was pinned, 0 where it is not."""

    GroupId: str
    Role: str
    JoinTime: Number
    ListedFrom: Number = 0
    TopTime: Number = 0


class Listed(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A one-to-one conversation of the list: when it came there, the time of its newest message, and
    when it was pinned, 0 where it is not."""

    To_Account: str
    BeginTime: Number
    MsgTime: Number
    TopTime: Number = 0


class AccountLine(
    Struct,
    frozen=True,
    tag_field="Line",
    tag="Account",
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """An account. The conversations come by ascending `Position`; `NextPosition` is above all."""

    SdkAppid: str
    UserID: str
    GroupItem: tuple[Group, ...] = ()
    ContactItem: tuple[Contact, ...] = ()
    NextPosition: Number = 0
    JoinedGroup: tuple[Joined, ...] = ()
    RecentItem: tuple[Listed, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.SdkAppid}:{self.UserID}"

    @property
    def name(self) -> str:
        return f"account {self.key}"


class End(Struct, frozen=True, tag_field="Line", tag="End", forbid_unknown_fields=True):
    """The last line. A file without it was cut off. `Lines` counts the first and the last one, too."""

    Apps: Number
    ChatGroups: Number
    Accounts: Number
    Lines: Number


Item: TypeAlias = AppLine | ChatGroupLine | AccountLine
"""What a line between the first and the last one holds."""

Line: TypeAlias = Item | End

read_head = msgspec.json.Decoder(Head).decode
read_line = msgspec.json.Decoder[Line](Line).decode


def app_line(app: App, *, with_keys: bool) -> AppLine:
    """The line of an app."""
    return AppLine(
        str(app.sdkappid),
        app.admins,
        app.profile,
        app.overrides,
        app.sources,
        app.enabled,
        app.sealed_keys if with_keys else UNSET,
        app.feed,
    )


def app_of(line: AppLine) -> App:
    """The app of its line; without keys where the line has none."""
    return App(
        int(line.SdkAppid),
        line.SealedKeys or (),
        line.Administrators,
        line.Profile,
        line.Overrides,
        line.Sources,
        line.Enabled,
        feed=line.Feed,
    )


def chat_group_line(found: AppChatGroup) -> ChatGroupLine:
    """The line of a chat group."""
    group = found.group
    sdkappid = str(found.sdkappid)
    return ChatGroupLine(
        sdkappid,
        group.id,
        group.type,
        group.name,
        group.created_at,
        group.owner,
        group.message_seq,
        group.shown_seq,
        group.shown_at,
    )


def chat_group_of(line: ChatGroupLine, incarnation: int) -> AppChatGroup:
    """The chat group of its line."""
    group = ChatGroup(
        line.GroupId,
        line.Type,
        line.Name,
        line.Owner_Account,
        line.CreateTime,
        incarnation,
        line.MsgSeq,
        line.ShownMsgSeq,
        line.ShownMsgTime,
    )
    return AppChatGroup(int(line.SdkAppid), group)


class Exported(NamedTuple):
    """A chat group as its line has it, which the lines of accounts must fit."""

    incarnation: int
    message_seq: int


def account_line(whole: Whole, chat_groups: Mapping[str, Exported]) -> AccountLine:
    """The line of an account, with its memberships in those of `chat_groups`, by their keys; others
    are gone."""
    book = whole.kept.book
    sdkappid = str(whole.account.sdkappid)
    return AccountLine(
        sdkappid,
        whole.account.userid,
        tuple(Group(name, number) for name, number in book.groups.items()),
        tuple(_contact(peer, entry) for peer, entry in book.entries.items()),
        book.next_position,
        tuple(_joined(whole, chat_groups)),
        tuple(Listed(userid, *astuple(recent)) for userid, recent in sorted(whole.recents.items())),
    )


def _joined(whole: Whole, chat_groups: Mapping[str, Exported]) -> Iterator[Joined]:
    for (group_id, incarnation), membership in sorted(whole.memberships.items()):
        group = chat_groups.get(f"{whole.account.sdkappid}:{group_id}")
        if group is not None and group.incarnation == incarnation:
            joined = Joined(group_id, *astuple(membership))
            # The chat group may have had messages since its line was written. Who took it off the list
            # meanwhile would wait for as many more where the export is taken in.
            yield replace(joined, ListedFrom=min(joined.ListedFrom, group.message_seq + 1))


def _contact(peer: Peer, entry: Entry) -> Contact:
    is_account = peer.type == PeerType.ACCOUNT
    return Contact(
        Type=1 if is_account else 2,
        Position=entry.position,
        Timestamp=entry.updated_at,
        To_Account=peer.id if is_account else "",
        ToGroupId="" if is_account else peer.id,
        StandardMark=format(entry.marks, "b") if entry.marks else "",
        CustomMark=entry.custom_mark,
        ContactGroupId=tuple(entry.group_ids),
    )


def whole_of(line: AccountLine, incarnations: Mapping[str, int]) -> Whole:
    """The account of its line, with a fresh version."""
    memberships = {
        (joined.GroupId, incarnations[f"{line.SdkAppid}:{joined.GroupId}"]): _membership_of(joined)
        for joined in line.JoinedGroup
    }
    recents = {listed.To_Account: _recent_of(listed) for listed in line.RecentItem}
    account = Account(int(line.SdkAppid), line.UserID)
    return Whole(account, Kept(draw_version(), _book_of(line)), memberships, recents)


def _membership_of(joined: Joined) -> Membership:
    return Membership(joined.Role, joined.JoinTime, joined.ListedFrom, joined.TopTime)


def _recent_of(listed: Listed) -> Recent:
    return Recent(listed.BeginTime, listed.MsgTime, listed.TopTime)


def _book_of(line: AccountLine) -> Book:
    entries = {
        _peer_of(contact): Entry(
            contact.Position,
            int(contact.StandardMark or "0", 2),
            contact.CustomMark,
            sum(1 << number for number in set(contact.ContactGroupId)),
            contact.Timestamp,
        )
        for contact in line.ContactItem
    }
    groups = {group.GroupName: group.GroupId for group in line.GroupItem}
    return Book(groups, entries, line.NextPosition)


def _peer_of(contact: Contact) -> Peer:
    return Peer(contact.Type, contact.To_Account if contact.Type == 1 else contact.ToGroupId)


def problems_in(line: Item, chat_groups: Mapping[str, object]) -> Iterator[str]:
    """What is wrong with a line that could be read. `chat_groups`: those that came before, by key."""
    match line:
        case AppLine():
            if not is_sdkappid(line.SdkAppid):
                yield "SdkAppid is no SDKAppID"
                return
            yield from app_problems(app_of(line))
        case ChatGroupLine():
            if not (is_sdkappid(line.SdkAppid) and is_group_id(line.GroupId)):
                yield "SdkAppid and GroupId are no id of a chat group"
                return
            yield from chat_group_problems(chat_group_of(line, draw_version()).group)
        case AccountLine():
            if account_of(line.key) is None:
                yield "SdkAppid and UserID are no account"
                return
            yield from _account_problems(line, chat_groups)


def _account_problems(line: AccountLine, chat_groups: Mapping[str, object]) -> Iterator[str]:
    book = _book_of(line)
    if len(book.groups) < len(line.GroupItem):
        yield "two groups have the same name"
    if len(book.entries) < len(line.ContactItem):
        yield "a conversation comes twice"
    for flaw in problems_of(book):
        name = f"conversation {flaw.peer.type}:{flaw.peer.id} " if flaw.peer else ""
        yield on_one_line(f"{name}{flaw.text}".encode())
    if len({joined.GroupId for joined in line.JoinedGroup}) < len(line.JoinedGroup):
        yield "a chat group was joined twice"
    for joined in line.JoinedGroup:
        name = f"membership {on_one_line(joined.GroupId.encode())}"
        if f"{line.SdkAppid}:{joined.GroupId}" not in chat_groups:
            yield f"{name}: no line before has this chat group"
        for text in membership_problems(1, _membership_of(joined)):
            yield f"{name}: {text}"
    yield from _list_problems(line)


def _list_problems(line: AccountLine) -> Iterator[str]:
    if len({listed.To_Account for listed in line.RecentItem}) < len(line.RecentItem):
        yield "a conversation comes twice in the list"
    for listed in line.RecentItem:
        name = f"list {on_one_line(listed.To_Account.encode())}"
        for text in recent_problems(listed.To_Account, _recent_of(listed)):
            yield f"{name}: {text}"
