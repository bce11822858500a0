"""Who may call, and how often: what is decided of a call before its body is looked at.

The order of the checks is decided: app, caller's address, identifier, ticket, administrator, call caps.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias

from chatmarks.apps import Apps, OpenApp
from chatmarks.command import is_userid, userid_problem
from chatmarks.envelope import Caller
from chatmarks.errors import Code, Fail
from chatmarks.ratelimit import RateLimit
from chatmarks.seal import Seal
from chatmarks.store import Store
from chatmarks.usersig import verify

_LET_IN_MAX = 4096
_NOT_ADMIN = {60010: Code.NOT_ADMIN, 50003: Code.ADMIN_REQUIRED}
_CALLER_CHARACTERS_MAX = 2048


class Counted(Protocol):
    """What calls are counted under: a command, or what else an app's administrators may ask for."""

    @property
    def path(self) -> str: ...

    @property
    def rate(self) -> int: ...


_From: TypeAlias = tuple[Caller, str, bool]


class _LetIn(NamedTuple):
    """Who was let in: to which app, as it was then, and the last second for which that holds."""

    app: OpenApp
    until: float


class Gateway:
    """Lets administrators of apps in. `loopback`: whether only this machine can call, without which
    the published demo key is none and every ticket is verified. `clock` gives Unix seconds, by which
    caps are counted, `clock_of` those of an app, by which its tickets expire and its data is dated."""

    def __init__(
        self,
        store: Store,
        seal: Seal,
        *,
        loopback: bool,
        clock: Callable[[], float] = time.time,
        clock_of: Callable[[int], float] | None = None,
    ) -> None:
        self._apps = Apps(store, seal, loopback=loopback)
        self._loopback = loopback
        self._clock = clock
        self._clock_of = clock_of
        self._rates = RateLimit()
        self._let_in: OrderedDict[_From, _LetIn] = OrderedDict()

    def admit_known(
        self, command: Counted, caller: Caller, source: str, *, from_page: bool
    ) -> tuple[OpenApp, int] | None:
        """The app and the second of a call from who was let in before, None from others.

        Whatever changes an app makes it another one here, and those whom it let in are forgotten.
        """
        who = (caller, source, from_page)
        found = self._let_in.get(who)
        if found is None:
            return None
        app, until = found
        now = second = int(self._clock())
        if self._clock_of is not None:
            now = int(self._clock_of(app.sdkappid))
        if now > until or self._apps.remembered(app.sdkappid) is not app:
            return None
        self._let_in.move_to_end(who)
        self._count(command, app, second)
        return app, now

    async def admit(
        self, command: Counted, caller: Caller, source: str, *, from_page: bool
    ) -> tuple[OpenApp, int]:
        """The app that a call is for, and the second in which it came. Raises `Fail`."""
        now = second = int(self._clock())
        app = await self._app(caller, source)
        if self._clock_of is not None:
            now = int(self._clock_of(app.sdkappid))
        identifier = caller.identifier or ""
        # Whoever is an administrator has the form of a UserID.
        if identifier not in app.admins and not is_userid(identifier):
            raise Fail(Code.IDENTIFIER_WRONG, f"identifier {userid_problem(identifier)}")
        until = float("inf")
        # A page of anyone's can reach loopback, so loopback alone is no credential for it.
        if app.profile.usersig == "verify" or not self._loopback or from_page:
            until = verify(
                caller.usersig or "",
                sdkappid=app.sdkappid,
                identifier=identifier,
                keys=app.keys,
                now=now,
            ).expires_at
        if identifier not in app.admins:
            raise Fail(
                _NOT_ADMIN[app.profile.not_admin],
                f"identifier {identifier} is no administrator of the app",
            )
        if sum(len(part or "") for part in caller) <= _CALLER_CHARACTERS_MAX:
            self._let_in[caller, source, from_page] = _LetIn(app, until)
            if len(self._let_in) > _LET_IN_MAX:
                self._let_in.popitem(last=False)
        self._count(command, app, second)
        return app, now

    def forget(self, sdkappid: int) -> None:
        """Look at an app anew."""
        self._apps.forget(sdkappid)

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

    def _count(self, command: Counted, app: OpenApp, second: int) -> None:
        # After the signature: a stranger must not be able to use up an app's budget.
        profile = app.profile
        cap = profile.calls_per_second and min(profile.calls_per_second, command.rate)
        if cap and not self._rates.admit((app.sdkappid, command.path), cap, second):
            raise Fail(
                Code.COMMAND_RATE, f"{command.path} was called {cap} times in this second already"
            )
        cap = profile.app_calls_per_second
        if cap and not self._rates.admit((app.sdkappid, ""), cap, second):
            raise Fail(
                Code.APP_RATE, f"sdkappid {app.sdkappid} called {cap} times in this second already"
            )
