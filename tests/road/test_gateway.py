"""The gateway: who may call what, how often, and what everybody else is answered, in which order."""

from __future__ import annotations

import asyncio
from itertools import combinations
from typing import Any

import msgspec
import pytest

from chatmarks.apps import Apps
from chatmarks.book import Account
from chatmarks.commands import COMMANDS, NOT_DONE
from chatmarks.engines.memory import MemoryStore
from chatmarks.limits import CALLS_RUNNING_MAX
from chatmarks.seal import Seal
from chatmarks.service import Service
from chatmarks.store import App, Busy, Kept
from chatmarks.usersig import sign
from harness import ADMIN, KEY, NOW, OWN_KEY, SDKAPPID, Caller, Clock, make_app, make_caller

GET = "recentcontact/get_contact_group"
SEARCH = "recentcontact/search_contact_group"
BODY = {"From_Account": ADMIN, "StartIndex": 0}
OTHER_KEY = "f" * 64


class Watched(MemoryStore):
    """A memory store that counts the look-ups of apps, and fails or holds them when told."""

    def __init__(self) -> None:
        super().__init__()
        self.lookups = 0
        self.fault: Exception | None = None
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def app(self, sdkappid: int) -> App | None:
        self.lookups += 1
        self.asked.set()
        await self.gate.wait()
        if self.fault:
            raise self.fault
        return await super().app(sdkappid)


@pytest.fixture
async def caller() -> Caller:
    return await make_caller(MemoryStore())


async def code_of(service: Service, path: str, query: bytes, **more: Any) -> int:
    answer = msgspec.json.decode(
        await service.handle(path, query, msgspec.json.encode(BODY), **({"source": "127.0.0.1"} | more))
    )
    code: int = answer["ErrorCode"]
    return code


# URLs.


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "PATCH", "post", ""])
async def test_only_post_is_answered(caller: Caller, method: str) -> None:
    answer = await caller.call(GET, BODY, method=method)
    assert answer == {
        "ActionStatus": "FAIL",
        "ErrorCode": 60002,
        "ErrorInfo": "HTTP parse Error",
        "ErrorDisplay": "",
    }


@pytest.mark.parametrize("part", [b"sdkappid=%ff", b"usersig=\xff", b"identifier=%c3%28"])
async def test_a_parameter_that_is_not_utf_8_is_60002(caller: Caller, part: bytes) -> None:
    assert await code_of(caller.service, f"/v4/{GET}", caller.query() + b"&" + part) == 60002


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/v4",
        "/v4/",
        "/v4/recentcontact",
        "/v4/recentcontact/",
        "/v4/recentcontact/unknown",
        "/v4/unknown/get_contact_group",
        f"/v4/{GET}/",
        f"/v4//{GET}",
        f"//v4/{GET}",
        f"/v4/{GET}/more",
        f"/V4/{GET}",
        f"/v5/{GET}",
        f"v4/{GET}",
        f"/{GET}",
        "/v4/RecentContact/get_contact_group",
        "/v4/recentcontact/Get_Contact_Group",
        "/v4/group_open_http_svc/unknown",
        "/v4/im_open_login_svc/unknown",
        *(f"/v4/{path}" for path in NOT_DONE),
    ],
)
async def test_a_path_that_is_no_command_is_60009(caller: Caller, path: str) -> None:
    assert await code_of(caller.service, path, caller.query()) == 60009


async def test_a_long_path_does_not_make_a_long_answer(caller: Caller) -> None:
    answer = await caller.service.handle("/v4/" + "x" * 100_000, caller.query(), b"{}")
    assert len(answer) < 400


# Apps.


@pytest.mark.parametrize("sdkappid", [None, ""])
async def test_a_missing_sdkappid_is_60012(caller: Caller, sdkappid: str | None) -> None:
    assert await caller.code(GET, BODY, sdkappid=sdkappid) == 60012


@pytest.mark.parametrize("name", ["SdkAppid", "sdkAppid", "SDKAPPID", " sdkappid"])
async def test_the_names_of_parameters_are_case_sensitive(caller: Caller, name: str) -> None:
    query = caller.query().replace(b"sdkappid", name.encode())
    assert await code_of(caller.service, f"/v4/{GET}", query) == 60012


