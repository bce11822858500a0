"""`POST /v4/group_open_http_svc/destroy_group`: disband a chat group.

Document: 1047/34896. What accounts filed or marked stays; nothing more can be added to it.
"""

from __future__ import annotations

from msgspec import Struct

from chatmarks.command import GROUP_OPEN_HTTP, Call, manages
from chatmarks.errors import Code, Fail
from chatmarks.limits import TO_GROUP_ID_BYTES_MAX, Profile
from chatmarks.store import Store


class Request(Struct, frozen=True):
    """The id of the chat group."""

    GroupId: str


def check(request: Request, _: Profile) -> None:
    """10015."""
    size = len(request.GroupId.encode())
    if not 1 <= size <= TO_GROUP_ID_BYTES_MAX:
        raise Fail(
            Code.CHAT_GROUP_BAD_ID,
            f"GroupId has {size} bytes; 1 to {TO_GROUP_ID_BYTES_MAX} are allowed",
        )
    if not (request.GroupId.isascii() and request.GroupId.isprintable()):
        raise Fail(Code.CHAT_GROUP_BAD_ID, "GroupId holds characters other than printable ASCII")


@manages(GROUP_OPEN_HTTP, document="1047/34896", request=Request, check=check)
async def destroy_group(request: Request, call: Call, store: Store) -> None:
    """Disband the chat group."""
    if not await store.delete_chat_group(call.sdkappid, request.GroupId):
        raise Fail(
            Code.CHAT_GROUP_NOT_FOUND, f"GroupId {request.GroupId} does not exist or was disbanded"
        )
