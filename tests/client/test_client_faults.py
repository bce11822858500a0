"""What the clients do when calls and answers are lost, late, or refused for now."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from chatmarks.client import ChatError, NoAnswer, OutcomeUnknown, Patience
from chatmarks.errors import Code
from client.callers import Make, groups_of
from faulty import (
    Fault,
    Proxy,
    after,
    answer_late,
    answer_lost,
    call_lost,
    code,
    passed,
    proxy_before,
    status,
    trickling,
)
from harness import account, chat_group

LOSSES = {
    "call lost": call_lost,
    "answer lost": answer_lost,
    "HTTP 502": status(502),
    "HTTP 504 after it was done": status(504, done=True),
    "HTTP 408": status(408),
    "50005": code(Code.TIMEOUT),
    "50005 after it was done": code(Code.TIMEOUT, done=True),
    "50004": code(Code.SERVER_ERROR),
    "60008": code(Code.HTTP_WRONG),
}
REFUSALS = {
    "HTTP 429": status(429),
    "60007": code(Code.COMMAND_RATE),
    "60011": code(Code.APP_RATE),
    "60018": code(60018),
}


def _mark(client: Any, owner: str) -> Any:
    mark = {"OptType": 1, "SetMark": [0], "ContactItem": account("b")}
    return client.mark_contact(From_Account=owner, MarkItem=[mark])


def _create(client: Any, owner: str, *members: dict[str, Any]) -> Any:
    group = {"GroupName": "g", "ContactItem": list(members)}
    return client.create_contact_group(From_Account=owner, GroupContactItem=[group])


def _rename(client: Any, owner: str) -> Any:
    update = {"UpdateGroupType": 1, "OldGroupName": "g", "NewGroupName": "h"}
    return client.update_contact_group(From_Account=owner, UpdateType=1, UpdateGroup=update)


def _delete(client: Any, owner: str) -> Any:
    return client.del_contact_group(From_Account=owner, GroupName=["g"])


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@pytest.mark.parametrize("fault", (LOSSES | REFUSALS).values(), ids=LOSSES | REFUSALS)
def test_a_mark_is_repeated(make: Make, proxy: Proxy, owner: str, fault: Fault) -> None:
    proxy.faults = [fault, fault]
    assert not _mark(make(), owner).ResultItem[0].failed
    assert proxy.commands() == ["mark_contact"] * 3


@pytest.mark.parametrize("fault", [call_lost, code(Code.TIMEOUT), code(Code.COMMAND_RATE)])
def test_repeats_end_after_as_many_attempts_as_allowed(
    make: Make, proxy: Proxy, owner: str, fault: Fault
) -> None:
    proxy.faults = [fault] * 9
    with pytest.raises((ChatError, NoAnswer)) as caught:
        _mark(make(patience=Patience(attempts=3)), owner)
    assert len(proxy.seen) == 3
    assert not isinstance(caught.value, OutcomeUnknown)


@pytest.mark.parametrize("number", [Code.BAD_PARAMETER, Code.NOT_ADMIN, Code.USERSIG_KEY, Code.EDITION])
def test_a_refusal_for_good_is_not_repeated(make: Make, proxy: Proxy, owner: str, number: int) -> None:
    proxy.faults = [code(number)]
    with pytest.raises(ChatError) as caught:
        _mark(make(), owner)
    assert (caught.value.code, caught.value.request_id) == (number, "fault-1")
    assert len(proxy.seen) == 1


@pytest.mark.parametrize("number", [301, 302, 307, 400, 403, 404, 405])
def test_an_http_error_for_good_is_not_repeated(
    make: Make, proxy: Proxy, owner: str, number: int
) -> None:
    proxy.faults = [status(number)]
    with pytest.raises(NoAnswer, match=f"HTTP {number}") as caught:
        _mark(make(), owner)
    assert len(proxy.seen) == 1
    assert not caught.value.maybe_done


def test_repeats_are_spread_at_random(make: Make, proxy: Proxy, owner: str) -> None:
    moments: list[float] = []
    refused = after(lambda: moments.append(time.monotonic()), code(Code.COMMAND_RATE))
    client = make()
    for _ in range(2):
        proxy.faults = [refused] * 4
        with pytest.raises(ChatError):
            _mark(client, owner)
    first, second = ([b - a for a, b in pairwise(half)] for half in (moments[:4], moments[4:]))
    assert len({round(gap, 3) for gap in first + second}) > 3
    for gaps in (first, second):
        for gap, bound in zip(gaps, (0.1, 0.2, 0.4), strict=True):
            # And the way there and back, on a machine that does other things.
            assert gap < bound + 0.5


@pytest.mark.parametrize("fault", LOSSES.values(), ids=LOSSES)
def test_after_a_lost_create_the_group_is_there_once(
    make: Make, proxy: Proxy, owner: str, server_url: str, fault: Fault
) -> None:
    proxy.faults = [fault]
    members = [account("b"), {"Type": "1", "To_Account": "c"}, account("b")]
    made = _create(make(), owner, *members).GroupResultItem
    assert [(each.GroupItem.GroupName, each.GroupItem.GroupId) for each in made] == [("g", 1)]
    results = made[0].ResultItem
    assert [(item.ContactItem.To_Account, item.failed) for item in results] == [
        ("b", False),
        ("c", False),
        ("b", False),
    ]
    assert [item.ContactItem.Type for item in results] == [1, 1, 1]
    assert groups_of(server_url, owner) == {"g": 1}
    assert proxy.commands()[:2] == ["create_contact_group", "get_contact_group"]


@pytest.mark.parametrize("fault", LOSSES.values(), ids=LOSSES)
def test_after_a_lost_delete_the_group_is_gone(
    make: Make, proxy: Proxy, owner: str, server_url: str, fault: Fault
) -> None:
    client = make()
    _create(client, owner)
    proxy.faults = [fault]
    gone = _delete(client, owner).GroupItem
    assert [group.GroupName for group in gone] == ["g"]
    # Whoever did it, 0 stands for a number that nobody can tell any more.
    assert gone[0].GroupId in (0, 1)
    assert groups_of(server_url, owner) == {}


@pytest.mark.parametrize("fault", LOSSES.values(), ids=LOSSES)
def test_after_a_lost_rename_the_group_has_its_new_name(
    make: Make, proxy: Proxy, owner: str, server_url: str, fault: Fault
) -> None:
    client = make()
    _create(client, owner)
    proxy.faults = [fault]
    result = _rename(client, owner).UpdateGroupResult
    assert (result.OldGroupName, result.GroupName, result.GroupId) == ("g", "h", 1)
    assert result.ContactResultItem == []
    assert groups_of(server_url, owner) == {"h": 1}


def test_what_was_done_is_found_out_without_a_repeat(make: Make, proxy: Proxy, owner: str) -> None:
    client = make()
    for call in (_create, _rename):
        proxy.seen.clear()
        proxy.faults = [answer_lost]
        call(client, owner)
        assert proxy.commands()[1:] == ["get_contact_group"]


def test_the_plain_answer_of_a_lost_call_has_the_usual_form(
    make: Make, proxy: Proxy, owner: str
) -> None:
    proxy.faults = [answer_lost]
    fields = {"From_Account": owner, "GroupContactItem": [{"GroupName": "g"}]}
    answer = make().call("recentcontact/create_contact_group", fields)
    group = {"GroupName": "g", "GroupId": 1}
    assert answer == {
        "GroupResultItem": [{"GroupItem": group, "ResultItem": []}],
        "ActionStatus": "OK",
        "ErrorCode": 0,
        "ErrorInfo": "",
        "ErrorDisplay": "",
    }


def test_a_lost_create_looks_at_every_page(make: Make, proxy: Proxy, owner: str) -> None:
    client = make()
    marks = [{"OptType": 1, "SetMark": [0], "ContactItem": account(f"u{n}")} for n in range(150)]
    client.split.mark_contact(From_Account=owner, MarkItem=marks)
    proxy.seen.clear()
    proxy.faults = [answer_lost]
    _create(client, owner, account("u0"), account("u149"))
    assert proxy.commands() == ["create_contact_group", "get_contact_group", "get_contact_group"]


def test_a_create_that_was_lost_is_refused_by_what_was_there_before(
    make: Make, proxy: Proxy, owner: str
) -> None:
    client = make()
    for number in range(20):
        client.create_contact_group(From_Account=owner, GroupContactItem=[{"GroupName": f"{number}"}])
    proxy.faults = [call_lost]
    with pytest.raises(ChatError) as caught:
        _create(client, owner)
    assert caught.value.code == Code.GROUPS_FULL


def test_a_group_with_other_conversations_leaves_the_outcome_unknown(
    make: Make, proxy: Proxy, owner: str, server_url: str
) -> None:
    other = make(server_url)
    proxy.faults = [call_lost]
    _create(other, owner, account("c"))
    with pytest.raises(OutcomeUnknown, match="other conversations") as caught:
        _create(make(), owner, account("b"))
    assert isinstance(caught.value.__cause__, NoAnswer)
    assert caught.value.command == "recentcontact/create_contact_group"


@pytest.mark.parametrize("wrong", [{"Type": "x"}, {"Type": 1}, {"Type": 2, "To_Account": "b"}])
def test_a_wrong_member_of_a_lost_create_is_refused(
    make: Make, proxy: Proxy, owner: str, wrong: dict[str, Any]
) -> None:
    proxy.faults = [answer_lost]
    with pytest.raises(ChatError) as caught:
        _create(make(), owner, wrong)
    assert caught.value.code == Code.BAD_PARAMETER


def test_a_refused_member_of_a_lost_create_leaves_the_outcome_unknown(
    make: Make, proxy: Proxy, owner: str
) -> None:
    proxy.faults = [answer_lost]
    with pytest.raises(OutcomeUnknown):
        _create(make(), owner, account("b"), chat_group("none"))


@pytest.mark.parametrize("names", [("g", "h"), ()])
def test_both_names_or_none_leave_the_outcome_of_a_rename_unknown(
    make: Make, proxy: Proxy, owner: str, server_url: str, names: tuple[str, ...]
) -> None:
    direct = make(server_url)
    for name in names:
        direct.create_contact_group(From_Account=owner, GroupContactItem=[{"GroupName": name}])
    proxy.faults = [code(Code.TIMEOUT)]
    with pytest.raises(OutcomeUnknown) as caught:
        _rename(make(), owner)
    assert isinstance(caught.value.__cause__, ChatError)
    assert "50005" in str(caught.value)


@pytest.mark.parametrize("call", [_create, _rename, _delete])
def test_an_outcome_that_cannot_be_read_is_unknown(
    make: Make, proxy: Proxy, owner: str, server_url: str, call: Callable[..., Any]
) -> None:
    if call is not _create:
        _create(make(server_url), owner)
    proxy.faults = [answer_lost, *[code(Code.TIMEOUT)] * 9]
    with pytest.raises(OutcomeUnknown, match="could not tell: 50005"):
        call(make(), owner)
    assert set(proxy.commands()[1:]) == {"get_contact_group"}


def test_a_create_that_is_lost_every_time_has_an_unknown_outcome(
    make: Make, proxy: Proxy, owner: str, server_url: str
) -> None:
    proxy.faults = [call_lost, passed] * 5
    with pytest.raises(OutcomeUnknown, match="under way"):
        _create(make(patience=Patience(attempts=2)), owner)
    assert proxy.commands() == ["create_contact_group", "get_contact_group"] * 2
    assert groups_of(server_url, owner) == {}


def test_a_create_that_is_refused_every_time_keeps_its_code(
    make: Make, proxy: Proxy, owner: str
) -> None:
    proxy.faults = [code(Code.SERVER_ERROR), passed] * 5
    with pytest.raises(ChatError) as caught:
        _create(make(patience=Patience(attempts=2)), owner)
    assert caught.value.code == Code.SERVER_ERROR
    assert caught.value.maybe_done


def test_a_first_refusal_of_a_create_is_believed(make: Make, proxy: Proxy, owner: str) -> None:
    client = make()
    _create(client, owner)
    proxy.seen.clear()
    with pytest.raises(ChatError) as caught:
        _create(client, owner)
    assert caught.value.code == Code.BAD_PARAMETER
    assert proxy.commands() == ["create_contact_group"]


@pytest.mark.parametrize("fault", REFUSALS.values(), ids=REFUSALS)
def test_a_create_that_was_refused_for_now_is_repeated(
    make: Make, proxy: Proxy, owner: str, fault: Fault
) -> None:
    proxy.faults = [fault]
    assert _create(make(), owner).GroupResultItem[0].GroupItem.GroupId == 1
    assert proxy.commands() == ["create_contact_group"] * 2


def test_a_lost_chat_group_has_an_unknown_outcome(make: Make, proxy: Proxy) -> None:
    proxy.faults = [answer_lost]
    with pytest.raises(OutcomeUnknown):
        make().create_group(Type="Public", Name="x")
    assert len(proxy.seen) == 1


def test_a_lost_call_of_an_unknown_command_is_repeated_only_when_told(
    make: Make, proxy: Proxy, owner: str
) -> None:
    client, fields = make(), {"GroupId": "none"}
    proxy.faults = [answer_lost]
    with pytest.raises(OutcomeUnknown):
        client.call("group_open_http_svc/destroy_group", fields)
    proxy.faults = [answer_lost]
    with pytest.raises(ChatError) as caught:
        client.call("group_open_http_svc/destroy_group", fields, repeats=True)
    assert caught.value.code == Code.CHAT_GROUP_NOT_FOUND
    proxy.faults = [answer_lost]
    with pytest.raises(OutcomeUnknown):
        client.call("im_open_login_svc/account_import", {"UserID": owner}, repeats=False)


def test_a_call_that_the_server_never_got_moves_to_the_backup(
    make: Make, proxy: Proxy, owner: str
) -> None:
    dead = f"http://127.0.0.1:{_free_port()}"
    client = make([dead, proxy.url])
    assert _create(client, owner).GroupResultItem[0].GroupItem.GroupId == 1
    assert proxy.commands() == ["create_contact_group"]


def test_a_host_that_could_not_be_reached_is_asked_last_for_a_while(
    make: Make, proxy: Proxy, owner: str, server_url: str
) -> None:
    with proxy_before(server_url) as main:
        port = main.url
    client = make([port, proxy.url])
    _mark(client, owner)
    with socket.create_server(("127.0.0.1", int(port.rpartition(":")[2]))) as back:
        back.settimeout(0.3)
        _mark(client, owner)
        with pytest.raises(TimeoutError):
            back.accept()
    assert proxy.commands() == ["mark_contact"] * 2


def test_a_lost_answer_moves_to_the_backup_where_a_repeat_is_safe(
    make: Make, proxy: Proxy, owner: str, server_url: str
) -> None:
    with proxy_before(server_url) as backup:
        client = make([proxy.url, backup.url])
        proxy.faults = [answer_lost]
        _mark(client, owner)
        assert (proxy.commands(), backup.commands()) == (["mark_contact"], ["mark_contact"])


def test_a_lost_answer_does_not_move_where_it_is_not(
    make: Make, proxy: Proxy, owner: str, server_url: str
) -> None:
    with proxy_before(server_url) as backup:
        proxy.faults = [answer_lost]
        with pytest.raises(OutcomeUnknown):
            make([proxy.url, backup.url]).create_group(Type="Public", Name="x")
        assert backup.seen == []


def test_a_server_that_is_not_there_is_told_within_the_deadline(make: Make, owner: str) -> None:
    url = f"http://127.0.0.1:{_free_port()}"
    begin = time.monotonic()
    with pytest.raises(NoAnswer, match="cannot be reached") as caught:
        _create(make(url, patience=Patience(attempts=99, deadline_seconds=1)), owner)
    assert time.monotonic() - begin < 2
    assert url in str(caught.value)
    assert not caught.value.maybe_done
    assert not isinstance(caught.value, OutcomeUnknown)


def test_a_late_answer_is_lost_and_the_call_repeated(make: Make, proxy: Proxy, owner: str) -> None:
    proxy.faults = [answer_late(1.5)]
    begin = time.monotonic()
    _mark(make(patience=Patience(timeout_seconds=0.3)), owner)
    assert time.monotonic() - begin < 1.2
    assert len(proxy.seen) == 2


@pytest.mark.parametrize("fault", [answer_late(3), trickling(1, 0.1)], ids=["late", "trickling"])
def test_no_call_takes_longer_than_its_deadline(
    make: Make, proxy: Proxy, owner: str, fault: Fault
) -> None:
    proxy.faults = [fault] * 9
    client = make(patience=Patience(timeout_seconds=5, deadline_seconds=0.5))
    begin = time.monotonic()
    with pytest.raises(NoAnswer):
        _mark(client, owner)
    assert time.monotonic() - begin < 1.5


def test_a_deadline_covers_finding_out(make: Make, proxy: Proxy, owner: str) -> None:
    proxy.faults = [answer_lost, *[answer_late(2)] * 9]
    begin = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        _create(make(patience=Patience(deadline_seconds=0.5)), owner)
    assert time.monotonic() - begin < 1.5


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"timeout_seconds": 0}, {"deadline_seconds": -1.0}])
def test_patience_that_allows_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} is"):
        Patience(**wrong)
