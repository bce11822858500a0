"""A server that is read and written account by account, at a pace, and with patience when it fails."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from msgspec import UNSET
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from chatmarks.book import Peer, PeerType
from chatmarks.client import AsyncClient, ChatError, NoAnswer, Patience
from chatmarks.client.errors import NOT_NOW
from chatmarks.client.pages import following
from chatmarks.commands.im_open_login_svc import account_check, account_delete, multiaccount_import
from chatmarks.commands.recentcontact import get_contact_group
from chatmarks.commands.recentcontact.contact import Record
from chatmarks.errors import Code
from chatmarks.limits import ACCOUNTS_PER_CALL_MAX, MARK_BITS
from chatmarks.remote.content import Content, Filed
from chatmarks.remote.failures import Failed, Refusal, Stopped, concerns_all, is_passing, told
from chatmarks.remote.pace import Pace
from chatmarks.remote.plan import CREATE, MARK, Planned, peer_of_item

T = TypeVar("T")

_READ = "recentcontact/get_contact_group"
_CHECK = "im_open_login_svc/account_check"
_DELETE = "im_open_login_svc/account_delete"
_IMPORT = "im_open_login_svc/multiaccount_import"
_THERE = "Imported"

PATIENCE_SECONDS = 300.0
"""How long a call is repeated to a server that does not answer, or not now."""

READINGS_MAX = 10
"""How often an account is read that changes while it is read."""

_SECONDS_FOR_A_CALL = 10.0
PAUSE = wait_random_exponential(multiplier=0.1, max=5.0)
"""Seconds before a repeat: drawn at random below a bound that doubles from 0.1 to 5 s."""


class Lost(Exception):
    """What must not be repeated blindly may have been done or not; reading the account tells."""


class Server:
    """An app at a server, as its administrator sees it.

    `server`, `sdkappid`, `identifier` and `key` are as for `AsyncClient`. Raises `ValueError`.
    """

    def __init__(
        self,
        server: str | Sequence[str],
        *,
        sdkappid: int,
        identifier: str,
        key: str,
        pace: Pace,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self.pace = pace
        self._patience_seconds = patience_seconds
        self._answered_at = float("-inf")
        # Repeats are made here, where each of them waits for its turn.
        once = Patience(
            timeout_seconds=_SECONDS_FOR_A_CALL, deadline_seconds=_SECONDS_FOR_A_CALL * 2, attempts=1
        )
        self._client = AsyncClient(
            server, sdkappid=sdkappid, identifier=identifier, key=key, patience=once
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def read(self, userid: str) -> Content:
        """Everything that the account has. Raises `Failed` and `Stopped`."""
        before: Content | None = None
        for _ in range(READINGS_MAX):
            content, is_sure = await self._read(userid)
            if content is not None and (is_sure or content == before):
                return content
            before = content
        raise Failed(0, f"the account changed each of {READINGS_MAX} times that it was read")

    async def _read(self, userid: str) -> tuple[Content | None, bool]:
        """All pages; None where the account changed between two of them. And whether it is sure that
        it did not."""
        pages = 0
        groups: dict[str, int] = {}
        conversations: dict[Peer, Filed] = {}
        fields: dict[str, object] | None = {"From_Account": userid, "StartIndex": 0}
        while fields is not None:
            page = await self._patiently(_READ, get_contact_group.Answer, fields)
            named = {group.GroupName: group.GroupId for group in page.GroupItem}
            if pages and named != groups:
                return None, False
            pages, groups = pages + 1, named
            found = [_filed(record) for record in page.ContactItem]
            if any(peer in conversations for peer, _ in found):
                # It moved to a later page, so others may have moved to an earlier one.
                return None, False
            conversations.update(found)
            try:
                fields = following(_READ, fields, page)
            except NoAnswer as error:
                raise Failed(0, error.reason) from error
        newest = max((filed.timestamp for filed in conversations.values()), default=0)
        # Newer than all that was read is what changed on a page after it was read. No document has this
        # field, so it makes for another look, not for a verdict.
        is_sure = pages == 1 or page.CompleteTime is UNSET or page.CompleteTime <= newest
        full = {peer: filed for peer, filed in conversations.items() if not filed.is_empty}
        return Content(groups, full), is_sure

    async def do(self, userid: str, call: Planned) -> list[Refusal]:
        """Make a call for the account; what of it was refused.

        Raises `Failed` where the server has no such account, `Lost` and `Stopped`.
        """
        fields = {"From_Account": userid, **call.fields}
        try:
            answer = await self._patiently(call.command, dict, fields, repeats=call.may_repeat)
        except Failed as error:
            if error.is_unknown or not error.code:
                raise
            return [Refusal(call.command, None, error.code, error.text)]
        return [
            Refusal(
                call.command,
                peer_of_item(result["ContactItem"]),
                result["ResultCode"],
                result.get("ResultInfo", ""),
            )
            for result in _results(call.command, answer)
            if result.get("ResultCode")
        ]

    async def import_missing(self, userids: Sequence[str]) -> tuple[list[str], list[str]]:
        """Import those accounts that the server does not have, of 100 at most; those that were
        imported, and those that were refused.

        Raises `Stopped`, and `Failed` where the whole call is refused.
        """
        assert len(userids) <= ACCOUNTS_PER_CALL_MAX
        candidates = [{"UserID": userid} for userid in userids]
        checked = await self._patiently(_CHECK, account_check.Answer, {"CheckItem": candidates})
        missing = [item.UserID for item in checked.ResultItem if item.AccountStatus != _THERE]
        if not missing:
            return [], []
        new = {"AccountList": [{"UserID": userid} for userid in missing]}
        answer = await self._patiently(_IMPORT, multiaccount_import.Answer, new)
        refused = [userid for userid in missing if userid in answer.FailAccounts]
        return [userid for userid in missing if userid not in refused], refused

    async def delete(self, userid: str) -> str | None:
        """Delete an account; why that was refused, None when it is gone. Raises `Stopped`."""
        fields: dict[str, object] = {"DeleteItem": [{"UserID": userid}]}
        try:
            answer = await self._patiently(_DELETE, account_delete.Answer, fields)
        except Failed as error:
            return f"{error.code} {error.text}"
        codes = [item for item in answer.ResultItem if item.ResultCode not in (0, Code.ACCOUNT_UNKNOWN)]
        return f"{codes[0].ResultCode} {codes[0].ResultInfo}" if codes else None

    async def _patiently(
        self, command: str, answer: type[T], fields: Mapping[str, object], *, repeats: bool = True
    ) -> T:
        """The answer to a call, which is made again for as long as that may help. `repeats`: also where
        it may have been done; else that raises `Lost`."""
        began_at = time.monotonic()

        def is_over(_: RetryCallState) -> bool:
            return time.monotonic() - began_at >= self._patience_seconds

        def goes_on(error: BaseException) -> bool:
            return is_passing(error) and (repeats or not _is_lost(error))

        again = AsyncRetrying(retry=retry_if_exception(goes_on), wait=PAUSE, stop=is_over, reraise=True)
        try:
            return await again(self._once, command, answer, fields)
        except (ChatError, NoAnswer) as error:
            if not repeats and _is_lost(error):
                raise Lost(told(error)) from error
            raise self._verdict(error) from error

    def _verdict(self, error: ChatError | NoAnswer) -> Failed | Stopped:
        """Whose failure it is: that of the account, or that of all."""
        silent_seconds = time.monotonic() - self._answered_at
        # Others may still have been answered after this call began, and none since.
        if error.is_passing and silent_seconds >= self._patience_seconds / 2:
            return Stopped(f"no answer for {self._patience_seconds:.0f} seconds: {told(error)}")
        if not error.is_passing and concerns_all(error):
            return Stopped(told(error))
        if isinstance(error, ChatError):
            return Failed(error.code, error.text)
        return Failed(0, error.reason)

    async def _once(self, command: str, answer: type[T], fields: Mapping[str, object]) -> T:
        async with self.pace.call() as sent_at:
            try:
                if answer is dict:
                    # Said to repeat, so that the client finds out nothing by calls of its own.
                    done: Any = await self._client.call(command, fields, repeats=True)
                else:
                    done = await self._client.send(command, answer, fields)
            except ChatError as error:
                if error.code in NOT_NOW:
                    self.pace.slow_down(sent_at)
                elif not error.is_passing:
                    self._answered_at = time.monotonic()
                raise
        self._answered_at = time.monotonic()
        whole: T = done
        return whole


def _is_lost(error: BaseException) -> bool:
    return isinstance(error, ChatError | NoAnswer) and error.maybe_done


def _results(command: str, answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The items of an answer with a result of their own."""
    if command == MARK:
        return answer.get("ResultItem") or []
    if command == CREATE:
        made = answer.get("GroupResultItem") or []
        return [item for group in made for item in group.get("ResultItem") or []]
    return (answer.get("UpdateGroupResult") or {}).get("ContactResultItem") or []


def _filed(record: Record) -> tuple[Peer, Filed]:
    """A conversation as a server tells of it. Raises `Failed` where it is none."""
    kind = PeerType.ACCOUNT if record.Type == PeerType.ACCOUNT else PeerType.CHAT_GROUP
    name = record.To_Account if kind is PeerType.ACCOUNT else record.ToGroupId
    if record.Type not in (1, 2) or name is UNSET or not name:
        raise Failed(0, f"a conversation of Type {record.Type} has no id that fits it")
    if set(record.StandardMark) - {"0", "1"} or len(record.StandardMark) > MARK_BITS:
        raise Failed(0, f"StandardMark of {name} is not of at most {MARK_BITS} binary digits")
    marks = int(record.StandardMark or "0", 2)
    custom_mark = "" if record.CustomMark is UNSET else record.CustomMark
    groups = () if record.ContactGroupId is UNSET else tuple(sorted(set(record.ContactGroupId)))
    return Peer(kind.value, name), Filed(marks, custom_mark, groups, record.Timestamp)
