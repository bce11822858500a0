"""The call caps of a server, seen by calling faster than they let; only for who asks for it.

A cap counts the calls of one whole second of the server's clock. Beyond it every call is refused until
the next second begins, so what is let through between two such beginnings is the cap.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

from chatmarks.errors import Code
from chatmarks.parity.asks import Ask, Reply
from chatmarks.parity.bodies import CHECK_ACCOUNTS, GET_LIST, account, get, search
from chatmarks.parity.scene import Scene, Trial

Flood: TypeAlias = Callable[[Sequence[Ask], float], Awaitable[list[Reply]]]
"""Makes these calls over and over, as fast as it can, for so many seconds; raises `Unanswered`."""

SECONDS = 3.2
"""Long enough for two whole seconds of any clock."""

_GAP_SECONDS = 0.15
"""For so long nothing goes through once a cap is reached. Answers overtake each other by less."""

_COMMAND, _APP = "calls_per_second", "app_calls_per_second"
_CAPS = {_COMMAND: Code.COMMAND_RATE, _APP: Code.APP_RATE}


async def caps(scene: Scene, flood: Flood) -> Trial:
    """How the two caps stand: that of a command first, then that of the app, over several commands."""
    trial = Trial(None)
    who = scene.friends[0]
    one = get(who)
    cursor = dict.fromkeys(("TimeStamp", "StartIndex", "TopTimeStamp", "TopStartIndex"), 0)
    several = [
        one,
        search(who, account(who)),
        Ask(GET_LIST, {"From_Account": who, **cursor, "AssistFlags": 7}),
        Ask(CHECK_ACCOUNTS, {"CheckItem": [{"UserID": who}]}),
    ]
    for name, asks in ((_COMMAND, [one]), (_APP, several)):
        replies = await flood(asks, SECONDS)
        cap, code = cap_in(replies, _CAPS[name]), _CAPS[name]
        met = {reply.code for reply in replies}
        if cap is not None:
            trial.switches[name] = cap
        elif code in met:
            trial.untold_switches[name] = f"{code} came, but not for long enough to count"
        else:
            through = sum(reply.code == 0 for reply in replies)
            trial.untold_switches[name] = f"{code} never came at {through / SECONDS:.0f} calls a second"
    return trial


def cap_in(replies: Sequence[Reply], code: int) -> int | None:
    """How many calls were let through in a whole second that began and reached the cap during the
    flood; None where there was none.

    Those of one second stand together: after them all is refused until the next one begins.
    """
    refused_at = [reply.at for reply in replies if reply.code == code]
    through_at = sorted(reply.at for reply in replies if reply.code == 0)
    if not refused_at or not through_at:
        return None
    seconds = [[through_at[0]]]
    for before, at in pairwise(through_at):
        if at - before >= _GAP_SECONDS:
            seconds.append([])
        seconds[-1].append(at)
    # In the first one calls may have gone before, and the last one may have been cut off.
    whole = [len(second) for second in seconds[1:] if max(refused_at) - second[-1] >= _GAP_SECONDS]
    return max(whole, default=None)
