"""What a message is made of, for all commands that take one: its shape and size are looked at, and it
is not kept.

Document: 1047/33527 (message formats).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from chatmarks.errors import Code, Fail, shown
from chatmarks.limits import MESSAGE_BYTES_MAX


class Element(Struct, frozen=True):
    """A part of a message; which fields `MsgContent` has depends on `MsgType`."""

    MsgType: str
    MsgContent: dict[str, Any]


class Codes(Struct, frozen=True):
    """What a service answers: no elements, an element that is not of its type, too many bytes."""

    empty: Code
    element: Code
    size: Code


OPENIM_CODES = Codes(Code.MESSAGE_BODY_WRONG, Code.MESSAGE_ELEMENT_WRONG, Code.MESSAGE_LONG)
CHAT_GROUP_CODES = Codes(
    Code.CHAT_GROUP_BAD_PARAMETER, Code.CHAT_GROUP_BAD_PARAMETER, Code.MESSAGE_TOO_LONG
)


class _Text(Struct):
    Text: str


class _Location(Struct):
    Desc: str
    Latitude: float
    Longitude: float


class _Face(Struct):
    Index: int
    Data: str = ""


class _Custom(Struct):
    Data: str = ""
    Desc: str = ""
    Ext: str = ""
    Sound: str = ""


class _Sound(Struct):
    Url: str
    UUID: str
    Download_Flag: Literal[2]
    Size: int = 0
    Second: int = 0


class _ImageInfo(Struct):
    Type: Literal[1, 2, 3]
    Width: int
    Height: int
    URL: str
    Size: int = 0


class _Image(Struct):
    UUID: str
    ImageInfoArray: list[_ImageInfo]
    ImageFormat: int = 255


class _File(Struct):
    Url: str
    UUID: str
    Download_Flag: Literal[2]
    FileSize: int = 0
    FileName: str = ""


class _Video(Struct):
    VideoUrl: str
    VideoUUID: str
    ThumbUrl: str
    ThumbUUID: str
    ThumbWidth: int
    ThumbHeight: int
    VideoDownloadFlag: Literal[2]
    ThumbDownloadFlag: Literal[2]
    VideoSize: int = 0
    VideoSecond: int = 0
    VideoFormat: str = ""
    ThumbSize: int = 0
    ThumbFormat: str = ""


_CUSTOM = "TIMCustomElem"
_CONTENTS: dict[str, type[Struct]] = {
    "TIMTextElem": _Text,
    "TIMLocationElem": _Location,
    "TIMFaceElem": _Face,
    _CUSTOM: _Custom,
    "TIMSoundElem": _Sound,
    "TIMImageElem": _Image,
    "TIMFileElem": _File,
    "TIMVideoFileElem": _Video,
}


def check_body(body: Sequence[Element], codes: Codes, name: str = "MsgBody") -> None:
    """Refuse the message `body`, the value of the field `name`, where its shape or size is wrong."""
    if not body:
        raise Fail(codes.empty, f"{name} is empty; 1 element at least is required")
    for number, element in enumerate(body):
        if problem := _problem(element):
            raise Fail(codes.element, f"{name}[{number}].{problem}")
    customs = sum(element.MsgType == _CUSTOM for element in body)
    if customs > 1:
        raise Fail(codes.element, f"{name} has {customs} elements {_CUSTOM}; at most 1 is allowed")
    if problem := size_problem(body, name):
        raise Fail(codes.size, problem)


def size_problem(body: Sequence[Element], name: str = "MsgBody") -> str | None:
    """Why `body` is too long, as a sentence; None when it is not. Counted as JSON without spaces."""
    size = len(msgspec.json.encode(body))
    if size <= MESSAGE_BYTES_MAX:
        return None
    return f"{name} has {size} bytes as JSON; at most {MESSAGE_BYTES_MAX} are allowed"


def _problem(element: Element) -> str | None:
    content = _CONTENTS.get(element.MsgType)
    if content is None:
        return f"MsgType is {shown(element.MsgType)}; allowed are {', '.join(_CONTENTS)}"
    try:
        msgspec.convert(element.MsgContent, content)
    except msgspec.ValidationError as error:
        return f"MsgContent of {element.MsgType}: {str(error).replace('`', '')}"
    return None
