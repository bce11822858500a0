"""`chatmarks demo`: the documented story, over HTTP, on a server that is thrown away."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import click

from chatmarks.cli.exchange import Exchange, Unreachable
from chatmarks.config import load
from chatmarks.declared import DeclaredApp

EXAMPLES = """
\b
Examples:
  chatmarks demo
  chatmarks demo 2>/dev/null | jq .GroupItem
"""


@click.command(epilog=EXAMPLES, short_help="Tell the documented story on a throw-away server.")
def demo() -> None:
    """Import accounts, file and mark conversations, search them; print the search's answer.

    Starts a server of its own on a free port and sends real requests to it. The requests are told on
    standard error; the answer is JSON on standard output.
    """
    asyncio.run(_tell())


async def _tell() -> None:
    # Imported here: the other commands need no server.
    from chatmarks.serve import running

    settings = load({"dev": True, "port": 0, "admin_port": 0}, {})
    async with running(settings) as server:
        assert server.app is not None
        answer = await asyncio.to_thread(_story, server.url, server.app)
    click.echo(json.dumps(answer, indent=2))


def _story(url: str, app: DeclaredApp) -> dict[str, Any]:
    with Exchange(url, app.sdkappid, app.admins[0], app.keys[0]) as exchange:
        return _calls(exchange)


def _calls(exchange: Exchange) -> dict[str, Any]:
    def call(command: str, body: dict[str, Any]) -> dict[str, Any]:
        click.echo(f"POST /v4/{command} {json.dumps(body)}", err=True)
        try:
            answer: dict[str, Any] = json.loads(exchange.call(command, json.dumps(body).encode()))
        except Unreachable as error:
            raise click.ClickException(str(error)) from error
        if answer["ErrorCode"]:
            raise click.ClickException(f"{command}: {answer['ErrorCode']} {answer['ErrorInfo']}")
        return answer

    owner = "user_0001"
    call("im_open_login_svc/account_import", {"UserID": owner})
    call("im_open_login_svc/account_import", {"UserID": "user_0002"})
    made = call("group_open_http_svc/create_group", {"Type": "Public", "Name": "Weekend hikes"})
    friend = {"Type": 1, "To_Account": "user_0002"}
    hikes = {"Type": 2, "ToGroupId": made["GroupId"]}
    for name, members in (("group_0001", [friend, hikes]), ("group_0002", [friend])):
        group = {"GroupName": name, "ContactItem": members}
        call(
            "recentcontact/create_contact_group",
            {"From_Account": owner, "GroupContactItem": [group]},
        )
    mark = {"OptType": 3, "ContactItem": friend, "SetMark": [*range(1, 8)], "CustomMark": "abcde"}
    call("recentcontact/mark_contact", {"From_Account": owner, "MarkItem": [mark]})
    return call(
        "recentcontact/search_contact_group",
        {"From_Account": owner, "ContactItem": [friend, hikes]},
    )
