"""A call as it came and went, kept until somebody looks: most calls are never looked at."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from chatmarks.command import Command, Kind
from chatmarks.control.faults import Failure
from chatmarks.control.noted import CALL_BYTES, Noted, query_without_ticket, without
from chatmarks.control.tickets import checks_of
from chatmarks.envelope import Caller, encode_answer, parse_query
from chatmarks.errors import Fail
from chatmarks.service import COMMAND_OF, Asked

_SDKAPPID_DIGITS_MAX = 19

_DONE = encode_answer(None)[1:]
"""How the answer to a call ends that was done: told without reading it."""


class _Owner(Struct, frozen=True):
    From_Account: object = None


class _Base(Struct, frozen=True):
    ErrorCode: int = 0


_owner = msgspec.json.Decoder(_Owner).decode
_base = msgspec.json.Decoder(_Base).decode


class Heard(Struct, frozen=True, gc=False):
    """`time`: Unix seconds at its arrival, `now`: what its app's clock showed; `answer`: None when the
    connection ended without one; `done`: what the server would have answered, None where nothing was
    done. What it says of tickets is in memory only, and in nothing that `noted` gives."""

    asked: Asked
    time: float
    now: float
    ms: float
    answer: bytes | None
    done: bytes | None
    failure: Failure

    @property
    def bytes(self) -> int:
        """About what it takes."""
        asked = self.asked
        return len(asked.body) + len(self.answer or b"") + len(asked.query) + CALL_BYTES

    def noted(self) -> Noted:
        """The call as it is shown: without its tickets."""
        asked, failure = self.asked, self.failure
        caller, command = claimed(asked.query), COMMAND_OF.get(asked.path)
        query, tickets = query_without_ticket(asked.query)
        sdkappid, code, ended = sdkappid_of(caller), _code_of(self.answer), failure.end is not None
        return Noted(
            time=self.time,
            now=self.now,
            request_id=asked.request_id,
            method=asked.method,
            path=without(asked.path.encode(), tickets).decode(errors="replace"),
            command=command.path if command else "",
            query=query,
            source=asked.source,
            sdkappid=sdkappid,
            account=account_of(command, asked.body),
            request=without(asked.body, tickets),
            answer=None if self.answer is None else without(self.answer, tickets),
            code=code,
            done_code=_code_of(self.done),
            ms=round(self.ms, 3),
            faults=failure.struck,
            failed_by=failure.failed_by,
            decided_by=failure.struck[-1] if ended else "",
            checks=() if ended else checks_of(code, caller, sdkappid, self.now),
        )


def claimed(query: bytes) -> Caller:
    """What the query of a call claims; nothing where it cannot be read."""
    try:
        return parse_query(query)
    except Fail:
        return Caller(None, None, None)


def sdkappid_of(caller: Caller) -> int | None:
    """The SDKAppID of what is claimed, None where it is no number."""
    text = caller.sdkappid or ""
    is_number = text.isascii() and text.isdigit() and len(text) <= _SDKAPPID_DIGITS_MAX
    return int(text) if is_number else None


def account_of(command: Command | None, body: bytes) -> str | None:
    """The account whose book a call is about, as its body claims."""
    if command is None or command.kind is Kind.MANAGES:
        return None
    try:
        owner = _owner(body).From_Account
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return owner if isinstance(owner, str) else None


def _code_of(answer: bytes | None) -> int | None:
    if answer is None:
        return None
    return 0 if answer.endswith(_DONE) else _base(answer).ErrorCode
