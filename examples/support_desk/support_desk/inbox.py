"""The inbox of one agent: conversations with customers, filed into folders and starred."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chatmarks.client import ChatError, Client

FOLDERS = ("waiting", "open", "done")

STAR = 0
"""The first of the 64 marks."""

NO_SUCH_GROUP = 51009

_CHAT = 1
_MARKS, _MEMBERS = 1, 2
_ADD, _REMOVE = 1, 2


@dataclass(frozen=True)
class Refused:
    """A customer whose conversation could not be filed or starred, and why."""

    customer: str
    why: str


class NotOpened(Exception):
    """The agent has no inbox yet."""


class Inbox:
    """The conversations of `agent`, in `FOLDERS`."""

    def __init__(self, client: Client, agent: str) -> None:
        self._client, self._agent = client, agent

    def open(self) -> None:
        """Make the folders that are not there yet. May be called each time."""
        groups = self._client.get_contact_group(From_Account=self._agent, StartIndex=0).GroupItem
        there = {group.GroupName for group in groups}
        for name in FOLDERS:
            if name not in there:
                # The service makes one in each call.
                wanted = [{"GroupName": name}]
                self._client.create_contact_group(From_Account=self._agent, GroupContactItem=wanted)

    def file(self, customers: Iterable[str], folder: str) -> list[Refused]:
        """Put conversations into `folder` and take them out of the others; those that were refused."""
        named = [*customers]
        refused = self._update(folder, _ADD, named)
        filed = [name for name in named if name not in {one.customer for one in refused}]
        for other in FOLDERS:
            if other != folder:
                refused += self._update(other, _REMOVE, filed)
        return refused

    def star(self, customers: Iterable[str]) -> list[Refused]:
        """Mark conversations as urgent; those that were refused."""
        return self._mark(customers, "SetMark")

    def unstar(self, customers: Iterable[str]) -> list[Refused]:
        """Mark conversations as not urgent any more; those that were refused."""
        return self._mark(customers, "ClearMark")

    def listed(self, folder: str) -> list[str]:
        """Who is in `folder`: the urgent ones first, else in the order of their first contact."""
        found: list[tuple[bool, str]] = []
        for page in self._client.get_contact_group_pages(From_Account=self._agent):
            ids = {group.GroupId for group in page.GroupItem if group.GroupName == folder}
            found += [
                (_is_starred(item.StandardMark), str(item.To_Account))
                for item in page.ContactItem
                if ids & {*(item.ContactGroupId or ())}
            ]
        return [customer for _, customer in sorted(found, key=lambda each: not each[0])]

    def _update(self, folder: str, change: int, customers: list[str]) -> list[Refused]:
        if not customers:
            return []
        items = [{"ContactOptType": change, "ContactItem": _chat(name)} for name in customers]
        wanted = {"UpdateGroupType": _MEMBERS, "OldGroupName": folder, "ContactUpdateItem": items}
        try:
            answer = self._client.split.update_contact_group(
                From_Account=self._agent, UpdateType=1, UpdateGroup=wanted
            )
        except ChatError as error:
            if error.code == NO_SUCH_GROUP:
                raise NotOpened(f"{self._agent} has no folder {folder!r}") from error
            raise
        return _refused(customers, answer.UpdateGroupResult.ContactResultItem)

    def _mark(self, customers: Iterable[str], how: str) -> list[Refused]:
        named = [*customers]
        items = [{"OptType": _MARKS, "ContactItem": _chat(name), how: [STAR]} for name in named]
        answer = self._client.split.mark_contact(From_Account=self._agent, MarkItem=items)
        return _refused(named, answer.ResultItem)


def _chat(customer: str) -> dict[str, Any]:
    return {"Type": _CHAT, "To_Account": customer}


def _is_starred(marks: str) -> bool:
    """Marks are told as a number in binary, of which the last digit is mark 0."""
    return marks.endswith("1")


def _refused(customers: Iterable[str], results: Iterable[Any]) -> list[Refused]:
    return [
        Refused(customer, result.ResultInfo)
        for customer, result in zip(customers, results, strict=True)
        if result.failed
    ]
