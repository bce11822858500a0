"""One call on its way: which host, which ticket, and whether it goes out once more.

Nothing here does I/O; `Client` and `AsyncClient` ask a `Way` what to send and tell it what came.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Generator, Mapping, Sequence
from random import SystemRandom
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import httpx2
import msgspec
from msgspec import UNSET, Struct
from tenacity import RetryCallState, wait_random_exponential

from chatmarks.client.answers import read_answer, wrong_status
from chatmarks.client.errors import EXPIRED, ChatError, NoAnswer
from chatmarks.client.hosts import Hosts
from chatmarks.client.tickets import Tickets
from chatmarks.command import url_path

A = TypeVar("A")

ANSWER_BYTES_MAX = 1 << 24
"""Bytes of an answer, at most. The longest documented one has 1 MiB."""

CONNECT_SECONDS_MAX = 5.0
_LEAST_SECONDS = 0.001

_PAUSE_SECONDS, _PAUSE_SECONDS_MAX = 0.1, 5.0
_random = SystemRandom()

pause = wait_random_exponential(multiplier=_PAUSE_SECONDS, max=_PAUSE_SECONDS_MAX)
"""Seconds before a repeat: drawn at random below a bound that doubles from 0.1 to 5 s."""

HEADERS = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
"""Of every call. An answer is read as it comes, so that none unpacks to more than its bound."""


class Ask(Struct, Generic[A], frozen=True):
    """A call to make. `repeats`: whether a repeat does no harm; `until`: when it has to be over, on the
    monotonic clock; `first`: how often it was made before, for the pause that comes first."""

    command: str
    body: bytes
    answer: type[A]
    repeats: bool
    until: float
    first: int = 0


Flow = Generator[Ask[Any], Any, A]
"""Calls one after another with one result. It gets each answer, or its failure thrown into it."""


class Patience(Struct, frozen=True, kw_only=True):
    """`timeout_seconds` is for one attempt (the service itself takes 3 s at most, 269/1519),
    `deadline_seconds` for a call with all its repeats, `attempts` how often it is sent at most; one
    more with a fresh ticket does not count. Raises `ValueError`."""

    timeout_seconds: float = 10.0
    deadline_seconds: float = 30.0
    attempts: int = 4

    def __post_init__(self) -> None:
        for name in ("timeout_seconds", "deadline_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; what is above 0 is allowed")
        if self.attempts < 1:
            raise ValueError(f"attempts is {self.attempts}; 1 and more are allowed")


class Settings(Struct, frozen=True):
    """Who calls, and how long it tries."""

    sdkappid: int
    identifier: str
    patience: Patience

    def __post_init__(self) -> None:
        if not isinstance(self.sdkappid, int) or self.sdkappid < 1:
            raise ValueError(f"sdkappid is {self.sdkappid!r}; a number above 0 is required")

    def until(self) -> float:
        """When a call that begins now has to be over, on the monotonic clock."""
        return time.monotonic() + self.patience.deadline_seconds


def body_of(fields: Mapping[str, object]) -> bytes:
    """The fields that were given, as JSON."""
    given = {name: value for name, value in fields.items() if value is not UNSET}
    return msgspec.json.encode(given, enc_hook=as_json_has_it)


def as_json_has_it(value: object) -> object:
    """A mapping or sequence of whatever type as an object or array. Raises `TypeError` for others."""
    match value:
        case Mapping():
            return dict(value)
        case Sequence():
            return list(value)
    raise TypeError(f"a {type(value).__name__} cannot be sent as JSON")


class Way(Generic[A]):
    """The attempts of one call."""

    def __init__(self, ask: Ask[A], settings: Settings, hosts: Hosts, tickets: Tickets) -> None:
        self.ask = ask
        self._settings = settings
        self._hosts = hosts
        self._tickets = tickets
        self._urls = hosts.in_order()
        self._untried = len(self._urls) - 1
        self._ticket = ""
        self._attempts = 0
        self._renewed = False
        self._at_once = False

    @property
    def url(self) -> str:
        """The URL without its query, as a log may show it."""
        return f"{self._urls[0]}{url_path(self.ask.command)}"

    def target(self, ticket: str) -> bytes:
        """Path and query with `ticket`: what the request line gets instead of the path of `url`."""
        self._ticket = ticket
        # The characters of a ticket stay as they are, as in the URLs of the vendor's own clients.
        query = {
            "sdkappid": self._settings.sdkappid,
            "identifier": self._settings.identifier,
            "usersig": ticket,
            "random": secrets.randbelow(2**32),
            "contenttype": "json",
        }
        return (
            httpx2.URL(self.url).raw_path + b"?" + urlencode(query, safe="*", quote_via=quote).encode()
        )

    def timeout(self) -> httpx2.Timeout:
        """For the next attempt. Raises `NoAnswer` when the time is over."""
        left = self.ask.until - time.monotonic()
        if left < _LEAST_SECONDS:
            raise NoAnswer(
                self.ask.command,
                "the deadline passed before the call was sent",
                maybe_done=False,
                is_passing=False,
            )
        seconds = min(self._settings.patience.timeout_seconds, left)
        return httpx2.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS_MAX))

    def take(self, so_far: bytearray, chunk: bytes) -> None:
        """Add a part of an answer. Raises `NoAnswer` when it is too long or too late."""
        so_far += chunk
        if len(so_far) > ANSWER_BYTES_MAX:
            reason = f"the answer has more than {ANSWER_BYTES_MAX} bytes"
            raise NoAnswer(self.ask.command, reason, is_passing=False)
        if time.monotonic() > self.ask.until:
            raise NoAnswer(self.ask.command, "the deadline passed before the answer was whole")

    def answer(self, response: httpx2.Response, body: bytes) -> A:
        """The typed answer. Raises `ChatError` and `NoAnswer`."""
        if wrong := wrong_status(self.ask.command, response.status_code):
            raise wrong
        request_id = response.headers.get("X-Request-Id")
        try:
            return read_answer(self.ask.command, self.ask.answer, body, request_id)
        except ChatError as error:
            if not self._ticket or self._ticket not in error.text:
                raise
            # Whatever the server repeats in its text, the ticket does not go on from here.
            text = error.text.replace(self._ticket, "(the UserSig)")
            raise ChatError(error.code, text, error.command, error.request_id) from None

    def lost(self, error: httpx2.HTTPError) -> NoAnswer:
        """What a failure of the network means to the caller."""
        url = self._urls[0]
        what = str(error) or type(error).__name__
        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
            self._hosts.avoid(url)
            distrusted = "CERTIFICATE_VERIFY_FAILED" in what
            reason = f"{url} cannot be reached: {what}"
            return NoAnswer(self.ask.command, reason, maybe_done=False, is_passing=not distrusted)
        if isinstance(
            error, httpx2.PoolTimeout | httpx2.UnsupportedProtocol | httpx2.LocalProtocolError
        ):
            return NoAnswer(
                self.ask.command,
                f"the call could not be sent: {what}",
                maybe_done=False,
                is_passing=False,
            )
        return NoAnswer(self.ask.command, f"{url} was asked, but its answer was lost: {what}")

    def goes_on(self, error: BaseException) -> bool:
        """Whether the call is sent again after `error`."""
        self._at_once = False
        if not isinstance(error, ChatError | NoAnswer):
            return False
        if isinstance(error, ChatError) and error.code in EXPIRED:
            return self._renews()
        self._attempts += 1
        if not error.is_passing or (error.maybe_done and not self.ask.repeats):
            return False
        if isinstance(error, NoAnswer) and len(self._urls) > 1:
            self._urls.append(self._urls.pop(0))
            self._at_once = self._untried > 0
            self._untried -= 1
        return True

    def _renews(self) -> bool:
        """Whether a fresh ticket may help; once a call."""
        if self._renewed or self._tickets.source is None:
            return False
        self._tickets.drop(self._ticket)
        self._renewed = self._at_once = True
        return True

    def first_pause(self) -> float:
        """Seconds before the first attempt; none unless the call was made before."""
        bound = min(_PAUSE_SECONDS_MAX, _PAUSE_SECONDS * 2**self.ask.first) if self.ask.first else 0.0
        return _random.uniform(0.0, min(bound, max(0.0, self.ask.until - time.monotonic())))

    def pause(self, state: RetryCallState) -> float:
        """Seconds before the next attempt; none before another host or with a fresh ticket."""
        return 0.0 if self._at_once else pause(state)

    def is_over(self, state: RetryCallState) -> bool:
        """Whether there is no attempt left, or no time."""
        if self._attempts >= self._settings.patience.attempts:
            return True
        return time.monotonic() + state.upcoming_sleep >= self.ask.until
