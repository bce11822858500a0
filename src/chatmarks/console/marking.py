"""JSON as HTML, its parts marked so that they can be coloured."""

from __future__ import annotations

import json
import re
from typing import Any

from markupsafe import Markup, escape

from chatmarks.console.forms import document_url

# A string that is not closed counts to the end: otherwise each quote in it would be tried as the first.
_TOKEN = re.compile(
    r'("(?:[^"\\]|\\.)*+(?:"|\\?\Z))(\s*:)?|\b(true|false|null)\b|'
    r"(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)",
    re.DOTALL,
)

_COLOURED_CHARACTERS_MAX = 1 << 15
"""What is longer would take a second to colour, in which no call is answered."""


def pretty(value: Any) -> str:
    """A value as JSON for people. Half a surrogate pair, which no page can show, stays escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return text.encode(errors="backslashreplace").decode()


def pretty_text(text: str) -> str:
    """A text of JSON made pretty; the text itself when it is not JSON."""
    try:
        return pretty(json.loads(text))
    except (ValueError, RecursionError):
        return text


def json_html(text: str) -> Markup:
    """A text of JSON in HTML, coloured unless it is long. Whatever it holds, it shows as text."""
    if len(text) > _COLOURED_CHARACTERS_MAX:
        return escape(text)
    parts: list[Markup] = []
    end = 0
    for found in _TOKEN.finditer(text):
        parts.append(escape(text[end : found.start()]))
        parts.append(_marked(found))
        end = found.end()
    parts.append(escape(text[end:]))
    return Markup("").join(parts)


def _marked(found: re.Match[str]) -> Markup:
    string, colon, word, digits = found.groups()
    if string is not None:
        kind = "key" if colon else "string"
        return Markup('<span class="json-{}">{}</span>{}').format(kind, string, colon or "")
    kind = "word" if word else "number"
    return Markup('<span class="json-{}">{}</span>').format(kind, word or digits)


_MARKED = re.compile(r"`([^`]+)`|\b(1047/\d{5}|269/\d{4,5})\b")


def sourced(text: str) -> Markup:
    """A text of the catalogue as HTML: what is in backticks as code, documents as links."""
    parts: list[Markup] = []
    end = 0
    for found in _MARKED.finditer(text):
        parts.append(escape(text[end : found.start()]))
        code, document = found.groups()
        if code:
            parts.append(Markup("<code>{}</code>").format(code))
        else:
            link = Markup('<a href="{}" rel="noreferrer" target="_blank">{}</a>')
            parts.append(link.format(document_url(document), document))
        end = found.end()
    parts.append(escape(text[end:]))
    return Markup("").join(parts)
