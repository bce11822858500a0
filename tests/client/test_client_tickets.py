"""Tickets: signed, renewed, replaced when refused, and never shown."""

from __future__ import annotations

import logging
import time
import traceback
from typing import Any

import pytest

from chatmarks import usersig
from chatmarks.client import AsyncClient, ChatError, Client, NoAnswer, OutcomeUnknown, Patience
from chatmarks.client.tickets import TICKET_SECONDS_DEFAULT
from chatmarks.errors import Code
from client.callers import Make
from faulty import Proxy, after, answer_lost, call_lost, code, passed, status, ticket_repeated
from harness import ADMIN, KEY, SDKAPPID, Clock

HOUR = 3600


def _ticket(expire: int = HOUR, *, now: float | None = None) -> str:
    return usersig.sign(
        SDKAPPID, ADMIN, KEY, now=int(time.time() if now is None else now), expire=expire
    )


def _read(client: Any, owner: str) -> Any:
    return client.get_contact_group(From_Account=owner, StartIndex=0)


def _tickets(proxy: Proxy) -> list[str]:
    return [seen.ticket for seen in proxy.seen]


def test_a_ticket_is_signed_once_and_kept(make: Make, proxy: Proxy, owner: str) -> None:
    client = make()
    for _ in range(3):
        _read(client, owner)
    assert len(set(_tickets(proxy))) == 1
    ticket = usersig.decode(_tickets(proxy)[0])
    assert (ticket.sdkappid, ticket.identifier) == (SDKAPPID, ADMIN)
    assert ticket.expire == TICKET_SECONDS_DEFAULT == 86400


def test_a_ticket_is_renewed_before_it_expires(make: Make, proxy: Proxy, owner: str) -> None:
    clock = Clock(time.time())
    client = make(clock=clock, ticket_seconds=HOUR)
    for later in (0, HOUR - 301, 2, 2):
        clock.now += later
        _read(client, owner)
    first, second, third, fourth = _tickets(proxy)
    assert first == second != third == fourth


def test_an_expired_ticket_is_signed_anew_and_the_call_repeated(
    make: Make, proxy: Proxy, owner: str
) -> None:
    clock = Clock(time.time() - 2 * HOUR)
    client = make(clock=clock, ticket_seconds=HOUR)
    # The server's clock is right all the time; the client's is put right after the refusal.
    proxy.faults = [after(lambda: setattr(clock, "now", time.time()), passed)]
    group = [{"GroupName": "g"}]
    assert client.create_contact_group(From_Account=owner, GroupContactItem=group).GroupResultItem
    assert len(set(_tickets(proxy))) == 2


def test_a_fresh_ticket_is_no_attempt(make: Make, proxy: Proxy, owner: str) -> None:
    proxy.faults = [code(Code.USERSIG_EXPIRED)]
    _read(make(patience=Patience(attempts=1)), owner)
    assert len(proxy.seen) == 2


def test_a_call_is_repeated_with_a_fresh_ticket_only_once(make: Make, proxy: Proxy, owner: str) -> None:
    client = make(clock=Clock(time.time() - 2 * HOUR), ticket_seconds=HOUR)
    with pytest.raises(ChatError) as caught:
        _read(client, owner)
    assert caught.value.code == Code.USERSIG_EXPIRED
    assert len(proxy.seen) == 2


def test_a_ready_ticket_is_used_as_it_is(make: Make, proxy: Proxy, owner: str) -> None:
    ready = _ticket()
    _read(make(usersig=ready), owner)
    assert _tickets(proxy) == [ready]


def test_a_ready_ticket_that_expired_is_not_sent_twice(make: Make, proxy: Proxy, owner: str) -> None:
    with pytest.raises(ChatError) as caught:
        _read(make(usersig=_ticket(now=time.time() - 2 * HOUR)), owner)
    assert caught.value.code == Code.USERSIG_EXPIRED
    assert len(proxy.seen) == 1


def test_a_callable_is_asked_again_when_its_ticket_is_about_to_expire(
    make: Make, proxy: Proxy, owner: str
) -> None:
    made = [_ticket(HOUR), _ticket(HOUR + 1)]
    clock = Clock(time.time())
    client = make(usersig=lambda: made.pop(0), clock=clock)
    _read(client, owner)
    assert len(made) == 1
    clock.now += HOUR - 60
    _read(client, owner)
    assert made == []


