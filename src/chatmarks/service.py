"""The road: a call comes in as path, query and body, and goes out as bytes.

This is the only place where an exception becomes an answer. The order of the checks is decided:
method, URL, what `gateway` asks, body, command.
"""

from __future__ import annotations

import logging
import secrets
import time
import types
from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Generator,
    Mapping,
    Sequence,
)
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from chatmarks.apps import OpenApp
from chatmarks.book import EMPTY_BOOK, Account, Book, Peer, PeerType
from chatmarks.command import (
    RECENTCONTACT,
    Call,
    Command,
    Kind,
    Outcome,
    WireService,
    check_from_account,
    url_path,
)
from chatmarks.commands import COMMANDS
from chatmarks.envelope import decode_body, encode_answer, encode_failure, parse_query
from chatmarks.errors import Code, Fail
from chatmarks.gateway import Counted, Gateway
from chatmarks.limits import CALLS_RUNNING_MAX
from chatmarks.seal import Seal
from chatmarks.store import Busy, Kept, Returned, Store, UnknownAccount

log = logging.getLogger("chatmarks")

COMMAND_OF = {url_path(path): command for path, command in COMMANDS.items()}
"""The commands by the paths of their URLs."""


def draw_chat_group_id() -> str:
    """The random part of a generated chat-group id: 12 capitals and digits, 60 bits."""
    return "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(12))


class Asked(Struct, frozen=True, gc=False):
    """A call as HTTP brought it. `source` is the caller's address; `from_page` tells whether a page in
    a browser calls; `request_id` names the call to observers; `failing` as in `Call`."""

    path: str
    query: bytes
    body: bytes
    method: str = "POST"
    source: str = ""
    from_page: bool = False
    request_id: str = ""
    failing: Mapping[int, Outcome] = types.MappingProxyType({})


class Observed(Struct, frozen=True, gc=False):
    """A call that was answered: its command ("" when there is none), the SDKAppID that it claimed,
    its `ErrorCode`, how long it took, and its request id."""

    command: str
    sdkappid: str | None
    code: Code
    seconds: float
    request_id: str


class Dropped(Exception):
    """A call has no answer: its connection must end without one. No service raises it by itself."""


class Road(Protocol):
    """What answers calls: a `Service`, or what stands before it. May raise `Dropped` where it is
    awaited."""

    def answer(self, asked: Asked) -> bytes | Awaitable[bytes]:
        """The answer to a call where nothing has to be waited for, else what waits for it in a task."""

    def finish(self, asked: Asked) -> Awaitable[bytes]:
        """The same, whatever has to be waited for."""

    def handle(self, path: str, query: bytes, body: bytes, **more: Any) -> Awaitable[bytes]:
        """The answer to one call; `more` are the other fields of `Asked`."""

    def refuse(self, fail: Fail) -> bytes:
        """The answer to a call that is refused."""

    async def problem(self) -> str | None:
        """Why calls cannot be answered, None when they can."""


class _MayWait:
    """Awaited before anything that may have to wait, so that `Service.answer` stops there."""

    def __await__(self) -> Generator[None, None, None]:
        yield


_MAY_WAIT = _MayWait()


@types.coroutine
def _rest(road: Coroutine[Any, Any, bytes]) -> Generator[Any, Any, bytes]:
    """What is left of a coroutine that has begun, which `await` alone would not take."""
    answer: bytes = yield from road
    return answer


