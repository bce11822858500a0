"""Probes that tell how the switches of a profile stand, but for those that need much data."""

from __future__ import annotations

from chatmarks.errors import Code
from chatmarks.limits import Profile
from chatmarks.parity.asks import Ask, Script, asked
from chatmarks.parity.bodies import (
    DELETE_ACCOUNTS,
    account,
    chat_group,
    create,
    custom,
    get,
    mark,
    marks,
    result_codes,
)
from chatmarks.parity.scene import Scene, Trial, Untold

_DEFAULT = Profile()
_TICKET_CODES = range(70001, 70060)
"""What may be wrong with a ticket (269/1671)."""


def tickets(scene: Scene, trial: Trial) -> Script[None]:
    """`usersig`: whether a ticket under another key lets in."""
    reply = yield from asked(Ask(get("").command, get(scene.friends[0]).body, ticket="other key"))
    if reply.code not in (0, *_TICKET_CODES):
        raise Untold(f"a ticket under another key was answered {reply.code}")
    trial.switches["usersig"] = "any" if reply.code == 0 else "verify"


def edition(scene: Scene, trial: Trial) -> Script[None]:
    """`edition`: whether there are groups and standard marks."""
    owner = yield from scene.account()
    group = yield from asked(create(owner, "a"))
    star = yield from asked(mark(owner, marks(account(scene.friends[0]), bits=[0])))
    if group.code != star.code or group.code not in (0, Code.EDITION):
        raise Untold(f"a group was answered {group.code}, a standard mark {star.code}")
    trial.switches["edition"] = "basic" if group.code else "full"


def unknown_accounts(scene: Scene, trial: Trial) -> Script[None]:
    """9: `unknown_account` and `check_to_account`."""
    stranger = get(scene.named("nobody"))
    reply = yield from trial.expects(
        stranger, Code.ACCOUNT_NOT_IMPORTED, "a From_Account that was never imported"
    )
    if reply.code in (0, Code.ACCOUNT_NOT_IMPORTED):
        trial.switches["unknown_account"] = "strict" if reply.code else "lenient"
    else:
        trial.untold_switches["unknown_account"] = f"such an account was answered {reply.code}"
    owner = yield from scene.account()
    call = mark(owner, custom(account(f"{scene.prefix}no-such")))
    reply = yield from trial.expects_items(call, [0], "a To_Account that was never imported")
    codes = result_codes(reply)
    if codes in ([0], [Code.ACCOUNT_NOT_IMPORTED]):
        trial.switches["check_to_account"] = codes != [0]
    else:
        trial.untold_switches["check_to_account"] = f"such an account was answered {codes}"


def unknown_chat_groups(scene: Scene, trial: Trial) -> Script[None]:
    """10: `unknown_chat_group`."""
    owner = yield from scene.account()
    call = mark(owner, custom(chat_group(f"{scene.prefix}no-such-room")))
    reply = yield from trial.expects_items(
        call, [Code.CHAT_GROUP_UNRESOLVED], "a chat group that does not exist"
    )
    codes = result_codes(reply)
    if codes not in ([0], [Code.CHAT_GROUP_UNRESOLVED]):
        raise Untold(f"a chat group that does not exist was answered {reply.code}, items {codes}")
    trial.switches["unknown_chat_group"] = "lenient" if codes == [0] else "strict"


def no_admin(scene: Scene, trial: Trial) -> Script[None]:
    """15: `not_admin`."""
    person = yield from scene.account()
    call = Ask(get("").command, get(person).body, identifier=person)
    reply = yield from trial.expects(call, _DEFAULT.not_admin, "a caller who is no administrator")
    if reply.code in (Code.NOT_ADMIN, Code.ADMIN_REQUIRED):
        trial.switches["not_admin"] = reply.code
    else:
        trial.untold_switches["not_admin"] = f"such a caller was answered {reply.code}"


def name_bytes(scene: Scene, trial: Trial) -> Script[None]:
    """4: `group_name_bytes_max`. 51011 comes before 51013, so it can be told in every edition."""
    owner = yield from scene.account()
    allowed = 0 if scene.known.edition == "full" else int(Code.EDITION)
    # One character of two bytes, so that characters cannot be what is counted.
    yield from trial.expects(create(owner, "é" * 16), allowed, "a name of 32 bytes")
    longer = yield from trial.expects(
        create(owner, "é" * 16 + "x"), Code.GROUP_NAME_TOO_LONG, "a name of 33 bytes"
    )
    edge = yield from asked(create(owner, "é" * 32))
    yield from trial.expects(
        create(owner, "é" * 32 + "x"), Code.GROUP_NAME_TOO_LONG, "a name of 65 bytes"
    )
    codes = longer.code, edge.code
    if codes == (Code.GROUP_NAME_TOO_LONG, Code.GROUP_NAME_TOO_LONG):
        trial.switches["group_name_bytes_max"] = 32
    elif codes == (allowed, allowed):
        trial.switches["group_name_bytes_max"] = 64
    else:
        raise Untold(f"names of 33 and 64 bytes were answered {longer.code} and {edge.code}")


def absent_accounts(scene: Scene, trial: Trial) -> Script[None]:
    """40: the account commands succeed as a whole."""
    stranger = [{"UserID": scene.named("nobody")}]
    check = Ask("im_open_login_svc/account_check", {"CheckItem": stranger})
    yield from trial.expects(check, 0, "account_check of an account that does not exist")
    call = Ask(DELETE_ACCOUNTS, {"DeleteItem": stranger})
    reply = yield from trial.expects(call, 0, "account_delete of an account that does not exist")
    trial.saw("its item carries 70107", call, reply, fits=result_codes(reply) == [Code.ACCOUNT_UNKNOWN])