@pytest.mark.parametrize(
    "sdkappid",
    [
        "1400000001",
        "0",
        "-1",
        "-1400000000",
        "+1400000000",
        " 1400000000",
        "1400000000 ",
        "1 400000000",
        "1400000000.0",
        "14e8",
        "0x53724e00",
        "1_400_000_000",
        "administrator",
        "null",
        "१४००००००००",
        "²",
        str(2**63 - 1),
        str(2**63),
        str(2**64),
        "9" * 19,
        "9" * 20,
        "9" * 10_000,
    ],
    ids=lambda text: text[:20],
)
async def test_an_sdkappid_that_is_no_app_is_60006(caller: Caller, sdkappid: str) -> None:
    assert await caller.code(GET, BODY, sdkappid=sdkappid) == 60006


async def test_a_disabled_app_is_60016() -> None:
    caller = await make_caller(MemoryStore(), enabled=False)
    assert await caller.code(GET, BODY) == 60016


SOURCES = ("10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1")


@pytest.mark.parametrize(
    "source",
    [
        "10.0.0.0",
        "10.255.255.255",
        "192.0.2.7",
        "2001:db8::1",
        "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
        "::1",
        "::ffff:10.1.2.3",
        "::ffff:c000:207",
    ],
)
async def test_an_address_on_the_apps_list_may_call(source: str) -> None:
    caller = await make_caller(MemoryStore(), sources=SOURCES)
    assert await caller.code(GET, BODY, source=source) == 0


@pytest.mark.parametrize(
    "source",
    [
        "9.255.255.255",
        "11.0.0.0",
        "192.0.2.6",
        "192.0.2.8",
        "2001:db7:ffff::1",
        "2001:db9::1",
        "::2",
        "127.0.0.1",
        "::ffff:11.0.0.0",
        "",
    ],
)
async def test_an_address_that_is_not_on_the_apps_list_is_60021(source: str) -> None:
    caller = await make_caller(MemoryStore(), sources=SOURCES)
    assert await caller.code(GET, BODY, source=source) == 60021


@pytest.mark.parametrize("source", ["203.0.113.9", "2001:db8::1", ""])
async def test_an_app_without_a_list_is_called_from_anywhere(caller: Caller, source: str) -> None:
    assert await caller.code(GET, BODY, source=source) == 0


# Identifiers and tickets.


@pytest.mark.parametrize("identifier", [None, "", "管理员", "a\x00b", "a\nb", "é", "x" * 33])
async def test_an_identifier_that_is_no_userid_is_60004(caller: Caller, identifier: str | None) -> None:
    assert await caller.code(GET, BODY, identifier=identifier) == 60004


@pytest.mark.parametrize("identifier", ["x", "x" * 32, "a+b", "a b", "a%20b", "a&b=c#d", "~"])
async def test_an_identifier_of_1_to_32_printable_characters_may_be_an_administrator(
    identifier: str,
) -> None:
    caller = await make_caller(MemoryStore(), admins=(identifier, ADMIN))
    caller.identifier = identifier
    assert await caller.code(GET, BODY) == 0


@pytest.mark.parametrize("ticket", [None, ""])
async def test_a_missing_ticket_is_70002(caller: Caller, ticket: str | None) -> None:
    assert await caller.code(GET, BODY, usersig=ticket) == 70002


async def test_a_truncated_ticket_is_70003(caller: Caller) -> None:
    assert await caller.code(GET, BODY, usersig=caller.ticket()[:-5]) == 70003


async def test_a_ticket_under_another_key_is_70009(caller: Caller) -> None:
    caller.key = OTHER_KEY
    assert await caller.code(GET, BODY) == 70009


async def test_a_ticket_of_another_administrator_is_70013() -> None:
    caller = await make_caller(MemoryStore(), admins=(ADMIN, "second"))
    assert await caller.code(GET, BODY, identifier="second") == 70013


