"""Passes calls on to another server, and keeps a copy of what accounts have there.

An account that a call may change is noted in the store before the call is passed on, so that whatever
ends this process, the copy is brought up to date by the next one. After the call the account is read
at the other server, by documented calls, and kept. Only one process does this on one store: which calls
are under way is known in it alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from typing import Any

import httpx2
import msgspec
from msgspec import Struct, field

from chatmarks.book import Account
from chatmarks.client.errors import MAYBE_DONE
from chatmarks.command import Command, Kind, is_userid
from chatmarks.errors import Code, Fail
from chatmarks.limits import ACCOUNTS_PER_CALL_MAX
from chatmarks.remote.abreast import READ_AT_A_TIME
from chatmarks.remote.content import Unsound
from chatmarks.remote.failures import Failed, Stopped
from chatmarks.remote.pull import has_feed_of, keep
from chatmarks.remote.server import Server
from chatmarks.service import COMMAND_OF, Asked, Service
from chatmarks.store import STALE_COPY, Store

log = logging.getLogger("chatmarks")

CALL_SECONDS_MAX = 10.0
"""How long the other server may take; its own limit is 3 s (269/1519)."""

_TRY_AGAIN_SECONDS = 5.0
_HTTP_OK = 200
_PATH = re.compile(r"/v4/[A-Za-z0-9_/]*")


class _Note(Struct):
    """An account whose copy may be another one. `calls`: under way; `not_before`: when it may be read,
    on the monotonic clock; `generation` rises with each call; `is_kept`: whether the store knows."""

    calls: int = 0
    not_before: float = 0.0
    generation: int = 0
    is_kept: bool = False
    is_being_read: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def hold(self, seconds: float) -> None:
        """Let it be read only so much later, or later still."""
        self.not_before = max(self.not_before, time.monotonic() + seconds)


class Passing:
    """A road that leads to another server, but for what only this one answers.

    `sdkappid`: the app whose copy is kept; `server`: the same at the other one, for reading; `http`:
    what calls are passed on with, to `url`.
    """

    def __init__(
        self, service: Service, sdkappid: int, server: Server, http: httpx2.AsyncClient, url: str
    ) -> None:
        self._service = service
        self._store: Store = service.store
        self._sdkappid = sdkappid
        self._server = server
        self._http = http
        self._url = url
        self._notes: dict[str, _Note] = {}
        self._changed = asyncio.Event()
        self._told: Counter[str] = Counter()

    # The road.

    def answer(self, asked: Asked) -> bytes | Awaitable[bytes]:
        return self.finish(asked)

    async def handle(self, path: str, query: bytes, body: bytes, **more: Any) -> bytes:
        return await self.finish(Asked(path, query, body, **more))

    async def finish(self, asked: Asked) -> bytes:
        # What no command has in its path would be another one over there than here.
        if not _PATH.fullmatch(asked.path):
            return await self._service.finish(asked)
        try:
            return await self._finish(asked)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
            return self._service.failure(error, asked.path)

    async def _finish(self, asked: Asked) -> bytes:
        command = COMMAND_OF.get(asked.path)
        userids = _changed_by(command, asked.body) if command else []
        if command is None or not userids:
            return await self._pass(asked)
        if len(userids) <= ACCOUNTS_PER_CALL_MAX and await self._is_ours(command, asked):
            async with self._under_way(userids):
                answer = await self._pass(asked)
                self._hold_where_unsure(userids, answer)
                return answer
        # Refused over there, most likely: strangers must not fill the store with notes. They may be let
        # in all the same, with a key that is not known here.
        try:
            answer = await self._pass(asked)
        except Fail:
            known = await self._store.known_accounts(self._sdkappid, userids[:ACCOUNTS_PER_CALL_MAX])
            await self._note_later(sorted(known))
            raise
        if _code_of(answer) in _MAYBE:
            self._warn("a caller that is not let in here was let in there; its account is read anew")
            await self._note_later(userids)
        return answer

    async def _note_later(self, userids: Sequence[str]) -> None:
        async with self._under_way(userids):
            for userid in userids:
                self._notes[userid].hold(CALL_SECONDS_MAX)

    def _hold_where_unsure(self, userids: Sequence[str], answer: bytes) -> None:
        """What may still be done over there must not be read too early."""
        code = _code_of(answer)
        if code is None or code in MAYBE_DONE:
            for userid in userids:
                self._notes[userid].hold(CALL_SECONDS_MAX)

    def refuse(self, fail: Fail) -> bytes:
        return self._service.refuse(fail)

    async def problem(self) -> str | None:
        return await self._service.problem()

    async def _is_ours(self, command: Command, asked: Asked) -> bool:
        """Whether the caller is let in here, too, or would be a second later."""
        try:
            app, _ = await self._service.admit(command, asked)
        except Fail as fail:
            return fail.code in (Code.COMMAND_RATE, Code.APP_RATE)
        return app.sdkappid == self._sdkappid

    async def _pass(self, asked: Asked) -> bytes:
        """The answer of the other server. Raises `Fail` where there is none."""
        # As a request target, so that no URL that is logged or shown has the ticket in it.
        target = asked.path.encode() + b"?" + asked.query
        try:
            async with asyncio.timeout(CALL_SECONDS_MAX):
                response = await self._http.request(
                    asked.method,
                    self._url,
                    content=asked.body,
                    headers={"Content-Type": "application/json"},
                    extensions={"target": target},
                )
        except (httpx2.HTTPError, TimeoutError) as error:
            self._warn(f"{self._url} gave no answer", type(error).__name__)
            raise Fail(
                Code.TIMEOUT, "the server that calls are passed on to gave no answer; try again later"
            ) from None
        if response.status_code != _HTTP_OK:
            raise Fail(
                Code.TIMEOUT,
                f"the server that calls are passed on to answered HTTP {response.status_code}",
            )
        return response.content

    # Notes, and what they lead to.

    @contextlib.asynccontextmanager
    async def _under_way(self, userids: Sequence[str]) -> AsyncIterator[None]:
        """A call that may change accounts is under way as long as the block takes. They are noted in
        the store before it begins."""
        notes = [self._notes.setdefault(userid, _Note()) for userid in userids]
        for note in notes:
            note.calls += 1
            note.generation += 1
        try:
            await asyncio.gather(*(self._keep_note(userid) for userid in userids))
            yield
        except BaseException:
            # Whatever it was, it may still be done over there.
            for note in notes:
                note.hold(CALL_SECONDS_MAX)
            raise
        finally:
            for note in notes:
                note.calls -= 1
                note.generation += 1
            self._changed.set()

    async def _keep_note(self, userid: str) -> None:
        note = self._notes[userid]
        async with note.lock:
            if not note.is_kept:
                await self._store.write_property(self._property(userid), "1")
                note.is_kept = True

    def _property(self, userid: str) -> str:
        return STALE_COPY + Account(self._sdkappid, userid).owner

    async def begin(self) -> None:
        """Take over what an earlier process noted, before anything else is noted."""
        prefix = f"{STALE_COPY}{self._sdkappid}:"
        for name in await self._store.properties(prefix):
            note = self._notes[name.removeprefix(prefix)] = _Note(is_kept=True)
            # A call of that process may still be done over there.
            note.hold(CALL_SECONDS_MAX)

    async def note(self, userids: Sequence[str]) -> None:
        """Have these accounts read and kept."""
        for userid in userids:
            self._notes.setdefault(userid, _Note())
        for begin in range(0, len(userids), 100):
            await asyncio.gather(*map(self._keep_note, userids[begin : begin + 100]))
        self._changed.set()

    async def keep(self) -> None:
        """Read and keep what is noted, until cancelled."""
        workers = [asyncio.create_task(self._work()) for _ in range(READ_AT_A_TIME)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            self._changed.clear()
            now = time.monotonic()
            found = next(
                (
                    (userid, note)
                    for userid, note in self._notes.items()
                    if not (note.calls or note.is_being_read) and note.not_before <= now
                ),
                None,
            )
            if found is None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await self._changed.wait()
                continue
            userid, note = found
            note.is_being_read = True
            try:
                await self._read(userid, note)
            except Exception as error:  # noqa: BLE001 - whatever it is, it may be over soon
                note.hold(_TRY_AGAIN_SECONDS)
                self._warn("an account could not be copied, and is tried again", _reason(error))
            finally:
                note.is_being_read = False

    async def _read(self, userid: str, note: _Note) -> None:
        generation = note.generation
        account = Account(self._sdkappid, userid)
        has_feed = await has_feed_of(self._store, self._sdkappid)
        try:
            content = await self._server.read(userid)
        except Failed as error:
            if not error.is_unknown:
                raise
            told_at = int(time.time()) if has_feed else None
            await self._store.delete_account(account, told_at=told_at)
        else:
            await keep(self._store, account, content, has_feed=has_feed)
        async with note.lock:
            if note.generation == generation:
                await self._store.write_property(self._property(userid), None)
                note.is_kept = False
                if note.generation == generation:
                    del self._notes[userid]

    def _warn(self, text: str, detail: str = "") -> None:
        """Log a line, and the same one seldom again."""
        self._told[text] += 1
        if (count := self._told[text]) & (count - 1) == 0:
            times = f" ({count} times)" if count > 1 else ""
            log.warning("%s%s%s", text, f": {detail}" if detail else "", times)


def _changed_by(command: Command, body: bytes) -> list[str]:
    """The accounts that a call may change."""
    if command.kind is not Kind.WRITES and command.path not in _ACCOUNTS:
        return []
    try:
        # The standard library reads what others refuse: halves of surrogate pairs, and numbers of any
        # size.
        fields = json.loads(body)
    except (ValueError, RecursionError):
        # What is no JSON changes nothing.
        return []
    if not isinstance(fields, dict):
        return []
    found = _texts(fields.get(name) for name in ("From_Account", "UserID", "Identifier"))
    for name in ("Accounts", "AccountList", "DeleteItem"):
        items = fields.get(name)
        for item in items if isinstance(items, list) else []:
            found += _texts([item.get("UserID") if isinstance(item, dict) else item])
    return [userid for userid in dict.fromkeys(found) if is_userid(userid)]


def _texts(values: Iterable[object]) -> list[str]:
    return [value for value in values if isinstance(value, str)]


_ACCOUNTS = frozenset(
    f"im_open_login_svc/{name}" for name in ("account_import", "multiaccount_import", "account_delete")
)


class _Base(Struct, frozen=True):
    ErrorCode: int


_MAYBE = {None, 0, *MAYBE_DONE}


def _code_of(answer: bytes) -> int | None:
    try:
        return msgspec.json.decode(answer, type=_Base).ErrorCode
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _reason(error: Exception) -> str:
    if isinstance(error, Failed):
        return f"{error.code} {error.text}"
    if isinstance(error, Stopped | Unsound):
        return str(error)
    return type(error).__name__
