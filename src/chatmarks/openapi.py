"""The API as OpenAPI 3.1, made from the command table."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import msgspec

from chatmarks.command import Command, url_path
from chatmarks.commands import COMMANDS

_BASE = ("ActionStatus", "ErrorCode", "ErrorInfo", "ErrorDisplay")

_QUERY = {
    "sdkappid": ("integer", "The app."),
    "identifier": ("string", "The UserID of an administrator of the app."),
    "usersig": ("string", "The administrator's UserSig."),
    "random": ("string", "Any number; not looked at."),
    "contenttype": ("string", "json; not looked at."),
}
_REQUIRED = ("sdkappid", "identifier", "usersig")


def document() -> bytes:
    """The document as JSON."""
    structs = [
        struct
        for command in COMMANDS.values()
        for struct in (command.request, command.answer)
        if struct is not None
    ]
    schemas, components = msgspec.json.schema_components(
        structs, ref_template="#/components/schemas/{name}"
    )
    references = dict(zip(structs, schemas, strict=True))
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "chatmarks",
                "version": version("chatmarks"),
                "description": "Conversation groups and marks of the Tencent Cloud Chat server API.",
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "paths": {
                url_path(path): {"post": _operation(path, command, references)}
                for path, command in COMMANDS.items()
            },
            "components": {
                "schemas": {**components, "BaseAnswer": _base_answer()},
                "parameters": {name: _parameter(name) for name in _QUERY},
            },
        }
    )


def _operation(path: str, command: Command, references: dict[Any, Any]) -> dict[str, Any]:
    base = {"$ref": "#/components/schemas/BaseAnswer"}
    done = base if command.answer is None else {"allOf": [references[command.answer], base]}
    # A refused call has the base fields alone, still with HTTP 200.
    answers = done if command.answer is None else {"anyOf": [done, base]}
    return {
        "operationId": path.replace("/", "."),
        "summary": (command.run.__doc__ or "").strip(),
        "description": f"Document {command.document}.",
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in _QUERY],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": references[command.request]}},
        },
        "responses": {
            "200": {
                "description": "Every answer, also of a refused call; ErrorCode tells.",
                "content": {"application/json": {"schema": answers}},
            }
        },
    }


def _parameter(name: str) -> dict[str, Any]:
    kind, meaning = _QUERY[name]
    return {
        "name": name,
        "in": "query",
        "required": name in _REQUIRED,
        "description": meaning,
        "schema": {"type": kind},
    }


def _base_answer() -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(_BASE),
        "properties": {
            "ActionStatus": {"enum": ["OK", "FAIL"]},
            "ErrorCode": {"type": "integer", "description": "0 when done."},
            "ErrorInfo": {"type": "string", "description": "Why the call was refused."},
            "ErrorDisplay": {"type": "string", "description": "Always empty."},
        },
    }
