"""The OpenAPI document."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from openapi_spec_validator import validate

from chatmarks.command import url_path
from chatmarks.commands import COMMANDS
from chatmarks.openapi import document


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(document())
    return decoded


def test_a_validator_finds_nothing_wrong(openapi: dict[str, Any]) -> None:
    validate(openapi)


def test_it_has_every_command_with_its_document(openapi: dict[str, Any]) -> None:
    found = {path: item["post"]["description"] for path, item in openapi["paths"].items()}
    assert found == {
        url_path(path): f"Document {command.document}." for path, command in COMMANDS.items()
    }


def test_fields_are_spelled_as_on_the_wire(openapi: dict[str, Any]) -> None:
    operation = openapi["paths"]["/v4/recentcontact/mark_contact"]["post"]
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    schema = openapi["components"]["schemas"][reference.rsplit("/", 1)[1]]
    assert schema["required"] == ["From_Account", "MarkItem"]
