"""The exchanges of the documents, replayed on every engine."""

from __future__ import annotations

from typing import Any

import pytest

from chatmarks.commands import COMMANDS
from chatmarks.golden import MAY_BE_EXTRA, Exchange, Source, examples
from chatmarks.seal import Seal
from chatmarks.service import Service
from chatmarks.store import Store
from harness import Caller, Clock, account, make_app

GOLDEN = examples()


async def replayed(store: Store, exchange: Exchange) -> dict[str, Any]:
    """The answer of this server to the request of `exchange`."""
    await make_app(store)
    clock = Clock()
    generated = iter(exchange.generated_ids)
    caller = Caller(
        Service(store, Seal(), loopback=True, clock=clock, draw_id=lambda: next(generated)), clock
    )
    for step in exchange.steps:
        clock.now = step.at
        await caller.ok(step.command, step.body)
    clock.now = exchange.at
    return await caller.call(exchange.command, exchange.request)


@pytest.mark.parametrize("name", GOLDEN)
async def test_the_answer_is_the_published_one(store: Store, name: str) -> None:
    exchange = GOLDEN[name]
    answer = await replayed(store, exchange)
    extra = (answer.keys() - exchange.answer.keys()) & MAY_BE_EXTRA
    for field in exchange.unordered:
        assert sorted(map(str, answer[field])) == sorted(map(str, exchange.answer[field]))
        extra.add(field)
    published = {key: value for key, value in exchange.answer.items() if key not in extra}
    assert {key: value for key, value in answer.items() if key not in extra} == published


def test_every_command_has_a_golden_exchange() -> None:
    assert {exchange.command for exchange in GOLDEN.values()} == set(COMMANDS)


def test_every_exchange_names_its_document_or_is_our_own() -> None:
    for name, exchange in GOLDEN.items():
        if isinstance(exchange.source, str):
            assert exchange.source == "own", name
        else:
            assert exchange.source.document == COMMANDS[exchange.command].document, name
            assert exchange.source.version, name
            assert exchange.source.shows in {"request", "answer", "request and answer"}, name


def test_each_half_of_each_command_of_the_family_was_published() -> None:
    shown = {
        (exchange.command, half)
        for exchange in GOLDEN.values()
        if isinstance(exchange.source, Source) and exchange.command.startswith("recentcontact/")
        for half in exchange.source.shows.split(" and ")
    }
    family = {path for path in COMMANDS if path.startswith("recentcontact/")}
    assert {command for command, half in shown if half == "answer"} == family
    # The page of get_contact_group shows an answer only.
    assert {command for command, half in shown if half == "request"} == family - {
        "recentcontact/get_contact_group"
    }


async def test_the_keys_come_in_the_order_of_the_real_service(store: Store) -> None:
    exchange = GOLDEN["get_contact_group_production"]
    answer = await replayed(store, exchange)
    assert [key for key in answer if key != "NextStartIndex"] == [
        "ContactItem",
        "CompleteFlag",
        "CompleteTime",
        "GroupItem",
        "ActionStatus",
        "ErrorCode",
        "ErrorInfo",
        "ErrorDisplay",
    ]
    for ours, real in zip(answer["ContactItem"], exchange.answer["ContactItem"], strict=True):
        assert list(ours) == list(real)


@pytest.mark.parametrize("name", GOLDEN)
async def test_the_base_fields_come_last(store: Store, name: str) -> None:
    answer = await replayed(store, GOLDEN[name])
    assert list(answer)[-4:] == ["ActionStatus", "ErrorCode", "ErrorInfo", "ErrorDisplay"]


@pytest.mark.parametrize(
    ("bits", "mark"),
    [
        ([0, 3, 4, 5], "111001"),
        ([1, 2, 3, 4, 5, 6, 7], "11111110"),
        ([32], "100000000000000000000000000000000"),
        ([34], "10000000000000000000000000000000000"),
    ],
)
async def test_the_sample_marks_have_the_bits_that_the_documents_mean(
    caller: Caller, bits: list[int], mark: str
) -> None:
    await caller.accounts("user0")
    item = {"OptType": 1, "ContactItem": account("user1"), "SetMark": bits}
    await caller.ok("recentcontact/mark_contact", {"From_Account": "user0", "MarkItem": [item]})
    question = {"From_Account": "user0", "ContactItem": [account("user1")]}
    found = await caller.ok("recentcontact/search_contact_group", question)
    assert [record["StandardMark"] for record in found["ContactResultItem"]] == [mark]


async def test_a_conversation_without_marks_has_an_empty_mark(caller: Caller) -> None:
    await caller.accounts("user0")
    item = {"OptType": 2, "ContactItem": account("user1"), "CustomMark": "abcd"}
    await caller.ok("recentcontact/mark_contact", {"From_Account": "user0", "MarkItem": [item]})
    question = {"From_Account": "user0", "ContactItem": [account("user1")]}
    found = await caller.ok("recentcontact/search_contact_group", question)
    assert [record["StandardMark"] for record in found["ContactResultItem"]] == [""]


async def test_what_is_no_post_is_refused_as_the_bare_host_does(caller: Caller) -> None:
    answer = await caller.call("recentcontact/mark_contact", {}, method="GET")
    published = {"ActionStatus": "FAIL", "ErrorCode": 60002, "ErrorInfo": "HTTP parse Error"}
    assert answer == published | {"ErrorDisplay": ""}
