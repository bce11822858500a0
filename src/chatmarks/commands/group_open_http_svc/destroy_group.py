"""`POST /v4/group_open_http_svc/destroy_group`: disband a chat group.

Document: 1047/34896. What accounts filed or marked stays; nothing more can be added to it. Nobody is
a member any longer, also not of another chat group that gets the same id.
"""

from __future__ import annotations

from msgspec import Struct

from chatmarks.command import GROUP_OPEN_HTTP, Call, manages
from chatmarks.commands.group_open_http_svc.chat_group import check_group_id
from chatmarks.errors import Code, Fail
from chatmarks.limits import Profile
from chatmarks.store import Store


class Request(Struct, frozen=True):
    """The id of the chat group."""

    GroupId: str


def check(request: Request, _: Profile) -> None:
    """10015."""
    check_group_id(request.GroupId)


@manages(GROUP_OPEN_HTTP, document="1047/34896", request=Request, check=check)
async def destroy_group(request: Request, call: Call, store: Store) -> None:
    """Disband the chat group."""
    if not await store.delete_chat_group(call.sdkappid, request.GroupId):
        raise Fail(
            Code.CHAT_GROUP_NOT_FOUND, f"GroupId {request.GroupId} does not exist or was disbanded"
        )
