"""Faults by rule: which calls one meets, and what then happens to them."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from chatmarks.command import Command, Outcome
from chatmarks.control.refused import Refused
from chatmarks.control.rules import WAIT_MS_MAX, Effect, Rule, When, check
from chatmarks.errors import CODES, Code, shown

RULES_MAX = 1000


class RuleState(Struct, frozen=True):
    """A rule that is there: how many calls it `matched`, and how many of them it `struck`."""

    name: str
    when: When
    effect: Effect
    matched: int
    struck: int


class Facts(Struct, frozen=True):
    """What rules look at in a call. `sdkappid` and `account` are as claimed, None when there is none;
    `items`: what each item of the request names."""

    command: Command | None
    sdkappid: int | None
    account: str | None
    items: Sequence[str] = ()


class Failure(Struct, frozen=True):
    """What happens to one call. `struck`: the names of the rules; `failing`: the items that fail, by
    position, and `failed_by` the rules that say so; `end`: what takes the place of the answer."""

    struck: tuple[str, ...] = ()
    ms_before: int = 0
    ms_after: int = 0
    failing: Mapping[int, Outcome] = {}
    failed_by: Mapping[int, str] = {}
    end: Effect | None = None


NOTHING = Failure()


class _Live:
    """A rule with its counts and its dice."""

    def __init__(self, name: str, rule: Rule) -> None:
        self.name, self.when, self.effect = name, rule.when, rule.effect
        self.matched = self.struck = 0
        self._dice = random.Random(rule.when.seed)  # noqa: S311 - to be the same in each run

    def strikes(self, facts: Facts) -> bool:
        """Whether it strikes this call, which is counted if it matches."""
        if not self._matches(facts):
            return False
        when = self.when
        if when.times is not None and self.struck >= when.times:
            return False
        self.matched += 1
        if when.probability is not None:
            strikes = self._dice.random() < when.probability
        else:
            strikes = self.matched % (when.every or 1) == 0
        self.struck += strikes
        return strikes

    def _matches(self, facts: Facts) -> bool:
        when = self.when
        path = facts.command.path if facts.command else None
        return (
            when.sdkappid in (None, facts.sdkappid)
            and when.account in (None, facts.account)
            and when.command in (None, path)
            and (self.effect.kind != "items" or any(True for _ in self.hit(facts)))
        )

    def hit(self, facts: Facts) -> Iterator[int]:
        """The positions of the items that fail."""
        items, ids = self.effect.items, self.effect.ids
        everything = items is None and ids is None
        for position, identity in enumerate(facts.items):
            if everything or position in (items or ()) or identity in (ids or ()):
                yield position

    @property
    def state(self) -> RuleState:
        return RuleState(self.name, self.when, self.effect, self.matched, self.struck)


class Faults:
    """The rules, in the order in which they were made. They are asked in that order; the first one
    that strikes with an answer or a drop is the last one asked."""

    def __init__(self) -> None:
        self._rules: dict[str, _Live] = {}
        self._numbered = 0

    def __bool__(self) -> bool:
        return bool(self._rules)

    def add(self, rule: Rule) -> RuleState:
        """Add a rule. Raises `Refused`."""
        check(rule)
        if len(self._rules) >= RULES_MAX:
            raise Refused(409, f"there are {len(self._rules)} rules; at most {RULES_MAX} are allowed")
        name = rule.name or self._drawn_name()
        if name in self._rules:
            raise Refused(409, f"name {shown(name)}: there is such a rule; names are unique", "name")
        if rule.when.probability is not None and rule.when.seed is None:
            # Told in the answer, so that a run can be repeated.
            rule = replace(rule, when=replace(rule.when, seed=secrets.randbits(32)))
        self._rules[name] = _Live(name, rule)
        return self._rules[name].state

    def _drawn_name(self) -> str:
        while True:
            self._numbered += 1
            if (name := f"fault-{self._numbered}") not in self._rules:
                return name

    def states(self) -> list[RuleState]:
        """All rules."""
        return [rule.state for rule in self._rules.values()]

    def remove(self, name: str) -> bool:
        """Remove a rule. False when there is none of that name."""
        return self._rules.pop(name, None) is not None

    def clear(self, sdkappid: int | None = None) -> int:
        """Remove the rules that are about one app, or all; how many."""
        gone = [
            name
            for name, rule in self._rules.items()
            if sdkappid is None or rule.when.sdkappid == sdkappid
        ]
        for name in gone:
            del self._rules[name]
        return len(gone)

    def failure(self, facts: Facts) -> Failure:
        """What happens to a call. Counts it in the rules that match."""
        struck: list[str] = []
        waits = {False: 0, True: 0}
        failing: dict[int, Outcome] = {}
        failed_by: dict[int, str] = {}
        end: Effect | None = None
        for rule in self._rules.values():
            if not rule.strikes(facts):
                continue
            struck.append(rule.name)
            effect = rule.effect
            if effect.kind == "latency":
                waits[effect.kept] += effect.ms or 0
            elif effect.kind == "items":
                for position in rule.hit(facts):
                    failing.setdefault(position, outcome_of(effect))
                    failed_by.setdefault(position, rule.name)
            else:
                end = effect
                break
        if not struck:
            return NOTHING
        return Failure(
            tuple(struck),
            min(waits[False], WAIT_MS_MAX),
            min(waits[True], WAIT_MS_MAX),
            failing,
            failed_by,
            end,
        )


def outcome_of(effect: Effect) -> Outcome:
    """The code and the text that an effect gives."""
    assert effect.code is not None
    if effect.info is not None:
        return Outcome(effect.code, effect.info)
    known = CODES.get(effect.code)
    return Outcome(effect.code, known.meaning if known else "a fault by rule")


def rate_outcome(effect: Effect, facts: Facts) -> Outcome:
    """What a call over a cap is answered."""
    if effect.of == "app":
        return Outcome(
            Code.APP_RATE, f"sdkappid {facts.sdkappid} called too often in this second already"
        )
    called = f"{facts.command.path} was called {facts.command.rate} times" if facts.command else ""
    return Outcome(
        Code.COMMAND_RATE, f"{called or 'a command was called too often'} in this second already"
    )
