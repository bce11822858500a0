"""What a rule of the faults may say."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from chatmarks.command import is_userid, userid_problem
from chatmarks.commands import COMMANDS
from chatmarks.control.refused import SDKAPPID_MAX, Refused, in_range
from chatmarks.errors import shown

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


def check(rule: Rule) -> None:
    """Raise `Refused` 400 for a rule that makes no sense."""
    _check_name(rule.name)
    _check_when(rule.when)
    _check_effect(rule.effect, rule.when)


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
        in_range("effect.info", len(effect.info), 0, INFO_CHARACTERS_MAX, "the length of effect.info")
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
