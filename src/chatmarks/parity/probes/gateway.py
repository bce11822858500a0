"""Probes of what stands before every command: the URL, the ticket, the order of the checks."""

from __future__ import annotations

from chatmarks.errors import Code
from chatmarks.limits import GROUPS_PER_ACCOUNT_MAX
from chatmarks.parity.asks import Ask, Script
from chatmarks.parity.bodies import (
    GET,
    MARK,
    account,
    create,
    custom,
    delete_group,
    get,
    mark,
    marks,
)
from chatmarks.parity.scene import Scene, Trial


def triggers(scene: Scene, trial: Trial) -> Script[None]:
    """27 and 36: what is wrong with a URL, and the code for it."""
    body = get(scene.friends[0]).body
    both = 27, 36
    # Real ones have ten digits.
    no_app = "1" if scene.sdkappid != 1 else "2"
    for query, code, what in (
        ({"sdkappid": "abc"}, Code.SDKAPPID_WRONG, "an sdkappid that is not a number"),
        ({"sdkappid": no_app}, Code.SDKAPPID_WRONG, "an sdkappid that no app has"),
        ({"identifier": None}, Code.IDENTIFIER_WRONG, "no identifier"),
    ):
        yield from trial.expects(Ask(GET, body, query=query), code, what, numbers=both)
    if scene.known.usersig == "any":
        return
    for value, what in ((None, "no usersig"), ("", "an empty usersig")):
        call = Ask(GET, body, query={"usersig": value})
        yield from trial.expects(call, Code.USERSIG_EMPTY, what, numbers=both)


def order(scene: Scene, trial: Trial) -> Script[None]:
    """26: the order of the checks, by calls with two mistakes, of which the first must be told."""
    owner = yield from scene.account()
    stranger = f"{scene.prefix}no-such"
    friend = account(scene.friends[0])
    wrong_type = {"Type": 3, "To_Account": "a"}
    many = [account(f"peer-{number}") for number in range(101)]
    out_of_range = marks(friend, bits=[64])
    calls: list[tuple[Ask, int, str]] = [
        (Ask(MARK, b"{"), Code.BODY_NOT_JSON, "a body that is not JSON"),
        (Ask(MARK, b""), Code.BODY_NOT_JSON, "an empty body"),
        (Ask(MARK, {"From_Account": 5}), Code.ACCOUNT_NOT_STRING, "an account that is no string"),
        (Ask(MARK, {"MarkItem": []}), Code.BAD_PARAMETER, "shape before count"),
        (mark(stranger), Code.CONVERSATION_COUNT, "count before account"),
        (create(owner, "x" * 65, *many), Code.CONVERSATION_COUNT, "count before name"),
        (create(owner, "x" * 65, wrong_type), Code.GROUP_NAME_TOO_LONG, "name before range"),
        (mark(stranger, out_of_range), Code.BAD_PARAMETER, "range before account"),
        (mark("", custom(friend)), Code.BAD_PARAMETER, "an empty From_Account"),
        (mark("é", custom(friend)), Code.BAD_PARAMETER, "a From_Account outside of ASCII"),
        (mark("x" * 33, custom(friend)), Code.BAD_PARAMETER, "a From_Account of 33 bytes"),
    ]
    if scene.known.edition == "basic":
        if scene.known.unknown_account == "strict":
            calls.append((create(stranger, "a"), Code.EDITION, "edition before account"))
    else:
        calls += _with_groups(owner, stranger, strict=scene.known.unknown_account == "strict")
    for call, code, what in calls:
        yield from trial.expects(call, code, what)


def _with_groups(owner: str, stranger: str, *, strict: bool) -> list[tuple[Ask, int, str]]:
    """The checks that only an edition with groups comes to."""
    missing = delete_group(stranger, "no such group")
    calls: list[tuple[Ask, int, str]] = []
    if strict:
        calls.append((missing, Code.ACCOUNT_NOT_IMPORTED, "account before group"))
    alike = ("Work", "work", "\u00e9", "e\u0301")
    calls += [(create(owner, name), 0, "names that differ in their bytes are two") for name in alike]
    filling = range(GROUPS_PER_ACCOUNT_MAX - len(alike))
    calls += [(create(owner, f"group {number}"), 0, "20 groups") for number in filling]
    calls.append((create(owner, "Work"), Code.BAD_PARAMETER, "duplicate name before number of groups"))
    calls.append((create(owner, "one more"), Code.GROUPS_FULL, "a 21st group"))
    return calls


def unknown_commands(scene: Scene, trial: Trial) -> Script[None]:
    """39: what no command has; the rest of it is seen in every call of a run."""
    for service in ("group_open_http_svc", "recentcontact"):
        call = Ask(f"{service}/no_such_command", {"From_Account": scene.friends[0]})
        yield from trial.expects(call, Code.NO_SUCH_COMMAND, f"an unknown command of {service}")


def repeats(scene: Scene, trial: Trial) -> Script[None]:
    """33: what a repeat of a call is answered."""
    owner = yield from scene.account()
    friend = account(scene.friends[0])
    again = "repeated"
    yield from trial.expects(
        Ask("im_open_login_svc/account_import", {"UserID": owner}), 0, f"an import, {again}"
    )
    for _ in range(2):
        yield from trial.expects(mark(owner, custom(friend)), 0, f"mark_contact, {again}")
    if scene.known.edition == "basic":
        return
    yield from trial.expects(create(owner, "a", friend), 0, "create")
    yield from trial.expects(create(owner, "a", friend), Code.BAD_PARAMETER, f"create, {again}")
    yield from trial.expects(delete_group(owner, "a"), 0, "del")
    yield from trial.expects(delete_group(owner, "a"), Code.GROUP_NOT_FOUND, f"del, {again}")
