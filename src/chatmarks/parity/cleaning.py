"""What a run made is deleted again, as far as the server lets it."""

from __future__ import annotations

from collections import Counter

from chatmarks.errors import Code
from chatmarks.parity.asks import Ask, Asker, Reply
from chatmarks.parity.bodies import DELETE_ACCOUNTS, DESTROY_CHAT_GROUP, batches, found, listed
from chatmarks.parity.scene import Scene

_GONE = (0, Code.CHAT_GROUP_NOT_FOUND, Code.ACCOUNT_UNKNOWN)


async def cleaned(scene: Scene, asker: Asker) -> list[str]:
    """Destroy the chat groups and delete the accounts of a run; what is left, as sentences.

    The accounts that a run begins with go last: they tell the next one that it broke off.
    """
    kept: Counter[str] = Counter()
    for group_id in scene.chat_groups:
        reply = await asker(Ask(DESTROY_CHAT_GROUP, {"GroupId": group_id}))
        if reply.code not in _GONE:
            kept[f"chat groups: {DESTROY_CHAT_GROUP} answered {_said(reply)}"] += 1
    for part in batches(list(reversed(scene.accounts))):
        items = [{"UserID": userid} for userid in part]
        reply = await asker(Ask(DELETE_ACCOUNTS, {"DeleteItem": items}))
        if reply.code != 0:
            kept[f"accounts: {DELETE_ACCOUNTS} answered {_said(reply)}"] += len(part)
        for result in listed(reply, "ResultItem"):
            if (code := found(result, "ResultCode")) not in _GONE:
                kept[f"accounts: {DELETE_ACCOUNTS} answered {code} for them"] += 1
    return [f"{count} {reason}" for reason, count in kept.items()]


def _said(reply: Reply) -> str:
    return reply.fault or f"{reply.code} {reply.answer.get('ErrorInfo', '')}"
