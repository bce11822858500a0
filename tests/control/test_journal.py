"""The journal: the last calls, page by page, and why each went as it did."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from chatmarks.control.gate import Gate
from chatmarks.control.journal import Filter, Journal
from chatmarks.control.noted import CALL_BYTES, TEXT_BYTES_MAX, Noted, query_without_ticket, without
from chatmarks.control.refused import Refused

OK = b'{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}'


class Kept(Struct):
    call: Noted

    @property
    def bytes(self) -> int:
        return len(self.call.request) + CALL_BYTES

    def noted(self) -> Noted:
        return self.call


def noted(name: str = "call", **changes: Any) -> Kept:
    fields: dict[str, Any] = {
        "time": 1000.0,
        "now": 1000.0,
        "request_id": name,
        "method": "POST",
        "path": "/v4/recentcontact/mark_contact",
        "command": "recentcontact/mark_contact",
        "query": "sdkappid=1",
        "source": "127.0.0.1",
        "sdkappid": 1,
        "account": "user_0001",
        "request": b'{"From_Account":"user_0001"}',
        "answer": OK,
        "code": 0,
        "done_code": 0,
        "ms": 1.5,
    }
    return Kept(Noted(**fields | changes))


def shown(journal: Journal, **wanted: Any) -> list[dict[str, Any]]:
    return decoded(journal.page(Filter(**wanted), None, 1000).calls)


def decoded(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(calls))
    return found


def names(calls: list[dict[str, Any]]) -> list[str]:
    return [call["request_id"] for call in calls]


def why(**changes: Any) -> list[dict[str, Any]]:
    journal = Journal()
    journal.note(noted(**changes))
    (call,) = shown(journal)
    reasons: list[dict[str, Any]] = call["why"]
    return reasons


def test_calls_come_in_their_order_with_request_and_answer_as_json() -> None:
    journal = Journal()
    journal.note(noted("a"))
    journal.note(noted("b", request=b"no JSON"))
    first, second = shown(journal)
    assert first["request"] == {"From_Account": "user_0001"}
    assert first["answer"]["ErrorCode"] == 0
    assert second["request"] == "no JSON"
    assert names([first, second]) == ["a", "b"]


def test_the_last_calls_are_kept_and_the_others_counted_as_lost() -> None:
    journal = Journal(calls_max=3)
    start = journal.page(Filter(), None, 1).next
    for number in range(5):
        journal.note(noted(str(number)))
    page = journal.page(Filter(), start, 100)
    assert names(page.calls) == ["2", "3", "4"]
    assert page.lost == 2
    assert not page.more


def test_the_oldest_go_when_the_requests_are_large() -> None:
    journal = Journal(bytes_max=10_000)
    for number in range(8):
        journal.note(noted(str(number), request=b"x" * 3000))
    assert names(shown(journal)) == ["6", "7"]


def test_a_journal_of_no_calls_keeps_none() -> None:
    journal = Journal(calls_max=0)
    journal.note(noted())
    assert shown(journal) == []


def test_a_cursor_leads_through_all_calls_once() -> None:
    journal = Journal()
    cursor, met = journal.page(Filter(), None, 1).next, []
    for number in range(10):
        journal.note(noted(str(number)))
    more = True
    while more:
        page = journal.page(Filter(), cursor, 3)
        met += names(page.calls)
        cursor, more = page.next, page.more
    assert met == [str(number) for number in range(10)]
    assert journal.page(Filter(), cursor, 3).calls == []
    journal.note(noted("late"))
    assert names(journal.page(Filter(), cursor, 3).calls) == ["late"]


def test_a_cursor_passes_over_calls_that_do_not_fit_the_filter() -> None:
    journal = Journal()
    for number in range(6):
        journal.note(noted(str(number), sdkappid=1 + number % 2))
    page = journal.page(Filter(sdkappid=1), None, 2)
    assert names(page.calls) == ["0", "2"]
    assert page.more
    last = journal.page(Filter(sdkappid=1), page.next, 2)
    assert names(last.calls) == ["4"]
    assert not last.more


def test_the_cursor_of_a_call_is_that_of_what_comes_behind_it() -> None:
    journal = Journal()
    for number in range(3):
        journal.note(noted(str(number)))
    second = shown(journal)[1]
    assert names(journal.page(Filter(), second["cursor"], 10).calls) == ["2"]


def test_a_cursor_stays_good_when_the_journal_is_cleared() -> None:
    journal = Journal()
    journal.note(noted("before"))
    cursor = journal.page(Filter(), None, 10).next
    assert journal.clear() == 1
    journal.note(noted("behind"))
    assert names(journal.page(Filter(), cursor, 10).calls) == ["behind"]


@pytest.mark.parametrize("cursor", ["", "1", "00000000-1", "x-1", "-1"])
def test_a_cursor_of_another_server_is_refused(cursor: str) -> None:
    with pytest.raises(Refused, match="a cursor that this server gave") as refused:
        Journal().page(Filter(), cursor, 10)
    assert refused.value.status == 400


@pytest.mark.parametrize("end", ["x", "-5", "1.5", "9" * 30, ""])
def test_a_cursor_that_is_garbled_is_refused(end: str) -> None:
    journal = Journal()
    boot = journal.page(Filter(), None, 1).next.partition("-")[0]
    with pytest.raises(Refused, match="a cursor that this server gave"):
        journal.page(Filter(), f"{boot}-{end}", 10)


@pytest.mark.parametrize(
    "wanted",
    [
        {"command": "recentcontact/mark_contact"},
        {"sdkappid": 1},
        {"account": "user_0001"},
        {"code": 0},
        {"since": 1000},
    ],
)
def test_each_filter_takes_what_fits_and_nothing_else(wanted: dict[str, Any]) -> None:
    journal = Journal()
    journal.note(noted("a"))
    journal.note(
        noted("b", command="", sdkappid=2, account=None, code=50004, time=999.9),
    )
    assert names(shown(journal, **wanted)) == ["a"]


def test_a_success_is_ok() -> None:
    assert why() == [{"decided": "ok"}]


def test_a_refusal_names_the_rule_with_the_value_and_the_limit_and_its_document() -> None:
    text = b'{"ErrorCode":51011,"ErrorInfo":"GroupName has 33 bytes; at most 32 are allowed"}'
    assert why(answer=text, code=51011) == [
        {
            "decided": "rule",
            "code": 51011,
            "says": "GroupName has 33 bytes; at most 32 are allowed",
            "name": "GROUP_NAME_TOO_LONG",
            "meaning": "the name of a conversation group is too long",
            "document": "1047/53442",
        }
    ]


def test_a_fault_is_told_by_the_name_of_its_rule() -> None:
    text = b'{"ErrorCode":99999,"ErrorInfo":"made up"}'
    assert why(answer=text, code=99999, decided_by="mine") == [
        {"decided": "fault", "code": 99999, "says": "made up", "fault": "mine"}
    ]


def test_a_dropped_connection_is_told() -> None:
    assert why(answer=None, code=None, decided_by="mine") == [
        {"decided": "fault", "fault": "mine", "says": "the connection was dropped"}
    ]


def test_each_item_that_failed_has_a_reason_of_its_own() -> None:
    items = [
        {"ResultCode": 0, "ResultInfo": ""},
        {"ResultCode": 51007, "ResultInfo": "ToGroupId g does not exist"},
        {"ResultCode": 51008, "ResultInfo": "made up"},
    ]
    text = msgspec.json.encode({"ResultItem": items, "ErrorCode": 0})
    missing, made_up = why(answer=text, failed_by={2: "mine"})
    assert (missing["item"], missing["decided"], missing["code"]) == (1, "rule", 51007)
    assert missing["says"] == "ToGroupId g does not exist"
    assert (made_up["item"], made_up["decided"], made_up["fault"]) == (2, "fault", "mine")


def test_an_item_that_fails_without_a_code_is_told_too() -> None:
    text = b'{"FailAccounts":["b"],"ErrorCode":0}'
    assert why(answer=text, failed_by={1: "mine"}) == [{"item": 1, "decided": "fault", "fault": "mine"}]


def test_what_is_too_long_is_cut_and_says_so() -> None:
    journal = Journal()
    long = b'"' + b"x" * TEXT_BYTES_MAX + b'"'
    journal.note(noted(request=without(long, []), answer=without(long, [])))
    (call,) = shown(journal)
    assert call["cut"] == ["request", "answer"]
    assert len(call["request"]) == TEXT_BYTES_MAX
    assert call["why"] == [{"decided": "ok"}]


def test_json_that_is_nested_too_deeply_is_shown_as_text() -> None:
    journal = Journal()
    deep = b"[" * 5000 + b"]" * 5000
    journal.note(noted(request=deep))
    assert shown(journal)[0]["request"] == deep.decode()


def test_what_just_fits_is_not_cut() -> None:
    journal = Journal()
    journal.note(noted(request=without(b'"' + b"x" * (TEXT_BYTES_MAX - 2) + b'"', [])))
    assert "cut" not in shown(journal)[0]


TICKET = b"eJwtzF0LgjAYBeD-suuQ*"


@pytest.mark.parametrize(
    "name", [b"usersig", b"user%73ig", b"UserSig", b"%75sersig", b"USERSIG", b" usersig"]
)
def test_a_ticket_is_cut_out_of_a_query_however_its_name_is_spelt(name: bytes) -> None:
    query = b"sdkappid=1&" + name + b"=" + TICKET + b"&random=5&" + name + b"=" + TICKET
    text, tickets = query_without_ticket(query)
    assert TICKET.decode() not in text
    assert re.fullmatch(r"sdkappid=1&.*=…&random=5&.*=…", text)
    assert TICKET in tickets


def test_a_ticket_is_cut_out_of_a_body_that_repeats_it() -> None:
    _, tickets = query_without_ticket(b"usersig=" + TICKET.replace(b"*", b"%2A"))
    assert without(b'{"x":"' + TICKET + b'"}', tickets) == '{"x":"…"}'.encode()
    assert without(b"see " + TICKET.replace(b"*", b"%2A"), tickets) == "see …".encode()


def test_a_query_that_is_no_utf_8_is_shown_all_the_same() -> None:
    text, tickets = query_without_ticket(b"sdkappid=\xff&usersig=" + TICKET)
    assert text == "sdkappid=�&usersig=…"
    assert tickets[0] == TICKET


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        (b"sdkappid=1&usersig=abc&random=1", "sdkappid=1&usersig=\u2026&random=1"),
        (b"usersig=abc", "usersig=\u2026"),
        (b"identifier=usersig=abc&usersig=abc", "identifier=usersig=abc&usersig=\u2026"),
        (b"usersig=a&usersig=b", "usersig=\u2026&usersig=\u2026"),
        (b"%75sersig=abc&x=1", "%75sersig=\u2026&x=1"),
    ],
)
def test_a_query_is_kept_without_its_ticket_however_it_is_spelt(query: bytes, shown: str) -> None:
    assert query_without_ticket(query)[0] == shown


async def test_a_gate_is_closed_for_its_own_app_alone() -> None:
    gate = Gate()
    async with gate.closed(1):
        assert not gate.is_open()
        async with asyncio.timeout(5), gate.passed(2):
            pass
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), gate.passed(1):
                pass
    assert gate.is_open()
    async with asyncio.timeout(5), gate.passed(1):
        pass
