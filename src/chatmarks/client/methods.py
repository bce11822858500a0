# ruff: noqa: PLR0913 - a method takes as many fields as its command has
"""A method for every command of the table. Made by `tools/client.py`: `make docs`.

A field that is left out is not sent. Where a struct is wanted, a mapping with its fields does, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from msgspec import UNSET, UnsetType

from chatmarks.client.answers import Nothing
from chatmarks.commands.extensions.recentcontact.query import Answer as QueryAnswer
from chatmarks.commands.extensions.recentcontact.who import Answer as WhoAnswer
from chatmarks.commands.group_open_http_svc.add_group_member import Answer as AddGroupMemberAnswer
from chatmarks.commands.group_open_http_svc.chat_group import Member
from chatmarks.commands.group_open_http_svc.create_group import Answer as CreateGroupAnswer
from chatmarks.commands.group_open_http_svc.get_appid_group_list import (
    Answer as GetAppidGroupListAnswer,
)
from chatmarks.commands.group_open_http_svc.get_group_info import Answer as GetGroupInfoAnswer
from chatmarks.commands.group_open_http_svc.import_group_msg import Answer as ImportGroupMsgAnswer
from chatmarks.commands.group_open_http_svc.import_group_msg import Imported
from chatmarks.commands.group_open_http_svc.send_group_msg import Answer as SendGroupMsgAnswer
from chatmarks.commands.im_open_login_svc.account_check import Answer as AccountCheckAnswer
from chatmarks.commands.im_open_login_svc.account_check import Candidate
from chatmarks.commands.im_open_login_svc.account_delete import Answer as AccountDeleteAnswer
from chatmarks.commands.im_open_login_svc.account_delete import Deletion
from chatmarks.commands.im_open_login_svc.multiaccount_import import Answer as MultiaccountImportAnswer
from chatmarks.commands.im_open_login_svc.multiaccount_import import NewAccount
from chatmarks.commands.message import Element
from chatmarks.commands.openim.batchsendmsg import Answer as BatchsendmsgAnswer
from chatmarks.commands.openim.sendmsg import Answer as SendmsgAnswer
from chatmarks.commands.recentcontact.contact import Contact
from chatmarks.commands.recentcontact.create_contact_group import Answer as CreateContactGroupAnswer
from chatmarks.commands.recentcontact.create_contact_group import NewGroup
from chatmarks.commands.recentcontact.del_contact_group import Answer as DelContactGroupAnswer
from chatmarks.commands.recentcontact.get_contact_group import Answer as GetContactGroupAnswer
from chatmarks.commands.recentcontact.get_list import Answer as GetListAnswer
from chatmarks.commands.recentcontact.mark_contact import Answer as MarkContactAnswer
from chatmarks.commands.recentcontact.mark_contact import Mark
from chatmarks.commands.recentcontact.search_contact_group import Answer as SearchContactGroupAnswer
from chatmarks.commands.recentcontact.update_contact_group import Answer as UpdateContactGroupAnswer
from chatmarks.commands.recentcontact.update_contact_group import GroupUpdate

A = TypeVar("A")

Fields = Mapping[str, Any]
"""A struct of the wire, field by field."""


class Methods(Protocol):
    """The commands."""

    def send(self, command: str, answer: type[A], fields: Mapping[str, object]) -> A:
        """The answer of a command."""
        ...

    def create_contact_group(
        self, *, From_Account: str, GroupContactItem: Sequence[NewGroup | Fields]
    ) -> CreateContactGroupAnswer:
        """Make the group and add its conversations. Document 1047/53437."""
        fields: Fields = {"From_Account": From_Account, "GroupContactItem": GroupContactItem}
        return self.send("recentcontact/create_contact_group", CreateContactGroupAnswer, fields)

    def update_contact_group(
        self, *, From_Account: str, UpdateType: int, UpdateGroup: GroupUpdate | Fields
    ) -> UpdateContactGroupAnswer:
        """Rename the group, or change its conversations. Document 1047/53439."""
        fields: Fields = {
            "From_Account": From_Account,
            "UpdateType": UpdateType,
            "UpdateGroup": UpdateGroup,
        }
        return self.send("recentcontact/update_contact_group", UpdateContactGroupAnswer, fields)

    def del_contact_group(
        self, *, From_Account: str, GroupName: list[str] | tuple[str, ...]
    ) -> DelContactGroupAnswer:
        """Delete the group. Document 1047/53441."""
        fields: Fields = {"From_Account": From_Account, "GroupName": GroupName}
        return self.send("recentcontact/del_contact_group", DelContactGroupAnswer, fields)

    def mark_contact(
        self, *, From_Account: str, MarkItem: Sequence[Mark | Fields]
    ) -> MarkContactAnswer:
        """Mark the conversations. Document 1047/53438."""
        fields: Fields = {"From_Account": From_Account, "MarkItem": MarkItem}
        return self.send("recentcontact/mark_contact", MarkContactAnswer, fields)

    def get_contact_group(self, *, From_Account: str, StartIndex: int) -> GetContactGroupAnswer:
        """One page. Document 1047/53440."""
        fields: Fields = {"From_Account": From_Account, "StartIndex": StartIndex}
        return self.send("recentcontact/get_contact_group", GetContactGroupAnswer, fields)

    def search_contact_group(
        self, *, From_Account: str, ContactItem: Sequence[Contact | Fields]
    ) -> SearchContactGroupAnswer:
        """Look the conversations up. Document 1047/53442."""
        fields: Fields = {"From_Account": From_Account, "ContactItem": ContactItem}
        return self.send("recentcontact/search_contact_group", SearchContactGroupAnswer, fields)

    def get_list(
        self,
        *,
        From_Account: str,
        TimeStamp: int,
        StartIndex: int,
        TopTimeStamp: int,
        TopStartIndex: int,
        AssistFlags: int,
    ) -> GetListAnswer:
        """One page. Document 1047/43087."""
        fields: Fields = {
            "From_Account": From_Account,
            "TimeStamp": TimeStamp,
            "StartIndex": StartIndex,
            "TopTimeStamp": TopTimeStamp,
            "TopStartIndex": TopStartIndex,
            "AssistFlags": AssistFlags,
        }
        return self.send("recentcontact/get_list", GetListAnswer, fields)

    def delete(
        self,
        *,
        From_Account: str,
        Type: int | str | UnsetType = UNSET,
        To_Account: str | UnsetType = UNSET,
        ToGroupid: str | UnsetType = UNSET,
        ClearRamble: int | UnsetType = UNSET,
    ) -> None:
        """Take a conversation off the list. Document 1047/43088."""
        fields: Fields = {
            "From_Account": From_Account,
            "Type": Type,
            "To_Account": To_Account,
            "ToGroupid": ToGroupid,
            "ClearRamble": ClearRamble,
        }
        self.send("recentcontact/delete", Nothing, fields)

    def account_import(
        self,
        *,
        UserID: str | UnsetType = UNSET,
        Identifier: str | UnsetType = UNSET,
        Nick: str | UnsetType = UNSET,
        FaceUrl: str | UnsetType = UNSET,
    ) -> None:
        """Make the account. Document 1047/34953."""
        fields: Fields = {"UserID": UserID, "Identifier": Identifier, "Nick": Nick, "FaceUrl": FaceUrl}
        self.send("im_open_login_svc/account_import", Nothing, fields)

    def multiaccount_import(
        self,
        *,
        Accounts: list[str] | tuple[str, ...] | UnsetType = UNSET,
        AccountList: Sequence[NewAccount | Fields] | UnsetType = UNSET,
    ) -> MultiaccountImportAnswer:
        """Make the accounts, each in a transaction of its own. Document 1047/34954."""
        fields: Fields = {"Accounts": Accounts, "AccountList": AccountList}
        return self.send("im_open_login_svc/multiaccount_import", MultiaccountImportAnswer, fields)

    def account_check(self, *, CheckItem: Sequence[Candidate | Fields]) -> AccountCheckAnswer:
        """Look for the accounts. Document 1047/34956."""
        fields: Fields = {"CheckItem": CheckItem}
        return self.send("im_open_login_svc/account_check", AccountCheckAnswer, fields)

    def account_delete(self, *, DeleteItem: Sequence[Deletion | Fields]) -> AccountDeleteAnswer:
        """Delete the accounts, each in a transaction of its own. Document 1047/34955."""
        fields: Fields = {"DeleteItem": DeleteItem}
        return self.send("im_open_login_svc/account_delete", AccountDeleteAnswer, fields)

    def create_group(
        self,
        *,
        Type: str,
        Name: str,
        GroupId: str | UnsetType = UNSET,
        Owner_Account: str | UnsetType = UNSET,
        Introduction: str | UnsetType = UNSET,
        Notification: str | UnsetType = UNSET,
        FaceUrl: str | UnsetType = UNSET,
        MemberList: Sequence[Member | Fields] | UnsetType = UNSET,
    ) -> CreateGroupAnswer:
        """Make the chat group. Document 1047/34895."""
        fields: Fields = {
            "Type": Type,
            "Name": Name,
            "GroupId": GroupId,
            "Owner_Account": Owner_Account,
            "Introduction": Introduction,
            "Notification": Notification,
            "FaceUrl": FaceUrl,
            "MemberList": MemberList,
        }
        return self.send("group_open_http_svc/create_group", CreateGroupAnswer, fields)

    def destroy_group(self, *, GroupId: str) -> None:
        """Disband the chat group. Document 1047/34896."""
        fields: Fields = {"GroupId": GroupId}
        self.send("group_open_http_svc/destroy_group", Nothing, fields)

    def get_appid_group_list(
        self,
        *,
        Limit: int | UnsetType = UNSET,
        Next: int | UnsetType = UNSET,
        GroupType: str | UnsetType = UNSET,
    ) -> GetAppidGroupListAnswer:
        """List the chat groups. Document 1047/34960."""
        fields: Fields = {"Limit": Limit, "Next": Next, "GroupType": GroupType}
        return self.send("group_open_http_svc/get_appid_group_list", GetAppidGroupListAnswer, fields)

    def get_group_info(self, *, GroupIdList: list[str] | tuple[str, ...]) -> GetGroupInfoAnswer:
        """Describe the chat groups. Document 1047/34961."""
        fields: Fields = {"GroupIdList": GroupIdList}
        return self.send("group_open_http_svc/get_group_info", GetGroupInfoAnswer, fields)

    def add_group_member(
        self, *, GroupId: str, MemberList: Sequence[Member | Fields]
    ) -> AddGroupMemberAnswer:
        """Add the accounts, each in a transaction of its own. Document 1047/34921."""
        fields: Fields = {"GroupId": GroupId, "MemberList": MemberList}
        return self.send("group_open_http_svc/add_group_member", AddGroupMemberAnswer, fields)

    def delete_group_member(
        self, *, GroupId: str, MemberToDel_Account: list[str] | tuple[str, ...]
    ) -> None:
        """Take the accounts out, each in a transaction of its own. Document 1047/34949."""
        fields: Fields = {"GroupId": GroupId, "MemberToDel_Account": MemberToDel_Account}
        self.send("group_open_http_svc/delete_group_member", Nothing, fields)

    def send_group_msg(
        self,
        *,
        GroupId: str,
        Random: int,
        MsgBody: Sequence[Element | Fields],
        From_Account: str | UnsetType = UNSET,
        MsgPriority: str | UnsetType = UNSET,
        OnlineOnlyFlag: int | UnsetType = UNSET,
        SendMsgControl: list[str] | tuple[str, ...] | UnsetType = UNSET,
        ForbidCallbackControl: list[str] | tuple[str, ...] | UnsetType = UNSET,
        CloudCustomData: str | UnsetType = UNSET,
        OfflinePushInfo: str | Any | UnsetType = UNSET,
    ) -> SendGroupMsgAnswer:
        """Send a message to a chat group. Document 1047/34959."""
        fields: Fields = {
            "GroupId": GroupId,
            "Random": Random,
            "MsgBody": MsgBody,
            "From_Account": From_Account,
            "MsgPriority": MsgPriority,
            "OnlineOnlyFlag": OnlineOnlyFlag,
            "SendMsgControl": SendMsgControl,
            "ForbidCallbackControl": ForbidCallbackControl,
            "CloudCustomData": CloudCustomData,
            "OfflinePushInfo": OfflinePushInfo,
        }
        return self.send("group_open_http_svc/send_group_msg", SendGroupMsgAnswer, fields)

    def import_group_msg(
        self,
        *,
        GroupId: str,
        MsgList: Sequence[Imported | Fields],
        RecentContactFlag: int | UnsetType = UNSET,
    ) -> ImportGroupMsgAnswer:
        """Import messages to a chat group, one after the other. Document 1047/34968."""
        fields: Fields = {
            "GroupId": GroupId,
            "MsgList": MsgList,
            "RecentContactFlag": RecentContactFlag,
        }
        return self.send("group_open_http_svc/import_group_msg", ImportGroupMsgAnswer, fields)

    def sendmsg(
        self,
        *,
        To_Account: str,
        MsgRandom: int,
        MsgBody: Sequence[Element | Fields],
        From_Account: str | UnsetType = UNSET,
        SyncOtherMachine: int | UnsetType = UNSET,
        MsgLifeTime: int | UnsetType = UNSET,
        OnlineOnlyFlag: int | UnsetType = UNSET,
        MsgSeq: int | UnsetType = UNSET,
        MsgTimeStamp: int | UnsetType = UNSET,
        SendMsgControl: list[str] | tuple[str, ...] | UnsetType = UNSET,
        ForbidCallbackControl: list[str] | tuple[str, ...] | UnsetType = UNSET,
        CloudCustomData: str | UnsetType = UNSET,
        OfflinePushInfo: str | Any | UnsetType = UNSET,
    ) -> SendmsgAnswer:
        """Send a message to an account. Document 1047/34919."""
        fields: Fields = {
            "To_Account": To_Account,
            "MsgRandom": MsgRandom,
            "MsgBody": MsgBody,
            "From_Account": From_Account,
            "SyncOtherMachine": SyncOtherMachine,
            "MsgLifeTime": MsgLifeTime,
            "OnlineOnlyFlag": OnlineOnlyFlag,
            "MsgSeq": MsgSeq,
            "MsgTimeStamp": MsgTimeStamp,
            "SendMsgControl": SendMsgControl,
            "ForbidCallbackControl": ForbidCallbackControl,
            "CloudCustomData": CloudCustomData,
            "OfflinePushInfo": OfflinePushInfo,
        }
        return self.send("openim/sendmsg", SendmsgAnswer, fields)

    def batchsendmsg(
        self,
        *,
        To_Account: list[str] | tuple[str, ...],
        MsgRandom: int,
        MsgBody: Sequence[Element | Fields],
        From_Account: str | UnsetType = UNSET,
        SyncOtherMachine: int | UnsetType = UNSET,
        MsgLifeTime: int | UnsetType = UNSET,
        OnlineOnlyFlag: int | UnsetType = UNSET,
        MsgSeq: int | UnsetType = UNSET,
        SendMsgControl: list[str] | tuple[str, ...] | UnsetType = UNSET,
        CloudCustomData: str | UnsetType = UNSET,
        OfflinePushInfo: str | Any | UnsetType = UNSET,
    ) -> BatchsendmsgAnswer:
        """Send a message to many accounts. Document 1047/34920."""
        fields: Fields = {
            "To_Account": To_Account,
            "MsgRandom": MsgRandom,
            "MsgBody": MsgBody,
            "From_Account": From_Account,
            "SyncOtherMachine": SyncOtherMachine,
            "MsgLifeTime": MsgLifeTime,
            "OnlineOnlyFlag": OnlineOnlyFlag,
            "MsgSeq": MsgSeq,
            "SendMsgControl": SendMsgControl,
            "CloudCustomData": CloudCustomData,
            "OfflinePushInfo": OfflinePushInfo,
        }
        return self.send("openim/batchsendmsg", BatchsendmsgAnswer, fields)

    def importmsg(
        self,
        *,
        SyncFromOldSystem: int,
        From_Account: str,
        To_Account: str,
        MsgRandom: int,
        MsgTimeStamp: int,
        MsgBody: Sequence[Element | Fields],
        MsgSeq: int | UnsetType = UNSET,
        CloudCustomData: str | UnsetType = UNSET,
    ) -> None:
        """Import a message: into the receiver's list, then into the sender's. Document 1047/35014."""
        fields: Fields = {
            "SyncFromOldSystem": SyncFromOldSystem,
            "From_Account": From_Account,
            "To_Account": To_Account,
            "MsgRandom": MsgRandom,
            "MsgTimeStamp": MsgTimeStamp,
            "MsgBody": MsgBody,
            "MsgSeq": MsgSeq,
            "CloudCustomData": CloudCustomData,
        }
        self.send("openim/importmsg", Nothing, fields)

    def top(
        self, *, From_Account: str, OperationType: int, RecentContactItem: Sequence[Contact | Fields]
    ) -> None:
        """Pin conversations, or unpin them. Document docs/extensions.md."""
        fields: Fields = {
            "From_Account": From_Account,
            "OperationType": OperationType,
            "RecentContactItem": RecentContactItem,
        }
        self.send("x/1/recentcontact/top", Nothing, fields)

    def query(
        self,
        *,
        From_Account: str,
        GroupName: str | UnsetType = UNSET,
        MarkAll: Sequence[int] | UnsetType = UNSET,
        MarkAny: Sequence[int] | UnsetType = UNSET,
        MarkNone: Sequence[int] | UnsetType = UNSET,
        CustomMarkText: str | UnsetType = UNSET,
        TopFlag: int | UnsetType = UNSET,
        InList: int | UnsetType = UNSET,
        TimeStamp: int | UnsetType = UNSET,
        StartIndex: int | UnsetType = UNSET,
        Limit: int | UnsetType = UNSET,
    ) -> QueryAnswer:
        """Which conversations fit. Document docs/extensions.md."""
        fields: Fields = {
            "From_Account": From_Account,
            "GroupName": GroupName,
            "MarkAll": MarkAll,
            "MarkAny": MarkAny,
            "MarkNone": MarkNone,
            "CustomMarkText": CustomMarkText,
            "TopFlag": TopFlag,
            "InList": InList,
            "TimeStamp": TimeStamp,
            "StartIndex": StartIndex,
            "Limit": Limit,
        }
        return self.send("x/1/recentcontact/query", QueryAnswer, fields)

    def who(
        self,
        *,
        ContactItem: Contact | Fields,
        MarkAll: Sequence[int] | UnsetType = UNSET,
        InGroup: int | UnsetType = UNSET,
        StartUserID: str | UnsetType = UNSET,
        Limit: int | UnsetType = UNSET,
    ) -> WhoAnswer:
        """Who filed or marked a conversation. Document docs/extensions.md."""
        fields: Fields = {
            "ContactItem": ContactItem,
            "MarkAll": MarkAll,
            "InGroup": InGroup,
            "StartUserID": StartUserID,
            "Limit": Limit,
        }
        return self.send("x/1/recentcontact/who", WhoAnswer, fields)


class AsyncMethods(Protocol):
    """The commands, awaited."""

    async def send(self, command: str, answer: type[A], fields: Mapping[str, object]) -> A:
        """The answer of a command."""
        ...

    async def create_contact_group(
        self, *, From_Account: str, GroupContactItem: Sequence[NewGroup | Fields]
    ) -> CreateContactGroupAnswer:
        """Make the group and add its conversations. Document 1047/53437."""
        fields: Fields = {"From_Account": From_Account, "GroupContactItem": GroupContactItem}
        return await self.send("recentcontact/create_contact_group", CreateContactGroupAnswer, fields)

    async def update_contact_group(
        self, *, From_Account: str, UpdateType: int, UpdateGroup: GroupUpdate | Fields
    ) -> UpdateContactGroupAnswer:
        """Rename the group, or change its conversations. Document 1047/53439."""
        fields: Fields = {
            "From_Account": From_Account,
            "UpdateType": UpdateType,
            "UpdateGroup": UpdateGroup,
        }
        return await self.send("recentcontact/update_contact_group", UpdateContactGroupAnswer, fields)

    async def del_contact_group(
        self, *, From_Account: str, GroupName: list[str] | tuple[str, ...]
    ) -> DelContactGroupAnswer:
        """Delete the group. Document 1047/53441."""
        fields: Fields = {"From_Account": From_Account, "GroupName": GroupName}
        return await self.send("recentcontact/del_contact_group", DelContactGroupAnswer, fields)

    async def mark_contact(
        self, *, From_Account: str, MarkItem: Sequence[Mark | Fields]
    ) -> MarkContactAnswer:
        """Mark the conversations. Document 1047/53438."""
        fields: Fields = {"From_Account": From_Account, "MarkItem": MarkItem}
        return await self.send("recentcontact/mark_contact", MarkContactAnswer, fields)

    async def get_contact_group(self, *, From_Account: str, StartIndex: int) -> GetContactGroupAnswer:
        """One page. Document 1047/53440."""
        fields: Fields = {"From_Account": From_Account, "StartIndex": StartIndex}
        return await self.send("recentcontact/get_contact_group", GetContactGroupAnswer, fields)

    async def search_contact_group(
        self, *, From_Account: str, ContactItem: Sequence[Contact | Fields]
    ) -> SearchContactGroupAnswer:
        """Look the conversations up. Document 1047/53442."""
        fields: Fields = {"From_Account": From_Account, "ContactItem": ContactItem}
        return await self.send("recentcontact/search_contact_group", SearchContactGroupAnswer, fields)

    async def get_list(
        self,
        *,
        From_Account: str,
        TimeStamp: int,
        StartIndex: int,
        TopTimeStamp: int,
        TopStartIndex: int,
        AssistFlags: int,
    ) -> GetListAnswer:
        """One page. Document 1047/43087."""
        fields: Fields = {
            "From_Account": From_Account,
            "TimeStamp": TimeStamp,
            "StartIndex": StartIndex,
            "TopTimeStamp": TopTimeStamp,
            "TopStartIndex": TopStartIndex,
            "AssistFlags": AssistFlags,
        }
        return await self.send("recentcontact/get_list", GetListAnswer, fields)

    async def delete(
        self,
        *,
        From_Account: str,
        Type: int | str | UnsetType = UNSET,
        To_Account: str | UnsetType = UNSET,
        ToGroupid: str | UnsetType = UNSET,
        ClearRamble: int | UnsetType = UNSET,
    ) -> None:
        """Take a conversation off the list. Document 1047/43088."""
        fields: Fields = {
            "From_Account": From_Account,
            "Type": Type,
            "To_Account": To_Account,
            "ToGroupid": ToGroupid,
            "ClearRamble": ClearRamble,
        }
        await self.send("recentcontact/delete", Nothing, fields)

    async def account_import(
        self,
        *,
        UserID: str | UnsetType = UNSET,
        Identifier: str | UnsetType = UNSET,
        Nick: str | UnsetType = UNSET,
        FaceUrl: str | UnsetType = UNSET,
    ) -> None:
        """Make the account. Document 1047/34953."""
        fields: Fields = {"UserID": UserID, "Identifier": Identifier, "Nick": Nick, "FaceUrl": FaceUrl}
        await self.send("im_open_login_svc/account_import", Nothing, fields)

    async def multiaccount_import(
        self,
        *,
        Accounts: list[str] | tuple[str, ...] | UnsetType = UNSET,
        AccountList: Sequence[NewAccount | Fields] | UnsetType = UNSET,
    ) -> MultiaccountImportAnswer:
        """Make the accounts, each in a transaction of its own. Document 1047/34954."""
        fields: Fields = {"Accounts": Accounts, "AccountList": AccountList}
        return await self.send(
            "im_open_login_svc/multiaccount_import", MultiaccountImportAnswer, fields
        )

    async def account_check(self, *, CheckItem: Sequence[Candidate | Fields]) -> AccountCheckAnswer:
        """Look for the accounts. Document 1047/34956."""
        fields: Fields = {"CheckItem": CheckItem}
        return await self.send("im_open_login_svc/account_check", AccountCheckAnswer, fields)

    async def account_delete(self, *, DeleteItem: Sequence[Deletion | Fields]) -> AccountDeleteAnswer:
        """Delete the accounts, each in a transaction of its own. Document 1047/34955."""
        fields: Fields = {"DeleteItem": DeleteItem}
        return await self.send("im_open_login_svc/account_delete", AccountDeleteAnswer, fields)

    async def create_group(
        self,
        *,
        Type: str,
        Name: str,
        GroupId: str | UnsetType = UNSET,
        Owner_Account: str | UnsetType = UNSET,
        Introduction: str | UnsetType = UNSET,
        Notification: str | UnsetType = UNSET,
        FaceUrl: str | UnsetType = UNSET,
        MemberList: Sequence[Member | Fields] | UnsetType = UNSET,
    ) -> CreateGroupAnswer:
        """Make the chat group. Document 1047/34895."""
        fields: Fields = {
            "Type": Type,
            "Name": Name,
            "GroupId": GroupId,
            "Owner_Account": Owner_Account,
            "Introduction": Introduction,
            "Notification": Notification,
            "FaceUrl": FaceUrl,
            "MemberList": MemberList,
        }
        return await self.send("group_open_http_svc/create_group", CreateGroupAnswer, fields)

    async def destroy_group(self, *, GroupId: str) -> None:
        """Disband the chat group. Document 1047/34896."""
        fields: Fields = {"GroupId": GroupId}
        await self.send("group_open_http_svc/destroy_group", Nothing, fields)

    async def get_appid_group_list(
        self,
        *,
        Limit: int | UnsetType = UNSET,
        Next: int | UnsetType = UNSET,
        GroupType: str | UnsetType = UNSET,
    ) -> GetAppidGroupListAnswer:
        """List the chat groups. Document 1047/34960."""
        fields: Fields = {"Limit": Limit, "Next": Next, "GroupType": GroupType}
        return await self.send(
            "group_open_http_svc/get_appid_group_list", GetAppidGroupListAnswer, fields
        )

    async def get_group_info(self, *, GroupIdList: list[str] | tuple[str, ...]) -> GetGroupInfoAnswer:
        """Describe the chat groups. Document 1047/34961."""
        fields: Fields = {"GroupIdList": GroupIdList}
        return await self.send("group_open_http_svc/get_group_info", GetGroupInfoAnswer, fields)

    async def add_group_member(
        self, *, GroupId: str, MemberList: Sequence[Member | Fields]
    ) -> AddGroupMemberAnswer:
        """Add the accounts, each in a transaction of its own. Document 1047/34921."""
        fields: Fields = {"GroupId": GroupId, "MemberList": MemberList}
        return await self.send("group_open_http_svc/add_group_member", AddGroupMemberAnswer, fields)

    async def delete_group_member(
        self, *, GroupId: str, MemberToDel_Account: list[str] | tuple[str, ...]
    ) -> None:
        """Take the accounts out, each in a transaction of its own. Document 1047/34949."""
        fields: Fields = {"GroupId": GroupId, "MemberToDel_Account": MemberToDel_Account}
        await self.send("group_open_http_svc/delete_group_member", Nothing, fields)

    async def send_group_msg(
        self,
        *,
        GroupId: str,
        Random: int,
        MsgBody: Sequence[Element | Fields],
        From_Account: str | UnsetType = UNSET,
        MsgPriority: str | UnsetType = UNSET,
        OnlineOnlyFlag: int | UnsetType = UNSET,
        SendMsgControl: list[str] | tuple[str, ...] | UnsetType = UNSET,
        ForbidCallbackControl: list[str] | tuple[str, ...] | UnsetType = UNSET,
        CloudCustomData: str | UnsetType = UNSET,
        OfflinePushInfo: str | Any | UnsetType = UNSET,
    ) -> SendGroupMsgAnswer:
        """Send a message to a chat group. Document 1047/34959."""
        fields: Fields = {
            "GroupId": GroupId,
            "Random": Random,
            "MsgBody": MsgBody,
            "From_Account": From_Account,
            "MsgPriority": MsgPriority,
            "OnlineOnlyFlag": OnlineOnlyFlag,
            "SendMsgControl": SendMsgControl,
            "ForbidCallbackControl": ForbidCallbackControl,
            "CloudCustomData": CloudCustomData,
            "OfflinePushInfo": OfflinePushInfo,
        }
        return await self.send("group_open_http_svc/send_group_msg", SendGroupMsgAnswer, fields)

    async def import_group_msg(
        self,
        *,
        GroupId: str,
        MsgList: Sequence[Imported | Fields],
        RecentContactFlag: int | UnsetType = UNSET,
    ) -> ImportGroupMsgAnswer:
        """Import messages to a chat group, one after the other. Document 1047/34968."""
        fields: Fields = {
            "GroupId": GroupId,
            "MsgList": MsgList,
            "RecentContactFlag": RecentContactFlag,
        }
        return await self.send("group_open_http_svc/import_group_msg", ImportGroupMsgAnswer, fields)

    async def sendmsg(
        self,
        *,
        To_Account: str,
        MsgRandom: int,
        MsgBody: Sequence[Element | Fields],
        From_Account: str | UnsetType = UNSET,
        SyncOtherMachine: int | UnsetType = UNSET,
        MsgLifeTime: int | UnsetType = UNSET,
        OnlineOnlyFlag: int | UnsetType = UNSET,
        MsgSeq: int | UnsetType = UNSET,
        MsgTimeStamp: int | UnsetType = UNSET,
        SendMsgControl: list[str] | tuple[str, ...] | UnsetType = UNSET,
        ForbidCallbackControl: list[str] | tuple[str, ...] | UnsetType = UNSET,
        CloudCustomData: str | UnsetType = UNSET,
        OfflinePushInfo: str | Any | UnsetType = UNSET,
    ) -> SendmsgAnswer:
        """Send a message to an account. Document 1047/34919."""
        fields: Fields = {
            "To_Account": To_Account,
            "MsgRandom": MsgRandom,
            "MsgBody": MsgBody,
            "From_Account": From_Account,
            "SyncOtherMachine": SyncOtherMachine,
            "MsgLifeTime": MsgLifeTime,
            "OnlineOnlyFlag": OnlineOnlyFlag,
            "MsgSeq": MsgSeq,
            "MsgTimeStamp": MsgTimeStamp,
            "SendMsgControl": SendMsgControl,
            "ForbidCallbackControl": ForbidCallbackControl,
            "CloudCustomData": CloudCustomData,
            "OfflinePushInfo": OfflinePushInfo,
        }
        return await self.send("openim/sendmsg", SendmsgAnswer, fields)

    async def batchsendmsg(
        self,
        *,
        To_Account: list[str] | tuple[str, ...],
        MsgRandom: int,
        MsgBody: Sequence[Element | Fields],
        From_Account: str | UnsetType = UNSET,
        SyncOtherMachine: int | UnsetType = UNSET,
        MsgLifeTime: int | UnsetType = UNSET,
        OnlineOnlyFlag: int | UnsetType = UNSET,
        MsgSeq: int | UnsetType = UNSET,
        SendMsgControl: list[str] | tuple[str, ...] | UnsetType = UNSET,
        CloudCustomData: str | UnsetType = UNSET,
        OfflinePushInfo: str | Any | UnsetType = UNSET,
    ) -> BatchsendmsgAnswer:
        """Send a message to many accounts. Document 1047/34920."""
        fields: Fields = {
            "To_Account": To_Account,
            "MsgRandom": MsgRandom,
            "MsgBody": MsgBody,
            "From_Account": From_Account,
            "SyncOtherMachine": SyncOtherMachine,
            "MsgLifeTime": MsgLifeTime,
            "OnlineOnlyFlag": OnlineOnlyFlag,
            "MsgSeq": MsgSeq,
            "SendMsgControl": SendMsgControl,
            "CloudCustomData": CloudCustomData,
            "OfflinePushInfo": OfflinePushInfo,
        }
        return await self.send("openim/batchsendmsg", BatchsendmsgAnswer, fields)

    async def importmsg(
        self,
        *,
        SyncFromOldSystem: int,
        From_Account: str,
        To_Account: str,
        MsgRandom: int,
        MsgTimeStamp: int,
        MsgBody: Sequence[Element | Fields],
        MsgSeq: int | UnsetType = UNSET,
        CloudCustomData: str | UnsetType = UNSET,
    ) -> None:
        """Import a message: into the receiver's list, then into the sender's. Document 1047/35014."""
        fields: Fields = {
            "SyncFromOldSystem": SyncFromOldSystem,
            "From_Account": From_Account,
            "To_Account": To_Account,
            "MsgRandom": MsgRandom,
            "MsgTimeStamp": MsgTimeStamp,
            "MsgBody": MsgBody,
            "MsgSeq": MsgSeq,
            "CloudCustomData": CloudCustomData,
        }
        await self.send("openim/importmsg", Nothing, fields)

    async def top(
        self, *, From_Account: str, OperationType: int, RecentContactItem: Sequence[Contact | Fields]
    ) -> None:
        """Pin conversations, or unpin them. Document docs/extensions.md."""
        fields: Fields = {
            "From_Account": From_Account,
            "OperationType": OperationType,
            "RecentContactItem": RecentContactItem,
        }
        await self.send("x/1/recentcontact/top", Nothing, fields)

    async def query(
        self,
        *,
        From_Account: str,
        GroupName: str | UnsetType = UNSET,
        MarkAll: Sequence[int] | UnsetType = UNSET,
        MarkAny: Sequence[int] | UnsetType = UNSET,
        MarkNone: Sequence[int] | UnsetType = UNSET,
        CustomMarkText: str | UnsetType = UNSET,
        TopFlag: int | UnsetType = UNSET,
        InList: int | UnsetType = UNSET,
        TimeStamp: int | UnsetType = UNSET,
        StartIndex: int | UnsetType = UNSET,
        Limit: int | UnsetType = UNSET,
    ) -> QueryAnswer:
        """Which conversations fit. Document docs/extensions.md."""
        fields: Fields = {
            "From_Account": From_Account,
            "GroupName": GroupName,
            "MarkAll": MarkAll,
            "MarkAny": MarkAny,
            "MarkNone": MarkNone,
            "CustomMarkText": CustomMarkText,
            "TopFlag": TopFlag,
            "InList": InList,
            "TimeStamp": TimeStamp,
            "StartIndex": StartIndex,
            "Limit": Limit,
        }
        return await self.send("x/1/recentcontact/query", QueryAnswer, fields)

    async def who(
        self,
        *,
        ContactItem: Contact | Fields,
        MarkAll: Sequence[int] | UnsetType = UNSET,
        InGroup: int | UnsetType = UNSET,
        StartUserID: str | UnsetType = UNSET,
        Limit: int | UnsetType = UNSET,
    ) -> WhoAnswer:
        """Who filed or marked a conversation. Document docs/extensions.md."""
        fields: Fields = {
            "ContactItem": ContactItem,
            "MarkAll": MarkAll,
            "InGroup": InGroup,
            "StartUserID": StartUserID,
            "Limit": Limit,
        }
        return await self.send("x/1/recentcontact/who", WhoAnswer, fields)
