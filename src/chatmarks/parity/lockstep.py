"""Two servers asked the same, call by call: the other one, and a chatmarks of this process.

Each episode ends at its first difference: what comes after it would differ for that reason alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from chatmarks.limits import Profile
from chatmarks.parity.asks import Ask, Asker, Reply
from chatmarks.parity.bodies import CREATE_CHAT_GROUP, IMPORT_MANY, found
from chatmarks.parity.comparing import difference
from chatmarks.parity.episodes import Episode
from chatmarks.parity.report import Difference
from chatmarks.parity.scene import Scene

Own: TypeAlias = Callable[[Profile, Callable[[], float]], AbstractAsyncContextManager[Asker]]
"""Makes a chatmarks with an empty store, with this profile and this clock, and asks it."""


class Compared(Struct, frozen=True):
    """What came of the episodes."""

    episodes: int
    calls: int
    differences: Sequence[Difference]


class _Clock:
    """The clock of our side: where theirs stood when they answered."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


async def compare_all(
    scene: Scene, theirs: Asker, own: Own, episodes: Iterable[Episode], step: Callable[[], None]
) -> Compared:
    """Ask both servers all episodes; `step` is told after each. Raises `Unanswered`."""
    clock = _Clock()
    differences: list[Difference] = []
    count = calls = 0
    # Ours is asked as fast as theirs answers, in seconds of its own: no cap may come between.
    uncapped = replace(scene.known, calls_per_second=0, app_calls_per_second=0)
    async with own(uncapped, clock) as ours:
        items = [{"UserID": userid} for userid in scene.friends]
        await ours(Ask(IMPORT_MANY, {"AccountList": items}))
        for episode in episodes:
            made, different = await _compared(episode, scene, theirs, ours, clock)
            count, calls = count + 1, calls + made
            differences += [different] if different else []
            step()
    return Compared(count, calls, differences)


async def _compared(
    episode: Episode, scene: Scene, theirs: Asker, ours: Asker, clock: _Clock
) -> tuple[int, Difference | None]:
    """How many calls of an episode were made, up to its first difference, and that."""
    their_ids, our_ids = _Ids(episode.generated), _Ids(episode.generated)
    for number, ask in enumerate(episode.asks, 1):
        their_reply = their_ids.taken_from(ask, await theirs(their_ids.put_into(ask)))
        clock.now = their_reply.at + scene.skew_seconds
        our_reply = our_ids.taken_from(ask, await ours(our_ids.put_into(ask)))
        scene.chat_groups |= dict.fromkeys(their_ids.actual)
        if different := difference(their_reply, our_reply):
            return number, Difference(
                episode.name,
                number,
                ask.shown,
                different.path,
                different.theirs,
                different.ours,
                their_reply.shown,
                our_reply.shown,
            )
    return len(episode.asks), None


class _Ids:
    """The chat-group ids that one of the servers drew, in place of those that the calls name."""

    def __init__(self, generated: Sequence[str]) -> None:
        self._waiting = list(generated)
        self.actual: dict[str, str] = {}

    def put_into(self, ask: Ask) -> Ask:
        """The call with this server's ids."""
        if not self.actual:
            return ask
        named = {placeholder: actual for actual, placeholder in self.actual.items()}
        return replace(ask, body=_replaced(ask.body, named))

    def taken_from(self, ask: Ask, reply: Reply) -> Reply:
        """The reply with the ids that the calls name."""
        drawn = found(reply.answer, "GroupId")
        is_new = ask.command == CREATE_CHAT_GROUP and not found(ask.body, "GroupId")
        if is_new and self._waiting and isinstance(drawn, str) and drawn:
            self.actual[drawn] = self._waiting.pop(0)
        return replace(reply, answer=_replaced(reply.answer, self.actual)) if self.actual else reply


def _replaced(value: Any, names: dict[str, str]) -> Any:
    """`value` with other strings for those that `names` has."""
    match value:
        case str():
            return names.get(value, value)
        case list():
            return [_replaced(inner, names) for inner in value]
        case dict():
            return {name: _replaced(inner, names) for name, inner in value.items()}
    return value
