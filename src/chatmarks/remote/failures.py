"""How reading or writing an account at a server can fail, and when all of it is over."""

from __future__ import annotations

from msgspec import Struct

from chatmarks.book import Peer
from chatmarks.client.errors import ChatError, NoAnswer
from chatmarks.errors import Code, shown

_GATEWAY = range(60000, 80000)
"""Codes of the gateway and the ticket: they concern whoever calls, not one account."""


class Failure(Struct, frozen=True):
    """An account that could not be read or written. `code` is an `ErrorCode`, 0 where there is none;
    `text` is one line."""

    UserID: str
    code: int
    text: str


class Failed(Exception):
    """One account cannot be read or written; others may."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text

    def __str__(self) -> str:
        return f"{self.code} {self.text}" if self.code else self.text

    @property
    def is_unknown(self) -> bool:
        """Whether the server has no such account."""
        return self.code == Code.ACCOUNT_NOT_IMPORTED

    def of(self, userid: str) -> Failure:
        """The same as a value."""
        return Failure(userid, self.code, self.text)


class Stopped(Exception):
    """No account can be read or written any more: the caller is refused, or the server is away. The
    text says so in a line."""


class Refusal(Struct, frozen=True):
    """A call that was refused, or an item of it: that of `peer`, None for the whole call."""

    command: str
    peer: Peer | None
    code: int
    text: str


def is_passing(error: BaseException) -> bool:
    """Whether the same may go better a moment later."""
    return isinstance(error, ChatError | NoAnswer) and error.is_passing


def concerns_all(error: ChatError | NoAnswer) -> bool:
    """Whether what is no passing failure would meet every account."""
    if isinstance(error, NoAnswer):
        # What was never sent, or reached something else than this API.
        return not error.maybe_done
    return error.code in _GATEWAY or error.code == Code.ADMIN_REQUIRED


def told(error: ChatError | NoAnswer) -> str:
    """The failure in a line."""
    if isinstance(error, NoAnswer):
        return str(error)
    return f"{error.command}: {error.code} {shown(error.text)}"
