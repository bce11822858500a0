"""A call tried out: a form and its JSON, the answer and why it is so, and the same as code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from starlette.responses import Response

from chatmarks.command import Command, url_path
from chatmarks.commands import COMMANDS
from chatmarks.console.calling import Done, call, query_of, ticket_for
from chatmarks.console.forms import document_url, form_of
from chatmarks.console.marking import pretty, pretty_text
from chatmarks.console.page import Unfit, Visit, go, number
from chatmarks.console.snippets import snippets
from chatmarks.golden import Exchange, examples
from chatmarks.limits import Profile, resolved_profile
from chatmarks.store import App

_ONLY_READ = ("get_", "search_", "account_check", "query", "who")
"""How the names of commands begin that change nothing."""


class Wanted(Struct, frozen=True):
    """The call that a form asks for: the app, where there is one, who calls, and the body as text."""

    command: Command
    app: App | None
    identifier: str
    body: str
    example: str = ""

    @property
    def link(self) -> Mapping[str, Any]:
        """The parameters of the URL that leads to the form filled like this."""
        return {
            "sdkappid": self.app.sdkappid if self.app else None,
            "identifier": self.identifier,
            "body": _compact(self.body),
        }


async def commands(visit: Visit) -> Response:
    """The commands, to choose one."""
    by_service: dict[str, list[tuple[str, Command]]] = {}
    for path, command in COMMANDS.items():
        by_service.setdefault(path.rpartition("/")[0], []).append((path, command))
    return visit.page("commands.html", services=by_service, key_of=key_of)


async def form(visit: Visit) -> Response:
    """The form of a command, filled as the URL says, or with its first example."""
    apps = await visit.console.store.apps()
    return _page(visit, apps, _wanted(visit, apps))


async def made(visit: Visit) -> Response:
    """The same, with the answer to the call that the form asks for, or with the call as code alone;
    or, for an example, after the calls that make what it needs."""
    apps = await visit.console.store.apps()
    app = _app(apps, visit.field("sdkappid"))
    wanted = Wanted(_command(visit), app, visit.field("identifier").strip(), visit.field("body"))
    if visit.field("do") == "prepare":
        return await _prepared(visit, wanted, visit.field("example"))
    if app is None:
        raise Unfit(400, "try.no_app")
    pasted = visit.field("usersig").strip() if visit.field("ticket") == "pasted" else None
    ticket = ticket_for(visit.console, app, wanted.identifier) if pasted is None else pasted
    query = query_of(app.sdkappid, wanted.identifier, ticket)
    done = None
    if visit.field("do") != "code":
        done = await call(visit, wanted.command.path, query, wanted.body)
        note_call(visit, wanted.command, app, wanted.body, done)
    url = f"{visit.console.facts.url}{url_path(wanted.command.path)}?{query}"
    return _page(visit, apps, wanted, done=done, code=snippets(url, wanted.body))


async def _prepared(visit: Visit, wanted: Wanted, name: str) -> Response:
    """Make the calls that come before an example, and show its form."""
    found = examples().get(name)
    if found is None or wanted.app is None:
        raise Unfit(404, "try.no_example")
    ticket = ticket_for(visit.console, wanted.app, wanted.identifier)
    for step in found.steps:
        query, body = query_of(wanted.app.sdkappid, wanted.identifier, ticket), json.dumps(step.body)
        done = await call(visit, step.command, query, body)
        note_call(visit, COMMANDS[step.command], wanted.app, body, done)
    return go(
        f"/try/{wanted.command.path}",
        sdkappid=wanted.app.sdkappid,
        identifier=wanted.identifier,
        example=name,
        prepared=len(found.steps),
    )


def is_read(command: Command) -> bool:
    """Whether a command changes nothing."""
    return command.name.startswith(_ONLY_READ)


def note_call(visit: Visit, command: Command, app: App, body: str, done: Done) -> None:
    """Log a call that could change something: which, whose, and its outcome."""
    if is_read(command):
        return
    try:
        account = json.loads(body).get("From_Account")
    except (ValueError, AttributeError, RecursionError):
        account = None
    visit.note(
        "call",
        command=command.path,
        sdkappid=app.sdkappid,
        account=account if isinstance(account, str) else None,
        code=done.code,
        request=done.request_id,
    )


def _page(
    visit: Visit,
    apps: list[App],
    wanted: Wanted,
    done: Done | None = None,
    code: Mapping[str, str] | None = None,
) -> Response:
    profile = Profile()
    if wanted.app:
        profile = resolved_profile(wanted.app.profile, wanted.app.overrides)
    of_command = {
        name: exchange
        for name, exchange in examples().items()
        if exchange.command == wanted.command.path
    }
    return visit.page(
        "try.html",
        wanted=wanted,
        apps=apps,
        form=form_of(wanted.command, profile),
        document=document_url(wanted.command.document),
        examples=of_command,
        example=of_command.get(wanted.example),
        key_of=key_of,
        done=done,
        answer=pretty_text(done.answer) if done and done.answer else "",
        code=code,
    )


def _wanted(visit: Visit, apps: list[App]) -> Wanted:
    """What the URL asks for; what it leaves open is chosen so that the call can be made."""
    command = _command(visit)
    app = _app(apps, visit.asked("sdkappid")) or next(iter(apps), None)
    admin = app.admins[0] if app and app.admins else ""
    identifier = visit.asked("identifier") or admin
    name, body = visit.asked("example"), visit.asked("body")
    if body:
        return Wanted(command, app, identifier, pretty_text(body))
    found = examples().get(name)
    if found is not None and found.command == command.path:
        return Wanted(command, app, identifier, pretty(found.request), name)
    return Wanted(command, app, identifier, pretty(_first_body(command, admin)))


def _first_body(command: Command, admin: str) -> dict[str, Any]:
    """A body to begin with: that of an example, asked about an account that is there."""
    first: Exchange | None = next(
        (exchange for exchange in examples().values() if exchange.command == command.path), None
    )
    body = dict(first.request) if first else {}
    return body | {"From_Account": admin} if "From_Account" in body and admin else body


def _command(visit: Visit) -> Command:
    path = visit.request.path_params["path"]
    if path not in COMMANDS:
        raise Unfit(404, "try.no_command")
    return COMMANDS[path]


def _app(apps: list[App], text: str) -> App | None:
    if not text:
        return None
    sdkappid = number(text, "sdkappid")
    return next((app for app in apps if app.sdkappid == sdkappid), None)


def _compact(body: str) -> str:
    try:
        return json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return body


def key_of(command: Command) -> str:
    """The name of the text that says what a command does."""
    return command.path.replace("/", "_")