async def test_a_ticket_of_another_app_is_70014(caller: Caller) -> None:
    await make_app(caller.service.store, SDKAPPID + 1)
    assert await caller.code(GET, BODY, sdkappid=SDKAPPID + 1) == 70014


@pytest.mark.parametrize(("moment", "code"), [(NOW + 60, 0), (NOW + 61, 70001)])
@pytest.mark.parametrize("seen_before", [False, True])
async def test_a_ticket_expires_whether_it_was_seen_before_or_not(
    moment: int, code: int, *, seen_before: bool
) -> None:
    clock = Clock()
    caller = await make_caller(MemoryStore(), clock)
    ticket = caller.ticket(expire=60)
    if seen_before:
        assert await caller.code(GET, BODY, usersig=ticket) == 0
    clock.now = moment
    assert await caller.code(GET, BODY, usersig=ticket) == code


async def test_a_ticket_that_was_seen_before_is_good_for_nobody_else() -> None:
    caller = await make_caller(MemoryStore(), admins=(ADMIN, "second"))
    await make_app(caller.service.store, SDKAPPID + 1)
    ticket = caller.ticket()
    assert await caller.code(GET, BODY, usersig=ticket) == 0
    assert await caller.code(GET, BODY, usersig=ticket, identifier="second") == 70013
    assert await caller.code(GET, BODY, usersig=ticket, sdkappid=SDKAPPID + 1) == 70014
    assert await caller.code(GET, BODY, usersig=ticket + "A") == 70003


async def test_more_tickets_than_are_remembered_are_all_verified(caller: Caller) -> None:
    tickets = [caller.ticket(expire=number) for number in range(5000)]
    for ticket in (*tickets, tickets[0], tickets[-1]):
        assert await caller.code(GET, BODY, usersig=ticket) == 0
    assert len(caller.service._gateway._let_in) == 4096


async def test_either_key_of_an_app_signs_tickets() -> None:
    caller = await make_caller(MemoryStore(), keys=(KEY, OTHER_KEY))
    assert await caller.code(GET, BODY) == 0
    caller.key = OTHER_KEY
    assert await caller.code(GET, BODY) == 0


async def test_a_caller_who_is_no_administrator_is_60010(caller: Caller) -> None:
    await caller.accounts("user1")
    caller.identifier = "user1"
    assert await caller.code(GET, BODY) == 60010


async def test_a_caller_who_is_no_administrator_is_50003_where_the_profile_says_so() -> None:
    caller = await make_caller(MemoryStore(), not_admin=50003)
    caller.identifier = "user1"
    assert await caller.code(GET, BODY) == 50003


async def test_an_administrator_of_another_app_is_none_of_this_one(caller: Caller) -> None:
    await make_app(caller.service.store, SDKAPPID + 1, admins=("elsewhere",))
    caller.identifier = "elsewhere"
    assert await caller.code(GET, BODY) == 60010


# Tickets of any kind, on loopback only.


async def any_ticket_caller(*, loopback: bool) -> Caller:
    store, clock = MemoryStore(), Clock()
    await make_app(store, keys=(OWN_KEY,), usersig="any")
    service = Service(store, Seal(), loopback=loopback, clock=clock)
    return Caller(service, clock, key=OWN_KEY)


@pytest.mark.parametrize("ticket", [None, "", "anything", "é"])
async def test_the_profile_any_verifies_no_ticket_on_loopback(ticket: str | None) -> None:
    caller = await any_ticket_caller(loopback=True)
    assert await caller.code(GET, BODY, usersig=ticket) == 0


async def test_the_profile_any_still_wants_an_administrator() -> None:
    caller = await any_ticket_caller(loopback=True)
    assert await caller.code(GET, BODY, usersig=None, identifier="user1") == 60010
    assert await caller.code(GET, BODY, usersig=None, identifier=None) == 60004


@pytest.mark.parametrize(("ticket", "code"), [(None, 70002), ("anything", 70003)])
async def test_the_profile_any_means_nothing_off_loopback(ticket: str | None, code: int) -> None:
    caller = await any_ticket_caller(loopback=False)
    assert await caller.code(GET, BODY, usersig=ticket) == code
    assert await caller.code(GET, BODY) == 0


