"""The sequential model of one account: its book, and the project's own commands on it.

What is compared are the bytes of answers, but for the times in them, which come from the clocks of
the servers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from chatmarks.book import EMPTY_BOOK, Book, Peer, PeerType
from chatmarks.command import Call, Command, Kind, check_from_account
from chatmarks.commands import COMMANDS
from chatmarks.commands.im_open_login_svc import account_delete
from chatmarks.envelope import decode_body, encode_answer, encode_failure
from chatmarks.errors import Code, Fail
from chatmarks.limits import Profile
from harness import SDKAPPID
from histories.checker import Operation, Search

CHAT_GROUP = "room"
"""The one chat group that there is."""

IMPORT = "im_open_login_svc/account_import"
DELETE = "im_open_login_svc/account_delete"
UNKNOWN_CODES = {Code.SERVER_ERROR, Code.TIMEOUT, Code.ACCOUNT_SERVER_ERROR, Code.ACCOUNT_TIMEOUT}
"""Answers after which nobody knows whether a change was kept."""

_PROFILE = Profile()
# Inside of a text the quotes would be escaped.
_TIME = re.compile(rb'"(Timestamp|CompleteTime)":[0-9]+')
_NOT_IMPORTED = encode_failure(Fail(Code.ACCOUNT_NOT_IMPORTED, "From_Account was never imported"))


class _Item(Struct):
    ResultCode: int
    UserID: str = ""


class _Codes(Struct):
    ErrorCode: int
    ResultItem: list[_Item] = []


_codes = msgspec.json.Decoder(_Codes)


class State:
    """An account: its book, None where there is none. Equal where the books are."""

    __slots__ = ("_hash", "_key", "book")

    def __init__(self, book: Book | None) -> None:
        self.book = book
        self._key: object = None
        if book is not None:
            entries = tuple(book.entries.items())
            self._key = (frozenset(book.groups.items()), entries, book.next_position)
        self._hash = hash(self._key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and self._key == other._key

    def with_book(self, book: Book | None) -> State:
        """The state with another book; the very same state with the same one."""
        return self if book is self.book else State(book)


NOBODY = State(None)


def step(state: State, operation: Operation) -> tuple[State, bytes]:
    """The state after a call, and its answer."""
    if operation.path == IMPORT:
        return (State(EMPTY_BOOK) if state.book is None else state), encode_answer(None)
    if operation.path == DELETE:
        return _deleted(state, operation)
    try:
        command, request, call = _decoded(operation.path, operation.body)
    except Fail as fail:
        return state, encode_failure(fail)
    if state.book is None:
        return state, _NOT_IMPORTED
    try:
        if command.kind is Kind.READS:
            return state, encode_answer(command.run(request, state.book, call))
        book, answer = command.run(request, state.book, call)
    except Fail as fail:
        return state, encode_failure(fail)
    return state.with_book(book), encode_answer(answer)


def _deleted(state: State, operation: Operation) -> tuple[State, bytes]:
    (item,) = COMMANDS[DELETE].decoder.decode(operation.body).DeleteItem
    if state.book is None:
        info = "Err_TLS_PT_Open_Login_Account_Not_Exist"
        result = account_delete.Result(Code.ACCOUNT_UNKNOWN, info, item.UserID)
    else:
        result = account_delete.Result(Code.OK, "", item.UserID)
    return state.with_book(None), encode_answer(account_delete.Answer([result]))


@lru_cache(maxsize=1024)
def _decoded(path: str, body: bytes) -> tuple[Command, Any, Call]:
    """The command, its request, and what it may know. Raises `Fail`."""
    command = COMMANDS[path]
    request = decode_body(command, body)
    check_from_account(request)
    command.check(request, _PROFILE)
    known = Peer(PeerType.CHAT_GROUP, CHAT_GROUP)
    missing = {
        peer for peer in command.brings(request) if peer.type == PeerType.CHAT_GROUP and peer != known
    }
    return command, request, Call(SDKAPPID, 0, _PROFILE, lambda: "", frozenset(missing))


def searched(operations: Sequence[Operation]) -> Search[State]:
    """A search for an order of calls to an account that was not there at first."""
    return Search(operations, NOBODY, step, is_idle)


def without_times(answer: bytes) -> bytes:
    """An answer as the model gives it, at the time 0."""
    return _TIME.sub(rb'"\1":0', answer)


def is_read(path: str) -> bool:
    """Whether calls of this command change nothing."""
    return COMMANDS[path].kind is Kind.READS


def is_idle(operation: Operation) -> bool:
    """Whether a call changed nothing in whatever state it met: it reads, or was refused."""
    return is_read(operation.path) or (operation.answer is not None and code_of(operation.answer) != 0)


def code_of(answer: bytes) -> int:
    """The `ErrorCode` of an answer, or of its one account the `ResultCode`."""
    parsed = _codes.decode(answer)
    accounts = [item.ResultCode for item in parsed.ResultItem if item.UserID]
    return parsed.ErrorCode or next(iter(accounts), 0)
