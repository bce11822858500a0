from __future__ import annotations

from itertools import product

import pytest

from chatmarks.client import ChatError
from chatmarks.testing import AppClient
from support_desk.inbox import FOLDERS, Inbox, NotOpened, Refused

AGENT = "agent_0001"
UPDATE = "recentcontact/update_contact_group"
MARK = "recentcontact/mark_contact"

seeded = pytest.mark.chatmarks(seed="seed.ndjson")


@pytest.fixture
def inbox(chatmarks: AppClient) -> Inbox:
    """The inbox of an agent who begins today."""
    chatmarks.account_import(UserID=AGENT)
    inbox = Inbox(chatmarks, AGENT)
    inbox.open()
    return inbox


def test_a_new_inbox_is_empty(inbox: Inbox) -> None:
    assert [inbox.listed(folder) for folder in FOLDERS] == [[], [], []]


def test_an_inbox_may_be_opened_again(inbox: Inbox) -> None:
    inbox.file(["ann"], "waiting")
    inbox.open()
    assert inbox.listed("waiting") == ["ann"]


def test_who_never_opened_an_inbox_is_told(chatmarks: AppClient) -> None:
    chatmarks.account_import(UserID=AGENT)
    with pytest.raises(NotOpened, match="agent_0001 has no folder 'waiting'"):
        Inbox(chatmarks, AGENT).file(["ann"], "waiting")


@pytest.mark.parametrize(("first", "then"), [*product(FOLDERS, FOLDERS)])
def test_a_conversation_is_in_one_folder(inbox: Inbox, first: str, then: str) -> None:
    assert inbox.file(["ann"], first) == []
    assert inbox.file(["ann"], then) == []
    assert {folder: inbox.listed(folder) for folder in FOLDERS if inbox.listed(folder)} == {
        then: ["ann"]
    }


def test_more_conversations_than_a_call_takes_are_filed(inbox: Inbox) -> None:
    customers = [f"customer_{number:04}" for number in range(250)]
    assert inbox.file(customers, "waiting") == []
    assert inbox.listed("waiting") == customers


@seeded
def test_what_is_urgent_comes_first(chatmarks: AppClient) -> None:
    inbox = Inbox(chatmarks, AGENT)
    assert inbox.listed("waiting") == ["bob", "ann"]
    assert inbox.unstar(["bob"]) == []
    assert inbox.listed("waiting") == ["ann", "bob"]


@seeded
def test_who_writes_again_waits_again(chatmarks: AppClient) -> None:
    inbox = Inbox(chatmarks, AGENT)
    inbox.file(["cem"], "waiting")
    assert inbox.listed("waiting") == ["bob", "ann", "cem"]
    assert inbox.listed("done") == []


def test_the_one_that_fails_of_a_hundred_is_told_and_stays_where_it_was(
    chatmarks: AppClient, inbox: Inbox
) -> None:
    customers = [f"customer_{number:04}" for number in range(100)]
    inbox.file(customers, "waiting")
    chatmarks.app.faults.items(50004, items=[7], info="try later", command=UPDATE, times=1)
    assert inbox.file(customers, "open") == [Refused("customer_0007", "try later")]
    assert inbox.listed("waiting") == ["customer_0007"]
    assert len(inbox.listed("open")) == 99


def test_a_star_that_is_refused_is_told(chatmarks: AppClient, inbox: Inbox) -> None:
    chatmarks.app.faults.items(51007, ids=["bob"], command=MARK)
    assert [refused.customer for refused in inbox.star(["ann", "bob"])] == ["bob"]


def test_an_answer_that_is_lost_costs_nothing(chatmarks: AppClient, inbox: Inbox) -> None:
    chatmarks.app.faults.drop(kept=True, every=2)
    inbox.file(["ann"], "open")
    assert inbox.listed("open") == ["ann"]


def test_folders_are_made_once_when_the_answer_is_lost(chatmarks: AppClient) -> None:
    chatmarks.account_import(UserID=AGENT)
    chatmarks.app.faults.drop(kept=True, command="recentcontact/create_contact_group", times=1)
    inbox = Inbox(chatmarks, AGENT)
    inbox.open()
    assert inbox.file(["ann"], "done") == []


def test_an_inbox_goes_on_after_its_ticket_has_expired(chatmarks: AppClient, inbox: Inbox) -> None:
    chatmarks.app.clock.move(days=3)
    assert inbox.file(["ann"], "open") == []
    assert 70001 in [call.code for call in chatmarks.app.journal()]


def test_a_service_that_is_down_is_an_error_and_no_empty_inbox(
    chatmarks: AppClient, inbox: Inbox
) -> None:
    chatmarks.app.faults.answer(60006)
    with pytest.raises(ChatError) as refused:
        inbox.listed("waiting")
    assert refused.value.code == 60006
