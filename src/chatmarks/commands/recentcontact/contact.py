"""What the six commands share on the wire: conversations, records, groups and per-item results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from msgspec import UNSET, Raw, Struct, UnsetType, json

from chatmarks.book import Book, Edit, Entry, Peer, PeerType
from chatmarks.command import AccountName, Call, Outcome, is_userid, userid_problem
from chatmarks.errors import Code, Fail, shown
from chatmarks.limits import (
    CONVERSATIONS_PER_ACCOUNT_MAX,
    CONVERSATIONS_PER_CALL_MAX,
    TO_GROUP_ID_BYTES_MAX,
    USERID_BYTES_MAX,
    Profile,
)


class Contact(Struct, frozen=True, gc=False):
    """A conversation. `Type` 1 has `To_Account`, 2 has `ToGroupId`; the id that does not fit is
    ignored. In requests `Type` may also be "1" or "2": tables of 2023 and 2024 call it a String."""

    Type: int | str
    To_Account: AccountName | UnsetType = UNSET
    ToGroupId: str | UnsetType = UNSET


class Group(Struct, frozen=True):
    """A group of the account."""

    GroupName: str
    GroupId: int


class Record(Struct, frozen=True, kw_only=True):
    """A conversation with its data. `StandardMark` is binary, the highest bit first, "" for none;
    what a record does not have is left out. `Timestamp`: Unix seconds of its last change."""

    Type: int
    To_Account: str | UnsetType = UNSET
    ToGroupId: str | UnsetType = UNSET
    StandardMark: str
    CustomMark: str | UnsetType = UNSET
    ContactGroupId: list[int] | UnsetType = UNSET
    Timestamp: int


DONE = Outcome()

_encoder = json.Encoder()

TYPES: dict[int | str, int] = {
    1: PeerType.ACCOUNT.value,
    2: PeerType.CHAT_GROUP.value,
    "1": PeerType.ACCOUNT.value,
    "2": PeerType.CHAT_GROUP.value,
}
"""The values of `Type` that are taken, and the `PeerType` that they stand for: as a plain number, which
makes a key that is found twice as fast."""


def contact_problem(item: Contact) -> str | None:
    """What is wrong with a `ContactItem`, beginning with the field's name; None when it is fine."""
    match TYPES.get(item.Type):
        case PeerType.ACCOUNT:
            if not item.To_Account:
                return "To_Account is missing or empty; Type 1 requires it"
            if not is_userid(item.To_Account):
                return f"To_Account {userid_problem(item.To_Account)}"
        case PeerType.CHAT_GROUP:
            if not item.ToGroupId:
                return "ToGroupId is missing or empty; Type 2 requires it"
            if (size := len(item.ToGroupId.encode())) > TO_GROUP_ID_BYTES_MAX:
                return f"ToGroupId has {size} bytes; at most {TO_GROUP_ID_BYTES_MAX} are allowed"
            if not (item.ToGroupId.isascii() and item.ToGroupId.isprintable()):
                return "ToGroupId holds characters other than printable ASCII"
        case _:
            came = shown(item.Type) if isinstance(item.Type, str) else item.Type
            return f"Type is {came}; 1 (account) and 2 (chat group) are allowed"
    return None


def check_contacts(items: Sequence[Contact], field: str) -> None:
    """Refuse a list of conversations, `field`, in which one is wrong."""
    for number, item in enumerate(items):
        name = item.To_Account
        # Nearly always so, and up to 300 times in a call.
        if (
            item.Type == 1
            and isinstance(name, str)
            and 0 < len(name) <= USERID_BYTES_MAX
            and name.isascii()
            and name.isprintable()
        ):
            continue
        if problem := contact_problem(item):
            raise Fail(Code.BAD_PARAMETER, f"{field}[{number}].{problem}")


def check_count(count: int, field: str, *, least: int = 1) -> None:
    """Refuse a change of no conversation, or of more than 100."""
    if not least <= count <= CONVERSATIONS_PER_CALL_MAX:
        raise Fail(
            Code.CONVERSATION_COUNT,
            f"{field} has {count} conversations; {least} to {CONVERSATIONS_PER_CALL_MAX} are allowed",
        )


