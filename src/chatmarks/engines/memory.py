"""`memory:`, the model that the other engines are compared with. It keeps nothing after its process."""

from __future__ import annotations

import time
import types
from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec.structs import replace

from chatmarks.book import EMPTY_BOOK, Account, Entry, Peer, PeerType
from chatmarks.event import Event, EventKind, Told, change_of
from chatmarks.store import (
    REPEAT_SECONDS,
    UNFINISHED_COPY_RUN,
    App,
    AppChatGroup,
    Change,
    ChatGroup,
    Conversation,
    Kept,
    Listing,
    Membership,
    Message,
    Pinning,
    Posted,
    Recent,
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
        self._recents: dict[Account, dict[str, Recent]] = {}
        self._sent: dict[object, dict[str, tuple[int, Posted]]] = {}
        """By sender, or incarnation of a chat group: until when keys are known, and their messages."""
        self._events: dict[int, list[Told]] = {}
        self._apps: dict[int, App] = {}
        self._properties: dict[str, str] = {}

    async def read(self, account: Account) -> Kept:
        return self.read_at_once(account)

    def read_at_once(self, account: Account) -> Kept:
        kept = self._books.get(account)
        if kept is None:
            raise UnknownAccount(account)
        return kept

    async def update(
        self, account: Account, change: Change[Returned], *, told_at: int | None = None
    ) -> Returned:
        kept = await self.read(account)
        book, answer = change(kept.book)
        if book is not kept.book:
            self._books[account] = Kept(draw_version(), book)
            if told_at is not None:
                self._tell(account, change_of(account.userid, kept.book, book, told_at))
        return answer

    def _tell(self, account: Account, event: Event) -> None:
        told = self._events.setdefault(account.sdkappid, [])
        told.append(Told(told[-1].seq + 1 if told else 1, draw_version(), event))

    async def versions(self, accounts: Sequence[Account]) -> list[int | None]:
        found = map(self._books.get, accounts)
        return [kept.version if kept else None for kept in found]

    async def create_account(self, account: Account, *, told_at: int | None = None) -> bool:
        if account in self._books:
            return False
        self._books[account] = Kept(draw_version(), EMPTY_BOOK)
        if told_at is not None:
            self._tell(account, Event(account.userid, told_at, EventKind.CREATED))
        return True

    async def delete_account(self, account: Account, *, told_at: int | None = None) -> bool:
        if told_at is not None and account in self._books:
            self._tell(account, Event(account.userid, told_at, EventKind.DELETED))
        for key in self._joined.pop(account, ()):
            del self._members[account.sdkappid, *key][account.userid]
        self._recents.pop(account, None)
        self._sent.pop(account, None)
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

    async def conversations(self, account: Account, limit: int) -> Listing:
        self.read_at_once(account)
        recents = sorted(
            self._recents.get(account, {}).items(), key=lambda item: (-item[1].last_at, item[0])
        )
        one_to_one = [
            Conversation(
                Peer(PeerType.ACCOUNT, userid), recent.begun_at, recent.last_at, recent.pinned_at
            )
            for number, (userid, recent) in enumerate(recents)
            if number < limit or recent.pinned_at
        ]
        chat_groups = [
            Conversation(
                Peer(PeerType.CHAT_GROUP, group.id),
                membership.joined_at,
                group.shown_at if group.shown_seq else membership.joined_at,
                membership.pinned_at,
                not group.shown_seq,
            )
            for group, membership in self._listed_groups(account)
        ]
        return Listing((*one_to_one, *chat_groups))

    def _listed_groups(self, account: Account) -> list[tuple[ChatGroup, Membership]]:
        """The chat groups in an account's list."""
        found = []
        for group_id, incarnation in self._joined.get(account, ()):
            group = self._chat_groups.get((account.sdkappid, group_id))
            membership = self._members[account.sdkappid, group_id, incarnation][account.userid]
            if group and group.incarnation == incarnation and group.shown_seq >= membership.listed_from:
                found.append((group, membership))
        return found

    async def converse(
        self, account: Account, userid: str, at: int, *, key: str | None = None, now: int = 0
    ) -> None:
        self.read_at_once(account)
        recents = self._recents.setdefault(account, {})
        recent = recents.get(userid) or Recent(at, at)
        recents[userid] = replace(recent, last_at=max(recent.last_at, at))
        if key is not None:
            self._remember(account, key, Posted(0, at), now)

    async def sent_before(self, account: Account, key: str, now: int) -> int | None:
        posted = self._remembered(account, key, now)
        return None if posted is None else posted.at

    def _remember(self, sender: object, key: str, posted: Posted, now: int) -> None:
        sent = self._sent.get(sender, {})
        fresh = {known: value for known, value in sent.items() if value[0] >= now}
        self._sent[sender] = {**fresh, key: (now + REPEAT_SECONDS, posted)}

    def _remembered(self, sender: object, key: str, now: int) -> Posted | None:
        until, posted = self._sent.get(sender, {}).get(key, (-1, None))
        return posted if until >= now else None

    async def post(self, sdkappid: int, group: ChatGroup, message: Message) -> Posted | None:
        held = self._chat_groups.get((sdkappid, group.id))
        if held is None or held.incarnation != group.incarnation:
            return None
        place = sdkappid, held.id, held.incarnation
        if message.key is not None and (first := self._remembered(place, message.key, message.now)):
            return replace(first, is_repeat=True)
        posted = Posted(held.message_seq + 1, message.at)
        held = replace(held, message_seq=posted.seq)
        if message.shows:
            held = replace(held, shown_seq=posted.seq, shown_at=max(held.shown_at, message.at))
        self._chat_groups[sdkappid, group.id] = held
        if message.key is not None:
            self._remember(place, message.key, posted, message.now)
        return posted

    async def posted_before(self, sdkappid: int, group: ChatGroup, key: str, now: int) -> Posted | None:
        first = self._remembered((sdkappid, group.id, group.incarnation), key, now)
        return first and replace(first, is_repeat=True)

    async def pin(self, account: Account, peers: Sequence[Peer], at: int, most: int) -> Pinning:
        listed = {conversation.peer: conversation for conversation in await self._whole_list(account)}
        absent = tuple(peer for peer in peers if peer not in listed)
        pinned = {peer for peer, conversation in listed.items() if conversation.pinned_at}
        pinning = Pinning(absent, len(pinned.union(peers).intersection(listed)))
        if not absent and pinning.count <= most:
            self._set_pins(account, set(peers) - pinned, at)
        return pinning

    async def unpin(self, account: Account, peers: Sequence[Peer]) -> None:
        listed = {conversation.peer for conversation in await self._whole_list(account)}
        self._set_pins(account, listed.intersection(peers), 0)

    async def unlist(self, account: Account, peer: Peer) -> bool:
        self.read_at_once(account)
        if peer.type == PeerType.ACCOUNT:
            return self._recents.get(account, {}).pop(peer.id, None) is not None
        for group, membership in self._listed_groups(account):
            if group.id == peer.id:
                members = self._members[account.sdkappid, group.id, group.incarnation]
                members[account.userid] = replace(
                    membership, listed_from=group.message_seq + 1, pinned_at=0
                )
                return True
        return False

    async def _whole_list(self, account: Account) -> Sequence[Conversation]:
        size = len(self._recents.get(account, {}))
        return (await self.conversations(account, size)).conversations

    def _set_pins(self, account: Account, peers: Collection[Peer], pinned_at: int) -> None:
        for peer in peers:
            if peer.type == PeerType.ACCOUNT:
                recents = self._recents[account]
                recents[peer.id] = replace(recents[peer.id], pinned_at=pinned_at)
            else:
                incarnation = self._chat_groups[account.sdkappid, peer.id].incarnation
                members = self._members[account.sdkappid, peer.id, incarnation]
                members[account.userid] = replace(members[account.userid], pinned_at=pinned_at)

    async def holders(
        self, sdkappid: int, peer: Peer, after: str, limit: int
    ) -> list[tuple[str, Entry]]:
        found = [
            (account.userid, kept.book.entries[peer])
            for account, kept in self._books.items()
            if account.sdkappid == sdkappid and account.userid > after and peer in kept.book.entries
        ]
        return sorted(found, key=lambda item: item[0])[:limit]

    async def events(self, sdkappid: int, after: int, limit: int) -> list[Told]:
        told = self._events.get(sdkappid, [])
        begin = max(0, after + 1 - told[0].seq) if told else 0
        return told[begin : begin + limit]

    async def event_bounds(self, sdkappid: int) -> tuple[int, int]:
        told = self._events.get(sdkappid)
        return (told[0].seq, told[-1].seq) if told else (1, 0)

    async def forget_events(self, sdkappid: int, before: int) -> int:
        told = self._events.get(sdkappid, [])
        end = next((n for n, each in enumerate(told) if each.event.at >= before), len(told))
        count = max(0, min(end, len(told) - 1))
        del told[:count]
        return count

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
        at = int(time.time())
        if app.feed and not (before and before.feed):
            self._begin_feed(sdkappid, at)
        for admin in app.admins:
            account = Account(sdkappid, admin)
            await self.create_account(account, told_at=at if app.feed else None)
        return app

    def _begin_feed(self, sdkappid: int, at: int) -> None:
        newest = self._events[sdkappid][-1].seq if self._events.get(sdkappid) else 0
        event = Event("", at, EventKind.BEGUN)
        self._events[sdkappid] = [Told(newest + 1, draw_version(), event)]

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
        return Whole(account, self._books[account], memberships, dict(self._recents.get(account, {})))

    async def put_wholes(
        self,
        wholes: Sequence[Whole],
        gone: Collection[str] = (),
        *,
        only_new: bool = False,
        run: str | None = None,
        told_at: Mapping[int, int] = types.MappingProxyType({}),
    ) -> set[str]:
        self._check_run(run)
        left = {whole.key for whole in wholes if only_new and whole.account in self._books}
        put = [whole for whole in wholes if whole.key not in left]
        for account in [account for account in self._books if account.owner in gone]:
            await self.delete_account(account, told_at=told_at.get(account.sdkappid))
        for whole in put:
            await self._put(whole)
            at = told_at.get(whole.account.sdkappid)
            if at is not None:
                self._tell(whole.account, Event(whole.account.userid, at, EventKind.REPLACED))
        return left

    async def _put(self, whole: Whole) -> None:
        account = whole.account
        await self.delete_account(account)
        self._books[account] = whole.kept
        self._joined[account] = set(whole.memberships)
        self._recents[account] = dict(whole.recents)
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
            self._events.pop(sdkappid, None)
        self._apps |= {app.sdkappid: app for app in apps}
        for app in apps:
            if app.feed and not self._events.get(app.sdkappid):
                self._begin_feed(app.sdkappid, int(time.time()))

    async def read_property(self, name: str) -> str | None:
        return self._properties.get(name)

    async def write_property(self, name: str, value: str | None, *, run: str | None = None) -> None:
        self._check_run(run)
        self._properties.pop(name, None)
        if value is not None:
            self._properties[name] = value

    async def swap_property(self, name: str, before: str | None, after: str | None) -> bool:
        if self._properties.get(name) != before:
            return False
        await self.write_property(name, after)
        return True

    async def properties(self, prefix: str) -> dict[str, str]:
        return {name: value for name, value in self._properties.items() if name.startswith(prefix)}

    def _check_run(self, run: str | None) -> None:
        if run is not None and self._properties.get(UNFINISHED_COPY_RUN) != run:
            raise Superseded

    async def check(self) -> None:
        """Memory is always there."""

    def counts(self) -> Mapping[str, tuple[str, float]]:
        return {}

    async def close(self) -> None:
        """Nothing to let go of."""
