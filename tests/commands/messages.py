"""Messages as wire JSON, and what they leave in lists."""

from __future__ import annotations

from typing import Any

from chatmarks.book import Account
from chatmarks.limits import MESSAGE_DEPTH_MAX
from harness import SDKAPPID, Caller

SEND = "openim/sendmsg"
SEND_MANY = "openim/batchsendmsg"
IMPORT_MESSAGE = "openim/importmsg"
SEND_TO_ROOM = "group_open_http_svc/send_group_msg"
IMPORT_TO_ROOM = "group_open_http_svc/import_group_msg"

SENDER, RECEIVER = "alice", "bob"


def element(kind: str = "TIMTextElem", **content: Any) -> dict[str, Any]:
    """An element of a message; a text when no more is said."""
    return {"MsgType": kind, "MsgContent": content or {"Text": "hello"}}


def text_of(size: int) -> list[dict[str, Any]]:
    """A body of `size` bytes of JSON."""
    rest = len('[{"MsgType":"TIMTextElem","MsgContent":{"Text":""}}]')
    return [element(Text="x" * (size - rest))]


async def listed(caller: Caller, userid: str) -> dict[str, int]:
    """What the account's list shows: the time of the newest message by peer."""
    found = await caller.service.store.conversations(Account(SDKAPPID, userid), 100)
    return {one.peer.id: one.last_at for one in found.conversations if not one.is_empty}


def nested(depth: int) -> dict[str, Any]:
    """Content that is so deep."""
    content: dict[str, Any] = {}
    for _ in range(depth - 1):
        content = {"inner": content}
    return content


SOUND = {"Url": "https://a", "UUID": "1", "Download_Flag": 2}
VIDEO = {"VideoUrl": "https://a", "VideoUUID": "1", "ThumbUrl": "https://b", "ThumbUUID": "2"}
GOOD_ELEMENTS = [
    element(),
    element("TIMLocationElem", Desc="there", Latitude=29.3, Longitude=116),
    element("TIMFaceElem", Index=1, Data="content"),
    element("TIMCustomElem", Data="d", Desc="e", Ext="f", Sound="g"),
    element("TIMSoundElem", **SOUND, Size=1, Second=1),
    element("TIMImageElem", UUID="1", ImageFormat=1, ImageInfoArray=[{"Type": 1, "URL": "https://a"}]),
    element("TIMFileElem", **SOUND, FileSize=1, FileName="a"),
    element("TIMVideoFileElem", **VIDEO, ThumbWidth=1, ThumbHeight=1),
]
GOOD_ELEMENTS.append(element("TIMRelayElem", **nested(MESSAGE_DEPTH_MAX)))
BAD_ELEMENTS = [
    element("TIMNothingElem"),
    element(Text=5),
    element(Words="hello"),
    element("TIMLocationElem", Desc="there", Latitude="north", Longitude=1),
    element("TIMFaceElem", Data="content"),
    element("TIMCustomElem", Data=1),
    element("TIMSoundElem", Url=1),
    element("TIMImageElem", UUID="1"),
    element("TIMFileElem", FileSize="1"),
    element("TIMVideoFileElem", VideoSize="1"),
    element("TIMRelayElem", **nested(MESSAGE_DEPTH_MAX + 1)),
    element("TIMRelayElem", **nested(900)),
]