def check_group_name(name: str, field: str, profile: Profile) -> None:
    """Refuse a name that a group cannot get."""
    if not name:
        raise Fail(Code.BAD_PARAMETER, f"{field} is missing or empty; a name is required")
    # Bytes, not characters: document 53437 gives the limit in bytes.
    size, limit = len(name.encode()), profile.group_name_bytes_max
    if size > limit:
        raise Fail(Code.GROUP_NAME_TOO_LONG, f"{field} has {size} bytes; at most {limit} are allowed")
    if "\0" in name:
        raise Fail(Code.BAD_PARAMETER, f"{field} holds the character U+0000, which is not allowed")


def check_edition(profile: Profile) -> None:
    """Refuse groups and standard marks where the edition lacks them."""
    if profile.edition == "basic":
        raise Fail(
            Code.EDITION, "the edition of this app has no conversation groups and standard marks"
        )


def peer_of(item: Contact) -> Peer:
    """The peer of an item that has no `contact_problem`."""
    kind = TYPES[item.Type]
    identity = item.To_Account if kind == 1 else item.ToGroupId
    assert identity is not UNSET
    return Peer(kind, identity)


def identity_of(item: Contact) -> str:
    """The id that an item names, also of one that has a `contact_problem`; "" for none."""
    return (item.To_Account if TYPES.get(item.Type) == PeerType.ACCOUNT else item.ToGroupId) or ""


def item_of(peer: Peer) -> Contact:
    """The peer as the wire writes it."""
    if peer.type == PeerType.ACCOUNT:
        return Contact(Type=1, To_Account=peer.id)
    return Contact(Type=2, ToGroupId=peer.id)


def record_of(peer: Peer, entry: Entry) -> Record:
    """A conversation's data as the wire writes it."""
    account = peer.type == PeerType.ACCOUNT
    return Record(
        Type=1 if account else 2,
        To_Account=peer.id if account else UNSET,
        ToGroupId=UNSET if account else peer.id,
        StandardMark=format(entry.marks, "b") if entry.marks else "",
        CustomMark=entry.custom_mark or UNSET,
        ContactGroupId=entry.group_ids or UNSET,
        Timestamp=entry.updated_at,
    )


def ready_record(peer: Peer, entry: Entry) -> bytes:
    """The same as JSON, which is made once for each state of a conversation."""
    ready = entry.__dict__
    record: bytes | None = ready.get("record")
    if record is None:
        record = ready["record"] = _encoder.encode(record_of(peer, entry))
    return record


def listed(records: Iterable[bytes]) -> list[Record]:
    """Ready records as the list of an answer, which goes out as it is."""
    return cast("list[Record]", Raw(b"[%b]" % b",".join(records)))


def group_items(book: Book, bits: int = -1) -> list[Group]:
    """The groups of `book` whose ids are set in `bits`, all by default, by ascending `GroupId`; as JSON
    that goes out as it is, which is made once for each state of a book."""
    ready: list[tuple[int, bytes]] | None = book.__dict__.get("group_items")
    if ready is None:
        named = sorted((number, name) for name, number in book.groups.items())
        ready = [(1 << number, _encoder.encode(Group(name, number))) for number, name in named]
        book.__dict__["group_items"] = ready
    items = b",".join([item for bit, item in ready if bits & bit])
    return cast("list[Group]", Raw(b"[%b]" % items))


def apply(edits: Sequence[Edit], book: Book, call: Call) -> tuple[Book, list[Outcome]]:
    """The book after those of `edits` that may be done, in their order, and how each one went."""
    refused = dict(call.failing)
    if call.missing:
        for position, edit in enumerate(edits):
            # What only takes data away is always done, or a disbanded chat group could never leave.
            if edit.adds and edit.peer in call.missing:
                refused.setdefault(position, _missing(edit.peer))
    allowed = [edit for position, edit in enumerate(edits) if position not in refused]
    book, rooms = book.with_edits(allowed, call.now, call.profile.pooling)
    done = iter([DONE if room else FULL for room in rooms])
    return book, [refused.get(position) or next(done) for position in range(len(edits))]


def _missing(peer: Peer) -> Outcome:
    if peer.type == PeerType.ACCOUNT:
        return Outcome(Code.ACCOUNT_NOT_IMPORTED, f"To_Account {peer.id} was never imported")
    return Outcome(Code.CHAT_GROUP_UNRESOLVED, f"ToGroupId {peer.id} does not exist or was disbanded")


FULL = Outcome(
    Code.CONVERSATIONS_FULL,
    f"there are {CONVERSATIONS_PER_ACCOUNT_MAX} conversations with data already; no more are allowed",
)
