"""The journal: the last calls as they come, each opened to request, answer and why; made once more, and
exported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from chatmarks.commands import COMMANDS
from chatmarks.console.calling import app_of, call, query_of, ticket_for
from chatmarks.console.marking import pretty_text
from chatmarks.console.page import Unfit, Visit, number, plain, wrong
from chatmarks.console.recorded import curl_script, golden_lines
from chatmarks.console.streams import Streams
from chatmarks.console.trying import note_call
from chatmarks.control.journal import Filter, Journal
from chatmarks.control.noted import Noted, told
from chatmarks.envelope import parse_query

ROWS_MAX = 100
"""Calls on the page."""

EXPORTED_MAX = 200
"""Calls in one export."""

NEWS_MAX = 25
"""Calls in one piece of news: of a busy server who follows sees some of each second."""

_FILTERS = ("sdkappid", "command", "code", "account")


async def journal(visit: Visit) -> Response:
    """The last calls that fit; why there are none, on a server without a journal."""
    if visit.console.control is None:
        return visit.page("no_journal.html")
    found = visit.console.control.journal.newest(_wanted(visit), ROWS_MAX)
    return visit.page(
        "journal.html",
        calls=found,
        asked={name: visit.asked(name) for name in _FILTERS},
        commands=COMMANDS,
        apps=await visit.console.store.apps(),
        most=ROWS_MAX,
        exported=EXPORTED_MAX,
    )


async def one(visit: Visit) -> Response:
    """One call: request, answer, and why."""
    return _page(visit, visit.asked("cursor"))


def _page(visit: Visit, cursor: str, **more: Any) -> Response:
    noted = _noted(visit, cursor)
    return visit.page(
        "call.html",
        call=noted,
        cursor=cursor,
        request=pretty_text(noted.request.decode(errors="replace")),
        answer="" if noted.answer is None else pretty_text(noted.answer.decode(errors="replace")),
        why=msgspec.to_builtins(told(noted, cursor)["why"]),
        identifier=_identifier(noted),
        **({"done": None, "done_answer": ""} | more),
    )


async def replay(visit: Visit) -> Response:
    """Make a call once more, with a fresh ticket."""
    cursor = visit.field("cursor")
    noted = _noted(visit, cursor)
    if noted.command not in COMMANDS or noted.sdkappid is None:
        raise Unfit(409, "journal.not_replayed")
    app, identifier = await app_of(visit.console, noted.sdkappid), _identifier(noted)
    query = query_of(app.sdkappid, identifier, ticket_for(visit.console, app, identifier))
    body = noted.request.decode(errors="replace")
    done = await call(visit, noted.command, query, body)
    note_call(visit, COMMANDS[noted.command], app, body, done)
    return _page(visit, cursor, done=done, done_answer=pretty_text(done.answer or ""))


async def export(visit: Visit) -> Response:
    """The calls that fit, or one with those before it, as a file."""
    kept, form = _journal(visit), visit.asked("form")
    found: Sequence[Noted] = [noted for _, noted in kept.newest(_wanted(visit), EXPORTED_MAX)][::-1]
    only_last = False
    if cursor := visit.asked("cursor"):
        last, only_last = _noted(visit, cursor), True
        of_app = [noted for _, noted in kept.newest(Filter(sdkappid=last.sdkappid), EXPORTED_MAX)]
        found = [*(noted for noted in of_app[::-1] if noted.time < last.time), last]
    if form == "golden":
        return plain(
            golden_lines(found, only_last=only_last), "exchanges.jsonl", "application/x-ndjson"
        )
    if form == "curl":
        chosen = found[-1:] if only_last else found
        return plain(curl_script(visit.console.facts.url, chosen), "calls.sh")
    raise wrong("form", form, "golden, curl")


class Follow:
    """Tells pages of calls as they come."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    async def stream(self, visit: Visit) -> Response:
        """An event with the rows of the calls that came since the last one and fit."""
        kept, wanted = _journal(visit), _wanted(visit)
        seen = [kept.ended]

        async def news() -> str | None:
            before, seen[0] = seen[0], kept.ended
            if seen[0] == before:
                return None
            looked_at = min(NEWS_MAX, seen[0] - before)
            calls = kept.newest(wanted, looked_at, since=before)
            return visit.part("journal_rows.html", calls=calls).strip() if calls else None

        return self._streams.of(visit, "rows", news)


def _journal(visit: Visit) -> Journal:
    if visit.console.control is None:
        raise Unfit(404, "overview.journal_off")
    return visit.console.control.journal


def _noted(visit: Visit, cursor: str) -> Noted:
    noted = _journal(visit).at(cursor)
    if noted is None:
        raise Unfit(404, "journal.gone")
    return noted


def _wanted(visit: Visit) -> Filter:
    sdkappid, code = visit.asked("sdkappid"), visit.asked("code").strip()
    if code and not (code.isdecimal() and len(code) < 10):  # noqa: PLR2004 - as many digits as a code may have
        raise wrong("code", code, "0, 50001, …")
    return Filter(
        visit.asked("command") or None,
        number(sdkappid, "sdkappid") if sdkappid else None,
        visit.asked("account").strip() or None,
        int(code) if code else None,
    )


def _identifier(noted: Noted) -> str:
    return parse_query(noted.query.encode()).identifier or ""
