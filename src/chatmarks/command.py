"""What a command is: a pure function behind a URL, and what the road needs to know to call it.

A command on a book gets a decoded request that passed its `check`, the book and a `Call`. It has no
clock, no I/O and no store. `@reads` returns an answer; `@writes` a new book and an answer. `@lists`
works on the conversation list of an account, `@manages` on all else that lies around the books;
both get the store itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Annotated, Any, Protocol, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct

from chatmarks.book import Book, Peer
from chatmarks.errors import Code, Fail
from chatmarks.limits import USERID_BYTES_MAX, Profile
from chatmarks.store import Store


class WireService(Struct, frozen=True):
    """A service of the wire, the first half of a command's URL, and its codes for common failures.
    `of_fields`: what a field that is missing or of another type is answered with, where the service has
    a code for it alone; by its name in the body, or `[]` for what lies in a list."""

    name: str
    bad_parameter: Code
    server_error: Code
    timeout: Code
    of_fields: Mapping[str, Code] = {}


RECENTCONTACT = WireService("recentcontact", Code.BAD_PARAMETER, Code.SERVER_ERROR, Code.TIMEOUT)
IM_OPEN_LOGIN = WireService(
    "im_open_login_svc",
    Code.ACCOUNT_BAD_PARAMETER,
    Code.ACCOUNT_SERVER_ERROR,
    Code.ACCOUNT_TIMEOUT,
)
GROUP_OPEN_HTTP = WireService(
    "group_open_http_svc",
    Code.CHAT_GROUP_BAD_PARAMETER,
    Code.CHAT_GROUP_SERVER_ERROR,
    Code.CHAT_GROUP_SERVER_ERROR,
)
OPENIM = WireService(
    "openim",
    Code.MESSAGE_BAD_PARAMETER,
    Code.MESSAGE_SERVER_ERROR,
    Code.MESSAGE_TIMEOUT,
    {
        "To_Account": Code.MESSAGE_BAD_RECEIVER,
        "MsgRandom": Code.MESSAGE_BAD_RANDOM,
        "MsgTimeStamp": Code.MESSAGE_BAD_TIME,
        "MsgBody": Code.MESSAGE_BODY_NOT_ARRAY,
        "MsgBody[]": Code.MESSAGE_BAD_ELEMENT,
        "From_Account": Code.MESSAGE_SENDER_UNKNOWN,
        "SyncFromOldSystem": Code.MESSAGE_BAD_IMPORT_KIND,
        "SyncOtherMachine": Code.MESSAGE_BAD_SYNC,
        "MsgLifeTime": Code.MESSAGE_BAD_LIFE_TIME,
    },
)


class Outcome(Struct, frozen=True, gc=False):
    """How one item went: its `ResultCode` and `ResultInfo`."""

    code: int = Code.OK
    info: str = ""


class Call(Struct, frozen=True, gc=False):
    """What a command may know of the world: the time in Unix seconds, the app and its profile, a
    source of fresh ids, which of the peers that the request brings data to do not exist, and the UserID
    of the administrator who calls. `told_at`: the time, where the app has a feed that tells of changes.

    `failing`: the items, by their position in the request, that must fail whatever they are, and are
    not applied. It has none but for who asked for faults.
    """

    sdkappid: int
    now: int
    profile: Profile
    draw_id: Callable[[], str]
    missing: frozenset[Peer] = frozenset()
    failing: Mapping[int, Outcome] = {}
    caller: str = ""
    told_at: int | None = None


class Kind(Enum):
    """How a command is run."""

    READS = "reads"
    WRITES = "writes"
    LISTS = "lists"
    MANAGES = "manages"


class Command(Struct, frozen=True):
    """A command of the table. `path` is its URL behind `/v4/`, which is also the file behind
    `commands/`; one that begins with `EXTENSIONS` is the whole URL, its file behind
    `commands/extensions/`. `rate` is the documented number of calls a second, `answer` what it answers
    with beside the base fields, `items` what each item of a request names, where items have results of
    their own."""

    service: WireService
    name: str
    path: str
    kind: Kind
    document: str
    rate: int
    request: type[Struct]
    answer: type[Struct] | None
    check: Callable[[Any, Profile], None]
    brings: Callable[[Any], Iterable[Peer]]
    items: Callable[[Any], Sequence[str]] | None
    run: Callable[..., Any]
    decoder: msgspec.json.Decoder[Any]
    differences: tuple[str, ...]

    @property
    def is_extension(self) -> bool:
        """Whether no document has it but our own, `docs/extensions.md`."""
        return self.path.startswith(EXTENSIONS)


EXTENSIONS = "x/1/"
"""What the paths of commands begin with that no document has. They are no part of `/v4/`, so that what
is compatible stays so."""

EXTENSIONS_DOCUMENT = "docs/extensions.md"


def url_path(command: str) -> str:
    """The path of the URL of the command with this `path`."""
    return f"/{command}" if command.startswith(EXTENSIONS) else f"/v4/{command}"


class Request(Protocol):
    """A request to a command on a book."""

    @property
    def From_Account(self) -> str: ...  # noqa: N802 - a wire name


AccountName = Annotated[str, Meta(extra={"account": True})]
"""A field that names an account; one that is not a string is 60015, not a bad parameter."""

R = TypeVar("R", bound=Request)
S = TypeVar("S", bound=Struct)


def _brings_nothing(_: object) -> Iterable[Peer]:
    return ()


def _declare(  # noqa: PLR0913 - as many as a command has parts
    service: WireService,
    kind: Kind,
    run: Callable[..., Any],
    *,
    document: str,
    request: type[Any],
    check: Callable[[Any, Profile], None],
    rate: int = 200,
    brings: Callable[[Any], Iterable[Peer]] = _brings_nothing,
    items: Callable[[Any], Sequence[str]] | None = None,
    differences: tuple[str, ...] = (),
) -> Command:
    behind = EXTENSIONS if document == EXTENSIONS_DOCUMENT else ""
    return Command(
        service=service,
        name=run.__name__,
        path=f"{behind}{service.name}/{run.__name__}",
        kind=kind,
        document=document,
        rate=rate,
        request=request,
        answer=_answer_of(run),
        check=check,
        brings=brings,
        items=items,
        run=run,
        decoder=msgspec.json.Decoder(request),
        differences=differences,
    )


def _answer_of(run: Callable[..., Any]) -> type[Struct] | None:
    """The struct that `run` is annotated to answer with; None for the base fields alone."""
    returned = get_type_hints(run)["return"]
    parts = get_args(returned) or (returned,)
    return next((part for part in parts if issubclass(part, Struct) and part is not Book), None)


def reads(
    *, document: str, request: type[R], check: Callable[[R, Profile], None]
) -> Callable[[Callable[[R, Book, Call], Struct]], Command]:
    """Declare a command that answers from a book. `check` refuses what needs no book to refuse."""
    return lambda run: _declare(
        RECENTCONTACT, Kind.READS, run, document=document, request=request, check=check
    )


def writes(
    *,
    document: str,
    request: type[R],
    check: Callable[[R, Profile], None],
    brings: Callable[[R], Iterable[Peer]] = _brings_nothing,
    items: Callable[[R], Sequence[str]] | None = None,
) -> Callable[[Callable[[R, Book, Call], tuple[Book, Struct]]], Command]:
    """Declare a command that changes a book.

    `brings` names the peers that a request brings data to; those that do not exist come back in
    `Call.missing`. `items` tells what each item of a request, also of one that is not sound, names.
    """
    return lambda run: _declare(
        RECENTCONTACT,
        Kind.WRITES,
        run,
        document=document,
        request=request,
        check=check,
        brings=brings,
        items=items,
    )


def lists(
    *,
    document: str,
    request: type[R],
    check: Callable[[R, Profile], None],
    differences: tuple[str, ...] = (),
) -> Callable[[Callable[[R, Call, Store], Awaitable[Struct | None]]], Command]:
    """Declare a command on the conversation list of an account."""
    return lambda run: _declare(
        RECENTCONTACT,
        Kind.LISTS,
        run,
        document=document,
        request=request,
        check=check,
        differences=differences,
    )


def manages(
    service: WireService,
    *,
    document: str,
    request: type[S],
    check: Callable[[S, Profile], None],
    rate: int = 200,
    items: Callable[[S], Sequence[str]] | None = None,
    differences: tuple[str, ...] = (),
) -> Callable[[Callable[[S, Call, Store], Awaitable[Struct | None]]], Command]:
    """Declare a command on accounts or chat groups. `differences` from the documents are published
    in `docs/compatibility.md`."""
    return lambda run: _declare(
        service,
        Kind.MANAGES,
        run,
        document=document,
        request=request,
        check=check,
        rate=rate,
        items=items,
        differences=differences,
    )


def is_userid(text: str) -> bool:
    """Whether `text` has the form of a UserID: 1 to 32 bytes of printable ASCII (269/1671)."""
    return 0 < len(text) <= USERID_BYTES_MAX and text.isascii() and text.isprintable()


def userid_problem(text: str) -> str:
    """Why `text` is no UserID, as the end of a sentence that begins with the field's name."""
    size = len(text.encode())
    if not size:
        return "is empty; a UserID of 1 to 32 bytes is required"
    if size > USERID_BYTES_MAX:
        return f"has {size} bytes; at most {USERID_BYTES_MAX} are allowed"
    return "holds characters other than printable ASCII; a UserID may not"


def check_from_account(request: Request) -> None:
    """Refuse a request whose owner cannot be an account (protocol: 50002)."""
    if not is_userid(request.From_Account):
        raise Fail(Code.BAD_PARAMETER, f"From_Account {userid_problem(request.From_Account)}")