class Service:
    """Answers calls from a store.

    `loopback`: whether only this machine can call, without which the published demo key is none and
    every ticket is verified. `observers` are told of every call; `clock` gives Unix seconds, and
    `clock_of` those of an app, where apps have clocks of their own; `draw_id` the random part of a new
    chat-group id.
    """

    def __init__(
        self,
        store: Store,
        seal: Seal,
        *,
        loopback: bool,
        clock: Callable[[], float] = time.time,
        clock_of: Callable[[int], float] | None = None,
        draw_id: Callable[[], str] = draw_chat_group_id,
        observers: Sequence[Callable[[Observed], None]] = (),
    ) -> None:
        self.store = store
        self._gateway = Gateway(store, seal, loopback=loopback, clock=clock, clock_of=clock_of)
        self._draw_id = draw_id
        self._observers = observers
        self._running = 0
        self._is_ending = False

    def answer(self, asked: Asked) -> bytes | Awaitable[bytes]:
        """The answer to a call where nothing has to be waited for, else what waits for it in a task."""
        road = self._answered(asked)
        try:
            road.send(None)
        except StopIteration as end:
            at_once: bytes = end.value
            return at_once
        return _rest(road)

    async def handle(self, path: str, query: bytes, body: bytes, **more: Any) -> bytes:
        """The answer to one call; `more` are the other fields of `Asked`. Never raises but on
        cancelling."""
        return await self.finish(Asked(path, query, body, **more))

    async def finish(self, asked: Asked) -> bytes:
        """The answer to one call, waited for where that must be."""
        answer = self.answer(asked)
        return answer if isinstance(answer, bytes) else await answer

    async def _answered(self, asked: Asked) -> bytes:
        began = time.perf_counter()
        command: Command | None = None
        sdkappid: str | None = None
        code = Code.OK
        try:
            if asked.method != "POST":
                raise Fail(Code.HTTP_UNPARSABLE, "HTTP parse Error")
            caller = parse_query(asked.query)
            sdkappid = caller.sdkappid
            command = COMMAND_OF.get(asked.path)
            if command is None:
                raise Fail(Code.NO_SUCH_COMMAND, f"no command at {asked.path[:200]}")
            source, from_page = asked.source, asked.from_page
            let_in = self._gateway.admit_known(command, caller, source, from_page=from_page)
            if let_in is None:
                await _MAY_WAIT
                let_in = await self._gateway.admit(command, caller, source, from_page=from_page)
            app, second = let_in
            call = Call(
                app.sdkappid,
                second,
                app.profile,
                self._draw_id,
                failing=asked.failing,
                caller=caller.identifier or "",
                told_at=second if app.feed else None,
            )
            answer = encode_answer(await self._run(command, decode_body(command, asked.body), call))
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
            fail = _failure(error, asked.path, command.service if command else RECENTCONTACT)
            code, answer = fail.code, self.refuse(fail)
        seconds = time.perf_counter() - began
        seen = Observed(command.path if command else "", sdkappid, code, seconds, asked.request_id)
        for observe in self._observers:
            try:
                observe(seen)
            except Exception:
                # What was done is answered, also where the log can no longer be written.
                log.exception("a call of %s could not be observed", seen.command)
        return answer

    def refuse(self, fail: Fail) -> bytes:
        """The answer to a call that is refused."""
        return encode_failure(fail)

    def failure(self, error: BaseException, path: str) -> bytes:
        """The answer to what is no command and failed so."""
        return self.refuse(_failure(error, path, RECENTCONTACT))

    async def admit(self, counted: Counted, asked: Asked) -> tuple[OpenApp, int]:
        """Who may call commands may ask for this, too: the app and the second. Raises `Fail`."""
        caller = parse_query(asked.query)
        return await self._gateway.admit(counted, caller, asked.source, from_page=asked.from_page)

    def forget(self, sdkappid: int) -> None:
        """Look at an app anew, since this process made, changed or deleted it."""
        self._gateway.forget(sdkappid)

    def end(self) -> None:
        """Be not ready from now on; calls are answered all the same."""
        self._is_ending = True

    async def problem(self) -> str | None:
        """Why calls cannot be answered, None when they can; the log has what is wrong with a store."""
        if self._is_ending:
            return "the server is ending"
        try:
            await self.store.check()
        except Exception as error:  # noqa: BLE001 - whatever it is, the store is not ready
            log.warning("the store cannot be used: %s", error or type(error).__name__)
            return "the store cannot be used"
        return None

    async def _run(self, command: Command, request: Any, call: Call) -> Struct | None:
        if command.kind is Kind.MANAGES:
            command.check(request, call.profile)
            return await self._in_bounds(command.run(request, call, self.store))
        check_from_account(request)
        command.check(request, call.profile)
        account = Account(call.sdkappid, request.From_Account)
        if command.kind is Kind.READS and (kept := self._at_once(account)):
            found: Struct = command.run(request, kept.book, call)
            return found
        return await self._in_bounds(self._with_account(command, request, call, account))

    def _at_once(self, account: Account) -> Kept | None:
        try:
            return self.store.read_at_once(account)
        except UnknownAccount:
            return None

    async def _in_bounds(self, work: Coroutine[Any, Any, Returned]) -> Returned:
        """Do what may have to wait, unless too many do: it would be late, and make those late too."""
        if self._running >= CALLS_RUNNING_MAX:
            work.close()
            raise Busy
        self._running += 1
        try:
            await _MAY_WAIT
            return await work
        finally:
            self._running -= 1

    async def _with_account(
        self, command: Command, request: Any, call: Call, account: Account
    ) -> Struct | None:
        if call.profile.unknown_account == "lenient":
            try:
                return await self._on_book(command, request, call, account)
            except UnknownAccount:
                await self.store.create_account(account, told_at=call.told_at)
        return await self._on_book(command, request, call, account)

    async def _on_book(
        self, command: Command, request: Any, call: Call, account: Account
    ) -> Struct | None:
        if command.kind is Kind.LISTS:
            answer: Struct | None = await command.run(request, call, self.store)
            return answer
        if command.kind is Kind.READS:
            try:
                kept = await self.store.read(account)
            except UnknownAccount:
                # What is wrong with the request itself is told before that.
                command.run(request, EMPTY_BOOK, call)
                raise
            found: Struct = command.run(request, kept.book, call)
            return found
        call = await self._knowing(command, request, call)

        def change(book: Book) -> tuple[Book, Struct]:
            changed: tuple[Book, Struct] = command.run(request, book, call)
            return changed

        return await self.store.update(account, change, told_at=call.told_at)

    async def _knowing(self, command: Command, request: Any, call: Call) -> Call:
        """`call` with those of the peers that `request` brings data to which do not exist.

        Looked up after arrival and before the update; one that goes away in between is accepted.
        """
        profile, store = call.profile, self.store
        look_ups: dict[int, Callable[[int, Collection[str]], Awaitable[set[str]]]] = {}
        if profile.check_to_account:
            look_ups[PeerType.ACCOUNT] = store.known_accounts
        if profile.unknown_chat_group == "strict":
            look_ups[PeerType.CHAT_GROUP] = store.known_chat_groups
        peers = {peer for peer in command.brings(request) if peer.type in look_ups}
        missing: set[Peer] = set()
        for kind, look_up in look_ups.items():
            asked = [peer for peer in peers if peer.type == kind]
            if asked:
                known = await look_up(call.sdkappid, {peer.id for peer in asked})
                missing.update(peer for peer in asked if peer.id not in known)
        return replace(call, missing=frozenset(missing)) if missing else call


def _failure(error: BaseException, path: str, service: WireService) -> Fail:
    """What a caller of `service` is told of `error`; the log has the reason of a fault."""
    match error:
        case Fail():
            return error
        case UnknownAccount():
            return Fail(Code.ACCOUNT_NOT_IMPORTED, "From_Account was never imported")
        case Busy():
            return Fail(service.timeout, "the store is busy; try again later")
    log.error("fault in %s", path, exc_info=error)
    return Fail(service.server_error, "server error; the server's log has the reason")
