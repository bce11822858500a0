"""The catalogue of texts: every text of the console, in each of its languages."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = {"en": "English", "zh": "简体中文"}
"""The languages, and what each calls itself."""

DEFAULT = "en"
_TAGS = {"en": "en", "zh": "zh-CN"}


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """All texts by their keys, `overview.title`; each by language."""
    content = files("chatmarks.console").joinpath("texts.toml").read_text(encoding="utf-8")
    return {
        f"{room}.{name}": text
        for room, texts in tomllib.loads(content).items()
        for name, text in texts.items()
    }


@cache
def _keys_of_english() -> Mapping[str, str]:
    """The keys of what the server itself says."""
    return {
        text[DEFAULT]: key for key, text in catalogue().items() if key.startswith(SAID_BY_THE_SERVER)
    }


SAID_BY_THE_SERVER = ("mend.", "meaning.", "switch.")
"""The rooms of the catalogue whose English is that of the server's own code."""


class Texts:
    """The texts in one language."""

    def __init__(self, language: str) -> None:
        self.language = language

    @property
    def tag(self) -> str:
        """The language as HTML names it."""
        return _TAGS[self.language]

    def __call__(self, key: str, **values: Any) -> str:
        """The text `key`, with `values` put where it names them."""
        text = catalogue()[key][self.language]
        return text.format(**values) if values else text

    def of(self, english: str) -> str:
        """What the server says in English, in this language; itself where the catalogue has it not."""
        key = _keys_of_english().get(english)
        return english if key is None else self(key)

    def has(self, key: str) -> bool:
        """Whether there is a text `key`."""
        return key in catalogue()


def language_of(accepted: str) -> str:
    """The language that a header Accept-Language asks for first among those there are."""
    wishes = []
    for part in accepted.split(","):
        tag, _, weight = part.strip().partition(";q=")
        language = tag.partition("-")[0].lower()
        if language in LANGUAGES:
            try:
                wishes.append((float(weight or 1), language))
            except ValueError:
                continue
    return max(wishes, key=lambda wish: wish[0])[1] if wishes else DEFAULT
