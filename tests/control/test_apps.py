"""Apps made, dropped and reset, over all engines."""

from __future__ import annotations

from typing import Any

import pytest

from chatmarks.book import Account
from chatmarks.control.app_data import Emptied
from chatmarks.control.refused import Refused
from chatmarks.control.rules import Effect, Rule, When
from chatmarks.store import ChatGroup
from control.kit import Kit, change, fill, seen
from harness import Caller, Clock

GROUPS = "recentcontact/get_contact_group"


async def test_an_app_that_was_made_answers_at_once(kit: Kit) -> None:
    caller = await kit.app()
    assert 1_500_000_001 <= caller.sdkappid <= 1_999_999_999
    assert caller.identifier == "administrator"
    assert len(caller.key) == 64
    await caller.accounts("user_0001")


async def test_an_app_is_made_as_it_was_asked_for(kit: Kit) -> None:
    caller = await kit.app(
        sdkappid=77, admins=("boss", "deputy"), key="k", overrides={"group_name_bytes_max": 64}
    )
    assert (caller.sdkappid, caller.identifier, caller.key) == (77, "boss", "k")
    body = {"From_Account": "deputy", "GroupContactItem": [{"GroupName": "a" * 64}]}
    await caller.ok("recentcontact/create_contact_group", body)


async def test_an_app_that_a_client_looked_for_in_vain_answers_as_soon_as_it_is_made(kit: Kit) -> None:
    early = Caller(kit.service, Clock(), sdkappid=77, key="k")
    assert await early.code("im_open_login_svc/account_import", {"UserID": "a"}) == 60006
    await kit.app(sdkappid=77, key="k")
    await early.accounts("a")


async def test_no_app_is_made_twice(kit: Kit) -> None:
    await kit.app(sdkappid=77, key="first")
    with pytest.raises(Refused, match="sdkappid 77: there is such an app") as refused:
        await kit.app(sdkappid=77, key="second")
    assert refused.value.status == 409
    await Caller(kit.service, Clock(), sdkappid=77, key="first").accounts("a")


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"sdkappid": 0}, "sdkappid is 0; 1 to"),
        ({"sdkappid": 2**63}, "sdkappid is 9223372036854775808; 1 to"),
        ({"admins": ()}, "there is no admin"),
        ({"admins": ("a" * 33,)}, "has 33 bytes"),
        ({"key": ""}, "a key must be printable"),
        ({"profile": "no"}, "profile 'no' is unknown"),
        ({"overrides": {"edition": "gold"}}, "profile 'default'"),
    ],
)
async def test_an_app_that_cannot_be_is_refused(kit: Kit, wanted: Any, told: str) -> None:
    with pytest.raises(Refused) as refused:
        await kit.app(**wanted)
    assert refused.value.status == 400
    assert told in refused.value.message
    assert await kit.store.apps() == []


async def test_a_dropped_app_leaves_nothing_and_answers_nobody(kit: Kit) -> None:
    caller, other = await kit.app(), await kit.app()
    await fill(caller)
    await fill(other)
    await kit.upkeep.snapshot(caller.sdkappid, "a")
    assert await kit.upkeep.drop(caller.sdkappid) == Emptied(accounts=2, chat_groups=1)
    assert await caller.code(GROUPS, {"From_Account": "user_0001", "StartIndex": 0}) == 60006
    totals = await kit.store.totals(caller.sdkappid)
    assert (totals.accounts, totals.chat_groups, totals.apps) == (0, 0, 0)
    assert kit.snapshots.names(caller.sdkappid) == []
    assert (await seen(other))[1]["GroupInfo"][0]["MemberNum"] == 1


async def test_a_reset_app_is_as_it_was_made(kit: Kit) -> None:
    caller, other = await kit.app(admins=("boss", "deputy")), await kit.app()
    await fill(caller)
    await fill(other)
    before = await seen(other)
    await change(caller, "boss")
    kit.clocks.change(caller.sdkappid, 5, frozen=True)
    mine = kit.faults.add(Rule(Effect("drop"), When(sdkappid=caller.sdkappid))).name
    everybodys = kit.faults.add(Rule(Effect("drop"))).name
    assert await kit.upkeep.reset(caller.sdkappid) == Emptied(accounts=3, chat_groups=1)
    assert await caller.code(GROUPS, {"From_Account": "user_0001", "StartIndex": 0}) == 50001
    book = await caller.ok(GROUPS, {"From_Account": "boss", "StartIndex": 0})
    assert book["ContactItem"] == []
    assert await kit.store.known_accounts(caller.sdkappid, ["boss", "deputy"]) == {"boss", "deputy"}
    assert await kit.store.known_chat_groups(caller.sdkappid, ["g1"]) == set()
    assert await seen(other) == before
    assert not kit.clocks.state(caller.sdkappid).frozen
    assert [state.name for state in kit.faults.states()] == [everybodys] != [mine]


async def test_more_than_a_batch_of_accounts_and_chat_groups_goes(kit: Kit) -> None:
    caller = await kit.app()
    for number in range(450):
        await kit.store.create_account(Account(caller.sdkappid, f"user_{number}"))
        group = ChatGroup(f"g{number}", "Public", "a", "")
        await kit.store.create_chat_group(caller.sdkappid, group)
    assert await kit.upkeep.reset(caller.sdkappid) == Emptied(accounts=451, chat_groups=450)
    totals = await kit.store.totals(caller.sdkappid)
    assert (totals.accounts, totals.chat_groups) == (1, 0)
