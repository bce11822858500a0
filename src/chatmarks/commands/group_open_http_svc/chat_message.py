"""What the messages to chat groups share: checks of a body and of who sends."""

from __future__ import annotations

from chatmarks.command import is_userid, userid_problem
from chatmarks.commands.group_open_http_svc.chat_group import bad
from chatmarks.commands.message import Element, element_problem, number_problem
from chatmarks.errors import Code, Fail

SENDER_DIFFERENCE = "A sender that was never imported is 10019; it need not be a member."


def check_sender(userid: str, field: str) -> None:
    """10004."""
    if not is_userid(userid):
        raise bad(f"{field} {userid_problem(userid)}")


def check_random(number: int | None, field: str) -> None:
    """10004."""
    if problem := number_problem(number, field):
        raise bad(problem)


def check_body(body: list[Element], field: str) -> None:
    """10004."""
    if not body:
        raise bad(f"{field} is empty; 1 element at least is required")
    if problem := element_problem(body, field):
        raise bad(problem)


def check_flag(value: int, field: str) -> None:
    """10004."""
    if value not in (0, 1):
        raise bad(f"{field} is {value}; 0 and 1 are allowed")


def sender_unknown(userid: str, field: str) -> Fail:
    """10019."""
    return Fail(Code.CHAT_GROUP_ACCOUNT_UNKNOWN, f"{field}: {userid} was never imported")
