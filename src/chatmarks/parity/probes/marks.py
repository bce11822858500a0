"""Probes of marks, records and times. Most use custom marks, which no edition lacks."""

from __future__ import annotations

from chatmarks.errors import Code
from chatmarks.limits import MARK_BITS
from chatmarks.parity.asks import Ask, Pause, Script, asked
from chatmarks.parity.bodies import (
    DESTROY_CHAT_GROUP,
    MARK,
    SEARCH,
    account,
    change,
    chat_group,
    create,
    custom,
    found,
    get,
    mark,
    marks,
    records,
    search,
    stamps,
)
from chatmarks.parity.scene import Scene, Trial, needed

SKEW_SECONDS_MAX = 300
_PAUSE_SECONDS = 1.2


def bit_numbers(scene: Scene, trial: Trial) -> Script[None]:
    """1: bits are numbered from 0, to 63."""
    owner = yield from scene.account()
    first, last, *_ = map(account, scene.friends)
    bits = [(first, 0), (last, MARK_BITS - 1)]
    yield from trial.expects(mark(owner, *(marks(who, bits=[bit]) for who, bit in bits)), 0, "bits")
    call = search(owner, first, last)
    reply = yield from asked(call)
    shown = [found(record, "StandardMark") for record in records(reply)]
    trial.saw("bit 0 is 1, bit 63 the 64th", call, reply, fits=shown == ["1", f"1{'0' * 63}"])
    for bit in (MARK_BITS, -1):
        yield from trial.expects(
            mark(owner, marks(first, bits=[bit])), Code.BAD_PARAMETER, f"bit {bit}"
        )


def padding(scene: Scene, trial: Trial) -> Script[None]:
    """3: no leading zeros, and nothing for no mark."""
    owner = yield from scene.account()
    first, second, *_ = map(account, scene.friends)
    yield from trial.expects(mark(owner, marks(first, bits=range(1, 8)), custom(second)), 0, "marks")
    call = search(owner, first, second)
    reply = yield from asked(call)
    shown = [found(record, "StandardMark") for record in records(reply)]
    trial.saw("bits 1 to 7 are 11111110, none is empty", call, reply, fits=shown == ["11111110", ""])


def absent_records(scene: Scene, trial: Trial) -> Script[None]:
    """11: a conversation without data is left out of a search."""
    owner = yield from scene.account()
    first, second, *_ = map(account, scene.friends)
    yield from trial.expects(mark(owner, custom(first)), 0, "a custom mark")
    call = search(owner, second, first)
    reply = yield from asked(call)
    names = [found(record, "To_Account") for record in records(reply)]
    trial.saw("only the marked one is found", call, reply, fits=names == [first["To_Account"]])


def empty_lists(scene: Scene, trial: Trial) -> Script[None]:
    """12 and 13: lists at the top are empty, not left out, and so is what follows the last page."""
    owner = yield from scene.account()
    call = get(owner)
    reply = yield from asked(call)
    for field in ("ContactItem", "GroupItem"):
        trial.saw(f"{field} is []", call, reply, fits=found(reply.answer, field) == [])
    fits = found(reply.answer, "NextStartIndex") == 0
    trial.saw("NextStartIndex on the last page is 0", call, reply, fits=fits, numbers=(13,))
    yield from trial.expects(mark(owner, custom(account(scene.friends[0]))), 0, "a custom mark")
    reply = yield from asked(call)
    record = found(records(reply), 0)
    fits = isinstance(record, dict) and "ContactGroupId" not in record
    trial.saw("no ContactGroupId in its record", call, reply, fits=fits)


def complete_time(scene: Scene, trial: Trial) -> Script[None]:
    """14: `CompleteTime` is the newest `Timestamp`."""
    owner = yield from scene.account()
    yield from trial.expects(mark(owner, custom(account(scene.friends[0]))), 0, "a custom mark")
    call = get(owner)
    reply = yield from asked(call)
    newest = max(stamps(reply), default=None)
    fits = newest is not None and found(reply.answer, "CompleteTime") == newest
    trial.saw("CompleteTime is the newest Timestamp", call, reply, fits=fits)


def dropped_records(scene: Scene, trial: Trial) -> Script[None]:
    """20 and 21: a record is there as long as it has data."""
    owner = yield from scene.account()
    first, second, *_ = map(account, scene.friends)
    yield from trial.expects(mark(owner, custom(first), custom(first, "")), 0, "marked and unmarked")
    call = get(owner)
    reply = yield from asked(call)
    fits = reply.code == 0 and not records(reply)
    trial.saw("a record that became empty is gone", call, reply, fits=fits)
    yield from trial.expects(mark(owner, custom(second, "")), 0, "unmarking", numbers=(21,))
    reply = yield from asked(call)
    fits = reply.code == 0 and not records(reply)
    trial.saw("unmarking makes no record", call, reply, fits=fits, numbers=(21,))


