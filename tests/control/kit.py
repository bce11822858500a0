"""An upkeep over a store, and what its tests put in and look at."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import msgspec

from chatmarks.control.app_data import MadeApp, NewApp
from chatmarks.control.clocks import Clocks
from chatmarks.control.faults import Faults
from chatmarks.control.gate import Gate
from chatmarks.control.snapshots import Snapshots
from chatmarks.control.upkeep import Upkeep
from chatmarks.seal import Seal
from chatmarks.service import Service
from chatmarks.store import UNFINISHED_RESTORES, Store
from harness import Caller, Clock, account, chat_group, numbered_ids

MARK = "recentcontact/mark_contact"
GROUPS = "recentcontact/get_contact_group"
INFO = "group_open_http_svc/get_group_info"


class Kit:
    """An upkeep over a store, and a service on it."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.folder = store, folder
        self.clocks, self.faults, self.gate = Clocks(Clock()), Faults(), Gate()
        self.service = Service(store, Seal(), loopback=True, clock=Clock(), draw_id=numbered_ids())
        self.snapshots = Snapshots(folder)
        self.upkeep = self.of(store)

    def of(self, store: Store) -> Upkeep:
        return Upkeep(
            store,
            Seal(),
            self.snapshots,
            self.clocks,
            self.faults,
            self.gate,
            self.service.forget,
        )

    async def app(self, **wanted: Any) -> Caller:
        made = await self.upkeep.make(NewApp(**wanted))
        return self.caller(made)

    def caller(self, made: MadeApp) -> Caller:
        return Caller(
            self.service,
            Clock(),
            sdkappid=made.sdkappid,
            identifier=made.identifier,
            key=made.key,
        )


async def fill(caller: Caller, userid: str = "user_0001", mark: int = 0) -> None:
    """An account with a mark on an account and on a chat group that it is a member of."""
    await caller.accounts(userid)
    group = {"Type": "Public", "Name": "a", "GroupId": "g1", "MemberList": []}
    members: list[Any] = [{"Member_Account": userid}]
    await caller.call("group_open_http_svc/create_group", group | {"MemberList": members})
    await change(caller, userid, mark)


async def change(caller: Caller, userid: str = "user_0001", mark: int = 0) -> None:
    items = [
        {"OptType": 1, "ContactItem": item, "SetMark": [mark]}
        for item in (account("peer"), chat_group("g1"))
    ]
    await caller.ok(MARK, {"From_Account": userid, "MarkItem": items})


async def seen(caller: Caller, userid: str = "user_0001") -> Any:
    """All that a client sees of an account and of the chat group."""
    book = await caller.call(GROUPS, {"From_Account": userid, "StartIndex": 0})
    group = await caller.call(INFO, {"GroupIdList": ["g1"]})
    # An incarnation is drawn anew, and never shown.
    return book, group


def lines(*items: Any, **head: Any) -> io.BytesIO:
    """An export with these lines."""
    counts = [sum(item["Line"] == kind for item in items) for kind in ("App", "ChatGroup", "Account")]
    end = dict(zip(("Apps", "ChatGroups", "Accounts"), counts, strict=True))
    every = [{"chatmarks_export": 1} | head, *items, {"Line": "End", **end, "Lines": len(items) + 2}]
    return io.BytesIO(b"".join(msgspec.json.encode(line) + b"\n" for line in every))


async def marked(kit: Kit) -> Caller:
    """An app that says to be half restored."""
    caller = await kit.app()
    await fill(caller)
    mark = {str(caller.sdkappid): {"sdkappid": caller.sdkappid, "name": "gone"}}
    await kit.store.write_property(UNFINISHED_RESTORES, msgspec.json.encode(mark).decode())
    return caller