async def test_the_profile_any_means_nothing_to_a_page_in_a_browser() -> None:
    caller = await any_ticket_caller(loopback=True)
    query = caller.query(usersig=None)
    answer = await caller.service.handle(f"/v4/{GET}", query, msgspec.json.encode(BODY), from_page=True)
    assert msgspec.json.decode(answer)["ErrorCode"] == 70002


@pytest.mark.parametrize(("loopback", "code"), [(True, 0), (False, 70009)])
async def test_the_published_key_is_a_key_on_loopback_only(
    loopback: bool,  # noqa: FBT001 - as the service takes it
    code: int,
) -> None:
    store, clock = MemoryStore(), Clock()
    await make_app(store)
    caller = Caller(Service(store, Seal(), loopback=loopback, clock=clock), clock)
    assert await caller.code(GET, BODY) == code


async def test_loopback_alone_does_not_switch_verification_off() -> None:
    store, clock = MemoryStore(), Clock()
    await make_app(store)
    caller = Caller(Service(store, Seal(), loopback=True, clock=clock), clock)
    assert await caller.code(GET, BODY, usersig="anything") == 70003


# The form of the query.


async def test_parameters_come_in_any_order(caller: Caller) -> None:
    parts = caller.query().split(b"&")
    for shift in range(len(parts)):
        for order in (parts[shift:] + parts[:shift], (parts[shift:] + parts[:shift])[::-1]):
            assert await code_of(caller.service, f"/v4/{GET}", b"&".join(order)) == 0


async def test_a_ticket_comes_raw_or_percent_encoded(caller: Caller) -> None:
    tickets = (caller.ticket(expire=expire) for expire in range(1000, 9000))
    ticket = next(ticket for ticket in tickets if set("*-_") <= set(ticket))
    encoded = ticket.replace("*", "%2A").replace("-", "%2D").replace("_", "%5F")
    throughout = "".join(f"%{ord(character):02x}" for character in ticket)
    for form in (ticket, encoded, encoded.replace("%2A", "%2a"), throughout):
        query = caller.query(usersig=None) + b"&usersig=" + form.encode()
        assert await code_of(caller.service, f"/v4/{GET}", query) == 0


async def test_a_plus_is_a_plus_and_never_a_space() -> None:
    caller = await make_caller(MemoryStore(), admins=("a+b", ADMIN))
    caller.identifier = "a+b"
    raw = caller.query(identifier=None) + b"&identifier=a+b"
    assert await code_of(caller.service, f"/v4/{GET}", raw) == 0
    caller.identifier = "a b"
    assert await caller.code(GET, BODY) == 60010


@pytest.mark.parametrize(
    "random", [None, "", "0", "0123", "4294967295", "4294967296", "9" * 40, "-1", "1.5", "text", "é"]
)
async def test_nothing_is_refused_for_its_random(caller: Caller, random: str | None) -> None:
    assert await caller.code(GET, BODY, random=random) == 0


async def test_a_random_may_be_repeated(caller: Caller) -> None:
    query = caller.query()
    assert [await code_of(caller.service, f"/v4/{GET}", query) for _ in range(3)] == [0, 0, 0]


@pytest.mark.parametrize("contenttype", [None, "", "json"])
async def test_contenttype_may_be_absent(caller: Caller, contenttype: str | None) -> None:
    assert await caller.code(GET, BODY, contenttype=contenttype) == 0


@pytest.mark.parametrize("query", [b"", b"&", b"=", b"&&=&", b"sdkappid", b"%", b"sdkappid&="])
async def test_a_query_without_anything_in_it_is_60012(caller: Caller, query: bytes) -> None:
    assert await code_of(caller.service, f"/v4/{GET}", query) == 60012


# Call caps.


LOWER_RATES = {
    "im_open_login_svc/multiaccount_import": 100,
    "im_open_login_svc/account_delete": 100,
    "im_open_login_svc/account_check": 100,
    "group_open_http_svc/get_appid_group_list": 1,
}


