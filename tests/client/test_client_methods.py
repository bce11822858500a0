"""The methods of both clients are the commands of the table."""

from __future__ import annotations

import inspect
from typing import Any, get_type_hints

import msgspec
import pytest
from msgspec import NODEFAULT, UNSET, UnsetType

from chatmarks import client as library
from chatmarks.client import AsyncClient, Client, methods
from chatmarks.client.lists import LONG_LISTS
from chatmarks.client.outcomes import is_repeatable
from chatmarks.client.pages import CURSORS
from chatmarks.commands import COMMANDS, NOT_DONE
from chatmarks.commands.recentcontact.delete import Spelling

OWN = {"call", "send", "split", "close", "aclose"}


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_there_is_a_method_for_each_command_and_no_other(kind: type[Any]) -> None:
    names = {name for name in vars(kind) | vars(kind.__mro__[1]) if not name.startswith("_")}
    pages = {f"{command.rpartition('/')[2]}_pages" for command in CURSORS}
    assert names - OWN - pages == {command.name for command in COMMANDS.values()}
    assert pages <= names


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("path", COMMANDS)
def test_a_method_takes_the_fields_of_its_command(kind: type[Any], path: str) -> None:
    command = COMMANDS[path]
    method = getattr(kind, command.name)
    parameters = dict(inspect.signature(method).parameters)
    del parameters["self"]
    assert {each.kind for each in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    hints = get_type_hints(command.request, include_extras=True)
    fields = {
        field.name: field
        for field in msgspec.structs.fields(command.request)
        # Other spellings are for other clients.
        if Spelling not in getattr(hints[field.name], "__metadata__", ())
    }
    assert list(parameters) == list(fields)
    for name, field in fields.items():
        required = field.default is NODEFAULT and field.default_factory is NODEFAULT
        default = inspect.Parameter.empty if required else UNSET
        assert parameters[name].default is default, name
        assert (UnsetType in getattr(_hint(method, name), "__args__", ())) is not required, name


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("path", COMMANDS)
def test_a_method_answers_with_what_its_command_answers_with(kind: type[Any], path: str) -> None:
    command = COMMANDS[path]
    method = getattr(kind, command.name)
    assert _hint(method, "return") is (command.answer or type(None))
    assert inspect.iscoroutinefunction(method) is (kind is AsyncClient)


def _hint(method: Any, name: str) -> Any:
    return get_type_hints(method, vars(methods))[name]


def test_no_two_commands_want_the_same_method() -> None:
    paths = [*COMMANDS, *NOT_DONE]
    names = [path.rpartition("/")[2] for path in paths]
    assert len(set(names)) == len(names)
    assert not OWN & set(names)


@pytest.mark.parametrize("path", LONG_LISTS)
def test_a_long_list_is_a_list_of_its_command(path: str) -> None:
    command, long = COMMANDS[path], LONG_LISTS[path]
    for steps in long.lists:
        assert "list" in str(_type_at(command.request, steps))
    if long.results:
        assert "list" in str(_type_at(command.answer, long.results))
    else:
        assert command.answer is None


def _type_at(shape: Any, steps: tuple[str, ...]) -> Any:
    for step in steps:
        shape = get_type_hints(shape)[step]
    return shape


@pytest.mark.parametrize("path", CURSORS)
def test_a_cursor_is_a_field_of_its_command(path: str) -> None:
    command = COMMANDS[path]
    assert command.answer is not None
    for field, source in CURSORS[path].items():
        wanted, given = get_type_hints(command.request)[field], get_type_hints(command.answer)[source]
        assert wanted is given
        assert wanted in {int, str}


REPEATABLE = {
    "recentcontact/mark_contact",
    "recentcontact/get_contact_group",
    "recentcontact/search_contact_group",
    "im_open_login_svc/account_import",
    "im_open_login_svc/multiaccount_import",
    "im_open_login_svc/account_check",
    "group_open_http_svc/get_appid_group_list",
    "group_open_http_svc/get_group_info",
    "recentcontact/get_list",
    "x/1/recentcontact/top",
    "x/1/recentcontact/query",
    "x/1/recentcontact/who",
}


@pytest.mark.parametrize("path", [*COMMANDS, *NOT_DONE])
def test_only_marks_imports_and_reads_are_repeated(path: str) -> None:
    assert is_repeatable(path, b"{}") is (path in REPEATABLE)


@pytest.mark.parametrize(
    ("update", "repeats"),
    [
        ({"UpdateGroupType": 1, "OldGroupName": "a", "NewGroupName": "b"}, False),
        ({"UpdateGroupType": 1, "OldGroupName": "a", "NewGroupName": "a"}, True),
        ({"UpdateGroupType": 2, "OldGroupName": "a", "ContactUpdateItem": []}, True),
        ({"UpdateGroupType": 2}, False),
    ],
)
def test_a_change_of_members_is_repeated_and_a_rename_is_not(
    update: dict[str, Any], *, repeats: bool
) -> None:
    body = msgspec.json.encode({"From_Account": "a", "UpdateType": 1, "UpdateGroup": update})
    assert is_repeatable("recentcontact/update_contact_group", body) is repeats


def test_everything_public_has_its_contract() -> None:
    for name in library.__all__:
        assert name in ("RegionName", "REGIONS") or inspect.getdoc(getattr(library, name)), name