def times(scene: Scene, trial: Trial) -> Script[None]:
    """23: `Timestamp` is when this record changed; and how far the server's clock is ahead."""
    owner = yield from scene.account()
    first, second, *_ = map(account, scene.friends)
    marked = yield from trial.expects(mark(owner, custom(first), custom(second)), 0, "custom marks")
    call = search(owner, first, second)
    before = yield from asked(call)
    old = stamps(before)
    ahead = (old[0] if old else 0) - int(marked.at)
    near = abs(ahead) <= SKEW_SECONDS_MAX
    trial.saw("Timestamp is Unix seconds, near to ours", call, before, fits=near)
    scene.skew_seconds = float(ahead) if near else 0.0
    yield Pause(_PAUSE_SECONDS)
    yield from trial.expects(mark(owner, custom(second, "other")), 0, "a second mark")
    after = yield from asked(call)
    new = stamps(after)
    fits = len(old) == len(new) == 2 and old[0] == new[0] and old[1] < new[1]  # noqa: PLR2004 - both
    trial.saw("only the changed record has a later Timestamp", call, after, fits=fits)


def custom_bytes(scene: Scene, trial: Trial) -> Script[None]:
    """24: a custom mark has 256 bytes at most."""
    owner = yield from scene.account()
    friend = account(scene.friends[0])
    yield from trial.expects(mark(owner, custom(friend, "é" * 128)), 0, "256 bytes")
    call = mark(owner, custom(friend, "é" * 128 + "x"))
    yield from trial.expects(call, Code.BAD_PARAMETER, "257 bytes in 129 characters")


def leaving(scene: Scene, trial: Trial) -> Script[None]:
    """28: what only takes data away is done, also where the chat group is gone."""
    owner = yield from scene.account()
    group_id = yield from scene.chat_group()
    room = chat_group(group_id)
    yield from trial.expects_items(mark(owner, custom(room)), [0], "marked by who is no member")
    full = scene.known.edition == "full"
    if full:
        yield from trial.expects_items(create(owner, "a", room), [0], "grouped")
    yield from needed(Ask(DESTROY_CHAT_GROUP, {"GroupId": group_id}), "a disbanded one is needed")
    yield from trial.expects_items(mark(owner, custom(room, "")), [0], "CustomMark emptied")
    if full:
        call = mark(owner, marks(room, clear=[0]))
        yield from trial.expects_items(call, [0], "ClearMark after the chat group is gone")
        yield from trial.expects_items(change(owner, "a", leave=[room]), [0], "leaving a group")


def unchanged(scene: Scene, trial: Trial) -> Script[None]:
    """29: what changes nothing leaves the time alone; duplicates; administrators are accounts."""
    owner = yield from scene.account()
    friend = account(scene.friends[0])
    yield from trial.expects(mark(owner, custom(friend, "a"), custom(friend, "b")), 0, "duplicates")
    call = search(owner, friend, friend)
    before = yield from asked(call)
    texts = [found(record, "CustomMark") for record in records(before)]
    trial.saw("the later wins, and a search answers twice", call, before, fits=texts == ["b", "b"])
    yield Pause(_PAUSE_SECONDS)
    yield from trial.expects(mark(owner, custom(friend, "b")), 0, "the same again")
    after = yield from asked(call)
    trial.saw("Timestamp stays", call, after, fits=stamps(before) == stamps(after))
    yield from trial.expects(get(scene.identifier), 0, "the administrator as From_Account")


def loose_types(scene: Scene, trial: Trial) -> Script[None]:
    """30: what is taken beside the documented types."""
    owner = yield from scene.account()
    friend = scene.friends[0]
    text = {"Type": "1", "To_Account": friend, "ToGroupId": "ignored", "Unknown": [1]}
    reply = yield from trial.expects_items(mark(owner, custom(text)), [0], 'Type "1" is taken')
    kind = found(reply.answer, "ResultItem", 0, "ContactItem", "Type")
    trial.saw("and answered as 1", mark(owner, custom(text)), reply, fits=kind == 1)
    whole = {"Type": 1.0, "To_Account": friend}
    yield from trial.expects(mark(owner, custom(whole)), Code.BAD_PARAMETER, "Type 1.0")
    for contact in ({"Type": 2, "To_Account": friend}, {"Type": 1, "To_Account": ""}):
        call = mark(owner, custom(contact))
        yield from trial.expects(call, Code.BAD_PARAMETER, "the fitting id missing or empty")
    twice = b'{"From_Account":5,"From_Account":"%b","MarkItem":[]}' % owner.encode()
    yield from trial.expects(
        Ask(MARK, twice), Code.CONVERSATION_COUNT, "the last of duplicate keys wins"
    )


def searches(scene: Scene, trial: Trial) -> Script[None]:
    """18: a search has 1 to 300 conversations."""
    owner = yield from scene.account()
    many = [account(f"peer-{number}") for number in range(301)]
    yield from trial.expects(search(owner, *many[:300]), 0, "300 conversations")
    yield from trial.expects(search(owner, *many), Code.BAD_PARAMETER, "301 conversations")
    yield from trial.expects(search(owner), Code.BAD_PARAMETER, "none")


def missing_lists(scene: Scene, trial: Trial) -> Script[None]:
    """37 and 16, as far as no group is needed."""
    owner = yield from scene.account()
    for command in (MARK, SEARCH):
        call = Ask(command, {"From_Account": owner})
        yield from trial.expects(call, Code.BAD_PARAMETER, f"a missing list in {command}")
    yield from trial.expects(
        mark(owner), Code.CONVERSATION_COUNT, "an empty MarkItem", numbers=(16, 37)
    )
    yield from trial.expects(search(owner), Code.BAD_PARAMETER, "an empty search")
    many = [custom(account(f"peer-{number}")) for number in range(101)]
    call = mark(owner, *many)
    yield from trial.expects(call, Code.CONVERSATION_COUNT, "101 of MarkItem", numbers=(16,))
