"""How the control API refuses what cannot be done."""

from __future__ import annotations

SDKAPPID_MAX = 2**63 - 1


class Refused(Exception):
    """A request is refused with an HTTP status; `field` is what it is about, "" for none."""

    def __init__(self, status: int, message: str, field: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.field = status, message, field


def in_range(field: str, value: float, least: float, most: float, what: str = "") -> None:
    """Refuse a number that is not allowed. `what` says what it is, where it is not `field` itself."""
    if not least <= value <= most:
        raise Refused(400, f"{what or field} is {value}; {least} to {most} are allowed", field)
