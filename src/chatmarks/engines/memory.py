"""`memory:`, the model that the other engines are compared with. It keeps nothing after its process."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec.structs import replace

from chatmarks.book import EMPTY_BOOK, Account
from chatmarks.store import (
    UNFINISHED_COPY_RUN,
    App,
    AppChatGroup,
    Change,
    ChatGroup,
    Kept,
    Membership,
    Returned,
    Superseded,
    Totals,
    UnknownAccount,
    Whole,
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
        self._properties: dict[str, str] = {}

    async def read(self, account: Account) -> Kept:
        return self.read_at_once(account)

    def read_at_once(self, account: Account) -> Kept:
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

    async def totals(self, sdkappid: int | None = None) -> Totals:
        owners = (
            [account.sdkappid for account in self._books],
            [owner for owner, _ in self._chat_groups],
            list(self._apps),
        )
        return Totals(*(len(ids) if sdkappid is None else ids.count(sdkappid) for ids in owners))

    async def wholes(self, after: str, limit: int) -> list[Whole]:
        # Of texts in Unicode the order is that of their bytes in UTF-8.
        following = [account for account in self._books if account.owner > after]
        following.sort(key=lambda account: account.owner)
        return [self._whole(account) for account in following[:limit]]

    def _whole(self, account: Account) -> Whole:
        memberships = {
            key: self._members[account.sdkappid, *key][account.userid]
            for key in self._joined.get(account, ())
        }
        return Whole(account, self._books[account], memberships)

    async def put_wholes(
        self,
        wholes: Sequence[Whole],
        gone: Collection[str] = (),
        *,
        only_new: bool = False,
        run: str | None = None,
    ) -> set[str]:
        self._check_run(run)
        left = {whole.key for whole in wholes if only_new and whole.account in self._books}
        for account in [account for account in self._books if account.owner in gone]:
            await self.delete_account(account)
        for whole in wholes:
            if whole.key not in left:
                await self._put(whole)
        return left

    async def _put(self, whole: Whole) -> None:
        account = whole.account
        await self.delete_account(account)
        self._books[account] = whole.kept
        self._joined[account] = set(whole.memberships)
        for key, membership in whole.memberships.items():
            members = self._members.setdefault((account.sdkappid, *key), {})
            members[account.userid] = membership

    async def all_chat_groups(self, after: str, limit: int) -> list[AppChatGroup]:
        groups = (AppChatGroup(owner, group) for (owner, _), group in self._chat_groups.items())
        following = [group for group in groups if group.key > after]
        return sorted(following, key=lambda group: group.key)[:limit]

    async def put_chat_groups(
        self, groups: Sequence[AppChatGroup], gone: Collection[str] = (), *, run: str | None = None
    ) -> None:
        self._check_run(run)
        self._chat_groups = {
            key: group
            for key, group in self._chat_groups.items()
            if AppChatGroup(key[0], group).key not in gone
        }
        self._chat_groups |= {(put.sdkappid, put.group.id): put.group for put in groups}

    async def put_apps(
        self, apps: Sequence[App], gone: Collection[int] = (), *, run: str | None = None
    ) -> None:
        self._check_run(run)
        for sdkappid in gone:
            self._apps.pop(sdkappid, None)
        self._apps |= {app.sdkappid: app for app in apps}

    async def read_property(self, name: str) -> str | None:
        return self._properties.get(name)

    async def write_property(self, name: str, value: str | None, *, run: str | None = None) -> None:
        self._check_run(run)
        self._properties.pop(name, None)
        if value is not None:
            self._properties[name] = value

    def _check_run(self, run: str | None) -> None:
        if run is not None and self._properties.get(UNFINISHED_COPY_RUN) != run:
            raise Superseded

    async def check(self) -> None:
        """Memory is always there."""

    def counts(self) -> Mapping[str, tuple[str, float]]:
        return {}

    async def close(self) -> None:
        """Nothing to let go of."""
