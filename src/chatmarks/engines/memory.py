"""`memory:`, the model that the other engines are compared with. It keeps nothing after its process."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec.structs import replace

from chatmarks.book import EMPTY_BOOK, Account
from chatmarks.store import (
    App,
    Change,
    ChatGroup,
    Kept,
    Membership,
    Returned,
    UnknownAccount,
    draw_version,
)


class MemoryStore:
    """A store in dictionaries. Every call is done at once, so nothing comes in between."""

    def __init__(self) -> None:
        self._books: dict[Account, Kept] = {}
        self._chat_groups: dict[tuple[int, str], ChatGroup] = {}
        self._joined: dict[Account, set[tuple[str, int]]] = {}
        self._members: dict[tuple[int, str, int], dict[str, Membership]] = {}
        self._apps: dict[int, App] = {}

    async def read(self, account: Account) -> Kept:
        kept = self._books.get(account)
        if kept is None:
            raise UnknownAccount(account)
        return kept

    async def update(self, account: Account, change: Change[Returned]) -> Returned:
        kept = await self.read(account)
        book, answer = change(kept.book)
        if book is not kept.book:
            self._books[account] = Kept(draw_version(), book)
        return answer

    async def versions(self, accounts: Sequence[Account]) -> list[int | None]:
        found = map(self._books.get, accounts)
        return [kept.version if kept else None for kept in found]

    async def create_account(self, account: Account) -> bool:
        if account in self._books:
            return False
        self._books[account] = Kept(draw_version(), EMPTY_BOOK)
        return True

    async def delete_account(self, account: Account) -> bool:
        for key in self._joined.pop(account, ()):
            del self._members[account.sdkappid, *key][account.userid]
        return self._books.pop(account, None) is not None

    async def known_accounts(self, sdkappid: int, userids: Collection[str]) -> set[str]:
        return {userid for userid in userids if Account(sdkappid, userid) in self._books}

    async def create_chat_group(self, sdkappid: int, group: ChatGroup) -> ChatGroup | None:
        holder = self._chat_groups.get((sdkappid, group.id))
        if holder is None:
            self._chat_groups[sdkappid, group.id] = group
        return holder

    async def delete_chat_group(self, sdkappid: int, group_id: str) -> bool:
        return self._chat_groups.pop((sdkappid, group_id), None) is not None

    async def known_chat_groups(self, sdkappid: int, group_ids: Collection[str]) -> set[str]:
        return {group_id for group_id in group_ids if (sdkappid, group_id) in self._chat_groups}

    async def chat_groups(self, sdkappid: int, group_ids: Collection[str]) -> dict[str, ChatGroup]:
        known = await self.known_chat_groups(sdkappid, group_ids)
        return {group_id: self._chat_groups[sdkappid, group_id] for group_id in known}

    async def list_chat_groups(
        self, sdkappid: int, kind: str, after: int, limit: int
    ) -> tuple[int, list[ChatGroup]]:
        found = [
            group
            for (owner, _), group in self._chat_groups.items()
            if owner == sdkappid and kind in ("", group.type)
        ]
        found.sort(key=lambda group: (group.place, group.id))
        return len(found), [group for group in found if group.place > after][:limit]

    async def join(self, account: Account, group: ChatGroup, membership: Membership) -> bool:
        if account not in self._books:
            raise UnknownAccount(account)
        members = self._members.setdefault((account.sdkappid, group.id, group.incarnation), {})
        if account.userid in members:
            return False
        members[account.userid] = membership
        self._joined.setdefault(account, set()).add((group.id, group.incarnation))
        return True

    async def leave(self, account: Account, group: ChatGroup) -> bool:
        key = group.id, group.incarnation
        if key not in self._joined.get(account, ()):
            return False
        self._joined[account].remove(key)
        del self._members[account.sdkappid, *key][account.userid]
        return True

    async def members(self, sdkappid: int, group: ChatGroup) -> dict[str, Membership]:
        found = self._members.get((sdkappid, group.id, group.incarnation), {})
        return dict(sorted(found.items(), key=lambda item: (item[1].joined_at, item[0])))

    async def app(self, sdkappid: int) -> App | None:
        return self._apps.get(sdkappid)

    async def apps(self) -> list[App]:
        return [self._apps[sdkappid] for sdkappid in sorted(self._apps)]

    async def change_app(self, sdkappid: int, change: Callable[[App | None], App]) -> App:
        before = self._apps.get(sdkappid)
        changed = change(before)
        if changed is before:
            return changed
        app = replace(changed, revision=draw_version())
        self._apps[sdkappid] = app
        for admin in app.admins:
            await self.create_account(Account(sdkappid, admin))
        return app

    async def check(self) -> None:
        """Memory is always there."""

    def counts(self) -> Mapping[str, tuple[str, float]]:
        return {}

    async def close(self) -> None:
        """Nothing to let go of."""
