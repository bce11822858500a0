"""Reads every row of an embedded store and tells what no chatmarks would have written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import apsw
import msgspec

from chatmarks.book import Account, PeerType, account_of, is_sdkappid, problems_of
from chatmarks.engines.event_rows import told_of
from chatmarks.engines.file import run, snapshot
from chatmarks.engines.rows import ConversationRow, app_of, book_of
from chatmarks.engines.schema import tables
from chatmarks.event import EventKind
from chatmarks.limits import GROUPS_PER_ACCOUNT_MAX
from chatmarks.soundness import (
    Problem,
    app_problems,
    chat_group_problems,
    is_group_id,
    membership_problems,
    on_one_line,
    recent_problems,
)
from chatmarks.store import (
    FEED_READER,
    STALE_COPY,
    UNFINISHED_COPY_FROM,
    UNFINISHED_COPY_RUN,
    UNFINISHED_PULL,
    UNFINISHED_RESTORES,
    App,
    ChatGroup,
    Membership,
    Recent,
)

_STRIDE = 200
_NO_ACCOUNT = "its account does not exist"
_ANY_GROUPS = msgspec.json.encode({str(n): n for n in range(1, GROUPS_PER_ACCOUNT_MAX + 1)})
_COUNTED = ("account", "conversation", "chat_group", "membership", "recent", "app", "event")

# Text is read as bytes: a damaged one need not be UTF-8.
_ACCOUNTS = (
    "SELECT CAST(owner AS BLOB), version, next_position, CAST(contact_groups AS BLOB)"
    " FROM account ORDER BY owner"
)
_CONVERSATIONS = (
    "SELECT peer_type, CAST(peer_id AS BLOB), position, standard_mark, CAST(custom_mark AS BLOB),"
    " contact_groups, updated_at FROM conversation WHERE owner = CAST(? AS TEXT) ORDER BY position"
)
_ORPHANS = (
    "SELECT CAST(owner AS BLOB), peer_type, CAST(peer_id AS BLOB) FROM conversation"
    " WHERE owner NOT IN (SELECT owner FROM account) ORDER BY owner"
)
_CHAT_GROUPS = (
    "SELECT CAST(id AS BLOB), CAST(type AS BLOB), CAST(name AS BLOB), CAST(owner_account AS BLOB),"
    " created_at, incarnation, message_seq, shown_seq, shown_at, sdkappid, place"
    " FROM chat_group ORDER BY id"
)
# Of chat groups that are gone, memberships may stay; of accounts that are gone, none.
_MEMBERSHIPS = (
    "SELECT CAST(m.owner AS BLOB), CAST(m.chat_group AS BLOB), m.incarnation, CAST(m.role AS BLOB),"
    " m.joined_at, m.listed_from, m.pinned_at, m.owner IN (SELECT owner FROM account), g.message_seq"
    " FROM membership AS m LEFT JOIN chat_group AS g"
    " ON g.id = m.chat_group AND g.incarnation = m.incarnation ORDER BY m.owner"
)
_RECENTS = (
    "SELECT CAST(owner AS BLOB), CAST(userid AS BLOB), begun_at, last_at, pinned_at,"
    " owner IN (SELECT owner FROM account) FROM recent ORDER BY owner"
)
# Of chat groups that are gone, keys may stay.
_SENT = (
    "SELECT CAST(owner AS BLOB), kind, incarnation, CAST(message_key AS BLOB), seq, sent_at,"
    " known_until, owner IN (SELECT owner FROM account) FROM sent ORDER BY owner"
)
_EVENTS = (
    "SELECT sdkappid, seq, token, CAST(owner AS BLOB), told_at, CAST(content AS BLOB),"
    " lag(seq) OVER (PARTITION BY sdkappid ORDER BY seq) FROM event ORDER BY sdkappid, seq"
)
_PROPERTIES = "SELECT CAST(name AS BLOB) FROM property"
_KNOWN_PROPERTIES = {
    name.encode() for name in (UNFINISHED_COPY_FROM, UNFINISHED_COPY_RUN, UNFINISHED_RESTORES)
}
_KNOWN_BEGINNINGS = tuple(text.encode() for text in (FEED_READER, STALE_COPY, UNFINISHED_PULL))
_APPS = "SELECT sdkappid, revision, CAST(content AS BLOB) FROM app ORDER BY sdkappid"


Found: TypeAlias = Callable[[Problem], None]
Advance: TypeAlias = Callable[[int, int], None]
"""Told how much is done, and of how much."""


def verify(path: Path, found: Found, advance: Advance) -> dict[str, int]:
    """Tell `found` each problem of the store in `path`; how many rows each table has.

    All is read in one snapshot, and servers may go on writing. Raises `BadStore` and `Busy`.
    """
    with snapshot(path) as connection:
        return examine(connection, found, advance)


def examine(connection: apsw.Connection, found: Found, advance: Advance) -> dict[str, int]:
    """The same for a connection that is in a snapshot."""
    try:
        # Rows are only read where SQLite can tell them: what follows relies on their types.
        broken = [*_schema_problems(connection), *_page_problems(connection)]
        for problem in broken:
            found(problem)
        if broken:
            found(Problem("file", "", "", "its rows were not read, because of the above"))
            return {}
        counts = {table: _count(connection, table) for table in _COUNTED}
        total = sum(counts.values())
        rows = chain(
            _accounts(connection),
            _orphans(connection),
            _chat_groups(connection),
            _memberships(connection),
            _recents(connection),
            _sent(connection),
            _events(connection),
            _apps(connection),
            _properties(connection),
        )
        for done, problems in enumerate(rows):
            for problem in problems:
                found(problem)
            if done % _STRIDE == 0:
                advance(min(done, total), total)
    except apsw.Error as error:
        found(Problem("file", "", "", f"it cannot be read to its end: {error}"))
        return {}
    advance(total, total)
    return counts


def _count(connection: apsw.Connection, table: str) -> int:
    number: int = connection.execute(f"SELECT count(*) FROM {table}").get  # noqa: S608 - names of ours
    return number


def _schema_problems(connection: apsw.Connection) -> Iterator[Problem]:
    sound = apsw.Connection(":memory:")
    run(sound, tables())
    wanted, there = shapes(sound), shapes(connection)
    sound.close()
    for name in sorted({*wanted, *there}):
        if name not in there:
            yield Problem("file", "", "", f"{name} is missing")
        elif name not in wanted:
            yield Problem("file", "", "", f"{name} does not belong to the schema")
        elif there[name] != wanted[name]:
            yield Problem("file", "", "", f"{name} is not as the schema has it")


def shapes(connection: apsw.Connection) -> dict[str, object]:
    """What SQLite knows of each table, index and whatever else a schema has, by "type name". The same
    for two schemas that were only written or made in another way."""
    found: dict[str, object] = {}
    names = "SELECT type, name, tbl_name FROM sqlite_schema WHERE sql IS NOT NULL"
    for kind, name, table in connection.execute(names).fetchall():
        if name == "alembic_version":
            # Alembic's own; that it holds one revision was checked when the store was opened.
            continue
        # An index is looked up in its table's list, a table in its own, where it is not.
        listed = (
            "SELECT ncol, wr, strict FROM pragma_table_list WHERE name = :name",
            "SELECT * FROM pragma_table_xinfo(:name)",
            'SELECT "unique", origin, partial FROM pragma_index_list(:table) WHERE name = :name',
            'SELECT seqno, name, "desc", coll, key FROM pragma_index_xinfo(:name)',
        )
        keys = {"name": name, "table": table}
        found[f"{kind} {name}"] = [connection.execute(sql, keys).fetchall() for sql in listed]
    return found


def _page_problems(connection: apsw.Connection) -> Iterator[Problem]:
    for (text,) in connection.execute("PRAGMA integrity_check"):
        for line in str(text).splitlines():
            if line != "ok":
                yield Problem("file", "", "", line)


def _accounts(connection: apsw.Connection) -> Iterator[list[Problem]]:
    """The problems of each account row, and an empty list for each of its conversations."""
    for row in connection.execute(_ACCOUNTS):
        rows = connection.execute(_CONVERSATIONS, (row[0],)).fetchall()
        yield list(_account_problems(row, rows))
        yield from ([] for _ in rows)


def _account_problems(row: Any, rows: list[Any]) -> Iterator[Problem]:
    key, version, next_position, groups = row
    owner = on_one_line(key)
    if account_of(key.decode(errors="replace")) is None:
        yield Problem("account", owner, "", "the key is not SDKAppID:UserID")
    if version <= 0:
        yield Problem("account", owner, "", f"the version is {version}; a positive one is required")
    if problem := _groups_problem(groups):
        yield Problem("account", owner, "", problem)
        # The conversations are looked at all the same, as if any group existed that they are in.
        groups = _ANY_GROUPS
    sound: list[ConversationRow] = []
    for peer_type, peer_id, position, marks, text, bits, updated_at in rows:
        try:
            sound.append(
                (peer_type, peer_id.decode(), position, marks, text.decode(), bits, updated_at)
            )
        except UnicodeDecodeError:
            name = f"{peer_type}:{on_one_line(peer_id)}"
            yield Problem("conversation", owner, name, "has text that is not UTF-8")
    for flaw in problems_of(book_of(next_position, groups.decode(), sound)):
        if flaw.peer is None:
            yield Problem("account", owner, "", flaw.text)
        else:
            name = f"{flaw.peer.type}:{on_one_line(flaw.peer.id.encode())}"
            yield Problem("conversation", owner, name, flaw.text)


def _groups_problem(text: bytes) -> str | None:
    try:
        names = msgspec.json.decode(text, type=dict[str, int])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "the groups are not a JSON object of names and ids"
    # A dictionary keeps the last of two equal names, so they are counted as they stand.
    if len(json.loads(text, object_pairs_hook=list)) != len(names):
        return "two groups have the same name"
    return None


def _orphans(connection: apsw.Connection) -> Iterator[list[Problem]]:
    for owner, peer_type, peer_id in connection.execute(_ORPHANS):
        name = f"{peer_type}:{on_one_line(peer_id)}"
        yield [Problem("conversation", on_one_line(owner), name, _NO_ACCOUNT)]


def _chat_groups(connection: apsw.Connection) -> Iterator[list[Problem]]:
    for row in connection.execute(_CHAT_GROUPS):
        key = on_one_line(row[0])
        yield [Problem("chat_group", key, "", text) for text in _chat_group_problems(row)]


def _chat_group_problems(row: Any) -> Iterator[str]:
    *texts, created_at, incarnation, message_seq, shown_seq, shown_at, in_app, place = row
    try:
        key, kind, name, owner = (text.decode() for text in texts)
    except UnicodeDecodeError:
        yield "has text that is not UTF-8"
        return
    sdkappid, _, group_id = key.partition(":")
    if not (is_sdkappid(sdkappid) and is_group_id(group_id)):
        yield "the key is not SDKAppID:GroupId"
        return
    numbers = created_at, incarnation, message_seq, shown_seq, shown_at
    group = ChatGroup(group_id, kind, name, owner, *numbers)
    yield from chat_group_problems(group)
    if str(in_app) != sdkappid:
        yield f"the app is {in_app} in the row and {sdkappid} in the key"
    if place != group.place:
        yield f"the place is {place}, which is not that of its id"


def _memberships(connection: apsw.Connection) -> Iterator[list[Problem]]:
    for row in connection.execute(_MEMBERSHIPS):
        owner, chat_group, incarnation, role, *numbers, has_account, message_seq = row
        membership = Membership(role.decode(errors="backslashreplace"), *numbers)
        problems = [] if has_account else [_NO_ACCOUNT]
        problems += membership_problems(incarnation, membership)
        if message_seq is not None and membership.listed_from > message_seq + 1:
            problems.append(
                f"is in the list from message {membership.listed_from} on, and {message_seq} is the"
                f" newest; at most {message_seq + 1} is allowed"
            )
        name = on_one_line(chat_group)
        yield [Problem("membership", on_one_line(owner), name, text) for text in problems]


def _recents(connection: apsw.Connection) -> Iterator[list[Problem]]:
    for owner, userid, begun_at, last_at, pinned_at, has_account in connection.execute(_RECENTS):
        problems = [] if has_account else [_NO_ACCOUNT]
        recent = Recent(begun_at, last_at, pinned_at)
        problems += recent_problems(userid.decode(errors="replace"), recent)
        name = on_one_line(userid)
        yield [Problem("recent", on_one_line(owner), name, text) for text in problems]


def _sent(connection: apsw.Connection) -> Iterator[list[Problem]]:
    """The problems of what is known of messages, in one list: they are no rows that count."""
    found: list[Problem] = []
    for owner, kind, incarnation, key, *numbers, has_account in connection.execute(_SENT):
        problems = []
        if kind == PeerType.ACCOUNT and not has_account:
            problems.append(_NO_ACCOUNT)
        if (kind, incarnation > 0) not in ((PeerType.ACCOUNT, False), (PeerType.CHAT_GROUP, True)):
            problems.append(f"is of kind {kind} with incarnation {incarnation}")
        if min(numbers) < 0:
            problems.append("has a negative number or time")
        name = on_one_line(key)
        found += (Problem("sent", on_one_line(owner), name, text) for text in problems)
    yield found


def _apps(connection: apsw.Connection) -> Iterator[list[Problem]]:
    for sdkappid, revision, content in connection.execute(_APPS):
        try:
            app = app_of(content.decode())
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            decoded = not isinstance(error, UnicodeDecodeError)
            reason = str(error).replace("`", "") if decoded else "it is not UTF-8"
            yield [Problem("app", str(sdkappid), "", f"the content is no app: {reason}")]
            continue
        problems = [*_row_problems(app, sdkappid, revision), *app_problems(app)]
        problems += [
            f"the administrator {on_one_line(admin.encode())} has no account"
            for admin in app.admins
            if not _exists(connection, Account(app.sdkappid, admin))
        ]
        yield [Problem("app", str(sdkappid), "", text) for text in problems]


def _row_problems(app: App, sdkappid: Any, revision: Any) -> Iterator[str]:
    if not is_sdkappid(str(sdkappid)):
        yield "the SDKAppID is not positive"
    if app.sdkappid != sdkappid:
        yield f"the content is that of app {app.sdkappid}"
    if app.revision != revision:
        yield f"the revision is {revision} in the row and {app.revision} in the content"
    if revision <= 0:
        yield f"the revision is {revision}; a positive one is required"


def _exists(connection: apsw.Connection, account: Account) -> bool:
    statement = "SELECT 1 FROM account WHERE owner = ?"
    return connection.execute(statement, (account.owner,)).get is not None


def _events(connection: apsw.Connection) -> Iterator[list[Problem]]:
    for sdkappid, seq, token, owner, told_at, content, seq_before in connection.execute(_EVENTS):
        texts = []
        if seq_before is not None and seq != seq_before + 1:
            texts.append(f"comes after number {seq_before}; no number may be missing")
        if seq < 1 or token < 1:
            texts.append(f"has number {seq} and token {token}; both must be above 0")
        text = owner.decode("utf-8", "replace")
        try:
            kind = told_of((seq, token, text, told_at, content)).event.kind
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            kind = None
            texts.append(f"its content cannot be read: {error}")
        account = account_of(text)
        is_ours = account is not None and account.sdkappid == sdkappid
        if not is_ours and not (kind is EventKind.BEGUN and text == f"{sdkappid}:"):
            texts.append(f"its account {on_one_line(owner)} is none of the app")
        yield [Problem("event", f"{sdkappid}:{seq}", "", text) for text in texts]


def _properties(connection: apsw.Connection) -> Iterator[list[Problem]]:
    for (name,) in connection.execute(_PROPERTIES):
        if name not in _KNOWN_PROPERTIES and not name.startswith(_KNOWN_BEGINNINGS):
            yield [Problem("property", on_one_line(name), "", "no chatmarks knows it")]