@pytest.mark.parametrize("command", COMMANDS)
async def test_the_documented_profile_caps_each_command_by_its_document(command: str) -> None:
    clock = Clock()
    caller = await make_caller(MemoryStore(), clock, profile="documented")
    ticket = caller.ticket()
    cap = LOWER_RATES.get(command, 200)
    codes = [await caller.code(command, {}, usersig=ticket) for _ in range(cap)]
    assert 60007 not in codes
    clock.now += 0.999
    assert await caller.code(command, {}, usersig=ticket) == 60007
    clock.now = NOW + 1
    assert await caller.code(command, {}, usersig=ticket) == codes[0]


async def test_the_201st_call_in_a_second_is_60007_and_the_next_second_is_fine_again() -> None:
    clock = Clock()
    caller = await make_caller(MemoryStore(), clock, profile="documented")
    ticket = caller.ticket()
    codes = [await caller.code(GET, BODY, usersig=ticket) for _ in range(202)]
    assert codes == [0] * 200 + [60007] * 2
    clock.now += 1
    assert await caller.code(GET, BODY, usersig=ticket) == 0


async def test_each_command_and_each_app_has_a_cap_of_its_own() -> None:
    caller = await make_caller(MemoryStore(), calls_per_second=1)
    await make_app(caller.service.store, SDKAPPID + 1, calls_per_second=1)
    other = Caller(caller.service, caller.clock, sdkappid=SDKAPPID + 1)
    search = {"From_Account": ADMIN, "ContactItem": [{"Type": 1, "To_Account": "a"}]}
    assert [await caller.code(GET, BODY) for _ in range(2)] == [0, 60007]
    assert [await caller.code(SEARCH, search) for _ in range(2)] == [0, 60007]
    assert [await other.code(GET, BODY) for _ in range(2)] == [0, 60007]


async def test_the_default_profile_caps_nothing(caller: Caller) -> None:
    ticket = caller.ticket()
    assert {await caller.code(GET, BODY, usersig=ticket) for _ in range(500)} == {0}


async def test_an_app_over_its_own_cap_is_60011_whatever_it_calls() -> None:
    clock = Clock()
    caller = await make_caller(MemoryStore(), clock, app_calls_per_second=3)
    assert await caller.code(GET, BODY) == 0
    assert await caller.code(SEARCH, {}) == 50002
    assert await caller.code("im_open_login_svc/account_import", {"UserID": "a"}) == 0
    assert await caller.code(GET, BODY) == 60011
    assert await caller.code("group_open_http_svc/destroy_group", {}) == 60011
    clock.now += 1
    assert await caller.code(GET, BODY) == 0


async def test_calls_that_fail_later_are_counted() -> None:
    caller = await make_caller(MemoryStore(), calls_per_second=2)
    assert await caller.code(GET, b"no json") == 60003
    assert await caller.code(GET, {}) == 50002
    assert await caller.code(GET, BODY) == 60007


@pytest.mark.parametrize(("of_command", "of_app", "refusal"), [(1, 0, 60007), (0, 1, 60011)])
async def test_only_calls_with_a_good_ticket_of_an_administrator_are_counted(
    of_command: int, of_app: int, refusal: int
) -> None:
    caller = await make_caller(MemoryStore(), calls_per_second=of_command, app_calls_per_second=of_app)
    stranger = Caller(caller.service, caller.clock, key=OTHER_KEY)
    user = Caller(caller.service, caller.clock, identifier="user1")
    for _ in range(5):
        assert await stranger.code(GET, BODY) == 70009
        assert await user.code(GET, BODY) == 60010
        assert await caller.code(GET, BODY, usersig=None) == 70002
    assert await caller.code(GET, BODY) == 0
    assert await caller.code(GET, BODY) == refusal
    assert await stranger.code(GET, BODY) == 70009
    assert await user.code(GET, BODY) == 60010


# The order of the checks.


