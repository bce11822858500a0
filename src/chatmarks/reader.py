"""Finds each setting in the first place that has it: a flag, a `CHATMARKS_*` variable, a TOML file.

What cannot be used is gathered, one line for each mistake, so that all are told at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

Chosen = TypeVar("Chosen", bound=str)

_FILE_NUMBERS = range(2**20)


class Value(NamedTuple):
    """A setting's value as it came, and where it came from."""

    value: Any
    origin: str


class Reader:
    """Finds settings and gathers mistakes."""

    def __init__(
        self, flags: Mapping[str, Any], environ: Mapping[str, str], file: Mapping[str, Any], name: str
    ) -> None:
        self.flags, self.environ, self.file, self.file_name = flags, environ, file, name
        self.mistakes: list[str] = []
        self.found: dict[str, Value] = {}
        self.secrets: set[str] = set()

    def find(self, name: str, default: Any = None) -> Value:
        """The value of `name` from the first place that has it."""
        variable = f"CHATMARKS_{name.upper()}"
        if self.flags.get(name) is not None:
            found = Value(self.flags[name], f"--{name.replace('_', '-')}")
        elif variable in self.environ:
            found = Value(self.environ[variable], variable)
        elif name in self.file:
            found = Value(self.file[name], f"{self.file_name}: {name}")
        else:
            found = Value(default, "default")
        self.found[name] = found
        return found

    def text(self, name: str, default: str) -> str:
        value, origin = self.find(name, default)
        if not isinstance(value, str) or not value:
            self.mistakes.append(f"{origin}: {value!r} is not a text of one character or more")
            return default
        return value

    def choice(self, name: str, allowed: tuple[Chosen, ...], default: Chosen) -> Chosen:
        value, origin = self.find(name, default)
        for one in allowed:
            if value == one:
                return one
        self.mistakes.append(f"{origin}: {value!r} is unknown; known: {', '.join(allowed)}")
        return default

    def switch(self, name: str) -> bool:
        """On or off, and off unless told: a flag, a boolean of the file, or 1, 0 and the like."""
        value, origin = self.find(name, default=False)
        known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False}
        known |= {"no": False, "off": False, "": False}
        on = known.get(str(value).lower())
        if on is None:
            self.mistakes.append(f"{origin}: {value!r} is neither on nor off; 1 and 0 are allowed")
        return bool(on)

    def whole(self, name: str, default: int, kind: str, allowed: range) -> int:
        """A whole number; `kind` is what it counts or names, as in "a port"."""
        value, origin = self.find(name, default)
        text = str(value)
        if not (text.isascii() and text.isdigit() and int(text) in allowed) or isinstance(value, bool):
            bounds = f"{allowed[0]} to {allowed[-1]} are allowed"
            self.mistakes.append(f"{origin}: {value!r} is not {kind}; {bounds}")
            return default
        return int(text)

    def file_number(self, name: str, handed: int | None) -> int | None:
        """The number of a file that is open: as told, or else as it was `handed` over by systemd."""
        if self.find(name).value is not None:
            mistakes = len(self.mistakes)
            number = self.whole(name, 0, "a file number", _FILE_NUMBERS)
            return number if len(self.mistakes) == mistakes else None
        if handed is not None:
            self.found[name] = Value(handed, "LISTEN_FDS")
        return handed

    def secret(self, name: str) -> str | None:
        """A secret: itself, or the content of the file that `<name>_file` names."""
        self.secrets.add(name)
        value, origin = self.find(name)
        path, path_origin = self.find(f"{name}_file")
        if value is not None and path is not None:
            self.mistakes.append(f"{origin} and {path_origin}: only one of the two is allowed")
            return None
        if path is not None:
            content = self.content(path, path_origin)
            secret = content.decode(errors="replace").strip() or None if content else None
            self.found[name] = Value(secret, path_origin)
            return secret
        # Set but empty is as good as not set, as in a file of variables.
        return str(value) if value else None

    def content(self, path: Any, origin: str) -> bytes | None:
        try:
            return Path(str(path)).read_bytes()
        except OSError as error:
            self.mistakes.append(f"{origin}: {path} cannot be read: {error.strerror}")
            return None
