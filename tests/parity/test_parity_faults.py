"""What no switch covers shows up, and a server that is far off does no harm."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from chatmarks.parity.asks import Ask, Reply, Unanswered
from chatmarks.parity.bodies import (
    CHECK_ACCOUNTS,
    CREATE_CHAT_GROUP,
    DELETE_ACCOUNTS,
    DESTROY_CHAT_GROUP,
    IMPORT,
    IMPORT_MANY,
    MARK,
    found,
)
from chatmarks.parity.page import page
from chatmarks.parity.run import Refused
from parity.conftest import Run, Wrap


def altered(change: Callable[[dict[str, Any]], object]) -> Wrap:
    """Changes every object within every answer."""

    def everywhere(value: Any) -> None:
        if isinstance(value, dict):
            for inner in list(value.values()):
                everywhere(inner)
            change(value)
        if isinstance(value, list):
            for inner in value:
                everywhere(inner)

    def wrap(_ask: Ask, reply: Reply) -> Reply:
        answer = msgspec.json.decode(msgspec.json.encode(reply.answer))
        everywhere(answer)
        return replace(reply, answer=answer)

    return wrap


def shifted(seconds: int) -> Wrap:
    def change(part: dict[str, Any]) -> None:
        if "Timestamp" in part:
            part["Timestamp"] += seconds

    return altered(change)


def refused(command: str, code: int) -> Wrap:
    answer = {"ActionStatus": "FAIL", "ErrorCode": code, "ErrorInfo": "no", "ErrorDisplay": ""}
    return lambda ask, reply: replace(reply, answer=answer) if ask.command == command else reply


def padded(part: dict[str, Any]) -> None:
    if part.get("StandardMark"):
        part["StandardMark"] = part["StandardMark"].zfill(64)


def typed(part: dict[str, Any]) -> None:
    if "GroupId" in part and isinstance(part["GroupId"], int):
        part["GroupId"] = str(part["GroupId"])


@pytest.mark.parametrize(
    ("wrap", "refuted", "path"),
    [
        (shifted(-100_000), {14, 23}, "Timestamp"),
        (altered(lambda part: part.pop("GroupItem", None)), {7, 12, 19}, "GroupItem"),
        (altered(padded), {1, 3}, "StandardMark"),
        (altered(typed), {7, 19}, "GroupId"),
        (altered(lambda part: part.pop("ErrorDisplay", None)), {39}, None),
        (altered(lambda part: part.setdefault("RequestId", "x")), {35, 39}, "RequestId"),
    ],
    ids=["times", "no GroupItem", "padded marks", "ids as text", "no ErrorDisplay", "RequestId"],
)
async def test_what_no_switch_covers_is_refuted_and_stays_unexplained(
    run: Run, wrap: Wrap, refuted: set[int], path: str | None
) -> None:
    report = await run(wrap=wrap)
    assert {each.number for each in report.findings if each.verdict == "refuted"} == refuted
    assert [switch.name for switch in report.switches if switch.differs] == []
    assert bool(report.differences) == (path is not None)
    if path is not None:
        assert {path in different.path for different in report.differences} == {True}
        assert len({different.episode for different in report.differences}) == len(report.differences)
    assert not report.is_alike


@pytest.mark.parametrize("seconds", [90, -90])
async def test_a_clock_that_is_not_ours_is_told_and_forgiven(run: Run, seconds: int) -> None:
    report = await run(ahead_seconds=seconds)
    assert report.differences == []
    assert report.asked.skew_seconds == pytest.approx(seconds, abs=1)
    assert report.counts["refuted"] == 0


async def test_a_clock_that_is_far_off_is_refuted(run: Run) -> None:
    report = await run(ahead_seconds=1000, calls=0)
    assert {each.number for each in report.findings if each.verdict == "refuted"} == {23}
    assert report.differences


async def test_a_wrong_answer_to_one_rare_call_is_found(run: Run) -> None:
    def wrap(ask: Ask, reply: Reply) -> Reply:
        items = found(ask.body, "MarkItem") or ()
        if len(items) > 1 and any(found(item, "SetMark") == [63] for item in items):
            return replace(reply, answer=reply.answer | {"ResultItem": []})
        return reply

    report = await run(wrap=wrap, calls=1500)
    assert {different.path for different in report.differences} == {"ResultItem"}
    assert all(different.episode.startswith("random") for different in report.differences)


async def test_a_server_that_refuses_to_delete_is_told_and_named_in_the_report(run: Run) -> None:
    report = await run(wrap=refused(DELETE_ACCOUNTS, 71000), calls=0)
    (left,) = report.left
    assert left.endswith(f"accounts: {DELETE_ACCOUNTS} answered 71000 no")
    refuted = {each.number: each for each in report.findings if each.verdict == "refuted"}
    assert refuted.keys() == {32, 40}


async def test_everything_that_was_made_is_deleted_again(run: Run) -> None:
    asked: list[Ask] = []
    await run(asked=asked)
    made = {found(ask.body, "UserID") for ask in asked if ask.command == IMPORT}
    made |= {found(ask.body, "Identifier") for ask in asked if ask.command == IMPORT}
    made |= {
        item["UserID"]
        for ask in asked
        if ask.command == IMPORT_MANY
        for item in ask.body.get("AccountList", ())
    }
    deleted = {
        item["UserID"]
        for ask in asked
        if ask.command == DELETE_ACCOUNTS
        for item in ask.body["DeleteItem"]
    }
    assert made - {None} <= deleted
    assert all(userid.startswith("parity-7-") and len(userid) <= 32 for userid in deleted)
    rooms = {
        ask.body["GroupId"]
        for ask in asked
        if ask.command == CREATE_CHAT_GROUP and "GroupId" in ask.body
    }
    destroyed = [ask.body["GroupId"] for ask in asked if ask.command == DESTROY_CHAT_GROUP]
    assert rooms <= set(destroyed)
    assert any(group_id.startswith("@TGS#") for group_id in destroyed)


async def test_what_cannot_be_prepared_cannot_be_told(run: Run) -> None:
    report = await run(wrap=refused(CREATE_CHAT_GROUP, 10007), calls=0)
    leaving = next(finding for finding in report.findings if finding.number == 28)
    assert leaving.verdict == "untold"
    assert leaving.why == f"a chat group is needed, but {CREATE_CHAT_GROUP} answered 10007 no"


async def test_a_caller_who_is_not_let_in_is_told_so_and_nothing_is_made(run: Run) -> None:
    asked: list[Ask] = []
    with pytest.raises(Refused, match="answered 70009 no"):
        await run(wrap=refused(CHECK_ACCOUNTS, 70009), asked=asked)
    assert len(asked) == 1


async def test_accounts_of_a_run_that_broke_off_are_noticed(run: Run) -> None:
    def wrap(ask: Ask, reply: Reply) -> Reply:
        if ask.command == CHECK_ACCOUNTS:
            items = [{**item, "AccountStatus": "Imported"} for item in reply.answer["ResultItem"]]
            return replace(reply, answer=reply.answer | {"ResultItem": items})
        return reply

    with pytest.raises(Refused, match="accounts parity-7-… are there already"):
        await run(wrap=wrap)


async def test_a_server_that_is_lost_on_the_way_is_told_with_what_may_be_left(run: Run) -> None:
    def wrap(ask: Ask, reply: Reply) -> Reply:
        if ask.command == MARK:
            raise Unanswered("it gave no answer")
        return reply

    asked: list[Ask] = []
    with pytest.raises(Unanswered, match=r"it gave no answer; accounts .* parity-7-… may be left"):
        await run(wrap=wrap, asked=asked)
    assert asked[-1].command == DELETE_ACCOUNTS


VALUES: list[Any] = [
    None,
    True,
    -1,
    1.5,
    2**70,
    "",
    "<b>",
    [],
    [[]],
    {},
    {"": {}},
    [{"ResultCode": "0"}],
]
FIELDS = [
    "ResultItem",
    "GroupItem",
    "ContactItem",
    "ContactResultItem",
    "UpdateGroupResult",
    "GroupResultItem",
    "SessionItem",
    "CompleteFlag",
    "FailAccounts",
    "GroupId",
    "Timestamp",
    "ErrorInfo",
]


@pytest.mark.parametrize("seed", range(6))
async def test_nonsense_is_reported_and_never_a_fault(run: Run, seed: int) -> None:
    draw = random.Random(seed)

    def wrap(ask: Ask, reply: Reply) -> Reply:
        if ask.command in (CHECK_ACCOUNTS, IMPORT, IMPORT_MANY):
            return reply
        if draw.random() < 0.1:
            return Reply({}, reply.at, "HTTP 502: <html>")
        drawn = {name: draw.choice(VALUES) for name in FIELDS if draw.random() < 0.3}
        inside = {name: [{"ResultCode": draw.choice(VALUES), "GroupName": []}] for name in drawn}
        code = {"ErrorCode": draw.choice([*VALUES, 0, 0, 0, 51013])} if draw.random() < 0.3 else {}
        return replace(reply, answer=reply.answer | draw.choice([drawn, inside]) | code)

    report = await run(wrap=wrap, calls=100)
    assert not report.is_alike
    assert page(report)
    assert msgspec.json.encode(report)
