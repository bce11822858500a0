"""Passes calls on to another server, and keeps a copy of what accounts have there.

An account that a call may change is noted in the store before the call is passed on, so that whatever
ends this process, the copy is brought up to date by the next one. After the call the account is read
at the other server, by documented calls, and kept. Only one process does this on one store: which calls
are under way is known in it alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from typing import Any

import httpx2
import msgspec
from msgspec import Struct

from chatmarks.book import Account
from chatmarks.command import Command, Kind, is_userid
from chatmarks.errors import Code, Fail
from chatmarks.remote.abreast import ACCOUNTS_AT_A_TIME
from chatmarks.remote.content import Unsound
from chatmarks.remote.failures import Failed, Stopped
from chatmarks.remote.pull import has_feed_of, keep
from chatmarks.remote.server import Server
from chatmarks.service import COMMAND_OF, Asked, Service
from chatmarks.store import STALE_COPY, Store

log = logging.getLogger("chatmarks")

CALL_SECONDS_MAX = 10.0
"""How long the other server may take; its own limit is 3 s (269/1519)."""

_BEFORE_US_SECONDS = CALL_SECONDS_MAX
_TRY_AGAIN_SECONDS = 5.0
_HTTP_OK = 200


class _Note(Struct):
    """An account whose copy may be another one. `calls`: under way; `not_before`: when it may be read,
    on the monotonic clock; `generation` rises with each call; `is_kept`: whether the store knows."""

    calls: int = 0
    not_before: float = 0.0
    generation: int = 0
    is_kept: bool = False


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
        self._locks: dict[str, asyncio.Lock] = {}
        self._changed = asyncio.Event()
        self._told: Counter[str] = Counter()

    # The road.

    def answer(self, asked: Asked) -> bytes | Awaitable[bytes]:
        return self.finish(asked)

    async def handle(self, path: str, query: bytes, body: bytes, **more: Any) -> bytes:
        return await self.finish(Asked(path, query, body, **more))

    async def finish(self, asked: Asked) -> bytes:
        if not asked.path.startswith("/v4/"):
            return await self._service.finish(asked)
        command = COMMAND_OF.get(asked.path)
        userids = _changed_by(command, asked.body) if command else []
        if userids and not await self._is_ours(asked):
            # It may be let in there all the same, with a key that is not known here.
            answer = await self._pass(asked)
            if _is_done(answer):
                self._warn(
                    "a caller that is not let in here was let in there; its account is read anew"
                )
                async with self._under_way(userids):
                    return answer
            return answer
        try:
            async with self._under_way(userids):
                return await self._pass(asked)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
            return self._service.failure(error, asked.path)

    def refuse(self, fail: Fail) -> bytes:
        return self._service.refuse(fail)

    async def ready(self) -> bool:
        return await self._service.ready()

    async def _is_ours(self, asked: Asked) -> bool:
        """Whether the caller is let in here, too. Strangers must not fill the store with notes."""
        command = COMMAND_OF[asked.path]
        try:
            app, _ = await self._service.admit(command, asked)
        except Fail:
            return False
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
            self._warn(f"{self._url} gave no answer: {type(error).__name__}")
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
                note.not_before = time.monotonic() + CALL_SECONDS_MAX
            raise
        finally:
            for note in notes:
                note.calls -= 1
                note.generation += 1
            self._changed.set()

    async def _keep_note(self, userid: str) -> None:
        note = self._notes[userid]
        async with self._locks.setdefault(userid, asyncio.Lock()):
            if not note.is_kept:
                await self._store.write_property(self._property(userid), "1")
                note.is_kept = True

    def _property(self, userid: str) -> str:
        return STALE_COPY + Account(self._sdkappid, userid).owner

    async def note(self, userids: Sequence[str]) -> None:
        """Have these accounts read and kept."""
        for userid in userids:
            self._notes.setdefault(userid, _Note())
        for begin in range(0, len(userids), 100):
            await asyncio.gather(*map(self._keep_note, userids[begin : begin + 100]))
        self._changed.set()

    @property
    def waiting(self) -> int:
        """How many accounts are still to be read."""
        return len(self._notes)

    async def keep(self) -> None:
        """Read and keep what is noted, until cancelled; first what an earlier process noted."""
        prefix = f"{STALE_COPY}{self._sdkappid}:"
        for name in await self._store.properties(prefix):
            # A call of that process may still be done over there.
            not_before = time.monotonic() + _BEFORE_US_SECONDS
            self._notes.setdefault(name.removeprefix(prefix), _Note(0, not_before, 0, is_kept=True))
        workers = [asyncio.create_task(self._work()) for _ in range(ACCOUNTS_AT_A_TIME)]
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
                    if not note.calls and note.not_before <= now
                ),
                None,
            )
            if found is None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await self._changed.wait()
                continue
            userid, note = found
            # Nobody else takes it meanwhile.
            note.not_before = float("inf")
            try:
                await self._read(userid, note)
            except Exception as error:  # noqa: BLE001 - whatever it is, it may be over soon
                note.not_before = time.monotonic() + _TRY_AGAIN_SECONDS
                self._warn(f"an account could not be copied, and is tried again: {_reason(error)}")

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
        async with self._locks.setdefault(userid, asyncio.Lock()):
            if note.generation == generation:
                await self._store.write_property(self._property(userid), None)
                note.is_kept = False
                if note.generation == generation:
                    del self._notes[userid]
                    del self._locks[userid]
                    return
        note.not_before = 0.0
        self._changed.set()

    def _warn(self, text: str) -> None:
        """Log a line, and the same one seldom again."""
        self._told[text] += 1
        if (count := self._told[text]) & (count - 1) == 0:
            log.warning("%s%s", text, f" ({count} times)" if count > 1 else "")


def _changed_by(command: Command, body: bytes) -> list[str]:
    """The accounts that a call may change."""
    if command.kind is not Kind.WRITES and command.path not in _ACCOUNTS:
        return []
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
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
    ErrorCode: int = -1


def _is_done(answer: bytes) -> bool:
    try:
        return msgspec.json.decode(answer, type=_Base).ErrorCode == 0
    except msgspec.DecodeError:
        return False


def _reason(error: Exception) -> str:
    if isinstance(error, Failed):
        return f"{error.code} {error.text}"
    if isinstance(error, Stopped | Unsound):
        return str(error)
    return type(error).__name__