ORDER = {
    "method": 60002,
    "query": 60002,
    "path": 60009,
    "no sdkappid": 60012,
    "unknown sdkappid": 60006,
    "disabled": 60016,
    "source": 60021,
    "no identifier": 60004,
    "no ticket": 70002,
    "ticket does not decode": 70003,
    "ticket of another app": 70014,
    "ticket of another identifier": 70013,
    "ticket under another key": 70009,
    "ticket is expired": 70001,
    "no administrator": 60010,
    "command cap": 60007,
    "app cap": 60011,
    "body": 60003,
}


async def answer_to(defects: set[str]) -> int:
    """The code of a call that has all of `defects`, and no other."""
    clock = Clock()
    caller = await make_caller(
        MemoryStore(),
        clock,
        enabled="disabled" not in defects,
        sources=("10.0.0.0/8",) if "source" in defects else (),
        calls_per_second=int("command cap" in defects),
        app_calls_per_second=int("app cap" in defects),
    )
    for key in (GET, ""):
        caller.service._gateway._rates.admit((SDKAPPID, key), 1, NOW)
    identifier = "user1" if "no administrator" in defects else ADMIN
    ticket = sign(
        SDKAPPID + ("ticket of another app" in defects),
        "somebody" if "ticket of another identifier" in defects else identifier,
        OTHER_KEY if "ticket under another key" in defects else KEY,
        now=NOW - 100,
        expire=99 if "ticket is expired" in defects else 100,
    )
    if "ticket does not decode" in defects:
        ticket = ticket[:-8]
    sdkappid = None if "no sdkappid" in defects else SDKAPPID + 2 * ("unknown sdkappid" in defects)
    query = caller.query(
        sdkappid=sdkappid,
        identifier=None if "no identifier" in defects else identifier,
        usersig=None if "no ticket" in defects else ticket,
    )
    answer = await caller.service.handle(
        "/v4/recentcontact/unknown" if "path" in defects else f"/v4/{GET}",
        query + b"&usersig=%ff" if "query" in defects else query,
        b"" if "body" in defects else msgspec.json.encode(BODY),
        method="GET" if "method" in defects else "POST",
        source="192.0.2.1",
    )
    code: int = msgspec.json.decode(answer)["ErrorCode"]
    return code


@pytest.mark.parametrize("defect", ORDER)
async def test_a_call_with_one_defect_gets_its_code(defect: str) -> None:
    assert await answer_to({defect}) == ORDER[defect]


async def test_a_call_without_a_defect_is_done() -> None:
    assert await answer_to(set()) == 0


@pytest.mark.parametrize(("earlier", "later"), list(combinations(ORDER, 2)))
async def test_of_two_defects_the_earlier_one_is_answered(earlier: str, later: str) -> None:
    assert await answer_to({earlier, later}) == ORDER[earlier]


# Changes of an app.


class Changing:
    """A caller whose ticket was verified before its app changes, on a clock of its own."""

    def __init__(self, caller: Caller, store: Watched) -> None:
        self.caller = caller
        self.store = store
        self.moments = Clock(1000.0)
        self.ticket = caller.ticket()
        caller.service._gateway._apps = Apps(store, Seal(), loopback=True, monotonic=self.moments)

    async def code(self, body: object = BODY, **changes: Any) -> int:
        return await self.caller.code(GET, body, **({"usersig": self.ticket} | changes))


@pytest.fixture
async def changing() -> Changing:
    store = Watched()
    made = Changing(await make_caller(store, keys=(KEY, OTHER_KEY), admins=(ADMIN, "second")), store)
    assert await made.code() == 0
    return made


async def test_a_revoked_key_stops_working_within_a_second(changing: Changing) -> None:
    await make_app(changing.store, keys=(OTHER_KEY,))
    changing.moments.now += 1
    assert await changing.code() == 70009


async def test_a_removed_administrator_stops_working_within_a_second(changing: Changing) -> None:
    await make_app(changing.store, admins=("second",))
    changing.moments.now += 1
    assert await changing.code() == 60010


async def test_a_disabled_app_stops_working_within_a_second_and_works_again(changing: Changing) -> None:
    await make_app(changing.store, enabled=False)
    changing.moments.now += 1
    assert await changing.code() == 60016
    await make_app(changing.store)
    changing.moments.now += 1
    assert await changing.code() == 0


