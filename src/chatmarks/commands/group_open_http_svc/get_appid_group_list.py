"""`POST /v4/group_open_http_svc/get_appid_group_list`: the ids of all chat groups of the app.

Document: 1047/34960. Pages hang together through `Next`, which is 0 on the last one. A chat group
that is there from the first page to the last is listed once, whatever is made or destroyed between.
"""

from __future__ import annotations

from msgspec import Struct

from chatmarks.command import GROUP_OPEN_HTTP, Call, manages
from chatmarks.commands.group_open_http_svc.chat_group import bad
from chatmarks.errors import shown
from chatmarks.limits import CHAT_GROUP_TYPES, CHAT_GROUPS_PER_LIST_MAX, Profile
from chatmarks.store import Store


class Request(Struct, frozen=True):
    """`Limit`: ids in the answer, at most. `Next`: 0 at first, then that of the answer before.
    `GroupType`: one type only, or all when empty."""

    Limit: int = CHAT_GROUPS_PER_LIST_MAX
    Next: int = 0
    GroupType: str = ""


class Listed(Struct, frozen=True):
    """One chat group."""

    GroupId: str


class Answer(Struct, frozen=True):
    """`TotalCount`: chat groups of the asked type, on all pages. `Next`: 0 when this is the last."""

    TotalCount: int
    GroupIdList: list[Listed]
    Next: int


def check(request: Request, _: Profile) -> None:
    """10004."""
    if not 1 <= request.Limit <= CHAT_GROUPS_PER_LIST_MAX:
        raise bad(f"Limit is {request.Limit}; 1 to {CHAT_GROUPS_PER_LIST_MAX} are allowed")
    if not 0 <= request.Next < 1 << 53:
        raise bad(f"Next is {request.Next}; 0 or the Next of an answer is allowed")
    if request.GroupType not in ("", *CHAT_GROUP_TYPES):
        allowed = ", ".join(CHAT_GROUP_TYPES)
        raise bad(f"GroupType is {shown(request.GroupType)}; {allowed} are allowed")


@manages(
    GROUP_OPEN_HTTP,
    document="1047/34960",
    request=Request,
    check=check,
    rate=1,
    differences=("The order is that of no field, the same on every call.",),
)
async def get_appid_group_list(request: Request, call: Call, store: Store) -> Answer:
    """List the chat groups."""
    # One more than asked for tells whether there is another page.
    total, found = await store.list_chat_groups(
        call.sdkappid, request.GroupType, request.Next, request.Limit + 1
    )
    page = found[: request.Limit]
    more = len(found) > len(page)
    return Answer(total, [Listed(group.id) for group in page], page[-1].place if more else 0)
