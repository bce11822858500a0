"""What all messages share: the shape and the size of a body.

Documents: 1047/33527 for the elements, 34919 and 34959 for the size. A body is looked at and not kept.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from chatmarks.limits import MESSAGE_BYTES_MAX, MESSAGE_DEPTH_MAX, MESSAGE_NUMBER_MAX

NOT_KEPT = "Messages are checked and not kept: there is a list of conversations here, and no history."

NO_MESSAGE_ID = "There is no `MsgId`, which is a client's own name of a message."


class Element(Struct, frozen=True):
    """A part of a message: its `MsgType`, and a `MsgContent` that fits it."""

    MsgType: str
    MsgContent: dict[str, Any]


class _Text(Struct):
    Text: str


class _Location(Struct):
    Latitude: float
    Longitude: float
    Desc: str = ""


class _Face(Struct):
    Index: int
    Data: str = ""


class _Custom(Struct):
    Data: str = ""
    Desc: str = ""
    Ext: str = ""
    Sound: str = ""


class _Sound(Struct):
    Url: str = ""
    UUID: str = ""
    Size: int = 0
    Second: int = 0
    Download_Flag: int = 0


class _Picture(Struct):
    Type: int = 0
    Size: int = 0
    Width: int = 0
    Height: int = 0
    URL: str = ""


class _Image(Struct):
    ImageInfoArray: list[_Picture]
    UUID: str = ""
    ImageFormat: int = 0


class _File(Struct):
    Url: str = ""
    UUID: str = ""
    FileSize: int = 0
    FileName: str = ""
    Download_Flag: int = 0


class _Video(Struct):
    VideoUrl: str = ""
    VideoUUID: str = ""
    VideoSize: int = 0
    VideoSecond: int = 0
    VideoFormat: str = ""
    VideoDownloadFlag: int = 0
    ThumbUrl: str = ""
    ThumbUUID: str = ""
    ThumbSize: int = 0
    ThumbWidth: int = 0
    ThumbHeight: int = 0
    ThumbFormat: str = ""
    ThumbDownloadFlag: int = 0


class _Relay(Struct):
    """Several messages forwarded as one; no document gives its fields for sending."""


ELEMENTS: dict[str, type[Struct]] = {
    "TIMTextElem": _Text,
    "TIMLocationElem": _Location,
    "TIMFaceElem": _Face,
    "TIMCustomElem": _Custom,
    "TIMSoundElem": _Sound,
    "TIMImageElem": _Image,
    "TIMFileElem": _File,
    "TIMVideoFileElem": _Video,
    "TIMRelayElem": _Relay,
}
"""What an element's `MsgContent` must have, by its `MsgType` (1047/33527)."""


def element_problem(body: list[Element], field: str) -> str | None:
    """Which element of the list `field` does not fit its type, as a sentence; None when all do."""
    for number, element in enumerate(body):
        name = f"{field}[{number}]"
        shape = ELEMENTS.get(element.MsgType)
        if shape is None:
            return f"{name}.MsgType is no type of element; there are {', '.join(ELEMENTS)}"
        if _is_deeper(element.MsgContent, MESSAGE_DEPTH_MAX):
            return f"{name}.MsgContent is nested more than {MESSAGE_DEPTH_MAX} deep"
        try:
            msgspec.convert(element.MsgContent, shape)
        except msgspec.ValidationError as error:
            return f"{name}.MsgContent: {str(error).replace('`', '')}"
    return None


def _is_deeper(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return not levels or any(_is_deeper(item, levels - 1) for item in inner)


def size_problem(body: list[Element], custom_data: str, field: str) -> str | None:
    """Why a message is too long, as a sentence; None when it is not.

    What counts is the JSON of the body without spaces, and the custom data, in bytes.
    """
    size = len(msgspec.json.encode(body)) + len(custom_data.encode())
    if size <= MESSAGE_BYTES_MAX:
        return None
    return f"{field} and CloudCustomData have {size} bytes; at most {MESSAGE_BYTES_MAX} are allowed"


def number_problem(number: int | None, field: str) -> str | None:
    """Why `number` cannot be that of a message, as a sentence; None when it can or is left out."""
    if number is None or 0 <= number <= MESSAGE_NUMBER_MAX:
        return None
    return f"{field} is {number}; 0 to {MESSAGE_NUMBER_MAX} are allowed"