async def test_a_changed_list_of_addresses_is_heeded_within_a_second(changing: Changing) -> None:
    await make_app(changing.store, sources=("10.0.0.0/8",))
    changing.moments.now += 1
    assert await changing.code() == 60021
    assert await changing.code(source="10.0.0.1") == 0


async def test_a_changed_profile_is_heeded_within_a_second(changing: Changing) -> None:
    stranger = {"From_Account": "stranger", "StartIndex": 0}
    assert await changing.code(stranger) == 50001
    await make_app(changing.store, unknown_account="lenient")
    changing.moments.now += 1
    assert await changing.code(stranger) == 0


async def test_a_new_key_and_a_new_administrator_work_within_a_second(changing: Changing) -> None:
    third = sign(SDKAPPID, "third", "e" * 64, now=NOW)
    assert await changing.code(usersig=third, identifier="third") == 70009
    await make_app(changing.store, keys=("e" * 64, KEY), admins=(ADMIN, "third"))
    changing.moments.now += 1
    assert await changing.code(usersig=third, identifier="third") == 0
    assert await changing.code() == 0


async def test_an_app_that_was_unknown_is_known_within_a_second(changing: Changing) -> None:
    ticket = sign(SDKAPPID + 1, ADMIN, KEY, now=NOW)
    assert await changing.code(sdkappid=SDKAPPID + 1, usersig=ticket) == 60006
    await make_app(changing.store, SDKAPPID + 1)
    changing.moments.now += 1
    assert await changing.code(sdkappid=SDKAPPID + 1, usersig=ticket) == 0


async def test_a_revoked_key_stops_working_within_a_second_of_a_real_clock() -> None:
    store = MemoryStore()
    caller = await make_caller(store)
    assert await caller.code(GET, BODY) == 0
    await make_app(store, keys=(OTHER_KEY,))
    await asyncio.sleep(1)
    assert await caller.code(GET, BODY) == 70009


async def test_the_store_is_asked_for_an_app_once_in_half_a_second(changing: Changing) -> None:
    changing.moments.now += 0.25
    assert await changing.code() == 0
    assert changing.store.lookups == 1
    changing.moments.now += 0.25
    assert await changing.code() == 0
    assert changing.store.lookups == 2


async def test_an_app_that_is_unknown_is_remembered_as_such(changing: Changing) -> None:
    for _ in range(5):
        assert await changing.code(sdkappid=SDKAPPID + 1) == 60006
    assert changing.store.lookups == 2


# Faults of the store.


@pytest.mark.parametrize(
    ("command", "faulty", "busy"),
    [
        (GET, 50004, 50005),
        ("im_open_login_svc/account_check", 70500, 70169),
        ("group_open_http_svc/destroy_group", 10002, 10002),
        ("openim/sendmsg", 91000, 20004),
    ],
)
async def test_a_store_that_cannot_tell_the_app_is_answered_in_the_codes_of_the_service(
    changing: Changing, command: str, faulty: int, busy: int
) -> None:
    changing.moments.now += 0.5
    changing.store.fault = OSError("the disk is gone")
    assert await changing.caller.code(command, {}) == faulty
    changing.store.fault = Busy()
    assert await changing.caller.code(command, {}) == busy


async def test_an_old_memory_of_an_app_is_never_used_in_place_of_a_faulty_store(
    changing: Changing,
) -> None:
    await make_app(changing.store, enabled=False)
    changing.store.fault = OSError("the disk is gone")
    for _ in range(3):
        changing.moments.now += 0.5
        assert await changing.code() == 50004
    changing.store.fault = None
    assert await changing.code() == 60016


async def test_the_first_look_up_of_an_app_may_fail_too() -> None:
    store = Watched()
    caller = await make_caller(store)
    store.fault = Busy()
    assert await caller.code(GET, BODY) == 50005
    store.fault = None
    assert await caller.code(GET, BODY) == 0


