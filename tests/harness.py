"""A service as a client sees it, without sockets: calls go in as wire JSON, answers come out parsed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

import msgspec

from chatmarks import usersig
from chatmarks.command import url_path
from chatmarks.seal import Seal
from chatmarks.service import Service
from chatmarks.store import App, Store

SDKAPPID = 1400000000
ADMIN = "administrator"
# The demo key that the public generators print in their READMEs.
KEY = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e"
OWN_KEY = "a key that only one app has"
NOW = 1_700_000_000

AWKWARD = {
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈",
    "quotes": "'\"`''\"\"",
    "backslashes": "\\ \\n \\u0041 \\\\",
    "controls": "".join(map(chr, range(1, 32))) + "\x7f\x85",
    "line separators": "a\u2028b\u2029c\r\n",
    "wildcards": "%_*?[a-z]",
    "colons": ":a::b:",
    "SQL": "'; DROP TABLE account; --",
    "JSON": '{"a":[null]}',
    "byte order mark": "\ufeffx\ufffe\uffff",
    "right to left": "\u202eabc\u05d0",
    "spaces": "  a  ",
    "number": "007",
    "beyond 16 bits": "\U0010ffff\U0001d4b3",
    "long": "é" * 5000,
}

Answer = dict[str, Any]


class Clock:
    """A clock that stands still until it is moved. Unix seconds."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def numbered_ids() -> Callable[[], str]:
    """Chat-group ids that are the same in every run: GROUP1, GROUP2, …"""
    numbers = iter(range(1, 10**9))
    return lambda: f"GROUP{next(numbers)}"


class Caller:
    """An administrator of one app who calls a service."""

    def __init__(
        self,
        service: Service,
        clock: Callable[[], float],
        *,
        sdkappid: int = SDKAPPID,
        identifier: str = ADMIN,
        key: str = KEY,
    ) -> None:
        self.service = service
        self.clock = clock
        self.sdkappid = sdkappid
        self.identifier = identifier
        self.key = key

    def ticket(self, *, expire: int = 86400) -> str:
        return usersig.sign(
            self.sdkappid, self.identifier, self.key, now=int(self.clock()), expire=expire
        )

    def query(self, **changes: str | int | None) -> bytes:
        """The query of a signed URL; a change of None leaves the parameter out."""
        values: dict[str, str | int | None] = {
            "sdkappid": self.sdkappid,
            "identifier": self.identifier,
            "usersig": self.ticket(),
            "random": 99999999,
            "contenttype": "json",
        }
        values |= changes
        pairs = (f"{name}={quote(str(value))}" for name, value in values.items() if value is not None)
        return "&".join(pairs).encode()

    async def raw(
        self,
        command: str,
        body: object,
        *,
        method: str = "POST",
        source: str = "127.0.0.1",
        **changes: str | int | None,
    ) -> bytes:
        """The bytes of the answer. A `body` of bytes is sent as it is, anything else as JSON."""
        sent = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return await self.service.handle(
            url_path(command), self.query(**changes), sent, method=method, source=source
        )

    async def call(self, command: str, body: object, **changes: Any) -> Answer:
        """The answer, parsed."""
        answer: Answer = msgspec.json.decode(await self.raw(command, body, **changes))
        return answer

    async def ok(self, command: str, body: object) -> Answer:
        """The answer of a call that must succeed."""
        answer = await self.call(command, body)
        assert answer["ErrorCode"] == 0, answer
        return answer

    async def code(self, command: str, body: object, **changes: Any) -> int:
        """The `ErrorCode` of a call; a refused call must hold the base fields and nothing else."""
        answer = await self.call(command, body, **changes)
        if answer["ErrorCode"]:
            assert list(answer) == ["ActionStatus", "ErrorCode", "ErrorInfo", "ErrorDisplay"], answer
            assert answer["ActionStatus"] == "FAIL"
            assert answer["ErrorInfo"]
        code: int = answer["ErrorCode"]
        return code

    async def accounts(self, *userids: str) -> None:
        for userid in userids:
            await self.ok("im_open_login_svc/account_import", {"UserID": userid})

    async def chat_groups(self, *group_ids: str) -> None:
        for group_id in group_ids:
            body = {"Type": "Public", "Name": "a chat group", "GroupId": group_id}
            await self.ok("group_open_http_svc/create_group", body)


async def make_app(
    store: Store,
    sdkappid: int = SDKAPPID,
    *,
    keys: Iterable[str] = (KEY,),
    admins: tuple[str, ...] = (ADMIN,),
    profile: str = "default",
    sources: tuple[str, ...] = (),
    enabled: bool = True,
    **overrides: str | int,
) -> App:
    """Make or replace an app; `overrides` are fields of its profile."""
    sealed = tuple(Seal().seal(sdkappid, key) for key in keys)
    app = App(sdkappid, sealed, admins, profile, overrides, sources, enabled)
    return await store.change_app(sdkappid, lambda _: app)


async def make_caller(store: Store, clock: Clock | None = None, **settings: Any) -> Caller:
    """A caller of a service on `store` with one app; `settings` as in `make_app`."""
    clock = clock or Clock()
    await make_app(store, **settings)
    service = Service(store, Seal(), loopback=True, clock=clock, draw_id=numbered_ids())
    return Caller(service, clock, key=(*settings.get("keys", (KEY,)),)[0])


def account(userid: str) -> dict[str, Any]:
    """A conversation with an account, as wire JSON."""
    return {"Type": 1, "To_Account": userid}


def chat_group(group_id: str) -> dict[str, Any]:
    """A conversation with a chat group, as wire JSON."""
    return {"Type": 2, "ToGroupId": group_id}
