"""Every documented number, once, with its page and date; and the switches of a behaviour profile.

Numbers that never changed are constants. What the documents leave open, or changed over time, is a
field of `Profile`. Bytes are bytes of UTF-8.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

# Conversation groups and marks: 1047/53437 to 53442, 2023 to 2026.
GROUPS_PER_ACCOUNT_MAX = 20
CONVERSATIONS_PER_ACCOUNT_MAX = 1000
CONVERSATIONS_PER_CALL_MAX = 100
CONVERSATIONS_PER_SEARCH_MAX = 300
GROUPS_PER_CALL = 1
GROUP_NAME_BYTES_MAX = 64
CUSTOM_MARK_BYTES_MAX = 256
MARK_BITS = 64

# The conversation list. Pins: 1047/48316. How many a list shows depends on the edition: 1047/50019.
PINNED_MAX = 50
LIST_SIZE_MAX = 500

# Accounts: 1047/34953 to 34956; the size of Nick and FaceUrl is that of code 40601.
USERID_BYTES_MAX = 32
ACCOUNTS_PER_CALL_MAX = 100
PROFILE_VALUE_BYTES_MAX = 500

# Chat groups: 1047/34895 (2024). The name had 30 bytes until 2023, 100 since.
CHAT_GROUP_TYPES = ("Public", "Private", "ChatRoom", "AVChatRoom", "Community")
CHAT_GROUP_ID_BYTES_MAX = 48
CHAT_GROUP_ID_GENERATED_PREFIX = "@TGS#"
CHAT_GROUP_NAME_BYTES_MAX = 100
CHAT_GROUP_INTRODUCTION_BYTES_MAX = 240
CHAT_GROUP_NOTIFICATION_BYTES_MAX = 300
CHAT_GROUP_FACE_URL_BYTES_MAX = 100
CHAT_GROUP_MEMBERS_PER_CREATE_MAX = 100

# Members and lists of chat groups: 1047/34921, 34949, 34960, 34961 (2024). What a chat group holds
# depends on its type and edition, 6,000 at most but for communities. The answer: text of code 10018.
CHAT_GROUP_MEMBERS_MAX = 6000
CHAT_GROUP_MEMBERS_PER_ADD_MAX = 300
CHAT_GROUP_MEMBERS_PER_DELETE_MAX = 100
CHAT_GROUPS_PER_LIST_MAX = 10_000
CHAT_GROUPS_PER_INFO_MAX = 50
CHAT_GROUP_ANSWER_BYTES_MAX = 1 << 20

# Messages: 1047/34919, 34920, 35014, 34959, 34968 (2024). A body had 8 KiB until 2021, 12 KiB since; 20
# messages came in one import until 2020.
MESSAGE_BYTES_MAX = 12 * 1024
MESSAGE_LIFE_SECONDS_MAX = 7 * 24 * 3600
MESSAGE_RECEIVERS_MAX = 500
MESSAGES_PER_IMPORT_MAX = 7
MESSAGE_NUMBER_MAX = (1 << 32) - 1

# An id that a conversation may point at. Generated ids, those of topics above all, are longer than
# the 48 bytes of an id that an app chooses.
TO_GROUP_ID_BYTES_MAX = 128

# Own bounds; no document gives these.
MESSAGE_DEPTH_MAX = 32
QUERY_PAGE_SIZE_MAX = 500
WHO_PAGE_SIZE_MAX = 1000
WHO_ROWS_MAX = 1000
"""Records that one call of `who` looks at, however few of them fit."""

FEED_SECONDS = 7 * 24 * 3600
"""How long the events of a feed are kept."""

FEED_PAGE_SIZE_MAX = 200
FEED_PAGE_BYTES_MAX = 1 << 20
FEED_WAIT_SECONDS_MAX = 60
FEED_WAITING_MAX = 1000
"""How many read feeds of a process at the same time, most of whom wait."""

CALLS_RUNNING_MAX = 1000
"""How many calls a process works on at the same time. What comes beyond is told at once to come again
(50005), so that those under way end in time."""

CONNECTIONS_MAX = 20_000
IDLE_SECONDS_MAX = 75.0
HEAD_BYTES_MAX = 1 << 16
HEAD_SECONDS_MAX = 10.0
BODY_BYTES_MAX = 1 << 20
BODY_SECONDS_MAX = 30.0
TICKET_CHARACTERS_MAX = 8192
TICKET_INFLATED_BYTES_MAX = 1 << 16
KEYS_PER_APP_MAX = 2
ERROR_INFO_CHARACTERS_MAX = 512


Pooling = Literal["shared", "split", "per_group"]


class Profile(Struct, frozen=True, forbid_unknown_fields=True):
    """How a server answers where the documents leave a choice. Immutable; an app names one.

    The defaults are strict, with every feature and without call caps.
    """

    group_name_bytes_max: Literal[32, 64] = 32
    """Bytes of a group's name, at most, else 51011. 32 until 2026-03 and in the text of 51011, 64 in
    the pages of 2026-04 (1047/53437, 53439)."""

    pooling: Pooling = "shared"
    """What the 1,000 of 51008 counts. `shared`: conversations with any data (2023, 2024);
    `split`: grouped ones, and marked ones apart (2026-04); `per_group`: each group, and marked
    ones apart (2026-03). Pages 1047/53437 to 53439."""

    unknown_account: Literal["strict", "lenient"] = "strict"
    """`strict`: an account that was never imported is 50001 (1047/34348);
    `lenient`: imported on first use, which no document has."""

    unknown_chat_group: Literal["strict", "lenient"] = "strict"
    """`strict`: a conversation with an unknown chat group is 51007 in its result
    (1047/34348); `lenient`: taken, for who does not mirror chat groups."""

    check_to_account: bool = False
    """Whether a conversation with an account that was never imported is 50001 in its result;
    no document tells."""

    not_admin: Literal[60010, 50003] = 60010
    """What a caller who is no admin is answered: the gateway's code (269/1519) or the service's own
    (1047/34348)."""

    get_page_size: Annotated[int, Meta(ge=1, le=1000)] = 100
    """Records in one page of `get_contact_group`, and conversations in one of `get_list`; no document
    tells."""

    list_size_max: Annotated[int, Meta(ge=1, le=LIST_SIZE_MAX)] = 100
    """Conversations that a list shows, at most: those with the newest messages, and all pinned ones.
    100 in most editions, up to 500 in others (1047/50019). Applied on reading: raising it shows again
    what was hidden."""

    edition: Literal["full", "basic"] = "full"
    """`basic`: conversation groups and standard marks are 51013 (1047/34348), custom marks
    are not."""

    usersig: Literal["verify", "any"] = "verify"
    """`any`: no ticket is verified; only heeded while the server listens on loopback, and not for a
    page in a browser. No document has it: it is for tests."""

    calls_per_second: Annotated[int, Meta(ge=0)] = 0
    """Calls of one command in one second, at most; a command documented with less keeps less.
    0: no cap. Over it: 60007 (269/1519). Documented: 200 (1047/53437 to 53442). Each worker process
    counts for itself."""

    app_calls_per_second: Annotated[int, Meta(ge=0)] = 0
    """Calls of one app in one second over all commands, at most. 0: no cap. Over it: 60011
    (269/1519), for which no number is documented. Each worker process counts for itself."""


# Those named after a month say what the pages of that month say, whatever the defaults become.
PROFILES: dict[str, Profile] = {
    "default": Profile(),
    "documented": Profile(calls_per_second=200),
    "lenient": Profile(unknown_account="lenient", unknown_chat_group="lenient"),
    "2024-07": Profile(group_name_bytes_max=32, pooling="shared"),
    "2026-04": Profile(group_name_bytes_max=64, pooling="split"),
}


def resolved_profile(name: str, overrides: Mapping[str, str | int | bool]) -> Profile:
    """The profile called `name` with the fields in `overrides` replaced.

    Raises `ValueError` that names what is wrong.
    """
    if name not in PROFILES:
        raise ValueError(f"profile {name!r} is unknown; known: {', '.join(PROFILES)}")
    try:
        return msgspec.convert(msgspec.structs.asdict(PROFILES[name]) | dict(overrides), Profile)
    except msgspec.ValidationError as error:
        raise ValueError(f"profile {name!r}: {str(error).replace('`', '')}") from error