def test_a_callable_is_asked_again_when_its_ticket_is_refused(
    make: Make, proxy: Proxy, owner: str
) -> None:
    made = [_ticket(now=time.time() - 2 * HOUR), _ticket()]
    _read(make(usersig=lambda: made.pop(0)), owner)
    assert made == []
    assert len(proxy.seen) == 2


def test_a_ticket_of_some_other_form_is_kept_until_it_is_refused(
    make: Make, proxy: Proxy, owner: str
) -> None:
    # Only the server can judge it.
    made = ["not a ticket", _ticket()]
    proxy.faults = [code(Code.USERSIG_EXPIRED)]
    _read(make(usersig=lambda: made.pop(0)), owner)
    assert _tickets(proxy)[0] == "not a ticket"
    assert made == []


def test_an_empty_ticket_is_refused_in_the_words_of_the_server(make: Make, owner: str) -> None:
    with pytest.raises(ChatError) as caught:
        _read(make(usersig=str), owner)
    assert (caught.value.code, caught.value.text) == (
        Code.USERSIG_EMPTY,
        "the UserSig is missing or empty",
    )


def test_a_callable_that_gives_no_string_is_told(make: Make, owner: str) -> None:
    with pytest.raises(TypeError, match="usersig gave a bytes"):
        _read(make(usersig=lambda: b"ticket"), owner)


async def test_a_coroutine_function_may_give_the_ticket(server_url: str, owner: str) -> None:
    async def signed() -> str:
        return _ticket()

    async with AsyncClient(server_url, sdkappid=SDKAPPID, identifier=ADMIN, usersig=signed) as client:
        assert (await client.get_contact_group(From_Account=owner, StartIndex=0)).CompleteFlag == 1


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({}, "one of key and usersig"),
        ({"key": "k", "usersig": "t"}, "one of key and usersig"),
        ({"key": ""}, "key is empty"),
        ({"usersig": ""}, "usersig is empty"),
        ({"key": "k", "identifier": ""}, "identifier is empty"),
        ({"key": "k", "ticket_seconds": 0}, "ticket_seconds is 0"),
        ({"key": "k", "sdkappid": "1400000000"}, "sdkappid is '1400000000'"),
        ({"key": "k", "sdkappid": 0}, "sdkappid is 0"),
    ],
)
def test_a_caller_that_cannot_call_is_refused(
    kind: type[Any], wrong: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        kind("http://127.0.0.1:1", **({"sdkappid": 1, "identifier": "a"} | wrong))


FAULTS = (passed, ticket_repeated, call_lost, answer_lost, status(502), code(Code.USERSIG_EXPIRED))


def test_neither_key_nor_ticket_is_ever_shown(
    make: Make, proxy: Proxy, owner: str, caplog: pytest.LogCaptureFixture
) -> None:
    shown: list[str] = []
    ready = _ticket()
    with caplog.at_level(logging.DEBUG):
        for options in ({}, {"usersig": ready}, {"usersig": lambda: ready}):
            client = make(**options, patience=Patience(attempts=1))
            shown += [repr(client), repr(client.split), str(vars(client))]
            for fault in FAULTS:
                for call in (_read, _chat_group):
                    proxy.faults = [fault, fault]
                    shown += _shown_by(call, client, owner)
        shown += _shown_by(_read, make("http://127.0.0.1:1"), owner)
    shown += [record.getMessage() + repr(record.args) for record in caplog.records]
    # It can be seen at all: the library logs URLs, and the server's text is passed on.
    assert any("/v4/recentcontact/get_contact_group" in text for text in shown)
    assert any("70003 illegal: (the UserSig)" in text for text in shown)
    secrets = {KEY, ready, *_tickets(proxy)}
    assert len(secrets) >= 3
    for text in shown:
        for secret in secrets:
            assert secret not in text
            assert secret[:40] not in text


def _chat_group(client: Any, _: str) -> Any:
    return client.create_group(Type="Public", Name="x")


def _shown_by(call: Any, client: Any, owner: str) -> list[str]:
    try:
        return [repr(call(client, owner))]
    except (ChatError, NoAnswer, OutcomeUnknown) as error:
        return [str(error), repr(error), *traceback.format_exception(error)]
