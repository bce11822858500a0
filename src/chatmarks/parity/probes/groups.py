"""Probes of conversation groups. They need an edition that has them."""

from __future__ import annotations

from chatmarks.errors import Code
from chatmarks.parity.asks import Ask, Script, asked
from chatmarks.parity.bodies import (
    CREATE,
    UPDATE,
    account,
    change,
    create,
    delete_group,
    found,
    get,
    group_ids,
    rename,
)
from chatmarks.parity.scene import Scene, Trial

_LONG = "no group has this name " * 10


def duplicate_names(scene: Scene, trial: Trial) -> Script[None]:
    """7: names are unique."""
    owner = yield from scene.account()
    friend = account(scene.friends[0])
    for name in ("a", "b"):
        yield from trial.expects(create(owner, name), 0, f"group {name}")
    twice = create(owner, "a", friend)
    yield from trial.expects(twice, Code.BAD_PARAMETER, "a second group of a name")
    yield from trial.expects(rename(owner, "b", "a"), Code.BAD_PARAMETER, "renamed onto another")
    call = get(owner)
    reply = yield from asked(call)
    fits = group_ids(reply) == {"a": 1, "b": 2} and not found(reply.answer, "ContactItem")
    trial.saw("nothing was changed by either", call, reply, fits=fits)


def missing_groups(scene: Scene, trial: Trial) -> Script[None]:
    """8: a group that does not exist."""
    owner = yield from scene.account()
    gone = Code.GROUP_NOT_FOUND
    yield from trial.expects(rename(owner, "a", "b"), gone, "renaming a group that is not there")
    call = change(owner, "a", join=[account(scene.friends[0])])
    yield from trial.expects(call, gone, "filling a group that is not there")


def without_members(scene: Scene, trial: Trial) -> Script[None]:
    """16: a group may be made empty, and takes 100 at once."""
    owner = yield from scene.account()
    bare = Ask(CREATE, {"From_Account": owner, "GroupContactItem": [{"GroupName": "bare"}]})
    yield from trial.expects(bare, 0, "create without ContactItem")
    yield from trial.expects(create(owner, "empty"), 0, "create with an empty ContactItem")
    many = [account(f"peer-{number}") for number in range(101)]
    count = Code.CONVERSATION_COUNT
    yield from trial.expects(create(owner, "many", *many), count, "create with 101")
    yield from trial.expects(change(owner, "empty"), count, "an empty ContactUpdateItem")


def one_at_a_time(scene: Scene, trial: Trial) -> Script[None]:
    """17: one group a call."""
    owner = yield from scene.account()
    for names in (("a", "b"), ()):
        groups = [{"GroupName": name} for name in names]
        call = Ask(CREATE, {"From_Account": owner, "GroupContactItem": groups})
        yield from trial.expects(call, Code.BAD_PARAMETER, f"create of {len(names)} groups")
        call = delete_group(owner, *names)
        yield from trial.expects(call, Code.BAD_PARAMETER, f"del of {len(names)} groups")


def free_ids(scene: Scene, trial: Trial) -> Script[None]:
    """19: the smallest free id."""
    owner = yield from scene.account()
    for name in ("a", "b", "c"):
        yield from trial.expects(create(owner, name), 0, f"group {name}")
    for name in ("b", "a"):
        yield from trial.expects(delete_group(owner, name), 0, f"{name} deleted")
    yield from trial.expects(create(owner, "d"), 0, "group d")
    call = get(owner)
    reply = yield from asked(call)
    fits = group_ids(reply) == {"c": 3, "d": 1}
    trial.saw("the new one has the smallest free id", call, reply, fits=fits)


def group_names(scene: Scene, trial: Trial) -> Script[None]:
    """37: empty names, and names that are only looked up."""
    owner = yield from scene.account()
    yield from trial.expects(create(owner, ""), Code.BAD_PARAMETER, "an empty GroupName")
    yield from trial.expects(create(owner, "a"), 0, "a group")
    yield from trial.expects(rename(owner, "a", ""), Code.BAD_PARAMETER, "an empty NewGroupName")
    gone = Code.GROUP_NOT_FOUND
    yield from trial.expects(rename(owner, _LONG, "b"), gone, "a long OldGroupName")
    yield from trial.expects(delete_group(owner, _LONG), gone, "a long name to delete")
    update = {"UpdateGroupType": 2, "OldGroupName": "a"}
    call = Ask(UPDATE, {"From_Account": owner, "UpdateType": 1, "UpdateGroup": update})
    yield from trial.expects(call, Code.BAD_PARAMETER, "a missing ContactUpdateItem")


def rename_result(scene: Scene, trial: Trial) -> Script[None]:
    """38: a rename has an empty list of results."""
    owner = yield from scene.account()
    yield from trial.expects(create(owner, "a"), 0, "a group")
    call = rename(owner, "a", "b")
    reply = yield from asked(call)
    fits = found(reply.answer, "UpdateGroupResult", "ContactResultItem") == []
    trial.saw("ContactResultItem is []", call, reply, fits=fits)
