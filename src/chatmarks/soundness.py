"""What makes chat groups, memberships, lists and apps sound, as `problems_of` says it of books.

`verify` holds the rows of a store against it, and `import` the lines of an export.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

from msgspec import Struct

from chatmarks.book import is_identity
from chatmarks.limits import (
    CHAT_GROUP_TYPES,
    KEYS_PER_APP_MAX,
    MESSAGE_NUMBER_MAX,
    TO_GROUP_ID_BYTES_MAX,
    USERID_BYTES_MAX,
    resolved_profile,
)
from chatmarks.store import App, ChatGroup, Membership, Recent

_ROLES = ("Owner", "Admin", "Member")


class Problem(Struct, frozen=True):
    """One thing that is wrong. `owner` is the key of an account, an app or a chat group, `row` that
    of one of its conversations or chat groups; both are "" where they do not apply."""

    table: str
    owner: str
    row: str
    problem: str

    @property
    def line(self) -> str:
        """The problem for people."""
        return (
            f"{' '.join(part for part in (self.table, self.owner, self.row) if part)}: {self.problem}"
        )


def on_one_line(key: bytes) -> str:
    """A key on one line, whatever is in it."""
    text = key.decode(errors="backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def is_group_id(text: str) -> bool:
    """Whether `text` can be the id of a chat group."""
    return is_identity(text, TO_GROUP_ID_BYTES_MAX)


def chat_group_problems(group: ChatGroup) -> Iterator[str]:
    """What is wrong with a chat group, but for its id."""
    if group.type not in CHAT_GROUP_TYPES:
        kind = on_one_line(group.type.encode())
        yield f"the type is {kind}; {', '.join(CHAT_GROUP_TYPES)} are allowed"
    if not group.name:
        yield "has no name"
    if "\0" in group.name:
        yield "has a name with the character U+0000"
    if group.owner and not is_identity(group.owner, USERID_BYTES_MAX):
        yield "the owner is no UserID"
    if group.created_at < 0:
        yield f"was made at {group.created_at}; Unix seconds may not be negative"
    if group.incarnation <= 0:
        yield f"the incarnation is {group.incarnation}; a positive one is required"
    if not 0 <= group.shown_seq <= group.message_seq:
        yield (
            f"message {group.shown_seq} is the newest that shows, and {group.message_seq} the newest;"
            " 0 to the newest are allowed"
        )
    if group.message_seq > MESSAGE_NUMBER_MAX:
        yield f"message {group.message_seq} is the newest; at most {MESSAGE_NUMBER_MAX} is allowed"
    if group.shown_at < 0:
        yield f"its newest message is of {group.shown_at}; Unix seconds may not be negative"


def membership_problems(incarnation: int, membership: Membership) -> Iterator[str]:
    """What is wrong with a membership."""
    if membership.role not in _ROLES:
        role = on_one_line(membership.role.encode())
        yield f"the role is {role}; {', '.join(_ROLES)} are allowed"
    if incarnation <= 0:
        yield f"the incarnation is {incarnation}; a positive one is required"
    if membership.joined_at < 0:
        yield f"began at {membership.joined_at}; Unix seconds may not be negative"
    if not 0 <= membership.listed_from <= MESSAGE_NUMBER_MAX + 1:
        yield (
            f"is in the list from message {membership.listed_from} on;"
            f" 0 to {MESSAGE_NUMBER_MAX + 1} are allowed"
        )
    if membership.pinned_at < 0:
        yield f"was pinned at {membership.pinned_at}; Unix seconds may not be negative"


def recent_problems(userid: str, recent: Recent) -> Iterator[str]:
    """What is wrong with a one-to-one conversation of a list."""
    if not is_identity(userid, USERID_BYTES_MAX):
        yield "is with no UserID"
    if recent.begun_at < 0:
        yield f"began at {recent.begun_at}; Unix seconds may not be negative"
    if recent.last_at < recent.begun_at:
        yield f"began at {recent.begun_at}, after its newest message, which is of {recent.last_at}"
    if recent.pinned_at < 0:
        yield f"was pinned at {recent.pinned_at}; Unix seconds may not be negative"


def app_problems(app: App) -> Iterator[str]:
    """What is wrong with an app, but for its id and revision."""
    if len(app.sealed_keys) > KEYS_PER_APP_MAX:
        yield f"has {len(app.sealed_keys)} keys; at most {KEYS_PER_APP_MAX} are allowed"
    if not all(app.sealed_keys):
        yield "has an empty key"
    try:
        resolved_profile(app.profile, app.overrides)
    except ValueError as error:
        yield str(error)
    for admin in app.admins:
        if not is_identity(admin, USERID_BYTES_MAX):
            yield f"the administrator {on_one_line(admin.encode())} is no UserID"
    for source in app.sources:
        try:
            ip_network(source)
        except ValueError:
            yield f"the source {on_one_line(source.encode())} is no network"
