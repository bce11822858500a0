"""Every answer code of this server, once, with the document that defines it.

A code stands here only when a call can meet it; the test run fails when one is never answered.
The documents are numbered as on cloud.tencent.com (269/…) and tencentcloud.com (1047/…).
"""

from __future__ import annotations

import json
from enum import IntEnum
from typing import Self


class Code(IntEnum):
    """An `ErrorCode` or `ResultCode`, with what it means and where that is written."""

    meaning: str
    document: str

    def __new__(cls, number: int, document: str, meaning: str) -> Self:
        member = int.__new__(cls, number)
        member._value_ = number
        member.document = document
        member.meaning = meaning
        return member

    OK = 0, "269/1519", "done"

    # The group service, for its own commands.
    CHAT_GROUP_SERVER_ERROR = 10002, "1047/34348", "server error; try again"
    CHAT_GROUP_BAD_PARAMETER = 10004, "1047/34348", "a parameter is wrong; ErrorInfo says which"
    CHAT_GROUP_TOO_MANY_ACCOUNTS = 10005, "1047/34348", "too many accounts in one call"
    CHAT_GROUP_NOT_ALLOWED = 10007, "1047/34348", "not allowed in this chat group, or for its owner"
    CHAT_GROUP_NOT_FOUND = 10010, "1047/34348", "no such chat group, or it was disbanded"
    CHAT_GROUP_FULL = 10014, "1047/34348", "the chat group would have too many members"
    CHAT_GROUP_BAD_ID = 10015, "1047/34348", "not the form of a chat-group id"
    CHAT_GROUP_ANSWER_TOO_LONG = 10018, "1047/34348", "the answer would be longer than 1 MiB"
    CHAT_GROUP_ACCOUNT_UNKNOWN = 10019, "1047/34348", "none of the accounts exists"
    CHAT_GROUP_ID_TAKEN = 10021, "1047/34348", "the chat-group id belongs to another owner"
    CHAT_GROUP_ID_OWN = 10025, "1047/34348", "the owner already has a chat group of this id"

    # The message service; its other codes stand further below.
    MESSAGE_TIMEOUT = 20004, "1047/34348", "timeout; try again"

    # The account service.
    VALUE_TOO_LONG = 40601, "1047/34953", "a profile value is longer than 500 bytes"

    # The recentcontact family.
    ACCOUNT_NOT_IMPORTED = 50001, "1047/53442", "the UserID was never imported"
    BAD_PARAMETER = 50002, "1047/53442", "a parameter is wrong; ErrorInfo says which"
    ADMIN_REQUIRED = 50003, "1047/53442", "the caller must be an app administrator"
    SERVER_ERROR = 50004, "1047/53442", "server error; try again"
    TIMEOUT = 50005, "1047/53442", "timeout; try again later"
    CONVERSATION_COUNT = 51006, "1047/53442", "no conversation in the change, or more than 100"
    CHAT_GROUP_UNRESOLVED = 51007, "1047/53442", "the chat group does not exist or was disbanded"
    CONVERSATIONS_FULL = 51008, "1047/53442", "more than 1,000 conversations with data"
    GROUP_NOT_FOUND = 51009, "1047/53442", "no such conversation group"
    GROUPS_FULL = 51010, "1047/53442", "more than 20 conversation groups"
    GROUP_NAME_TOO_LONG = 51011, "1047/53442", "the name of a conversation group is too long"
    PINNED_FULL = 51012, "1047/53442", "more than 50 pinned conversations"
    EDITION = 51013, "1047/53442", "the edition has no conversation groups and standard marks"

    # The gateway.
    HTTP_UNPARSABLE = 60002, "269/1671", "not a POST, or a query that cannot be parsed"
    BODY_NOT_JSON = 60003, "269/1671", "the body is empty or not JSON"
    IDENTIFIER_WRONG = 60004, "269/1671", "the identifier in the URL is missing or garbled"
    SDKAPPID_WRONG = 60006, "269/1671", "the sdkappid is not a number, or no such app"
    COMMAND_RATE = 60007, "269/1519", "this command is called too often"
    HTTP_WRONG = 60008, "269/1671", "the request is too slow or its HTTP is wrong"
    NO_SUCH_COMMAND = 60009, "269/1671", "no such URL"
    NOT_ADMIN = 60010, "269/1671", "the caller is not an app administrator"
    APP_RATE = 60011, "269/1671", "this app calls too often"
    SDKAPPID_MISSING = 60012, "269/1671", "no sdkappid in the URL"
    ACCOUNT_NOT_STRING = 60015, "269/1671", "an account field of the body is not a string"
    APP_DISABLED = 60016, "269/1671", "the app is disabled"
    SOURCE_REFUSED = 60021, "269/1671", "the caller's address is not on the app's list"

    # UserSig, and the account service.
    USERSIG_EXPIRED = 70001, "269/1671", "the UserSig is expired"
    USERSIG_EMPTY = 70002, "269/1671", "the UserSig is missing or empty"
    USERSIG_ILLEGAL = 70003, "269/1671", "the UserSig does not decode"
    USERSIG_KEY = 70009, "269/1671", "the UserSig was signed with another key"
    USERSIG_IDENTIFIER = 70013, "269/1671", "the UserSig is of another identifier"
    USERSIG_SDKAPPID = 70014, "269/1671", "the UserSig is of another sdkappid"
    ACCOUNT_UNKNOWN = 70107, "1047/34955", "the account does not exist"
    ACCOUNT_TIMEOUT = 70169, "1047/34953", "timeout; try again"
    ACCOUNT_BAD_PARAMETER = 70402, "1047/34953", "a parameter is wrong; ErrorInfo says which"
    ACCOUNT_SERVER_ERROR = 70500, "1047/34953", "server error; try again"

    # The message service, and the size of messages to chat groups.
    CHAT_GROUP_MESSAGE_TOO_LONG = 80002, "1047/34348", "the message is too long"
    MESSAGE_BAD_PARAMETER = 90001, "1047/34348", "the body has not the shape of a message"
    MESSAGE_BAD_BODY = 90002, "1047/34348", "MsgBody holds no element"
    MESSAGE_BAD_RECEIVER = 90003, "1047/34348", "To_Account is missing or cannot be an account"
    MESSAGE_BAD_RANDOM = 90005, "1047/34348", "MsgRandom is missing or no integer"
    MESSAGE_BAD_TIME = 90006, "1047/34348", "MsgTimeStamp is missing or no integer"
    MESSAGE_BODY_NOT_ARRAY = 90007, "1047/34348", "MsgBody is missing or no array"
    MESSAGE_SENDER_UNKNOWN = 90008, "1047/34348", "From_Account does not exist"
    MESSAGE_BAD_ELEMENT = 90010, "1047/34348", "an element of MsgBody has not the form of its type"
    MESSAGE_TOO_MANY_RECEIVERS = 90011, "1047/34348", "more than 500 receivers"
    MESSAGE_RECEIVER_UNKNOWN = 90012, "1047/34348", "To_Account does not exist"
    MESSAGE_LIFE_TIME_TOO_LONG = 90026, "1047/34348", "MsgLifeTime is more than seven days"
    MESSAGE_BAD_IMPORT_KIND = 90030, "1047/34348", "SyncFromOldSystem is missing or neither 1 nor 2"
    MESSAGE_BAD_SYNC = 90031, "1047/34348", "SyncOtherMachine is neither 1 nor 2"
    MESSAGE_BAD_LIFE_TIME = 90044, "1047/34348", "MsgLifeTime is no integer"
    MESSAGE_SERVER_ERROR = 91000, "1047/34348", "server error; try again"
    MESSAGE_TOO_LONG = 93000, "1047/34348", "the message is too long"


CODES: dict[int, Code] = {code.value: code for code in Code}
"""The codes by their numbers."""


def shown(text: str) -> str:
    """`text` as an error may show it: as JSON, cut after 64 characters, then with its size."""
    if len(text) <= _SHOWN_MAX:
        return json.dumps(text, ensure_ascii=False)
    return f"{json.dumps(text[:_SHOWN_MAX], ensure_ascii=False)}… ({len(text.encode())} bytes)"


_SHOWN_MAX = 64


class Fail(Exception):
    """The whole call is refused with `code`; `info` becomes its `ErrorInfo`. Nothing was changed."""

    def __init__(self, code: Code, info: str) -> None:
        super().__init__(code, info)
        self.code = code
        self.info = info
