"""What is asked of both servers: the published exchanges, wrong tickets, and calls drawn at random."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from chatmarks.command import EXTENSIONS
from chatmarks.golden import Exchange, examples
from chatmarks.parity.asks import Ask
from chatmarks.parity.bodies import CREATE_CHAT_GROUP, GET, IMPORT, account, get
from chatmarks.parity.random_calls import drawn_calls
from chatmarks.parity.scene import Scene

GOLDEN_LEFT_OUT: Mapping[str, str] = {
    "group_open_http_svc/get_appid_group_list": "it lists every chat group of the app",
}
"""Commands whose published exchanges are not sent, and why. Extensions are not either: no other server
has them."""

CALLS_PER_EPISODE = 25

_ACCOUNTS = frozenset(
    {"UserID", "Identifier", "From_Account", "To_Account", "Owner_Account", "Member_Account"}
    | {"Accounts", "MemberToDel_Account"}
)
_CHAT_GROUPS = frozenset({"GroupId", "ToGroupId", "ToGroupid", "GroupIdList"})


class Episode(Struct, frozen=True):
    """Calls one after another, which begin with nothing. `generated`: what the calls say for the ids of
    chat groups that the servers draw, in their order."""

    name: str
    asks: Sequence[Ask]
    generated: Sequence[str] = ()


def golden_episodes(scene: Scene) -> Iterator[Episode]:
    """The published exchanges, with accounts and chat groups of this run."""
    for name, exchange in examples().items():
        if not exchange.command.startswith(EXTENSIONS) and exchange.command not in GOLDEN_LEFT_OUT:
            yield _golden(scene, name, exchange)


def _golden(scene: Scene, name: str, exchange: Exchange) -> Episode:
    calls = [(step.command, step.body) for step in exchange.steps]
    calls.append((exchange.command, exchange.request))
    generated = [f"@TGS#{drawn}" for drawn in exchange.generated_ids]
    renaming = _Renaming(scene, generated)
    asks = [
        Ask(command, renaming.renamed(body))
        for command, body in calls
        # Pins change nothing but the order of a list, and only chatmarks has a call for them.
        if not command.startswith(EXTENSIONS)
    ]
    return Episode(f"golden {name}", asks, generated)


class _Renaming:
    """Gives each account and chat group of an exchange a name of this run."""

    def __init__(self, scene: Scene, generated: Sequence[str]) -> None:
        self._scene = scene
        self._userids: dict[str, str] = {}
        self._chat_groups = {group_id: group_id for group_id in generated}

    def renamed(self, value: Any, field: str = "") -> Any:
        """`value` with the new names."""
        if isinstance(value, dict):
            return {name: self.renamed(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.renamed(inner, field) for inner in value]
        if isinstance(value, str) and field in _ACCOUNTS:
            if value not in self._userids:
                self._userids[value] = self._scene.named("g")
            return self._userids[value]
        if isinstance(value, str) and field in _CHAT_GROUPS:
            if value not in self._chat_groups:
                self._chat_groups[value] = self._scene.chat_group_named()
            return self._chat_groups[value]
        return value


def ticket_episode(scene: Scene) -> Episode:
    """Everything that can be wrong with a ticket, by itself."""
    owner = scene.named()
    bare = get(owner)
    kinds = ("good", "expired", "other key", "other identifier", "other app", "cut")
    asks = [Ask(IMPORT, {"UserID": owner}), *(replace(bare, ticket=kind) for kind in kinds)]
    asks += [replace(bare, query=query) for query in ({"sdkappid": None}, {"identifier": None})]
    return Episode("tickets", [*asks, Ask(GET, method="GET")])


def random_episodes(scene: Scene, seed: int, calls: int) -> Iterator[Episode]:
    """`calls` calls drawn from `seed`, each episode on an account of its own."""
    for number, begin in enumerate(range(0, calls, CALLS_PER_EPISODE)):
        draw = random.Random(f"{seed}:{number}")  # noqa: S311 - it must repeat
        owner, stranger, room = scene.named(), scene.named("nobody"), scene.chat_group_named()
        people = [account(userid) for userid in scene.friends]
        asks = [
            Ask(IMPORT, {"UserID": owner}),
            Ask(CREATE_CHAT_GROUP, {"Type": "Public", "Name": "parity", "GroupId": room}),
            *drawn_calls(draw, (owner, stranger), people, room, min(CALLS_PER_EPISODE, calls - begin)),
        ]
        yield Episode(f"random {number + 1}", asks)
