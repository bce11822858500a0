"""Snapshots kept and restored, over all engines."""

from __future__ import annotations

import io
import logging
from collections import Counter
from typing import Any

import pytest

from chatmarks.control.app_data import Put
from chatmarks.control.refused import Refused
from chatmarks.store import UNFINISHED_RESTORES, Busy
from control.kit import Kit, change, fill, lines, marked, seen
from harness import Caller, account
from nasty import Died, Fate, NastyStore


async def test_what_is_restored_is_what_was_kept(kit: Kit) -> None:
    caller, other = await kit.app(), await kit.app()
    await fill(caller)
    await fill(other)
    before, others = await seen(caller), await seen(other)
    await kit.upkeep.snapshot(caller.sdkappid, "a")
    await change(caller, mark=5)
    await caller.accounts("later")
    await caller.chat_groups("later")
    await caller.ok("group_open_http_svc/destroy_group", {"GroupId": "g1"})
    assert await kit.upkeep.restore(caller.sdkappid, "a", caller.sdkappid) == Put(2, 1)
    assert await seen(caller) == before
    assert await kit.store.known_accounts(caller.sdkappid, ["later"]) == set()
    assert await kit.store.known_chat_groups(caller.sdkappid, ["later"]) == set()
    assert await seen(other) == others
    assert await kit.store.read_property(UNFINISHED_RESTORES) is None


async def test_a_list_is_restored_with_its_pins_and_what_was_taken_off(kit: Kit) -> None:
    caller, other = await kit.app(), await kit.app()
    await fill(caller)
    await caller.accounts("peer", "second")
    text = [{"MsgType": "TIMTextElem", "MsgContent": {"Text": "hello"}}]
    room = {"GroupId": "g1", "MsgBody": text}
    await caller.ok("group_open_http_svc/send_group_msg", {**room, "Random": 1})
    for number, userid in enumerate(("peer", "second")):
        message = {"From_Account": userid, "To_Account": "user_0001", "MsgRandom": number}
        await caller.ok("openim/sendmsg", {**message, "MsgBody": text})
    pin = {"From_Account": "user_0001", "OperationType": 1, "RecentContactItem": [account("peer")]}
    await caller.ok("x/1/recentcontact/top", pin)
    off = {"From_Account": "user_0001", "Type": 2, "ToGroupid": "g1"}
    await caller.ok("recentcontact/delete", off)
    listed = await seen_list(caller)
    assert len(listed) == 2
    await kit.upkeep.snapshot(caller.sdkappid, "a")
    await caller.ok("group_open_http_svc/send_group_msg", {**room, "Random": 2})
    await caller.ok("x/1/recentcontact/top", pin | {"OperationType": 2})
    assert await seen_list(caller) != listed
    for target in (caller, other):
        await kit.upkeep.restore(target.sdkappid, "a", caller.sdkappid)
        assert await seen_list(target) == listed
        # The next message is the first that shows again, and has the next number.
        answer = await target.ok("group_open_http_svc/send_group_msg", {**room, "Random": 3})
        assert answer["MsgSeq"] == 2
        assert len(await seen_list(target)) == 3
    await kit.upkeep.reset(caller.sdkappid)
    await caller.accounts("user_0001")
    assert await seen_list(caller) == []


async def seen_list(caller: Caller) -> Any:
    begin = dict.fromkeys(("TimeStamp", "StartIndex", "TopTimeStamp", "TopStartIndex"), 0)
    asked = {"From_Account": "user_0001", **begin, "AssistFlags": 15}
    return (await caller.ok("recentcontact/get_list", asked))["SessionItem"]


async def test_a_snapshot_is_restored_into_another_app(kit: Kit) -> None:
    caller, other = await kit.app(), await kit.app(admins=("boss",))
    await fill(caller)
    await kit.upkeep.snapshot(caller.sdkappid, "a")
    await kit.upkeep.restore(other.sdkappid, "a", caller.sdkappid)
    book, group = await seen(other)
    assert book == (await seen(caller))[0]
    assert group["GroupInfo"][0]["MemberList"][0]["Member_Account"] == "user_0001"
    # Its administrators, and so its key, stay its own.
    app = await kit.store.app(other.sdkappid)
    assert app
    assert app.admins == ("boss",)
    assert await kit.store.known_accounts(other.sdkappid, ["boss"]) == {"boss"}


