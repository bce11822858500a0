"""Probes that need much data: how many conversations fit, how long pages and lists are."""

from __future__ import annotations

from collections.abc import Sequence

from chatmarks.errors import Code
from chatmarks.limits import CONVERSATIONS_PER_ACCOUNT_MAX, LIST_SIZE_MAX
from chatmarks.parity.asks import Ask, Reply, Script, asked
from chatmarks.parity.bodies import (
    GET_LIST,
    SEND_MANY,
    TEXT,
    account,
    batches,
    change,
    create,
    custom,
    found,
    get,
    listed,
    mark,
    records,
    result_codes,
)
from chatmarks.parity.scene import Scene, Trial, Untold, needed

FULL = [Code.CONVERSATIONS_FULL]


def full_account(scene: Scene, trial: Trial) -> Script[None]:
    """5, 6, and the switches `pooling` and `get_page_size`: an account with 1,000 conversations."""
    owner = yield from scene.account()
    peers = yield from scene.peers(CONVERSATIONS_PER_ACCOUNT_MAX + 2)
    contacts = [account(peer) for peer in peers]
    for part in batches(contacts[:CONVERSATIONS_PER_ACCOUNT_MAX]):
        reply = yield from asked(mark(owner, *map(custom, part)))
        if reply.code != 0 or any(result_codes(reply)):
            raise Untold(f"1,000 custom marks were not taken: {_first(reply)}")
    page = yield from needed(get(owner), "a page of 1,000 records is needed")
    trial.switches["get_page_size"] = max(1, len(records(page)))
    beyond = contacts[CONVERSATIONS_PER_ACCOUNT_MAX]
    call = mark(owner, custom(contacts[0], "other"), custom(beyond), custom(contacts[1], "other"))
    reply = yield from asked(call)
    fits = reply.code == 0 and result_codes(reply) == [0, *FULL, 0]
    what = "one conversation too many among two that exist is 51008 by itself"
    trial.saw(what, call, reply, fits=fits, numbers=(6,))
    if scene.known.edition == "basic":
        reason = "this edition has no groups (51013)"
        trial.untold[5] = trial.untold_switches["pooling"] = reason
        return
    yield from _pools(trial, owner, contacts)


def _pools(trial: Trial, owner: str, contacts: Sequence[dict[str, object]]) -> Script[None]:
    """Put conversations into groups until one is refused."""
    call = create(owner, "first", contacts[-1])
    reply = yield from asked(call)
    shared = result_codes(reply) == FULL
    what = "a grouped conversation beside 1,000 marked ones is 51008"
    trial.saw(what, call, reply, fits=shared, numbers=(5,))
    if shared:
        trial.switches["pooling"] = "shared"
        return
    for part in batches(contacts[: CONVERSATIONS_PER_ACCOUNT_MAX - 1]):
        reply = yield from asked(change(owner, "first", join=part))
        if reply.code != 0 or any(result_codes(reply)):
            reason = f"a group did not take 1,000: {_first(reply)}"
            trial.untold_switches["pooling"] = reason
            return
    reply = yield from asked(create(owner, "second", contacts[CONVERSATIONS_PER_ACCOUNT_MAX - 1]))
    trial.switches["pooling"] = "split" if result_codes(reply) == FULL else "per_group"


def _first(reply: Reply) -> str:
    """The call's code and that of the first item that was refused."""
    refused = [code for code in result_codes(reply) if code != 0]
    return f"{reply.code}, {f'an item {refused[0]}' if refused else 'no item refused'}"


def list_size(scene: Scene, trial: Trial) -> Script[None]:
    """The switch `list_size_max`: a list that 501 conversations would be in."""
    sender = yield from scene.account()
    receivers = yield from scene.imported(LIST_SIZE_MAX, "l")
    for number, part in enumerate((*batches(receivers, LIST_SIZE_MAX), scene.friends[:1])):
        body = {"From_Account": sender, "To_Account": part, "MsgRandom": number + 1, "MsgBody": TEXT}
        yield from needed(Ask(SEND_MANY, body), "messages to 501 accounts are needed")
    cursor = dict.fromkeys(("TimeStamp", "StartIndex", "TopTimeStamp", "TopStartIndex"), 0)
    seen: set[str] = set()
    is_last = False
    while not is_last:
        call = Ask(GET_LIST, {"From_Account": sender, "AssistFlags": 7, **cursor})
        reply = yield from needed(call, "a list of 501 conversations is needed")
        before = len(seen)
        seen |= {str(found(item, "To_Account")) for item in listed(reply, "SessionItem")}
        cursor = {name: found(reply.answer, name) for name in cursor}
        is_last = bool(found(reply.answer, "CompleteFlag"))
        if not is_last and len(seen) == before:
            raise Untold("a page of the list that is not the last had nothing new")
    if not seen or len(seen) > LIST_SIZE_MAX:
        raise Untold(f"{len(seen)} of 501 conversations are in the list")
    trial.switches["list_size_max"] = len(seen)
