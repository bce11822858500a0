"""What the account commands share: which UserIDs and profile values may be imported."""

from __future__ import annotations

from collections.abc import Sequence

from chatmarks.errors import Code, Fail
from chatmarks.limits import ACCOUNTS_PER_CALL_MAX, PROFILE_VALUE_BYTES_MAX

PROFILE_NOT_KEPT = "`Nick` and `FaceUrl` are checked and not kept; no command here returns them."


def long_value(fields: dict[str, str]) -> str | None:
    """Which of `fields` is longer than 500 bytes, as a sentence; None when none is."""
    for field, text in fields.items():
        if (size := len(text.encode())) > PROFILE_VALUE_BYTES_MAX:
            return f"{field} has {size} bytes; at most {PROFILE_VALUE_BYTES_MAX} are allowed"
    return None


def check_account_count(items: Sequence[object], field: str) -> None:
    """Refuse a list of no account, or of more than 100."""
    if not 1 <= len(items) <= ACCOUNTS_PER_CALL_MAX:
        raise Fail(
            Code.ACCOUNT_BAD_PARAMETER,
            f"{field} has {len(items)} accounts; 1 to {ACCOUNTS_PER_CALL_MAX} are allowed",
        )
