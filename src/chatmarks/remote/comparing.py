"""The accounts of two places held against each other, field by field."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence

from msgspec import Struct

from chatmarks.book import Peer
from chatmarks.moving import Advance
from chatmarks.remote.abreast import READ_AT_A_TIME, abreast
from chatmarks.remote.content import Content, Filed
from chatmarks.remote.failures import Failed, Failure
from chatmarks.remote.places import Place

FIELDS = (
    "Account",
    "GroupName",
    "GroupId",
    "ContactItem",
    "StandardMark",
    "CustomMark",
    "ContactGroupId",
    "Timestamp",
)
"""What can differ: that there is an account, a group or a conversation with data, and what is told of
it. `ContactGroupId` is compared by the names of the groups, so a group with another id is one
difference, in `GroupId`."""

FIRST_MAX = 20
"""So many differences are told; all are counted."""

_CHARACTERS_MAX = 64


class Difference(Struct, frozen=True):
    """`where`: the group or the conversation, as `1:user_0002`, "" for the account; `a` and `b`: what
    each side has, "" for nothing."""

    UserID: str
    field: str
    where: str
    a: str
    b: str


class CompareReport(Struct):
    """What came of a comparison. `absent`: accounts that neither side has; `unread`: those that could
    not be compared; `by_field`: how many differences of each kind there are, `first`: the first."""

    accounts: int
    conversations: int = 0
    absent: int = 0
    differences: int = 0
    by_field: dict[str, int] = {}
    first: list[Difference] = []
    unread: list[Failure] = []
    calls: int = 0
    seconds: float = 0.0


async def compare(
    a: Place, b: Place, userids: Sequence[str], advance: Advance, *, ignored: Collection[str] = ()
) -> CompareReport:
    """Hold what `a` and `b` have of each of `userids` against each other, but for the fields `ignored`.

    Raises `Stopped`.
    """
    report = CompareReport(len(userids))
    began_at = time.monotonic()
    done = 0

    async def one(userid: str) -> None:
        nonlocal done
        try:
            ours, theirs = await _content(a, userid), await _content(b, userid)
        except Failed as error:
            report.unread.append(error.of(userid))
        else:
            report.absent += ours is None and theirs is None
            report.conversations += len((ours or theirs or Content()).conversations)
            for difference in differences(userid, ours, theirs):
                if difference.field not in ignored:
                    _add(report, difference)
        done += 1
        advance(done, len(userids))

    await abreast(userids, one, READ_AT_A_TIME)
    report.seconds = round(time.monotonic() - began_at, 3)
    return report


async def _content(place: Place, userid: str) -> Content | None:
    """What the account has there; None where there is none."""
    try:
        return await place.content(userid)
    except Failed as error:
        if error.is_unknown:
            return None
        raise


def _add(report: CompareReport, difference: Difference) -> None:
    report.differences += 1
    report.by_field[difference.field] = report.by_field.get(difference.field, 0) + 1
    if len(report.first) < FIRST_MAX:
        report.first.append(difference)


def differences(userid: str, a: Content | None, b: Content | None) -> Iterator[Difference]:
    """How two contents of an account differ. In which order groups and conversations are counts for
    nothing."""
    if a is None or b is None:
        if a is not b:
            yield Difference(userid, "Account", "", *(("", "there") if a is None else ("there", "")))
        return
    for name in {**a.groups, **b.groups}:
        ids = a.groups.get(name), b.groups.get(name)
        if ids[0] != ids[1]:
            field = "GroupName" if None in ids else "GroupId"
            yield Difference(userid, field, _shown(name), *(_id(number) for number in ids))
    names = a.names(), b.names()
    for peer in {**a.conversations, **b.conversations}:
        pair = a.conversations.get(peer), b.conversations.get(peer)
        yield from _conversation(userid, peer, pair, names)


def _id(number: int | None) -> str:
    return "" if number is None else str(number)


def _conversation(
    userid: str,
    peer: Peer,
    pair: tuple[Filed | None, Filed | None],
    names: tuple[dict[int, str], dict[int, str]],
) -> Iterator[Difference]:
    where = f"{peer.type}:{peer.id}"
    a, b = pair
    if a is None or b is None:
        yield Difference(
            userid, "ContactItem", where, *("" if filed is None else "there" for filed in pair)
        )
        return
    told = [_told(filed, named) for filed, named in zip((a, b), names, strict=True)]
    for field, ours in told[0].items():
        if ours != told[1][field]:
            yield Difference(userid, field, where, _shown(ours), _shown(told[1][field]))


def _told(filed: Filed, names: dict[int, str]) -> dict[str, str]:
    """The fields of a conversation, by their names on the wire."""
    groups = sorted(names.get(number, f"(no group {number})") for number in filed.group_ids)
    return {
        "StandardMark": format(filed.marks, "b") if filed.marks else "",
        "CustomMark": filed.custom_mark,
        "ContactGroupId": ", ".join(groups),
        "Timestamp": str(filed.timestamp),
    }


def _shown(text: str) -> str:
    """A text on one line, cut where it is long."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return line if len(line) <= _CHARACTERS_MAX else f"{line[:_CHARACTERS_MAX]}…"
