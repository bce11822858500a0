"""`POST /x/1/recentcontact/top`: pin conversations of an account's list, or unpin them.

An extension, described in `docs/extensions.md`; the request is that of the vendor's clients. All of
it is done or nothing. At most 50 conversations of an account are pinned (1047/48316).
"""

from __future__ import annotations

from msgspec import Struct

from chatmarks.book import Account, Peer
from chatmarks.command import EXTENSIONS_DOCUMENT, AccountName, Call, lists
from chatmarks.commands.recentcontact.contact import Contact, check_contacts, check_count, peer_of
from chatmarks.commands.recentcontact.conversation_list import is_account
from chatmarks.errors import Code, Fail
from chatmarks.limits import PINNED_MAX, Profile
from chatmarks.store import Store

PIN, UNPIN = 1, 2


class Request(Struct, frozen=True):
    """`OperationType` 1 pins, 2 unpins. `RecentContactItem` holds 1 to 100 conversations."""

    From_Account: AccountName
    OperationType: int
    RecentContactItem: list[Contact]


def check(request: Request, _: Profile) -> None:
    """50002, 51006."""
    if request.OperationType not in (PIN, UNPIN):
        raise Fail(
            Code.BAD_PARAMETER,
            f"OperationType is {request.OperationType}; 1 (pin) and 2 (unpin) are allowed",
        )
    check_count(len(request.RecentContactItem), "RecentContactItem")
    check_contacts(request.RecentContactItem, "RecentContactItem")


@lists(document=EXTENSIONS_DOCUMENT, request=Request, check=check)
async def top(request: Request, call: Call, store: Store) -> None:
    """Pin conversations, or unpin them."""
    account = Account(call.sdkappid, request.From_Account)
    peers = [peer_of(item) for item in request.RecentContactItem]
    if request.OperationType == UNPIN:
        await store.unpin(account, peers)
        return
    pinning = await store.pin(account, peers, call.now, PINNED_MAX)
    if pinning.absent:
        number = peers.index(pinning.absent[0])
        raise Fail(
            Code.BAD_PARAMETER,
            f"RecentContactItem[{number}].{_named(peers[number])} is not in the list;"
            " only conversations in the list can be pinned",
        )
    if pinning.count > PINNED_MAX:
        raise Fail(
            Code.PINNED_FULL,
            f"RecentContactItem would bring the pinned conversations to {pinning.count};"
            f" at most {PINNED_MAX} are allowed",
        )


def _named(peer: Peer) -> str:
    return f"{'To_Account' if is_account(peer) else 'ToGroupId'} {peer.id}"
