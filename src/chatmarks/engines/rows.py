"""Books and apps as rows, and back. The same for every engine that speaks SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import msgspec
from msgspec.structs import astuple

from chatmarks.book import Account, Book, Entry, Peer
from chatmarks.store import App, AppChatGroup, ChatGroup, Kept, Membership, Recent, Whole

ConversationRow: TypeAlias = tuple[int, str, int, int, str, int, int]
"""peer_type, peer_id, position, standard_mark, custom_mark, contact_groups, updated_at."""

_groups_decoder = msgspec.json.Decoder(dict[str, int])
_app_decoder = msgspec.json.Decoder(App)

_BITS = 64


def _signed(marks: int) -> int:
    return marks - (1 << _BITS) if marks >> (_BITS - 1) else marks


def _unsigned(number: int) -> int:
    return number & ((1 << _BITS) - 1)


def groups_text(book: Book) -> str:
    """The groups of a book as the JSON of its account row."""
    return msgspec.json.encode(book.groups).decode()


def book_of(next_position: int, groups: str, rows: Iterable[ConversationRow]) -> Book:
    """The book of an account row and its conversation rows, which come by ascending position."""
    entries = {
        Peer(peer_type, peer_id): Entry(position, _unsigned(marks), text, bits, updated_at)
        for peer_type, peer_id, position, marks, text, bits, updated_at in rows
    }
    return Book(_groups_decoder.decode(groups), entries, next_position)


def entry_of(row: Iterable[Any]) -> Entry:
    """What a conversation row has behind `peer_id`."""
    position, marks, text, bits, updated_at = row
    return Entry(position, _unsigned(marks), text, bits, updated_at)


def row_of(peer: Peer, entry: Entry) -> ConversationRow:
    """The row of one conversation."""
    return (
        int(peer.type),
        peer.id,
        entry.position,
        _signed(entry.marks),
        entry.custom_mark,
        entry.groups,
        entry.updated_at,
    )


def changed_rows(before: Book, after: Book) -> tuple[list[ConversationRow], list[tuple[int, str]]]:
    """The rows to write, and the keys of those to delete, that turn one book into the other."""
    old, new = before.entries, after.entries
    edited = after.edited_since(before)
    if edited is None:
        edited = {**old, **new}
    written = [
        row_of(peer, new[peer]) for peer in edited if peer in new and old.get(peer) is not new[peer]
    ]
    deleted = [(int(peer.type), peer.id) for peer in edited if peer in old and peer not in new]
    return written, deleted


def holder_of(row: Sequence[Any]) -> tuple[str, Entry]:
    """The UserID of an owner, and the data that follow it in the row."""
    owner, *rest = row
    return owner.partition(":")[2], entry_of(rest)


def key_of(sdkappid: int, group_id: str) -> str:
    """The id of a chat group as its row has it."""
    return f"{sdkappid}:{group_id}"


def chat_group_row(sdkappid: int, group: ChatGroup) -> tuple[Any, ...]:
    """id, type, name, owner_account, created_at, incarnation, message_seq, shown_seq, shown_at,
    sdkappid, place."""
    return (
        key_of(sdkappid, group.id),
        group.type,
        group.name,
        group.owner,
        group.created_at,
        group.incarnation,
        group.message_seq,
        group.shown_seq,
        group.shown_at,
        sdkappid,
        group.place,
    )


def chat_group_of(row: Iterable[Any]) -> ChatGroup:
    """The chat group of a row, which goes up to `shown_at`."""
    key, *rest = row
    return ChatGroup(key.partition(":")[2], *rest)


def app_text(app: App) -> str:
    """An app as JSON."""
    return msgspec.json.encode(app).decode()


def app_of(text: str) -> App:
    """The app of its JSON."""
    return _app_decoder.decode(text)


def bounds(sdkappid: int | None) -> tuple[str, str]:
    """Between which texts, both left out, the keys of one app lie, or all keys."""
    # The character after the colon ends the app's keys; no key begins with the last one there is.
    return ("", "\U0010ffff") if sdkappid is None else (f"{sdkappid}:", f"{sdkappid};")


def wholes_of(
    accounts: Iterable[Sequence[Any]],
    conversations: Iterable[Sequence[Any]],
    memberships: Iterable[Sequence[Any]],
    recents: Iterable[Sequence[Any]],
) -> list[Whole]:
    """Accounts of their rows. Each row has its owner first; then those of accounts have version,
    next_position and contact_groups, those of conversations, which come by ascending position, a
    `ConversationRow`, those of memberships chat_group, incarnation and the fields of a
    `Membership`, and those of recents userid and the fields of a `Recent`."""
    rows: defaultdict[str, list[Any]] = defaultdict(list)
    for owner, *row in conversations:
        rows[owner].append(row)
    joined: defaultdict[str, dict[tuple[str, int], Membership]] = defaultdict(dict)
    for owner, chat_group, incarnation, *rest in memberships:
        joined[owner][_split(chat_group)[1], incarnation] = Membership(*rest)
    listed: defaultdict[str, dict[str, Recent]] = defaultdict(dict)
    for owner, userid, *rest in recents:
        listed[owner][userid] = Recent(*rest)
    return [
        Whole(
            Account(*_split(owner)),
            Kept(version, book_of(next_position, groups, rows[owner])),
            joined[owner],
            listed[owner],
        )
        for owner, version, next_position, groups in accounts
    ]


def account_rows(wholes: Iterable[Whole]) -> list[tuple[str, int, int, str]]:
    """The rows of accounts: owner, version, next_position, contact_groups."""
    return [
        (whole.key, whole.kept.version, whole.kept.book.next_position, groups_text(whole.kept.book))
        for whole in wholes
    ]


def conversation_rows(wholes: Iterable[Whole]) -> list[tuple[str, int, str, int, int, str, int, int]]:
    """The rows of their conversations: the owner, then a `ConversationRow`."""
    return [
        (whole.key, *row_of(peer, entry))
        for whole in wholes
        for peer, entry in whole.kept.book.entries.items()
    ]


def membership_rows(wholes: Iterable[Whole]) -> list[tuple[str, str, int, str, int, int, int]]:
    """The rows of their memberships: owner, chat_group, incarnation, then the fields."""
    return [
        (whole.key, key_of(whole.account.sdkappid, group_id), incarnation, *astuple(membership))
        for whole in wholes
        for (group_id, incarnation), membership in whole.memberships.items()
    ]


def recent_rows(wholes: Iterable[Whole]) -> list[tuple[str, str, int, int, int]]:
    """The rows of their one-to-one conversations: owner, userid, begun_at, last_at, pinned_at."""
    return [
        (whole.key, userid, *astuple(recent))
        for whole in wholes
        for userid, recent in whole.recents.items()
    ]


def app_chat_group_of(row: Sequence[Any]) -> AppChatGroup:
    """The same with its app."""
    return AppChatGroup(_split(row[0])[0], chat_group_of(row))


def _split(key: str) -> tuple[int, str]:
    """The app and the id of a key."""
    sdkappid, _, identity = key.partition(":")
    return int(sdkappid), identity