async def test_a_fault_does_not_tell_the_caller_its_reason(changing: Changing) -> None:
    changing.moments.now += 0.5
    changing.store.fault = OSError("password 1234 refused")
    assert b"1234" not in await changing.caller.raw(GET, BODY)


async def test_a_key_that_cannot_be_opened_is_50004() -> None:
    store = Watched()
    caller = await make_caller(store)
    sealed = Seal(b"m" * 32).seal(SDKAPPID, KEY)
    await store.change_app(SDKAPPID, lambda _: App(SDKAPPID, (sealed,), (ADMIN,)))
    assert await caller.code(GET, BODY) == 50004


async def test_a_profile_that_nobody_knows_is_50004() -> None:
    caller = await make_caller(MemoryStore(), profile="unknown")
    assert await caller.code(GET, BODY) == 50004


# Many callers at once.


async def test_many_callers_at_once_load_an_app_once() -> None:
    store = Watched()
    caller = await make_caller(store)
    store.gate.clear()
    calls = [asyncio.create_task(caller.code(GET, BODY)) for _ in range(50)]
    await store.asked.wait()
    store.gate.set()
    assert await asyncio.gather(*calls) == [0] * 50
    assert store.lookups == 1


async def test_a_caller_who_leaves_while_the_app_is_loaded_does_not_fail_the_others() -> None:
    store = Watched()
    caller = await make_caller(store)
    store.gate.clear()
    leaving, staying = (asyncio.create_task(caller.code(GET, BODY)) for _ in range(2))
    await store.asked.wait()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    store.gate.set()
    assert await staying == 0
    assert store.lookups == 1


async def test_a_load_that_everybody_left_is_of_use_to_the_next_caller() -> None:
    store = Watched()
    caller = await make_caller(store)
    store.gate.clear()
    leaving = asyncio.create_task(caller.code(GET, BODY))
    await store.asked.wait()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    store.gate.set()
    assert await caller.code(GET, BODY) == 0
    assert store.lookups == 1


async def test_callers_who_wait_for_the_same_app_all_learn_of_a_fault() -> None:
    store = Watched()
    caller = await make_caller(store)
    store.gate.clear()
    store.fault = OSError("the disk is gone")
    calls = [asyncio.create_task(caller.code(GET, BODY)) for _ in range(3)]
    await store.asked.wait()
    store.gate.set()
    assert await asyncio.gather(*calls) == [50004] * 3
    store.fault = None
    assert await caller.code(GET, BODY) == 0


# More than can be done.


class Slow(MemoryStore):
    """A memory store that holds every reading until its gate opens."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.held = 0

    async def read(self, account: Account) -> Kept:
        self.held += 1
        await self.gate.wait()
        return super().read_at_once(account)

    def read_at_once(self, _: Account) -> Kept | None:  # type: ignore[override] # it may wait
        return None


async def test_calls_beyond_what_can_be_under_way_are_told_at_once_to_come_again() -> None:
    store = Slow()
    caller = await make_caller(store)
    query = caller.query()
    running = [
        asyncio.create_task(code_of(caller.service, f"/v4/{GET}", query))
        for _ in range(CALLS_RUNNING_MAX)
    ]
    while store.held < CALLS_RUNNING_MAX:  # noqa: ASYNC110 - a count, no event
        await asyncio.sleep(0)
    async with asyncio.timeout(1):
        beyond = [await code_of(caller.service, f"/v4/{GET}", query) for _ in range(3)]
    assert beyond == [50005, 50005, 50005]
    store.gate.set()
    assert set(await asyncio.gather(*running)) == {0}
    assert await code_of(caller.service, f"/v4/{GET}", query) == 0


async def test_who_leaves_makes_room_for_others() -> None:
    store = Slow()
    caller = await make_caller(store)
    query = caller.query()
    running = [
        asyncio.create_task(code_of(caller.service, f"/v4/{GET}", query))
        for _ in range(CALLS_RUNNING_MAX)
    ]
    await asyncio.sleep(0)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    store.gate.set()
    assert await code_of(caller.service, f"/v4/{GET}", query) == 0
