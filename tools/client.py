"""Prints the methods of the clients, made from the table of commands: `client/methods.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT, Meta, Struct, UnsetType

from chatmarks.command import Command
from chatmarks.commands import COMMANDS

WIDTH = 104

HEAD = '''# ruff: noqa: PLR0913 - a method takes as many fields as its command has
"""A method for every command of the table. Made by `tools/client.py`: `make docs`.

A field that is left out is not sent. Where a struct is wanted, a mapping with its fields does, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from msgspec import UNSET, UnsetType

from chatmarks.client.answers import Nothing
'''

SEND = {
    "Methods": '''
    def send(self, command: str, answer: type[A], fields: Mapping[str, object]) -> A:
        """The answer of a command."""
        ...
''',
    "AsyncMethods": '''
    async def send(self, command: str, answer: type[A], fields: Mapping[str, object]) -> A:
        """The answer of a command."""
        ...
''',
}


def main() -> None:
    """Print the module."""
    names = aliases()
    print(HEAD + "\n".join(imports(names)))
    print(
        '\nA = TypeVar("A")\n\nFields = Mapping[str, Any]\n"""A struct of the wire, field by field."""'
    )
    for protocol, send in SEND.items():
        waits = "" if protocol == "Methods" else ", awaited"
        print(f'\n\nclass {protocol}(Protocol):\n    """The commands{waits}."""\n{send}')
        print("\n\n".join(method(command, names, waits=bool(waits)) for command in COMMANDS.values()))


def hints(struct: type[Struct]) -> dict[str, Any]:
    """The types of its fields, but of those that are another spelling of one."""
    fields = get_type_hints(struct, include_extras=True)
    plain = get_type_hints(struct)
    return {name: plain[name] for name, kind in fields.items() if not is_spelling(kind)}


def is_spelling(kind: Any) -> bool:
    """Whether a field is there for what other clients write."""
    metas = (meta for meta in get_args(kind) if isinstance(meta, Meta))
    return any((meta.extra or {}).get("spelling") for meta in metas)


def structs_in(kind: Any) -> Iterator[type[Struct]]:
    """The structs that a field of this type holds."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        yield kind
    for inner in get_args(kind):
        yield from structs_in(inner)


def aliases() -> dict[type[Struct], str]:
    """What each struct is called in the module: answers by their command, the others as they are."""
    names: dict[type[Struct], str] = {}
    for command in COMMANDS.values():
        if command.answer is not None:
            camel = "".join(word.title() for word in command.name.split("_"))
            names[command.answer] = f"{camel}Answer"
        for kind in hints(command.request).values():
            names.update({struct: struct.__name__ for struct in structs_in(kind)})
    if len(set(names.values())) < len(names):
        raise SystemExit(f"two structs have one name: {sorted(names.values())}")
    return names


def imports(names: dict[type[Struct], str]) -> Iterator[str]:
    """The import lines, sorted."""
    by_module: dict[str, list[str]] = {}
    for struct, name in names.items():
        written = name if name == struct.__name__ else f"{struct.__name__} as {name}"
        by_module.setdefault(struct.__module__, []).append(written)
    for module, imported in sorted(by_module.items()):
        plain = sorted(name for name in imported if " as " not in name)
        # As the linter wants it: each that is renamed on a line of its own.
        renamed = [[name] for name in imported if " as " in name]
        for group in filter(None, [*renamed, plain]):
            yield wrapped(f"from {module} import ", group)


def wrapped(head: str, names: list[str]) -> str:
    """An import on one line, or on several where it is long."""
    line = head + ", ".join(names)
    if len(line) <= WIDTH:
        return line
    return head + "(\n" + "".join(f"    {name},\n" for name in names) + ")"


def method(command: Command, names: dict[type[Struct], str], *, waits: bool) -> str:
    """The method of a command."""
    parameters: list[str] = []
    fields: list[str] = []
    required = {
        field.name: field.default is NODEFAULT and field.default_factory is NODEFAULT
        for field in msgspec.structs.fields(command.request)
    }
    for name, kind in hints(command.request).items():
        shown = written(kind, names)
        parameters.append(
            f"{name}: {shown}" if required[name] else f"{name}: {shown} | UnsetType = UNSET"
        )
        fields.append(f'"{name}": {name}')
    prefix, word = ("async def", "await ") if waits else ("def", "")
    answer = "Nothing" if command.answer is None else names[command.answer]
    returned = "None" if command.answer is None else answer
    begin = "" if command.answer is None else "return "
    sent = f'"{command.path}", {answer}, fields'
    sends = f"        {begin}{word}self.send({sent})"
    if len(sends) > WIDTH:
        sends = f"        {begin}{word}self.send(\n            {sent}\n        )"
    return "\n".join(
        [
            signature(f"    {prefix} {command.name}(", parameters, returned),
            summary(command),
            assignment(fields),
            sends,
        ]
    )


def summary(command: Command) -> str:
    """What a command does: the first sentence on it, and its document."""
    first = (command.run.__doc__ or "").partition("\n")[0].partition(". ")[0].strip(" .")
    line = f'        """{first}. Document {command.document}."""'
    if len(line) <= WIDTH:
        return line
    return f'        """{first}.\n\n        Document {command.document}.\n        """'


def signature(head: str, parameters: list[str], returned: str) -> str:
    """The first lines of a method, wrapped as the formatter does it."""
    inner = ", ".join(["self", "*", *parameters])
    if len(line := f"{head}{inner}) -> {returned}:") <= WIDTH:
        return line
    if len(line := f"        {inner}") <= WIDTH:
        return f"{head}\n{line}\n    ) -> {returned}:"
    lines = "".join(f"        {each},\n" for each in ("self", "*", *parameters))
    return f"{head}\n{lines}    ) -> {returned}:"


def assignment(fields: list[str]) -> str:
    """The lines that gather what is sent."""
    head = "        fields: Fields = {"
    if len(line := f"{head}{', '.join(fields)}}}") <= WIDTH:
        return line
    return head + "\n" + "".join(f"            {field},\n" for field in fields) + "        }"


def written(kind: Any, names: dict[type[Struct], str]) -> str:
    """A type of the wire as the one that a method takes."""
    arguments = get_args(kind)
    if isinstance(kind, type) and kind in names:
        return f"{names[kind]} | Fields"
    if get_origin(kind) is list:
        inner = written(arguments[0], names)
        # A string is a sequence of strings, and never what was meant.
        return "list[str] | tuple[str, ...]" if inner == "str" else f"Sequence[{inner}]"
    if arguments:
        # What may be null may as well be left out.
        given = (each for each in arguments if each not in {UnsetType, type(None)})
        return " | ".join(written(each, names) for each in given)
    return str(kind.__name__)


main()