async def test_a_snapshot_takes_the_place_of_the_one_of_its_name(kit: Kit) -> None:
    caller = await kit.app()
    await fill(caller)
    await kit.upkeep.snapshot(caller.sdkappid, "a")
    await change(caller, mark=5)
    later = await seen(caller)
    await kit.upkeep.snapshot(caller.sdkappid, "a")
    await kit.upkeep.reset(caller.sdkappid)
    await kit.upkeep.restore(caller.sdkappid, "a", caller.sdkappid)
    assert await seen(caller) == later
    assert [found.name for found in kit.snapshots.names(caller.sdkappid)] == ["a"]


async def test_snapshots_hold_no_key_and_nobody_else_may_read_them(kit: Kit) -> None:
    caller = await kit.app(key="a-secret-key")
    await kit.upkeep.snapshot(caller.sdkappid, "a")
    file = kit.folder / str(caller.sdkappid) / "a.ndjson"
    assert b"a-secret-key" not in file.read_bytes()
    assert b"SealedKeys" not in file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../a", "a/b", ".a", "-a", "a b", "é", "a" * 65, "a\0"]
)
async def test_a_name_that_leads_elsewhere_is_refused(kit: Kit, name: str) -> None:
    caller = await kit.app()
    for work in (
        kit.upkeep.snapshot(caller.sdkappid, name),
        kit.upkeep.restore(caller.sdkappid, name, caller.sdkappid),
    ):
        with pytest.raises(Refused, match="1 to 64 letters") as refused:
            await work
        assert (refused.value.status, refused.value.field) == (400, "name")
    with pytest.raises(Refused, match="1 to 64 letters"):
        kit.snapshots.delete(caller.sdkappid, name)
    assert list(kit.folder.rglob("*")) == []


async def test_a_folder_that_takes_no_snapshot_is_told(kit: Kit) -> None:
    caller = await kit.app()
    kit.folder.write_text("a file where the folder should be")
    with pytest.raises(Refused, match="snapshot a cannot be written: ") as refused:
        await kit.upkeep.snapshot(caller.sdkappid, "a")
    assert refused.value.status == 507


async def test_a_snapshot_that_is_not_there_is_not_found(kit: Kit) -> None:
    caller = await kit.app()
    await kit.upkeep.snapshot(caller.sdkappid, "there")
    with pytest.raises(Refused, match="has no snapshot gone; there are: there") as refused:
        await kit.upkeep.restore(caller.sdkappid, "gone", caller.sdkappid)
    assert refused.value.status == 404
    kit.snapshots.delete(caller.sdkappid, "there")
    with pytest.raises(Refused, match="there are: none"):
        kit.snapshots.delete(caller.sdkappid, "there")


