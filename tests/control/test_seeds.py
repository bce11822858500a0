"""Exports put into an app, over all engines."""

from __future__ import annotations

import io

import pytest

from chatmarks.control.app_data import Put
from chatmarks.control.refused import Refused
from control.kit import Kit, fill, lines, seen

GROUPS = "recentcontact/get_contact_group"


APP = {"Line": "App", "SdkAppid": "5", "Administrators": ["stranger"]}
GROUP = {
    "Line": "ChatGroup",
    "SdkAppid": "5",
    "GroupId": "g1",
    "Type": "Public",
    "Name": "a",
    "CreateTime": 1,
}
USER = {
    "Line": "Account",
    "SdkAppid": "5",
    "UserID": "user_0001",
    "ContactItem": [
        {"Type": 1, "Position": 0, "Timestamp": 7, "To_Account": "peer", "StandardMark": "1"}
    ],
    "NextPosition": 1,
    "JoinedGroup": [{"GroupId": "g1", "Role": "Member", "JoinTime": 2}],
}


async def test_a_seed_of_another_app_becomes_that_of_this_one(kit: Kit) -> None:
    caller = await kit.app()
    assert await kit.upkeep.seed(caller.sdkappid, lines(APP, GROUP, USER)) == Put(1, 1)
    book, group = await seen(caller)
    assert book["ContactItem"][0]["To_Account"] == "peer"
    assert group["GroupInfo"][0]["MemberList"][0]["Member_Account"] == "user_0001"
    app = await kit.store.app(caller.sdkappid)
    assert app
    assert app.admins == ("administrator",)
    assert await kit.store.app(5) is None


async def test_a_seed_can_hold_a_list(kit: Kit) -> None:
    caller = await kit.app()
    joined = {"GroupId": "g1", "Role": "Member", "JoinTime": 2, "TopTime": 9}
    recent = {"To_Account": "peer", "BeginTime": 3, "MsgTime": 5}
    shown = {"MsgSeq": 7, "ShownMsgSeq": 7, "ShownMsgTime": 8}
    user = USER | {"JoinedGroup": [joined], "RecentItem": [recent]}
    assert await kit.upkeep.seed(caller.sdkappid, lines(GROUP | shown, user)) == Put(1, 1)
    begin = dict.fromkeys(("TimeStamp", "StartIndex", "TopTimeStamp", "TopStartIndex"), 0)
    answer = await caller.ok(
        "recentcontact/get_list", {"From_Account": "user_0001", **begin, "AssistFlags": 7}
    )
    assert [(item["MsgTime"], item["TopFlag"]) for item in answer["SessionItem"]] == [(8, 1), (5, 0)]


async def test_a_seed_replaces_what_it_names_and_leaves_the_rest(kit: Kit) -> None:
    caller = await kit.app()
    await fill(caller)
    await fill(caller, "user_0002")
    second = await seen(caller, "user_0002")
    await kit.upkeep.seed(caller.sdkappid, lines(USER | {"JoinedGroup": []}))
    book, group = await seen(caller)
    assert [item["Timestamp"] for item in book["ContactItem"]] == [7]
    assert group["GroupInfo"][0]["GroupId"] == "g1"
    assert (await seen(caller, "user_0002"))[0] == second[0]


async def test_a_seed_without_the_administrators_leaves_them_accounts(kit: Kit) -> None:
    caller = await kit.app()
    await kit.upkeep.seed(caller.sdkappid, lines())
    assert await caller.code(GROUPS, {"From_Account": "administrator", "StartIndex": 0}) == 0


@pytest.mark.parametrize(
    ("seed", "told"),
    [
        (io.BytesIO(b""), "line 1: is not the first line of an export"),
        (io.BytesIO(b"{}\n"), "line 1: is not the first line of an export"),
        (lines(chatmarks_export=2), "the export has format 2"),
        (io.BytesIO(lines(USER).getvalue()[:-70]), "cut off"),
        (lines(USER | {"UserID": "a" * 33}), "line 2: account 5:" + "a" * 33),
        (lines(USER), "line 2: account 5:user_0001: membership g1: no line before"),
        (lines(GROUP, USER, USER), "line 4: account 5:user_0001: line 3 has it already"),
        (lines(GROUP | {"SdkAppid": "6"}, USER | {"JoinedGroup": []}), "apps 5, 6"),
    ],
)
async def test_a_seed_that_is_wrong_is_refused_by_the_line(
    kit: Kit, seed: io.BytesIO, told: str
) -> None:
    caller = await kit.app()
    with pytest.raises(Refused) as refused:
        await kit.upkeep.seed(caller.sdkappid, io.BytesIO(seed.getvalue()))
    assert refused.value.status == 400
    assert told in refused.value.message
    totals = await kit.store.totals(caller.sdkappid)
    assert (totals.accounts, totals.chat_groups) == (1, 0)


async def test_of_many_problems_a_thousand_are_counted_and_twenty_told(kit: Kit) -> None:
    caller = await kit.app()
    wrong = lines(*({"Line": "Account", "SdkAppid": "5", "UserID": f"é{n}"} for n in range(1500)))
    with pytest.raises(Refused) as refused:
        await kit.upkeep.seed(caller.sdkappid, wrong)
    assert "problems: 1000 or more; line 2: " in refused.value.message
    assert refused.value.message.count("line ") == 20
