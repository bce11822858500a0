"""How a call can fail: refused with a code, not answered, or answered by nobody for certain."""

from __future__ import annotations

from chatmarks.limits import ERROR_INFO_CHARACTERS_MAX

EXPIRED = frozenset({70001})
"""The ticket is expired (269/1671): nothing was done, and a fresh ticket helps."""

NOT_NOW = frozenset({60007, 60011, 60018, 60019})
"""Too many calls (269/1519, 269/1671): nothing was done, and later it may be."""

MAYBE_DONE = frozenset({10002, 50004, 50005, 60008, 60013, 60014, 70169, 70202, 70500})
"""Timeouts and faults of a server (1047/34348, 269/1671): the call may have been done all the same."""


class ChatError(Exception):
    """The call was refused. `code`: `ErrorCode`; `text`: `ErrorInfo`; `command`: the URL behind `/v4/`;
    `request_id`: the answer's `X-Request-Id`, None without one.

    `done`: where a long list was sent in several calls, the answer to those before this one.
    """

    def __init__(self, code: int, text: str, command: str, request_id: str | None = None) -> None:
        super().__init__(code, text, command, request_id)
        self.code = code
        self.text = text
        self.command = command
        self.request_id = request_id
        self.done: object = None

    def __str__(self) -> str:
        told = f" (X-Request-Id {self.request_id})" if self.request_id else ""
        return f"{self.command}: {self.code} {self.text[:ERROR_INFO_CHARACTERS_MAX]}{told}"

    @property
    def maybe_done(self) -> bool:
        """Whether the call may have been done all the same."""
        return self.code in MAYBE_DONE

    @property
    def is_passing(self) -> bool:
        """Whether the same call may be answered otherwise a moment later."""
        return self.maybe_done or self.code in NOT_NOW


class NoAnswer(Exception):
    """No answer came, or none of this API. `reason` says why in a sentence; `maybe_done`: whether the
    call may have been done all the same; `is_passing`: whether a moment later may be better.

    `done`: as in `ChatError`.
    """

    def __init__(
        self, command: str, reason: str, *, maybe_done: bool = True, is_passing: bool = True
    ) -> None:
        super().__init__(command, reason, maybe_done, is_passing)
        self.command = command
        self.reason = reason
        self.maybe_done = maybe_done
        self.is_passing = is_passing
        self.done: object = None

    def __str__(self) -> str:
        return f"{self.command}: {self.reason}"


class OutcomeUnknown(NoAnswer):
    """Whether a call that must not be repeated was done could not be found out. `reason` says why; the
    failure that began it is the cause."""
