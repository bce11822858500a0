"""Two answers to one call, held against each other.

What may differ: times by a little, texts but those known of the real service, keys of messages, the
order of a conversation list, and the fields that an answer may have or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from chatmarks.errors import Code
from chatmarks.golden import MAY_BE_EXTRA
from chatmarks.parity.asks import Reply
from chatmarks.usersig import ILLEGAL, WRONG_KEY

TIMES = frozenset(
    {"Timestamp", "CompleteTime", "MsgTime", "TimeStamp", "TopTimeStamp", "CreateTime", "LastInfoTime"}
    | {"LastMsgTime", "JoinTime"}
)
"""Fields that hold Unix seconds, or 0."""

DRAWN = frozenset({"MsgKey", "MsgSeq"})
"""Fields in which the servers need not agree."""

TEXTS = frozenset({"ErrorInfo", "ResultInfo"})
_KNOWN_TEXTS: Mapping[int, str] = {
    Code.HTTP_UNPARSABLE: "HTTP parse Error",
    Code.USERSIG_KEY: WRONG_KEY,
    Code.USERSIG_ILLEGAL: ILLEGAL,
    Code.USERSIG_EXPIRED: "The UserSig in use is expired",
    Code.USERSIG_IDENTIFIER: "does not match the Usersig",
}
"""What an `ErrorInfo` has to contain; of other codes no text of the real service is known."""

SECONDS_APART_MAX = 2

_ABSENT = "(left out)"


class Different(Struct, frozen=True):
    """Where in the JSON two answers differ, and what stands there in each."""

    path: str
    theirs: Any
    ours: Any


def difference(theirs: Reply, ours: Reply) -> Different | None:
    """The first difference of two answers, None when there is none that matters."""
    if theirs.fault or ours.fault:
        same = bool(theirs.fault) == bool(ours.fault)
        return None if same else Different("(the whole answer)", theirs.shown, ours.shown)
    if all(_is_part_of_a_list(reply.answer) for reply in (theirs, ours)):
        theirs, ours = (replace(reply, answer=_counted(reply.answer)) for reply in (theirs, ours))
    return _different(theirs.answer, ours.answer, "") or _other_text(theirs, ours)


def _is_part_of_a_list(answer: Mapping[str, Any]) -> bool:
    """Whether more of a conversation list is to come."""
    return isinstance(answer.get("SessionItem"), list) and answer.get("CompleteFlag") == 0


def _counted(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The page of a conversation list without what no document tells: which conversations come first,
    and what cursors hold."""
    cursors = ("TimeStamp", "StartIndex", "TopTimeStamp", "TopStartIndex")
    kept = {name: value for name, value in answer.items() if name not in cursors}
    return kept | {"SessionItem": [None] * len(answer["SessionItem"])}


def _other_text(theirs: Reply, ours: Reply) -> Different | None:
    known = _KNOWN_TEXTS.get(theirs.code or 0)
    text = theirs.answer.get("ErrorInfo")
    if known is None or known in str(text):
        return None
    return Different("ErrorInfo", text, ours.answer.get("ErrorInfo"))


def _different(theirs: Any, ours: Any, path: str) -> Different | None:
    if type(theirs) is not type(ours):
        return Different(path, theirs, ours)
    if isinstance(theirs, dict):
        return _different_fields(theirs, ours, path)
    if isinstance(theirs, list):
        if len(theirs) != len(ours):
            return Different(path, theirs, ours)
        pairs = enumerate(zip(theirs, ours, strict=True))
        found = (_different(one, other, f"{path}[{number}]") for number, (one, other) in pairs)
        return next(filter(None, found), None)
    return None if theirs == ours else Different(path, theirs, ours)


def _different_fields(
    theirs: Mapping[str, Any], ours: Mapping[str, Any], path: str
) -> Different | None:
    for name in dict.fromkeys((*ours, *theirs)):
        inner = f"{path}.{name}" if path else name
        one, other = theirs.get(name, _ABSENT), ours.get(name, _ABSENT)
        if name in MAY_BE_EXTRA and _ABSENT in (one, other):
            continue
        if name in TIMES and _is_second(one) and _is_second(other):
            different = None if _near(one, other) else Different(inner, one, other)
        elif name in TEXTS | DRAWN and type(one) is type(other) and _ABSENT not in (one, other):
            different = None
        elif name == "SessionItem":
            different = _different(_in_order(one), _in_order(other), inner)
        else:
            different = _different(one, other, inner)
        if different:
            return different
    return None


def _is_second(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _near(one: int, other: int) -> bool:
    return abs(one - other) <= SECONDS_APART_MAX


def _in_order(items: Any) -> Any:
    """A conversation list by who the conversations are with: times of one second decide its order."""
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        return items
    return sorted(items, key=lambda item: str((item.get("To_Account"), item.get("GroupId"))))
