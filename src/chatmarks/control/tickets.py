"""Why a ticket was refused, without the ticket."""

from __future__ import annotations

from chatmarks.control.noted import Checked
from chatmarks.envelope import Caller
from chatmarks.errors import Code, Fail
from chatmarks.usersig import CHECKS, WRONG_KEY, Check, explained

_OF_TICKETS = frozenset(
    {
        Code.USERSIG_EXPIRED,
        Code.USERSIG_EMPTY,
        Code.USERSIG_ILLEGAL,
        Code.USERSIG_KEY,
        Code.USERSIG_IDENTIFIER,
        Code.USERSIG_SDKAPPID,
    }
)
_SIGNATURE = CHECKS[3]


def checks_of(
    code: int | None, caller: Caller, sdkappid: int | None, now: float
) -> tuple[Checked, ...]:
    """The checks of the ticket of a call that was answered with `code`; none when that is of something
    else. The keys are not asked for: the code tells what became of the signature."""
    if code not in _OF_TICKETS:
        return ()
    found = explained(
        caller.usersig or "", sdkappid=sdkappid, identifier=caller.identifier or "", now=now
    )
    checks = []
    for check in found.checks:
        known = check
        if check.name == _SIGNATURE and code == Code.USERSIG_KEY:
            known = Check(_SIGNATURE, done=True, fail=Fail(Code.USERSIG_KEY, WRONG_KEY))
        elif check.name == _SIGNATURE and code == Code.USERSIG_EXPIRED:
            known = Check(_SIGNATURE, done=True)
        checks.append(_told(known))
    if found.ticket is not None:
        ticket = found.ticket
        says = (
            f"the ticket is of identifier {ticket.identifier[:64]} and sdkappid {ticket.sdkappid},"
            f" made at {ticket.time}, good until {ticket.expires_at}"
        )
        checks[0] = Checked(checks[0].check, checks[0].passed, says)
    return tuple(checks)


def _told(check: Check) -> Checked:
    if not check.done:
        return Checked(check.name, None)
    if check.fail is None:
        return Checked(check.name, passed=True)
    return Checked(check.name, passed=False, says=check.fail.info, mend=check.mend)
