"""Rules: which calls they strike, and what they then do."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from chatmarks.command import Outcome
from chatmarks.commands import COMMANDS
from chatmarks.control.faults import NOTHING, Facts, Faults
from chatmarks.control.refused import Refused
from chatmarks.control.rules import Rule

MARK = "recentcontact/mark_contact"
SEARCH = "recentcontact/search_contact_group"


def rule(kind: str = "answer", name: str | None = None, when: Any = None, **effect: Any) -> Rule:
    if kind == "answer":
        effect.setdefault("code", 50004)
    made = {"effect": {"kind": kind, **effect}, "when": when or {}, "name": name}
    return msgspec.convert(made, Rule)


def facts(
    command: str = MARK,
    sdkappid: int | None = 1,
    account: str | None = "user_0001",
    items: tuple[str, ...] = (),
) -> Facts:
    return Facts(COMMANDS.get(command), sdkappid, account, items)


def strikes(faults: Faults, calls: int, met: Facts | None = None) -> list[int]:
    """Which of so many calls, counted from 1, are struck."""
    return [number for number in range(1, calls + 1) if faults.failure(met or facts()) is not NOTHING]


@pytest.mark.parametrize(
    ("when", "met"),
    [
        ({}, facts()),
        ({}, facts(command="no/such", sdkappid=None, account=None)),
        ({"command": MARK}, facts()),
        ({"sdkappid": 1}, facts()),
        ({"account": "user_0001"}, facts()),
        ({"command": MARK, "sdkappid": 1, "account": "user_0001"}, facts()),
    ],
)
def test_a_rule_strikes_what_fits_all_that_it_names(when: Any, met: Facts) -> None:
    faults = Faults()
    faults.add(rule(when=when))
    assert strikes(faults, 2, met) == [1, 2]


@pytest.mark.parametrize(
    "met",
    [
        facts(command=SEARCH),
        facts(command="no/such"),
        facts(sdkappid=2),
        facts(sdkappid=None),
        facts(account="user_0002"),
        facts(account=None),
    ],
)
def test_a_rule_leaves_alone_what_differs_in_one_thing(met: Facts) -> None:
    faults = Faults()
    faults.add(rule(when={"command": MARK, "sdkappid": 1, "account": "user_0001"}))
    assert strikes(faults, 2, met) == []
    assert faults.states()[0].matched == 0


def test_every_third_call_is_struck() -> None:
    faults = Faults()
    faults.add(rule(when={"every": 3}))
    assert strikes(faults, 9) == [3, 6, 9]
    assert (faults.states()[0].matched, faults.states()[0].struck) == (9, 3)


def test_calls_that_do_not_match_are_not_counted_for_every() -> None:
    faults = Faults()
    faults.add(rule(when={"every": 2, "account": "user_0001"}))
    faults.failure(facts(account="user_0002"))
    assert strikes(faults, 4) == [2, 4]


def test_a_rule_strikes_as_often_as_it_may() -> None:
    faults = Faults()
    faults.add(rule(when={"every": 2, "times": 2}))
    assert strikes(faults, 10) == [2, 4]


def test_a_seed_decides_which_calls_are_struck() -> None:
    runs = []
    for seed in (7, 7, 8):
        faults = Faults()
        faults.add(rule(when={"probability": 0.3, "seed": seed}))
        runs.append(strikes(faults, 1000))
    assert runs[0] == runs[1] != runs[2]
    # Six standard deviations around 300.
    assert 213 < len(runs[0]) < 387


@pytest.mark.parametrize(("probability", "count"), [(0, 0), (1, 50)])
def test_what_is_sure_to_strike_or_not_does_so(probability: float, count: int) -> None:
    faults = Faults()
    faults.add(rule(when={"probability": probability, "seed": 1}))
    assert len(strikes(faults, 50)) == count


def test_a_seed_that_was_drawn_is_told_and_repeats_the_run() -> None:
    first, second = Faults(), Faults()
    seed = first.add(rule(when={"probability": 0.5})).when.seed
    assert seed is not None
    second.add(rule(when={"probability": 0.5, "seed": seed}))
    assert strikes(first, 100) == strikes(second, 100)


def test_item_7_fails_and_no_other() -> None:
    faults = Faults()
    faults.add(rule("items", when={"command": MARK}, items=[7], code=51007, info="gone"))
    items = tuple(f"user_{number}" for number in range(100))
    failure = faults.failure(facts(items=items))
    assert failure.failing == {7: Outcome(51007, "gone")}
    assert failure.failed_by == {7: "fault-1"}


def test_the_items_that_name_an_id_fail_wherever_they_are() -> None:
    faults = Faults()
    faults.add(rule("items", when={"command": MARK}, ids=["b"], items=[0], code=51007))
    failure = faults.failure(facts(items=("a", "b", "c", "b")))
    assert failure.failing.keys() == {0, 1, 3}


def test_all_items_fail_when_none_is_named() -> None:
    faults = Faults()
    faults.add(rule("items", when={"command": MARK}, code=51008))
    assert faults.failure(facts(items=("a", "b"))).failing.keys() == {0, 1}


def test_a_call_without_such_an_item_is_not_counted() -> None:
    faults = Faults()
    faults.add(rule("items", when={"command": MARK, "times": 1}, ids=["b"], code=51007))
    assert faults.failure(facts(items=("a",))) is NOTHING
    assert faults.failure(facts(items=("a", "b"))).failing.keys() == {1}
    assert faults.failure(facts(items=("a", "b"))) is NOTHING


def test_of_two_rules_for_one_item_the_first_decides() -> None:
    faults = Faults()
    faults.add(rule("items", "first", when={"command": MARK}, items=[1], code=51007))
    faults.add(rule("items", "second", when={"command": MARK}, code=51008))
    failure = faults.failure(facts(items=("a", "b")))
    assert {position: outcome.code for position, outcome in failure.failing.items()} == {
        0: 51008,
        1: 51007,
    }
    assert failure.failed_by == {0: "second", 1: "first"}
    assert failure.struck == ("first", "second")


def test_waits_add_up_and_no_call_waits_longer_than_a_minute() -> None:
    faults = Faults()
    faults.add(rule("latency", ms=200))
    faults.add(rule("latency", ms=300))
    faults.add(rule("latency", ms=40_000, kept=True))
    faults.add(rule("latency", ms=40_000, kept=True))
    failure = faults.failure(facts())
    assert (failure.ms_before, failure.ms_after) == (500, 60_000)


@pytest.mark.parametrize("kind", ["answer", "drop", "rate"])
def test_rules_behind_one_that_ends_the_call_are_not_asked(kind: str) -> None:
    faults = Faults()
    faults.add(rule("latency", "wait", ms=1))
    faults.add(rule(kind, "end", **({"of": "app"} if kind == "rate" else {})))
    faults.add(rule(name="late"))
    failure = faults.failure(facts())
    assert failure.struck == ("wait", "end")
    assert failure.end is not None
    assert failure.end.kind == kind
    assert [state.matched for state in faults.states()] == [1, 1, 0]


def test_a_rule_is_removed_by_its_name_and_those_of_an_app_together() -> None:
    faults = Faults()
    for name, sdkappid in (("a", 1), ("b", 2), ("c", 1), ("d", None)):
        faults.add(rule(name=name, when={"sdkappid": sdkappid} if sdkappid else {}))
    assert faults.remove("b")
    assert not faults.remove("b")
    assert faults.clear(1) == 2
    assert [state.name for state in faults.states()] == ["d"]
    assert faults.clear() == 1
    assert not faults


def test_a_name_that_the_server_draws_is_no_name_that_is_there() -> None:
    faults = Faults()
    faults.add(rule(name="fault-1"))
    assert faults.add(rule()).name == "fault-2"


def test_1000_rules_are_taken_and_no_more() -> None:
    faults = Faults()
    for _ in range(1000):
        faults.add(rule())
    with pytest.raises(Refused, match="there are 1000 rules; at most 1000 are allowed") as refused:
        faults.add(rule())
    assert refused.value.status == 409


def test_a_name_that_is_there_is_refused() -> None:
    faults = Faults()
    faults.add(rule(name="a"))
    with pytest.raises(Refused, match='name "a": there is such a rule') as refused:
        faults.add(rule(name="a"))
    assert (refused.value.status, refused.value.field) == (409, "name")


@pytest.mark.parametrize(
    ("wrong", "field", "told"),
    [
        (rule(name="a b"), "name", '"a b"; 1 to 64 letters'),
        (rule(name=""), "name", '""; 1 to 64 letters'),
        (rule(name="a" * 65), "name", "1 to 64 letters"),
        (rule(when={"command": "no/such"}), "when.command", '"no/such"; recentcontact/create'),
        (rule(when={"sdkappid": 0}), "when.sdkappid", "is 0; 1 to 9223372036854775807"),
        (rule(when={"account": "a" * 33}), "when.account", "has 33 bytes; at most 32"),
        (rule(when={"every": 0}), "when.every", "is 0; 1 to 1000000"),
        (rule(when={"times": 0}), "when.times", "is 0; 1 to 1000000"),
        (rule(when={"probability": 1.1}), "when.probability", "is 1.1; 0 to 1"),
        (rule(when={"probability": -0.1}), "when.probability", "is -0.1; 0 to 1"),
        (rule(when={"probability": 0.5, "every": 2}), "when", "only one of the two"),
        (rule(when={"seed": 3}), "when.seed", "only allowed with when.probability"),
        (rule(code=0), "effect.code", "is 0; 1 to 999999"),
        (rule(code=1_000_000), "effect.code", "is 1000000; 1 to 999999"),
        (rule(info="a" * 513), "effect.info", "is 513; 0 to 512"),
        (rule("items", when={"command": MARK}), "effect.code", "is missing; kind items requires"),
        (rule("latency"), "effect.ms", "is missing; kind latency requires"),
        (rule("latency", ms=60_001), "effect.ms", "is 60001; 1 to 60000"),
        (rule("rate"), "effect.of", "is missing; kind rate requires"),
        (rule("drop", code=5), "effect.code", "not for kind drop, which has: kept"),
        (rule("drop", items=[1]), "effect.items", "not for kind drop"),
        (rule("items", code=1), "when.command", "is missing; for effect.kind items"),
        (rule("items", code=1, when={"command": SEARCH}), "when.command", f"is {SEARCH}; for"),
        (
            rule("items", code=1, when={"command": MARK}, items=[300]),
            "effect.items[0]",
            "is 300; 0 to 299",
        ),
        (
            rule("items", code=1, when={"command": MARK}, ids=[]),
            "effect.ids",
            "is 0; 1 to 300",
        ),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(wrong: Rule, field: str, told: str) -> None:
    faults = Faults()
    with pytest.raises(Refused) as refused:
        faults.add(wrong)
    assert (refused.value.status, refused.value.field) == (400, field)
    assert told in refused.value.message
    assert field in refused.value.message
    assert not faults


@pytest.mark.parametrize("command", [path for path, found in COMMANDS.items() if found.items])
def test_items_of_an_empty_request_are_none(command: str) -> None:
    found = COMMANDS[command]
    assert found.items
    empty = {
        "recentcontact/create_contact_group": {"From_Account": "a", "GroupContactItem": []},
        "recentcontact/update_contact_group": {
            "From_Account": "a",
            "UpdateType": 1,
            "UpdateGroup": {"UpdateGroupType": 2, "OldGroupName": "g"},
        },
        "recentcontact/mark_contact": {"From_Account": "a", "MarkItem": []},
        "im_open_login_svc/multiaccount_import": {},
        "im_open_login_svc/account_check": {"CheckItem": []},
        "openim/batchsendmsg": {"To_Account": [], "MsgRandom": 1, "MsgBody": []},
        "group_open_http_svc/import_group_msg": {"GroupId": "g", "MsgList": []},
        "im_open_login_svc/account_delete": {"DeleteItem": []},
        "group_open_http_svc/get_group_info": {"GroupIdList": []},
        "group_open_http_svc/add_group_member": {"GroupId": "g", "MemberList": []},
    }[command]
    assert list(found.items(msgspec.convert(empty, found.request))) == []
