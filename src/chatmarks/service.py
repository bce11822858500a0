"""The road: a call comes in as path, query and body, and goes out as bytes.

This is the only place where an exception becomes an answer. The order of the checks is decided:
method, URL, app, caller's address, identifier, ticket, administrator, call caps, body, command.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from chatmarks.apps import Apps, OpenApp
from chatmarks.book import Account, Book, Peer, PeerType
from chatmarks.command import Call, Command, Kind, check_from_account, is_userid, userid_problem
from chatmarks.commands import COMMANDS
from chatmarks.envelope import Caller, decode_body, encode_answer, encode_failure, parse_query
from chatmarks.errors import Code, Fail
from chatmarks.limits import CALLS_RUNNING_MAX
from chatmarks.ratelimit import RateLimit
from chatmarks.seal import Seal
from chatmarks.store import Busy, Store, UnknownAccount
from chatmarks.usersig import verify

log = logging.getLogger("chatmarks")

_PREFIX = "/v4/"
_VERIFIED_MAX = 4096
_NOT_ADMIN = {60010: Code.NOT_ADMIN, 50003: Code.ADMIN_REQUIRED}


def draw_chat_group_id() -> str:
    """The random part of a generated chat-group id: 12 capitals and digits, 60 bits."""
    return "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(12))


class Observed(NamedTuple):
    """A call that was answered: its command ("" when there is none), the SDKAppID that it claimed,
    its `ErrorCode`, how long it took, and its request id."""

    command: str
    sdkappid: str | None
    code: Code
    seconds: float
    request_id: str


class Service:
    """Answers calls from a store.

    `loopback`: whether only this machine can call, without which the published demo key is none and
    every ticket is verified. `observers` are told of every call; `clock` gives Unix seconds;
    `draw_id` the random part of a new chat-group id.
    """

    def __init__(
        self,
        store: Store,
        seal: Seal,
        *,
        loopback: bool,
        clock: Callable[[], float] = time.time,
        draw_id: Callable[[], str] = draw_chat_group_id,
        observers: Sequence[Callable[[Observed], None]] = (),
    ) -> None:
        self.store = store
        self._apps = Apps(store, seal, loopback=loopback)
        self._loopback = loopback
        self._clock = clock
        self._draw_id = draw_id
        self._observers = observers
        self._rates = RateLimit()
        self._running = 0
        self._verified: OrderedDict[tuple[int, str, str], int] = OrderedDict()

    async def handle(
        self,
        path: str,
        query: bytes,
        body: bytes,
        *,
        method: str = "POST",
        source: str = "",
        from_page: bool = False,
        request_id: str = "",
    ) -> bytes:
        """The answer to one call. Never raises but on cancelling.

        `source` is the caller's address; `from_page` tells whether a page in a browser calls;
        `request_id` names the call to observers.
        """
        began = time.perf_counter()
        command: Command | None = None
        sdkappid: str | None = None
        code = Code.OK
        try:
            if method != "POST":
                raise Fail(Code.HTTP_UNPARSABLE, "HTTP parse Error")
            caller = parse_query(query)
            sdkappid = caller.sdkappid
            command = COMMANDS.get(path[len(_PREFIX) :]) if path.startswith(_PREFIX) else None
            if command is None:
                raise Fail(Code.NO_SUCH_COMMAND, f"no command at {path[:200]}")
            call = await self._admitted(command, caller, source, from_page=from_page)
            request = decode_body(command, body)
            answer = encode_answer(await self._in_bounds(command, request, call))
        except Fail as fail:
            code, answer = fail.code, self.refuse(fail)
        except UnknownAccount:
            code = Code.ACCOUNT_NOT_IMPORTED
            answer = self.refuse(Fail(code, "From_Account was never imported"))
        except Busy:
            code = command.service.timeout if command else Code.TIMEOUT
            answer = self.refuse(Fail(code, "the store is busy; try again later"))
        except Exception:
            # Whatever it is, the caller gets an answer and the operator the reason.
            log.exception("fault in %s", path)
            code = command.service.server_error if command else Code.SERVER_ERROR
            answer = self.refuse(Fail(code, "server error; the server's log has the reason"))
        seconds = time.perf_counter() - began
        for observe in self._observers:
            observe(Observed(command.path if command else "", sdkappid, code, seconds, request_id))
        return answer

    def refuse(self, fail: Fail) -> bytes:
        """The answer to a call that is refused."""
        return encode_failure(fail)

    async def ready(self) -> bool:
        """Whether the store can be used; the log has the reason when it cannot."""
        try:
            await self.store.check()
        except Exception as error:  # noqa: BLE001 - whatever it is, the store is not ready
            log.warning("the store cannot be used: %s", error or type(error).__name__)
            return False
        return True

    async def _admitted(
        self, command: Command, caller: Caller, source: str, *, from_page: bool
    ) -> Call:
        """Pass the gateway: who may call, and how often."""
        now = self._clock()
        app = await self._app(caller, source)
        identifier = caller.identifier or ""
        # Whoever is an administrator has the form of a UserID.
        if identifier not in app.admins and not is_userid(identifier):
            raise Fail(Code.IDENTIFIER_WRONG, f"identifier {userid_problem(identifier)}")
        # A page of anyone's can reach loopback, so loopback alone is no credential for it.
        if app.profile.usersig == "verify" or not self._loopback or from_page:
            self._verify(app, identifier, caller.usersig or "", now)
        if identifier not in app.admins:
            raise Fail(
                _NOT_ADMIN[app.profile.not_admin],
                f"identifier {identifier} is no administrator of the app",
            )
        second = int(now)
        self._count(command, app, second)
        return Call(app.sdkappid, second, app.profile, self._draw_id)

    async def _app(self, caller: Caller, source: str) -> OpenApp:
        text = caller.sdkappid
        if not text:
            raise Fail(Code.SDKAPPID_MISSING, "sdkappid is missing from the URL")
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(2**63))):
            raise Fail(Code.SDKAPPID_WRONG, "sdkappid is not a number")
        app = await self._apps.get(int(text)) if int(text) < 2**63 else None
        if app is None:
            raise Fail(Code.SDKAPPID_WRONG, f"sdkappid {int(text)}: no such app")
        if not app.enabled:
            raise Fail(Code.APP_DISABLED, f"sdkappid {app.sdkappid} is disabled")
        if not app.lets_in(source):
            raise Fail(Code.SOURCE_REFUSED, f"{source} is not on the app's list of addresses")
        return app

    def _verify(self, app: OpenApp, identifier: str, usersig: str, now: float) -> None:
        # The revision stands for the app's keys: whatever changes them makes this forgotten.
        key = (app.revision, identifier, usersig)
        if int(now) <= self._verified.get(key, -1):
            self._verified.move_to_end(key)
            return
        ticket = verify(usersig, sdkappid=app.sdkappid, identifier=identifier, keys=app.keys, now=now)
        self._verified[key] = ticket.expires_at
        if len(self._verified) > _VERIFIED_MAX:
            self._verified.popitem(last=False)

    def _count(self, command: Command, app: OpenApp, second: int) -> None:
        # After the signature: a stranger must not be able to use up an app's budget.
        cap = min(app.profile.calls_per_second, command.rate)
        if not self._rates.admit((app.sdkappid, command.path), cap, second):
            raise Fail(
                Code.COMMAND_RATE, f"{command.path} was called {cap} times in this second already"
            )
        cap = app.profile.app_calls_per_second
        if not self._rates.admit((app.sdkappid, ""), cap, second):
            raise Fail(
                Code.APP_RATE, f"sdkappid {app.sdkappid} called {cap} times in this second already"
            )

    async def _in_bounds(self, command: Command, request: Any, call: Call) -> Struct | None:
        """Run a call unless too many are under way: it would be late, and make those late too."""
        if self._running >= CALLS_RUNNING_MAX:
            raise Busy
        self._running += 1
        try:
            return await self._run(command, request, call)
        finally:
            self._running -= 1

    async def _run(self, command: Command, request: Any, call: Call) -> Struct | None:
        if command.kind is Kind.MANAGES:
            command.check(request, call.profile)
            managed: Struct | None = await command.run(request, call, self.store)
            return managed
        check_from_account(request)
        command.check(request, call.profile)
        account = Account(call.sdkappid, request.From_Account)
        if call.profile.unknown_account == "lenient":
            try:
                return await self._on_book(command, request, call, account)
            except UnknownAccount:
                await self.store.create_account(account)
        return await self._on_book(command, request, call, account)

    async def _on_book(self, command: Command, request: Any, call: Call, account: Account) -> Struct:
        if command.kind is Kind.READS:
            kept = await self.store.read(account)
            found: Struct = command.run(request, kept.book, call)
            return found
        call = await self._knowing(command, request, call)

        def change(book: Book) -> tuple[Book, Struct]:
            changed: tuple[Book, Struct] = command.run(request, book, call)
            return changed

        return await self.store.update(account, change)

    async def _knowing(self, command: Command, request: Any, call: Call) -> Call:
        """`call` with those of the peers that `request` brings data to which do not exist.

        Looked up after arrival and before the update; one that goes away in between is accepted.
        """
        profile, store = call.profile, self.store
        peers = frozenset(command.brings(request))
        known: set[Peer] = set()
        for kind, asked, look_up in (
            (PeerType.ACCOUNT, profile.check_to_account, store.known_accounts),
            (PeerType.CHAT_GROUP, profile.unknown_chat_group == "strict", store.known_chat_groups),
        ):
            ids = {peer.id for peer in peers if peer.type == kind}
            found = await look_up(call.sdkappid, ids) if asked and ids else ids
            known.update(Peer(kind, identity) for identity in found)
        return replace(call, missing=peers - known)
