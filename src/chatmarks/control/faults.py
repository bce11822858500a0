"""Faults by rule: which calls one meets, and what then happens to them."""

from __future__ import annotations

import random
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from chatmarks.command import Command, Outcome, is_userid, userid_problem
from chatmarks.commands import COMMANDS
from chatmarks.control.refused import SDKAPPID_MAX, Refused, in_range
from chatmarks.errors import CODES, Code, shown

RULES_MAX = 1000
CODE_MAX = 999_999
INFO_CHARACTERS_MAX = 512
WAIT_MS_MAX = 60_000
COUNT_MAX = 1_000_000
LISTED_MAX = 300
"""Positions, or ids, that one rule may name: more items has no call."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class When(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which calls a rule is about; what is left out is no condition. `account` is a `From_Account`.

    Of the calls that match, it strikes every n-th (`every`), or each with `probability`, drawn from
    `seed`; and `times` times at most.
    """

    command: str | None = None
    sdkappid: int | None = None
    account: str | None = None
    every: int | None = None
    probability: float | None = None
    seed: int | None = None
    times: int | None = None


class Effect(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a rule does: one of five kinds.

    `answer`: the call is answered with `code` and `info`; nothing is done, or all of it when `kept`.
    `rate`: it is answered as over the cap `of` its command (60007) or of its app (60011).
    `items`: those at the positions `items`, the first being 0, and those that name one of `ids`, fail
    with `code` and `info`; all of them when neither is given. The others go through.
    `latency`: it waits for `ms` before it is done, or between that and its answer when `kept`.
    `drop`: the connection ends without an answer, before anything is done, or after it when `kept`.
    """

    kind: Literal["answer", "rate", "items", "latency", "drop"]
    code: int | None = None
    info: str | None = None
    kept: bool = False
    of: Literal["command", "app"] | None = None
    items: tuple[int, ...] | None = None
    ids: tuple[str, ...] | None = None
    ms: int | None = None


class Rule(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A rule. `name` is chosen by the server when left out."""

    effect: Effect
    when: When = When()
    name: str | None = None


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
        _check_name(rule.name)
        _check_when(rule.when)
        _check_effect(rule.effect, rule.when)
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


def _check_name(name: str | None) -> None:
    if name is not None and not _NAME.fullmatch(name):
        raise Refused(
            400,
            f"name is {shown(name)}; 1 to 64 letters, digits, '.', '_' and '-' are allowed, the first"
            " one a letter or a digit",
            "name",
        )


def _check_when(when: When) -> None:
    if when.command is not None and when.command not in COMMANDS:
        known = ", ".join(COMMANDS)
        raise Refused(
            400, f"when.command is {shown(when.command)}; {known} are allowed", "when.command"
        )
    if when.sdkappid is not None:
        in_range("when.sdkappid", when.sdkappid, 1, SDKAPPID_MAX)
    if when.account is not None and not is_userid(when.account):
        raise Refused(400, f"when.account {userid_problem(when.account)}", "when.account")
    if when.every is not None and when.probability is not None:
        raise Refused(400, "when.every and when.probability: only one of the two is allowed", "when")
    if when.every is not None:
        in_range("when.every", when.every, 1, COUNT_MAX)
    if when.probability is not None:
        in_range("when.probability", when.probability, 0, 1)
    if when.seed is not None:
        if when.probability is None:
            raise Refused(400, "when.seed is only allowed with when.probability", "when.seed")
        in_range("when.seed", when.seed, 0, SDKAPPID_MAX)
    if when.times is not None:
        in_range("when.times", when.times, 1, COUNT_MAX)


_FIELDS = {
    "answer": {"code", "info", "kept"},
    "rate": {"of"},
    "items": {"code", "info", "items", "ids"},
    "latency": {"ms", "kept"},
    "drop": {"kept"},
}
_REQUIRED = {"answer": ("code",), "rate": ("of",), "items": ("code",), "latency": ("ms",), "drop": ()}


def _check_effect(effect: Effect, when: When) -> None:
    for name in ("code", "info", "kept", "of", "items", "ids", "ms"):
        value = getattr(effect, name)
        is_given = value is not None and value is not False
        if is_given and name not in _FIELDS[effect.kind]:
            allowed = ", ".join(sorted(_FIELDS[effect.kind]))
            wrong = f"effect.{name} is not for kind {effect.kind}, which has: {allowed}"
            raise Refused(400, wrong, f"effect.{name}")
        if not is_given and name in _REQUIRED[effect.kind]:
            field = f"effect.{name}"
            raise Refused(400, f"{field} is missing; kind {effect.kind} requires it", field)
    if effect.code is not None:
        in_range("effect.code", effect.code, 1, CODE_MAX)
    if effect.info is not None:
        in_range(
            "effect.info", len(effect.info), 0, INFO_CHARACTERS_MAX, "the length of effect.info"
        )
    if effect.ms is not None:
        in_range("effect.ms", effect.ms, 1, WAIT_MS_MAX)
    if effect.kind == "items":
        _check_items(effect, when)


def _check_items(effect: Effect, when: When) -> None:
    if when.command is None or COMMANDS[when.command].items is None:
        having = ", ".join(path for path, command in COMMANDS.items() if command.items)
        came = "missing" if when.command is None else when.command
        raise Refused(
            400,
            f"when.command is {came}; for effect.kind items one whose items have results of their own"
            f" is required: {having}",
            "when.command",
        )
    for name, listed in (("items", effect.items), ("ids", effect.ids)):
        if listed is not None:
            field = f"effect.{name}"
            in_range(field, len(listed), 1, LISTED_MAX, f"the length of {field}")
    for number, position in enumerate(effect.items or ()):
        in_range(f"effect.items[{number}]", position, 0, LISTED_MAX - 1)
