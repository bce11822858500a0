"""A form for a command, made from the shape of its request, with the documented limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from chatmarks import limits
from chatmarks.command import EXTENSIONS_DOCUMENT, Command
from chatmarks.limits import Profile

Kind = Literal["text", "integer", "integers", "choice", "json", "object", "list"]


class Hint(Struct, frozen=True):
    """What a field may hold: the name of a text in the room `hint`, and the numbers in it."""

    text: str
    numbers: Mapping[str, int] = {}


class Field(Struct, frozen=True):
    """A field of a form. `fields`: those of an object; `item`: what a list holds."""

    name: str
    kind: Kind
    required: bool = False
    hint: Hint | None = None
    choices: Sequence[int | str] = ()
    fields: Sequence[Field] = ()
    item: Field | None = None


def form_of(command: Command, profile: Profile) -> Field:
    """The form for the body of a call, as `profile` bounds it."""
    schema = msgspec.json.schema(command.request)
    return _Reader(schema["$defs"], command, profile).field("", schema, required=True)


class _Reader:
    """Reads a schema of JSON as a form."""

    def __init__(self, shapes: Mapping[str, Any], command: Command, profile: Profile) -> None:
        self._shapes, self._command, self._profile = shapes, command, profile

    def field(self, name: str, schema: Mapping[str, Any], *, required: bool) -> Field:
        """The field `name` of this schema."""
        if "$ref" in schema:
            schema = self._shapes[schema["$ref"].rpartition("/")[2]]
        hint = self._hint(name)
        kinds = {each.get("type") for each in schema.get("anyOf", [schema])}
        if "properties" in schema:
            wanted = schema.get("required", ())
            fields = [
                self.field(inner, of, required=inner in wanted)
                for inner, of in schema["properties"].items()
                if inner not in _OLD_SPELLINGS
            ]
            return Field(name, "object", required, hint, fields=fields)
        if "array" in kinds:
            item = self.field("", schema["items"], required=True)
            if item.kind == "integer":
                return Field(name, "integers", required, hint)
            return Field(name, "list", required, hint, item=item)
        choices = _CHOICES.get(f"{self._command.name}.{name}") or _CHOICES.get(name, ())
        if choices:
            return Field(name, "choice", required, hint, choices=choices)
        if "integer" in kinds:
            return Field(name, "integer", required, hint)
        return Field(name, "json" if "object" in kinds else "text", required, hint)

    def _hint(self, name: str) -> Hint | None:
        if name in _GROUP_NAMES and self._command.name != "del_contact_group":
            return Hint("bytes", {"most": self._profile.group_name_bytes_max})
        return _HINTS.get(f"{self._command.name}.{name}") or _HINTS.get(name)


_OLD_SPELLINGS = ("type", "Identifier")
"""What is accepted for old clients, and of no use in a form."""

_GROUP_NAMES = ("GroupName", "NewGroupName")

_CHOICES: Mapping[str, Sequence[int | str]] = {
    "Type": (1, 2),
    "create_group.Type": limits.CHAT_GROUP_TYPES,
    "OptType": (1, 2, 3),
    "UpdateType": (1,),
    "UpdateGroupType": (1, 2),
    "ContactOptType": (1, 2),
    "OperationType": (1, 2),
    "SyncOtherMachine": (1, 2),
    "SyncFromOldSystem": (1, 2),
}


def _up_to(most: int) -> Hint:
    return Hint("items", {"least": 1, "most": most})


def _bytes(most: int) -> Hint:
    return Hint("bytes", {"most": most})


def _between(least: int, most: int) -> Hint:
    return Hint("between", {"least": least, "most": most})


_USERID = Hint("userid", {"most": limits.USERID_BYTES_MAX})
_MARKS = Hint("marks", {"most": limits.MARK_BITS - 1})
_NUMBER = _between(0, limits.MESSAGE_NUMBER_MAX)
_ONE = Hint("one")

_HINTS: Mapping[str, Hint] = {
    "From_Account": _USERID,
    "To_Account": _USERID,
    "UserID": _USERID,
    "Member_Account": _USERID,
    "Owner_Account": _USERID,
    "ToGroupId": _bytes(limits.TO_GROUP_ID_BYTES_MAX),
    "ToGroupid": _bytes(limits.TO_GROUP_ID_BYTES_MAX),
    "GroupId": _bytes(limits.CHAT_GROUP_ID_BYTES_MAX),
    "GroupContactItem": _ONE,
    "del_contact_group.GroupName": _ONE,
    "create_contact_group.ContactItem": Hint(
        "items", {"least": 0, "most": limits.CONVERSATIONS_PER_CALL_MAX}
    ),
    "search_contact_group.ContactItem": _up_to(limits.CONVERSATIONS_PER_SEARCH_MAX),
    "ContactUpdateItem": _up_to(limits.CONVERSATIONS_PER_CALL_MAX),
    "MarkItem": _up_to(limits.CONVERSATIONS_PER_CALL_MAX),
    "SetMark": _MARKS,
    "ClearMark": _MARKS,
    "MarkAll": _MARKS,
    "MarkAny": _MARKS,
    "MarkNone": _MARKS,
    "CustomMark": _bytes(limits.CUSTOM_MARK_BYTES_MAX),
    "Accounts": _up_to(limits.ACCOUNTS_PER_CALL_MAX),
    "AccountList": _up_to(limits.ACCOUNTS_PER_CALL_MAX),
    "CheckItem": _up_to(limits.ACCOUNTS_PER_CALL_MAX),
    "DeleteItem": _up_to(limits.ACCOUNTS_PER_CALL_MAX),
    "Nick": _bytes(limits.PROFILE_VALUE_BYTES_MAX),
    "FaceUrl": _bytes(limits.PROFILE_VALUE_BYTES_MAX),
    "create_group.FaceUrl": _bytes(limits.CHAT_GROUP_FACE_URL_BYTES_MAX),
    "Name": _bytes(limits.CHAT_GROUP_NAME_BYTES_MAX),
    "Introduction": _bytes(limits.CHAT_GROUP_INTRODUCTION_BYTES_MAX),
    "Notification": _bytes(limits.CHAT_GROUP_NOTIFICATION_BYTES_MAX),
    "create_group.MemberList": Hint(
        "items", {"least": 0, "most": limits.CHAT_GROUP_MEMBERS_PER_CREATE_MAX}
    ),
    "add_group_member.MemberList": _up_to(limits.CHAT_GROUP_MEMBERS_PER_ADD_MAX),
    "MemberToDel_Account": _up_to(limits.CHAT_GROUP_MEMBERS_PER_DELETE_MAX),
    "GroupIdList": _up_to(limits.CHAT_GROUPS_PER_INFO_MAX),
    "get_appid_group_list.Limit": _between(1, limits.CHAT_GROUPS_PER_LIST_MAX),
    "query.Limit": _between(1, limits.QUERY_PAGE_SIZE_MAX),
    "who.Limit": _between(1, limits.WHO_PAGE_SIZE_MAX),
    "RecentContactItem": _up_to(limits.PINNED_MAX),
    "batchsendmsg.To_Account": _up_to(limits.MESSAGE_RECEIVERS_MAX),
    "MsgList": _up_to(limits.MESSAGES_PER_IMPORT_MAX),
    "MsgBody": Hint("body", {"most": limits.MESSAGE_BYTES_MAX}),
    "MsgLifeTime": _between(0, limits.MESSAGE_LIFE_SECONDS_MAX),
    "MsgRandom": _NUMBER,
    "Random": _NUMBER,
}


def document_url(document: str) -> str | None:
    """Where a document is to be read; None for our own."""
    if document == EXTENSIONS_DOCUMENT or "/" not in document:
        return None
    site = "www.tencentcloud.com" if document.startswith("1047/") else "cloud.tencent.com"
    return f"https://{site}/document/product/{document}"
