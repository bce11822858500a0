"""Which commands answer in pages, and where the next page begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatmarks.client.errors import NoAnswer

CURSORS: Mapping[str, Mapping[str, str]] = {
    "recentcontact/get_contact_group": {"StartIndex": "NextStartIndex"},
    "recentcontact/get_list": {
        "TimeStamp": "TimeStamp",
        "StartIndex": "StartIndex",
        "TopTimeStamp": "TopTimeStamp",
        "TopStartIndex": "TopStartIndex",
    },
    "group_open_http_svc/get_appid_group_list": {"Next": "Next"},
    "x/1/recentcontact/query": {"TimeStamp": "NextTimeStamp", "StartIndex": "NextStartIndex"},
    "x/1/recentcontact/who": {"StartUserID": "NextUserID"},
}
"""For each command with pages, the fields of a request and what they take from the answer before."""


def following(command: str, fields: Mapping[str, object], page: Any) -> dict[str, object] | None:
    """The fields that ask for the page after `page`; None when it was the last one.

    Raises `NoAnswer` when the answer leads back to where it was.
    """
    cursors = {field: getattr(page, source) for field, source in CURSORS[command].items()}
    # Where there is a flag it decides: the vendor's clients look at nothing else.
    last = page.CompleteFlag != 0 if hasattr(page, "CompleteFlag") else not any(cursors.values())
    if last:
        return None
    if all(fields.get(field) == value for field, value in cursors.items()):
        raise NoAnswer(
            command, f"the page leads to itself: {cursors}", maybe_done=False, is_passing=False
        )
    return {**fields, **cursors}
