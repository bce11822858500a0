"""What a server takes that keeps no promise: raw ASGI on uvicorn, set up as chatmarks sets it up.

python -m bench.floor --answer FILE   reads each body and answers with the bytes of FILE
python -m bench.floor --shelf NAME    decodes, looks up or marks in a dictionary, encodes

Neither knows tickets, checks, limits, stores, metrics or a log. Prints its URL as `serve --json` does.
"""

from __future__ import annotations

import argparse
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from msgspec import UNSET, Struct, UnsetType

from bench.books import GROUPS, SHELVES, whole
from chatmarks.asgi import Receive, Scope, Send

_BACKLOG = 2048


class Contact(Struct):
    """A conversation on the wire."""

    Type: int
    To_Account: str


class Record(Struct):
    """A conversation's data on the wire."""

    Type: int
    To_Account: str
    StandardMark: str
    CustomMark: str | UnsetType
    ContactGroupId: list[int]
    Timestamp: int


class Mark(Struct):
    """A change of a conversation on the wire."""

    ContactItem: Contact
    SetMark: list[int]
    ClearMark: list[int]
    CustomMark: str


class Request(Struct):
    """A search or a mark on the wire."""

    From_Account: str
    ContactItem: list[Contact] = []
    MarkItem: list[Mark] = []


_DONE = {"ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "", "ErrorDisplay": ""}


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--answer", type=Path)
    parser.add_argument("--shelf")
    options = parser.parse_args()
    if options.shelf:
        answer = looked_up(options.shelf)
    else:
        fixed = options.answer.read_bytes()
        answer = lambda _path, _body: fixed  # noqa: E731 - as short as what it stands for
    with socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG) as bound:
        print(json.dumps({"url": f"http://127.0.0.1:{bound.getsockname()[1]}"}), flush=True)
        config = uvicorn.Config(
            application(answer),
            http="httptools",
            loop="uvloop",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
        )
        uvicorn.Server(config).run(sockets=[bound])


def application(answer: Callable[[str, bytes], bytes]) -> Any:
    """The least that answers POST over ASGI."""

    async def floor(scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        content = answer(scope["path"], body)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return floor


def looked_up(name: str) -> Callable[[str, bytes], bytes]:
    """What answers from dictionaries with the accounts of one shelf."""
    decode = msgspec.json.Decoder(Request).decode
    encode = msgspec.json.Encoder().encode
    books = records(name)
    groups = {number: {"GroupName": group, "GroupId": number} for group, number in GROUPS.items()}

    def answer(path: str, body: bytes) -> bytes:
        request = decode(body)
        book = books[request.From_Account]
        if path.endswith("search_contact_group"):
            contacts = request.ContactItem
            found = [book[item.To_Account] for item in contacts if item.To_Account in book]
            named = sorted({number for record in found for number in record.ContactGroupId})
            listed = [groups[number] for number in named]
            return encode({"ContactResultItem": found, "GroupItem": listed, **_DONE})
        results = []
        for item in request.MarkItem:
            mark(book[item.ContactItem.To_Account], item)
            results.append(
                {"OptType": 3, "ContactItem": item.ContactItem, "ResultCode": 0, "ResultInfo": ""}
            )
        return encode({"ResultItem": results, **_DONE})

    return answer


def mark(record: Record, item: Mark) -> None:
    """Change a record in place."""
    marks = int(record.StandardMark or "0", 2)
    for bit in item.ClearMark:
        marks &= ~(1 << bit)
    for bit in item.SetMark:
        marks |= 1 << bit
    record.StandardMark = f"{marks:b}"
    record.CustomMark = item.CustomMark


def records(name: str) -> dict[str, dict[str, Record]]:
    """The accounts of a shelf, by UserID and the UserID of the conversation."""
    shelf = SHELVES[name]
    return {
        account: {
            peer.id: Record(
                1,
                peer.id,
                f"{entry.marks:b}",
                entry.custom_mark or UNSET,
                entry.group_ids,
                entry.updated_at,
            )
            for peer, entry in whole(account, number, shelf).kept.book.entries.items()
        }
        for number, account in enumerate(shelf.accounts)
    }


if __name__ == "__main__":
    main()