async def test_a_damaged_snapshot_is_refused_and_changes_nothing(kit: Kit) -> None:
    caller = await kit.app()
    await fill(caller)
    await kit.upkeep.snapshot(caller.sdkappid, "a")
    file = kit.folder / str(caller.sdkappid) / "a.ndjson"
    whole = file.read_bytes()
    before = await seen(caller)
    for damaged in (whole[: len(whole) // 2], b"", whole.replace(b'"peer"', b'""', 1)):
        file.write_bytes(damaged)
        with pytest.raises(Refused, match="snapshot a is no sound export") as refused:
            await kit.upkeep.restore(caller.sdkappid, "a", caller.sdkappid)
        assert refused.value.status == 409
    assert await seen(caller) == before


async def test_no_work_is_done_on_an_app_that_is_not_there(kit: Kit) -> None:
    there = await kit.app()
    await kit.upkeep.snapshot(there.sdkappid, "a")
    for work in (
        kit.upkeep.drop(1),
        kit.upkeep.reset(1),
        kit.upkeep.seed(1, io.BytesIO()),
        kit.upkeep.snapshot(1, "a"),
        kit.upkeep.restore(1, "a", there.sdkappid),
    ):
        with pytest.raises(Refused, match="there is no app 1") as refused:
            await work
        assert refused.value.status == 404


async def test_a_restore_that_breaks_off_is_told_and_gone_on_with(kit: Kit) -> None:
    """Wherever the store fails, the app is either untouched or marked, and a start repairs it."""
    ends = Counter[str]()
    for seed in range(40):
        caller = await kit.app()
        await fill(caller)
        await kit.upkeep.snapshot(caller.sdkappid, "a")
        before = await seen(caller)
        await change(caller, mark=5)
        untouched = await seen(caller)
        nasty = NastyStore(kit.store, seed, [Fate.PLAIN] * 8 + [Fate.BUSY, Fate.DIES])
        broken = kit.of(nasty)
        try:
            await broken.restore(caller.sdkappid, "a", caller.sdkappid)
        except (Busy, Died):
            if await kit.store.read_property(UNFINISHED_RESTORES) is None:
                assert await seen(caller) == untouched
                ends["untouched"] += 1
                continue
            assert caller.sdkappid in broken.broken
            with pytest.raises(Refused, match="broke off"):
                await broken.snapshot(caller.sdkappid, "b")
            again = kit.of(kit.store)
            await again.start()
            assert again.broken == set()
            ends["marked"] += 1
        else:
            ends["whole"] += 1
        assert await seen(caller) == before
        assert await kit.store.read_property(UNFINISHED_RESTORES) is None
    assert ends.keys() == {"untouched", "marked", "whole"}, ends


async def test_a_restore_that_cannot_go_on_is_logged_and_leaves_the_app_broken(
    kit: Kit, caplog: pytest.LogCaptureFixture
) -> None:
    caller = await marked(kit)
    with caplog.at_level(logging.WARNING):
        await kit.upkeep.start()
    assert kit.upkeep.broken == {caller.sdkappid}
    assert "broke off and cannot go on: app" in caplog.text
    assert await kit.store.read_property(UNFINISHED_RESTORES) is not None


@pytest.mark.parametrize("work", ["reset", "drop"])
async def test_a_broken_app_is_whole_once_it_was_reset_or_dropped(kit: Kit, work: str) -> None:
    caller = await marked(kit)
    await kit.upkeep.start()
    await getattr(kit.upkeep, work)(caller.sdkappid)
    assert kit.upkeep.broken == set()
    assert await kit.store.read_property(UNFINISHED_RESTORES) is None


async def test_a_mark_of_an_app_that_is_gone_goes(kit: Kit) -> None:
    caller = await marked(kit)
    await kit.store.put_apps([], [caller.sdkappid])
    await kit.upkeep.start()
    assert kit.upkeep.broken == set()
    assert await kit.store.read_property(UNFINISHED_RESTORES) is None


async def test_a_broken_app_is_neither_kept_nor_seeded(kit: Kit) -> None:
    caller = await marked(kit)
    await kit.upkeep.start()
    for work in (
        kit.upkeep.snapshot(caller.sdkappid, "b"),
        kit.upkeep.seed(caller.sdkappid, lines()),
    ):
        with pytest.raises(Refused, match="restore it again, or reset it") as refused:
            await work
        assert refused.value.status == 409


async def test_a_start_removes_what_crashes_left_and_no_snapshot(kit: Kit) -> None:
    caller = await kit.app()
    await kit.upkeep.snapshot(caller.sdkappid, "a")
    left = kit.folder / str(caller.sdkappid) / ".a.ndjson.0badf00d.partial"
    left.write_bytes(b"half")
    await kit.upkeep.start()
    assert not left.exists()
    assert [found.name for found in kit.snapshots.names(caller.sdkappid)] == ["a"]
