"""The envelope: which bodies are read, what is said about the others, and the form of answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatmarks.commands import COMMANDS
from chatmarks.engines.memory import MemoryStore
from chatmarks.errors import Code
from harness import ADMIN, Caller, account, make_caller

GET = "recentcontact/get_contact_group"
MARK = "recentcontact/mark_contact"
CREATE = "recentcontact/create_contact_group"
UPDATE = "recentcontact/update_contact_group"
DELETE = "recentcontact/del_contact_group"
SEARCH = "recentcontact/search_contact_group"
IMPORT = "im_open_login_svc/account_import"
MULTI = "im_open_login_svc/multiaccount_import"
CHECK = "im_open_login_svc/account_check"
REMOVE = "im_open_login_svc/account_delete"
MAKE_CHAT_GROUP = "group_open_http_svc/create_group"
DESTROY = "group_open_http_svc/destroy_group"
LIST_CHAT_GROUPS = "group_open_http_svc/get_appid_group_list"
CHAT_GROUP_INFO = "group_open_http_svc/get_group_info"
ADD_MEMBERS = "group_open_http_svc/add_group_member"
DELETE_MEMBERS = "group_open_http_svc/delete_group_member"
SEND_TO_GROUP = "group_open_http_svc/send_group_msg"
IMPORT_TO_GROUP = "group_open_http_svc/import_group_msg"
SEND = "openim/sendmsg"
SEND_MANY = "openim/batchsendmsg"
IMPORT_ONE = "openim/importmsg"
LIST = "recentcontact/get_list"
DROP = "recentcontact/delete"
PIN = "x/1/recentcontact/top"
ASK = "x/1/recentcontact/query"
WHO = "x/1/recentcontact/who"

BASE = ["ActionStatus", "ErrorCode", "ErrorInfo", "ErrorDisplay"]
DIGITS = b"9" * 5000


def body(
    start_index: bytes = b"0", *, more: bytes = b"", from_account: bytes = b'"administrator"'
) -> bytes:
    """The body of a `get_contact_group`, in raw JSON."""
    return b'{"From_Account":%b,"StartIndex":%b%b}' % (from_account, start_index, more)


@pytest.fixture
async def caller() -> Caller:
    return await make_caller(MemoryStore())


# What is no JSON.


@pytest.mark.parametrize("command", COMMANDS)
async def test_an_empty_body_is_60003_and_the_text_says_what_to_send(
    caller: Caller, command: str
) -> None:
    answer = await caller.call(command, b"")
    assert answer["ErrorCode"] == 60003
    assert "empty; send {}" in answer["ErrorInfo"]


@pytest.mark.parametrize(
    "sent",
    [
        b" ",
        b"\n",
        b"\x00",
        b"x",
        b"{",
        b"}",
        b'{"From_Account"}',
        b'{"From_Account":"administrator","StartIndex":0',
        b"{'From_Account':'administrator','StartIndex':0}",
        b'{From_Account:"administrator","StartIndex":0}',
        body() + b"x",
        body() + b"{}",
        body() + b"\x00",
        b"\xef\xbb\xbf" + body(),
        body(more=b","),
        body(more=b',"x":'),
        body(more=b',"x":tru'),
        body(more=b',"x":True'),
        body(more=b',"x":undefined'),
        body(more=b',"x":[1,]'),
        body(more=b',"x":"\n"'),
        body(more=b',"x":"\\q"'),
        body(more=b',"x":"\\u12"'),
        body(more=b",1:2"),
        body(more=b" // a comment\n"),
        body(b"00"),
        body(b"+1"),
        body(b"0x1"),
        body(b".5"),
        body(b"1."),
        body(b"1e"),
        body(b"NaN"),
        body(b"Infinity"),
        body(b"-"),
    ],
)
async def test_what_is_no_json_is_60003(caller: Caller, sent: bytes) -> None:
    assert await caller.code(GET, sent) == 60003


@pytest.mark.parametrize(
    "invalid", [b"\xff", b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"]
)
@pytest.mark.parametrize(
    "sent",
    [
        b"%b" + body(),
        body(from_account=b'"%b"'),
        body(more=b',"ignored":"%b"'),
        body(more=b',"ignored":{"deep":["%b"]}'),
        body(more=b',"%b":1'),
        body() + b"%b",
        body(from_account=b"1", more=b',"ignored":"%b"'),
    ],
)
async def test_invalid_utf_8_is_60003_wherever_it_stands(
    caller: Caller, sent: bytes, invalid: bytes
) -> None:
    answer = await caller.call(GET, sent % invalid)
    assert answer["ErrorCode"] == 60003
    assert "UTF-8" in answer["ErrorInfo"]


@pytest.mark.parametrize(
    "sent",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        body(b"[" * 100_000 + b"]" * 100_000),
        body(more=b',"ignored":' + b"[" * 100_000 + b"]" * 100_000),
        body(b'"wrong"', more=b',"ignored":' + b"[" * 100_000 + b"]" * 100_000),
        body(from_account=b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    ],
    ids=range(7),
)
async def test_json_that_is_nested_100000_deep_is_60003(caller: Caller, sent: bytes) -> None:
    assert await caller.code(GET, sent) == 60003


@pytest.mark.parametrize("escape", [b"\\ud800", b"\\udc00", b"\\ud800\\u0061", b"\\udc00\\ud800"])
@pytest.mark.parametrize("sent", [body(from_account=b'"a%b"'), body(more=b',"ignored":"%b"')])
async def test_half_a_surrogate_pair_is_50002_where_it_is_read(
    caller: Caller, sent: bytes, escape: bytes
) -> None:
    answer = await caller.call(GET, sent % escape)
    if b"ignored" in sent:
        assert answer["ErrorCode"] == 0
    else:
        assert answer["ErrorCode"] == 50002
        assert answer["ErrorInfo"].startswith("From_Account holds half of a surrogate pair")


@pytest.mark.parametrize("escape", [b"\\ud800", b"\\udc00"])
async def test_half_a_surrogate_pair_is_refused_also_in_a_name_and_in_place_of_a_number(
    caller: Caller, escape: bytes
) -> None:
    answer = await caller.call(GET, body(b'"%b"') % escape)
    assert (answer["ErrorCode"], answer["ErrorInfo"][:20]) == (50002, "StartIndex holds hal")
    element = b'{"MsgType":"TIMRelayElem","MsgContent":{"%b":1}}'
    sent = b'{"To_Account":"alice","MsgRandom":1,"MsgBody":[%b]}' % element
    answer = await caller.call("openim/sendmsg", sent % escape)
    assert answer["ErrorCode"] == 90001
    assert answer["ErrorInfo"].startswith("a name in MsgBody[0].MsgContent holds half")


@pytest.mark.parametrize(
    "wrong",
    [
        body(from_account=b"1"),
        body(b'"0"'),
        body(b"1e999"),
        body(DIGITS),
        b"[1]",
    ],
    ids=range(5),
)
@pytest.mark.parametrize("tail", [b"x", b"}", b"\x00"])
async def test_what_is_no_json_is_60003_even_behind_something_of_a_wrong_type(
    caller: Caller, wrong: bytes, tail: bytes
) -> None:
    assert await caller.code(GET, wrong + tail) == 60003
    assert await caller.code(GET, wrong[:-1]) == 60003


# What is JSON.


@pytest.mark.parametrize(
    "sent",
    [
        body(),
        b" \t\r\n" + body() + b" \t\r\n",
        body().replace(b":", b" : ").replace(b",", b" ,\n"),
        body(b"-0"),
        body(from_account=b'"\\u0061dm\\u0069nistrator"'),
        b'{"\\u0046rom_Account":"administrator","StartIndex":0}',
        body(more=b',"ignored":"\\ud83d\\ude00 \\/ \\u0000 \xf0\x9f\x98\x80"'),
        body(more=b',"ignored":{"":[null,true,-1.5e-7]},"":""'),
        body(more=b',"ignored":' + DIGITS),
        body(more=b',"ignored":1e999'),
        body(more=b',"startindex":"x","from_account":7'),
    ],
    ids=range(11),
)
async def test_what_is_json_is_read(caller: Caller, sent: bytes) -> None:
    assert await caller.code(GET, sent) == 0


async def test_escapes_stand_for_their_characters(caller: Caller) -> None:
    group = b'{"GroupName":"\\u6587\\/\\ud83d\\ude00"}'
    sent = b'{"From_Account":"administrator","GroupContactItem":[%b]}' % group
    answer = await caller.ok(CREATE, sent)
    assert answer["GroupResultItem"][0]["GroupItem"]["GroupName"] == "文/😀"


@pytest.mark.parametrize(
    "sent",
    [
        body(b'"0"', more=b',"StartIndex":0'),
        body(from_account=b"7", more=b',"From_Account":"administrator"'),
        body(b"1e999", more=b',"StartIndex":0'),
        body(b'"0"', more=b',"StartIndex":0,"ignored":1e999'),
        body(b"[]", more=b',"StartIndex":0,"ignored":' + DIGITS),
    ],
    ids=range(5),
)
async def test_a_later_key_of_the_same_name_repairs_a_wrong_one(caller: Caller, sent: bytes) -> None:
    assert await caller.code(GET, sent) == 0


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (body(more=b',"StartIndex":"0"'), 50002),
        (body(more=b',"From_Account":7'), 60015),
        (body(more=b',"From_Account":"stranger"'), 50001),
    ],
)
async def test_the_last_key_of_a_name_counts(caller: Caller, sent: bytes, code: int) -> None:
    assert await caller.code(GET, sent) == code


# Bad parameters, each service with its own code.


BAD_PARAMETER = {
    "recentcontact": 50002,
    "im_open_login_svc": 70402,
    "group_open_http_svc": 10004,
    "openim": 90001,
}


@pytest.mark.parametrize(
    "sent",
    [b"[]", b'"text"', b"7", b"-1.5", b"true", b"null", b"1e999", DIGITS],
    ids=lambda sent: sent[:5].decode(),
)
@pytest.mark.parametrize("command", COMMANDS)
async def test_a_body_that_is_no_object_is_a_bad_parameter_of_the_service(
    caller: Caller, command: str, sent: bytes
) -> None:
    assert await caller.code(command, sent) == BAD_PARAMETER[COMMANDS[command].service.name]


MISSING: list[tuple[str, Any, int, str]] = [
    (GET, {"StartIndex": 0}, 50002, "From_Account"),
    (GET, {"From_Account": ADMIN}, 50002, "StartIndex"),
    (SEARCH, {"From_Account": ADMIN}, 50002, "ContactItem"),
    (SEARCH, {"From_Account": ADMIN, "ContactItem": [{}]}, 50002, "ContactItem[0].Type"),
    (DELETE, {"From_Account": ADMIN}, 50002, "GroupName"),
    (CREATE, {"From_Account": ADMIN}, 50002, "GroupContactItem"),
    (CREATE, {"From_Account": ADMIN, "GroupContactItem": [{}]}, 50002, "GroupContactItem[0].GroupName"),
    (
        CREATE,
        {
            "From_Account": ADMIN,
            "GroupContactItem": [
                {"GroupName": "g", "ContactItem": [account("a"), {"To_Account": "b"}]}
            ],
        },
        50002,
        "GroupContactItem[0].ContactItem[1].Type",
    ),
    (UPDATE, {"From_Account": ADMIN, "UpdateType": 1}, 50002, "UpdateGroup"),
    (
        UPDATE,
        {"From_Account": ADMIN, "UpdateType": 1, "UpdateGroup": {"UpdateGroupType": 1}},
        50002,
        "UpdateGroup.OldGroupName",
    ),
    (
        UPDATE,
        {
            "From_Account": ADMIN,
            "UpdateType": 1,
            "UpdateGroup": {
                "UpdateGroupType": 2,
                "OldGroupName": "g",
                "ContactUpdateItem": [{"ContactOptType": 1}],
            },
        },
        50002,
        "UpdateGroup.ContactUpdateItem[0].ContactItem",
    ),
    (MARK, {"From_Account": ADMIN, "MarkItem": [{"OptType": 1}]}, 50002, "MarkItem[0].ContactItem"),
    (
        MARK,
        {"From_Account": ADMIN, "MarkItem": [{"OptType": 1, "ContactItem": {}}]},
        50002,
        "MarkItem[0].ContactItem.Type",
    ),
    (CHECK, {}, 70402, "CheckItem"),
    (CHECK, {"CheckItem": [{"UserID": "a"}, {}]}, 70402, "CheckItem[1].UserID"),
    (REMOVE, {"DeleteItem": [{}]}, 70402, "DeleteItem[0].UserID"),
    (MAKE_CHAT_GROUP, {"Type": "Public"}, 10004, "Name"),
    (
        MAKE_CHAT_GROUP,
        {"Type": "Public", "Name": "n", "MemberList": [{}]},
        10004,
        "MemberList[0].Member_Account",
    ),
    (DESTROY, {}, 10004, "GroupId"),
]


@pytest.mark.parametrize(("command", "sent", "code", "field"), MISSING)
async def test_a_missing_field_is_a_bad_parameter_and_the_text_names_it(
    caller: Caller, command: str, sent: object, code: int, field: str
) -> None:
    answer = await caller.call(command, sent)
    assert answer["ErrorCode"] == code
    assert answer["ErrorInfo"] == f"{field} is missing"


MARKED = b'{"From_Account":"a","MarkItem":[{"OptType":1,"ContactItem":{"Type":1,"To_Account":"b"}%b}]}'

MISTYPED: list[tuple[str, bytes, int, str]] = [
    (GET, body(b'"0"'), 50002, "StartIndex"),
    (GET, body(b"1.0"), 50002, "StartIndex"),
    (GET, body(b"1e2"), 50002, "StartIndex"),
    (GET, body(b"true"), 50002, "StartIndex"),
    (GET, body(b"null"), 50002, "StartIndex"),
    (GET, body(b"{}"), 50002, "StartIndex"),
    (GET, body(b"1e999"), 50002, "StartIndex"),
    (GET, body(DIGITS), 50002, "StartIndex"),
    (GET, body(b"-" + DIGITS), 50002, "StartIndex"),
    (GET, body(DIGITS + b".5"), 50002, "StartIndex"),
    (MARK, b'{"From_Account":"administrator","MarkItem":{}}', 50002, "MarkItem"),
    (MARK, b'{"From_Account":"administrator","MarkItem":[7]}', 50002, "MarkItem[0]"),
    (MARK, MARKED % b',"SetMark":7', 50002, "MarkItem[0].SetMark"),
    (MARK, MARKED % b',"SetMark":[1,2,"3"]', 50002, "MarkItem[0].SetMark[2]"),
    (MARK, MARKED % b',"ClearMark":[1e999]', 50002, "MarkItem[0].ClearMark[0]"),
    (MARK, MARKED % (b',"ClearMark":[0,' + DIGITS + b"]"), 50002, "MarkItem[0].ClearMark[1]"),
    (MARK, MARKED % b',"CustomMark":7', 50002, "MarkItem[0].CustomMark"),
    (MARK, MARKED % b',"OptType":"1"', 50002, "MarkItem[0].OptType"),
    (MARK, MARKED % b',"ContactItem":{"Type":null}', 50002, "MarkItem[0].ContactItem.Type"),
    (MARK, MARKED % b',"ContactItem":{"Type":1.0}', 50002, "MarkItem[0].ContactItem.Type"),
    (MARK, MARKED % b',"ContactItem":[]', 50002, "MarkItem[0].ContactItem"),
    (
        MARK,
        MARKED % b',"ContactItem":{"Type":2,"ToGroupId":7}',
        50002,
        "MarkItem[0].ContactItem.ToGroupId",
    ),
    (CREATE, b'{"From_Account":"a","GroupContactItem":{"GroupName":"g"}}', 50002, "GroupContactItem"),
    (DELETE, b'{"From_Account":"a","GroupName":"g"}', 50002, "GroupName"),
    (DELETE, b'{"From_Account":"a","GroupName":[7]}', 50002, "GroupName[0]"),
    (UPDATE, b'{"From_Account":"a","UpdateType":1,"UpdateGroup":[]}', 50002, "UpdateGroup"),
    (IMPORT, b'{"UserID":"a","Nick":7}', 70402, "Nick"),
    (MULTI, b'{"Accounts":"a"}', 70402, "Accounts"),
    (MULTI, b'{"AccountList":[{"UserID":"a"},"b"]}', 70402, "AccountList[1]"),
    (CHECK, b'{"CheckItem":{"UserID":"a"}}', 70402, "CheckItem"),
    (MAKE_CHAT_GROUP, b'{"Type":1,"Name":"n"}', 10004, "Type"),
    (DESTROY, b'{"GroupId":7}', 10004, "GroupId"),
]


@pytest.mark.parametrize(("command", "sent", "code", "field"), MISTYPED, ids=range(len(MISTYPED)))
async def test_a_field_of_a_wrong_type_is_a_bad_parameter_and_the_text_names_it(
    caller: Caller, command: str, sent: bytes, code: int, field: str
) -> None:
    answer = await caller.call(command, sent)
    assert answer["ErrorCode"] == code
    assert answer["ErrorInfo"].startswith(f"{field}: ")
    assert len(answer["ErrorInfo"]) < 200


@pytest.mark.parametrize("number", [2**31, 2**63 - 1, 2**63, 2**64])
async def test_a_large_integer_is_an_integer(caller: Caller, number: int) -> None:
    answer = await caller.ok(GET, {"From_Account": ADMIN, "StartIndex": 0})
    assert await caller.ok(GET, body(str(number).encode())) == answer


# Accounts that are no strings.


NOT_STRINGS: list[tuple[str, str, str]] = [
    (GET, '{"From_Account":%s,"StartIndex":0}', "From_Account"),
    (GET, '{"From_Account":%s}', "From_Account"),
    (GET, '{"StartIndex":"wrong","From_Account":%s}', "From_Account"),
    (
        SEARCH,
        '{"From_Account":"a","ContactItem":[{"Type":1,"To_Account":"b"},{"To_Account":%s}]}',
        "ContactItem[1].To_Account",
    ),
    (
        MARK,
        '{"From_Account":"a","MarkItem":[{"OptType":9,"ContactItem":{"Type":2,"To_Account":%s}}]}',
        "MarkItem[0].ContactItem.To_Account",
    ),
    (
        CREATE,
        '{"From_Account":"a","GroupContactItem":[{},{"ContactItem":[{"To_Account":%s}]}]}',
        "GroupContactItem[1].ContactItem[0].To_Account",
    ),
    (
        UPDATE,
        '{"From_Account":"a","UpdateGroup":{"ContactUpdateItem":[{"ContactItem":{"To_Account":%s}}]}}',
        "UpdateGroup.ContactUpdateItem[0].ContactItem.To_Account",
    ),
    (IMPORT, '{"UserID":%s}', "UserID"),
    (IMPORT, '{"Identifier":%s,"Nick":7}', "Identifier"),
    (MULTI, '{"Accounts":["a",%s]}', "Accounts[1]"),
    (MULTI, '{"AccountList":[{"UserID":%s}]}', "AccountList[0].UserID"),
    (CHECK, '{"CheckItem":[{"UserID":"a"},{"UserID":%s}]}', "CheckItem[1].UserID"),
    (REMOVE, '{"DeleteItem":[{"UserID":%s}]}', "DeleteItem[0].UserID"),
    (MAKE_CHAT_GROUP, '{"Owner_Account":%s}', "Owner_Account"),
    (MAKE_CHAT_GROUP, '{"MemberList":[{"Member_Account":%s}]}', "MemberList[0].Member_Account"),
]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("7", "number"),
        ("1.5", "number"),
        ("true", "boolean"),
        ("null", "null"),
        ("{}", "object"),
        ('["a"]', "array"),
    ],
)
@pytest.mark.parametrize(("command", "sent", "field"), NOT_STRINGS)
async def test_an_account_that_is_no_string_is_60015_before_all_else_and_the_text_says_where(
    caller: Caller, command: str, sent: str, field: str, value: str, kind: str
) -> None:
    answer = await caller.call(command, (sent % value).encode())
    assert answer["ErrorCode"] == 60015
    assert answer["ErrorInfo"] == f"{field} is not a string but: {kind}"


@pytest.mark.parametrize(
    "sent",
    [
        body(from_account=DIGITS),
        body(from_account=b"-1e999"),
        body(DIGITS, from_account=b"7"),
        body(b"1e999", from_account=b"7"),
        body(from_account=b"7", more=b',"ignored":1e999'),
        body(from_account=b"7", more=b',"ignored":' + DIGITS),
    ],
    ids=range(6),
)
async def test_an_account_that_is_no_string_is_60015_beside_numbers_of_any_size(
    caller: Caller, sent: bytes
) -> None:
    answer = await caller.call(GET, sent)
    assert answer["ErrorCode"] == 60015
    assert answer["ErrorInfo"] == "From_Account is not a string but: number"


async def test_a_field_that_the_command_does_not_have_may_be_called_like_an_account(
    caller: Caller,
) -> None:
    assert await caller.code(GET, body(more=b',"To_Account":7,"UserID":[1]')) == 0
    assert await caller.code(GET, body(b'"0"', more=b',"To_Account":7')) == 50002


# Answers.


async def test_the_payload_comes_first_and_the_base_fields_last_in_every_answer(caller: Caller) -> None:
    await caller.accounts("user1")
    item = [account("user1")]
    owner = {"From_Account": ADMIN}
    member = {"ContactOptType": 1, "ContactItem": account("user1")}
    group = {"UpdateGroupType": 2, "OldGroupName": "g", "ContactUpdateItem": [member]}
    mark = {"OptType": 1, "ContactItem": account("user1"), "SetMark": [0]}
    body = {"MsgBody": [{"MsgType": "TIMTextElem", "MsgContent": {"Text": "hi"}}]}
    to = body | {"MsgRandom": 1}
    past = owner | {"SyncFromOldSystem": 2, "To_Account": "user1", "MsgTimeStamp": 1}
    start = dict.fromkeys(("TimeStamp", "StartIndex", "TopTimeStamp", "TopStartIndex"), 0)
    pin = {"OperationType": 1, "RecentContactItem": item}
    page = ["NextTimeStamp", "NextStartIndex", "TotalCount", "GroupCount", "MarkCount", "GroupItem"]
    calls: list[tuple[str, dict[str, Any], list[str]]] = [
        (
            GET,
            owner | {"StartIndex": 0},
            ["ContactItem", "CompleteFlag", "NextStartIndex", "GroupItem"],
        ),
        (CREATE, owner | {"GroupContactItem": [{"GroupName": "g"}]}, ["GroupResultItem"]),
        (UPDATE, owner | {"UpdateType": 1, "UpdateGroup": group}, ["UpdateType", "UpdateGroupResult"]),
        (MARK, owner | {"MarkItem": [mark]}, ["ResultItem"]),
        (SEARCH, owner | {"ContactItem": item}, ["ContactResultItem", "GroupItem"]),
        (
            GET,
            owner | {"StartIndex": 0},
            ["ContactItem", "CompleteFlag", "NextStartIndex", "CompleteTime", "GroupItem"],
        ),
        (DELETE, owner | {"GroupName": ["g"]}, ["GroupItem"]),
        (IMPORT, {"UserID": "user2"}, []),
        (MULTI, {"Accounts": ["user3"]}, ["FailAccounts"]),
        (CHECK, {"CheckItem": [{"UserID": "user1"}]}, ["ResultItem"]),
        (REMOVE, {"DeleteItem": [{"UserID": "user3"}]}, ["ResultItem"]),
        (MAKE_CHAT_GROUP, {"Type": "Public", "Name": "n", "GroupId": "c"}, ["GroupId"]),
        (LIST_CHAT_GROUPS, {}, ["TotalCount", "GroupIdList", "Next"]),
        (ADD_MEMBERS, {"GroupId": "c", "MemberList": [{"Member_Account": "user1"}]}, ["MemberList"]),
        (CHAT_GROUP_INFO, {"GroupIdList": ["c"]}, ["GroupInfo"]),
        (DELETE_MEMBERS, {"GroupId": "c", "MemberToDel_Account": ["user1"]}, []),
        (SEND_TO_GROUP, body | {"GroupId": "c", "Random": 1}, ["MsgTime", "MsgSeq"]),
        (
            IMPORT_TO_GROUP,
            {"GroupId": "c", "MsgList": [owner | body | {"SendTime": 1}]},
            ["ImportMsgResult"],
        ),
        (DESTROY, {"GroupId": "c"}, []),
        (SEND, to | {"To_Account": "user1"}, ["MsgTime", "MsgKey"]),
        (SEND_MANY, to | {"To_Account": ["user1"]}, ["MsgKey"]),
        (SEND_MANY, to | {"To_Account": ["user1", "user9"]}, ["MsgKey", "ErrorList"]),
        (IMPORT_ONE, to | past, []),
        (LIST, owner | start | {"AssistFlags": 7}, ["SessionItem", "CompleteFlag", *start]),
        (PIN, owner | pin, []),
        (ASK, owner, ["ContactItem", "CompleteFlag", *page]),
        (WHO, {"ContactItem": account("user1")}, ["AccountItem", "CompleteFlag", "NextUserID"]),
        (DROP, owner | {"Type": 1, "To_Account": "user1"}, []),
    ]
    assert {command for command, _, _ in calls} == set(COMMANDS)
    for command, sent, payload in calls:
        answer = await caller.ok(command, sent)
        assert list(answer) == payload + BASE
        assert [answer[name] for name in BASE] == ["OK", 0, "", ""]


async def test_answers_are_compact_json_in_utf_8(caller: Caller) -> None:
    await caller.ok(CREATE, {"From_Account": ADMIN, "GroupContactItem": [{"GroupName": "文"}]})
    raw = await caller.raw(DELETE, {"From_Account": ADMIN, "GroupName": ["文"]})
    assert raw.decode() == (
        '{"GroupItem":[{"GroupName":"文","GroupId":1}],'
        '"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}'
    )


# Anything at all.


NAMES = [
    "From_Account",
    "GroupContactItem",
    "GroupName",
    "ContactItem",
    "Type",
    "To_Account",
    "ToGroupId",
    "UpdateType",
    "UpdateGroup",
    "UpdateGroupType",
    "OldGroupName",
    "NewGroupName",
    "ContactUpdateItem",
    "ContactOptType",
    "MarkItem",
    "OptType",
    "SetMark",
    "ClearMark",
    "CustomMark",
    "StartIndex",
    "UserID",
    "Identifier",
    "Nick",
    "FaceUrl",
    "Accounts",
    "AccountList",
    "CheckItem",
    "DeleteItem",
    "Name",
    "GroupId",
    "Owner_Account",
    "MemberList",
    "Member_Account",
]

scalars = (
    st.sampled_from([ADMIN, "user1", "Public", "", "@TGS#1", "\0", 0, 1, 2, 3, 63, 64, -1])
    | st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**18, 10**25)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner, max_size=6)
    ),
    max_leaves=20,
)
contacts = st.fixed_dictionaries(
    {"Type": st.sampled_from([1, 2, "1", 3]) | scalars},
    optional={"To_Account": scalars, "ToGroupId": scalars},
)
few_contacts = st.lists(contacts, max_size=3)
updates = st.fixed_dictionaries({"ContactOptType": st.integers(0, 3), "ContactItem": contacts})
nearly_right = st.fixed_dictionaries(
    {"From_Account": st.just(ADMIN)},
    optional={
        "StartIndex": st.integers(-1, 2**65) | scalars,
        "ContactItem": few_contacts,
        "GroupName": st.lists(st.text(), max_size=2),
        "GroupContactItem": st.lists(
            st.fixed_dictionaries({"GroupName": st.text()}, optional={"ContactItem": few_contacts}),
            max_size=2,
        ),
        "UpdateType": st.integers(0, 2),
        "UpdateGroup": st.fixed_dictionaries(
            {"UpdateGroupType": st.integers(0, 3), "OldGroupName": st.text()},
            optional={"NewGroupName": scalars, "ContactUpdateItem": st.lists(updates, max_size=3)},
        ),
        "MarkItem": st.lists(
            st.fixed_dictionaries(
                {"OptType": st.integers(0, 4), "ContactItem": contacts},
                optional={
                    "SetMark": st.lists(st.integers(-1, 65), max_size=3),
                    "ClearMark": st.lists(scalars, max_size=2),
                    "CustomMark": scalars,
                },
            ),
            max_size=3,
        ),
        "UserID": scalars,
        "Nick": scalars,
        "Accounts": st.lists(scalars, max_size=3),
        "CheckItem": st.lists(st.fixed_dictionaries({"UserID": scalars}), max_size=3),
        "DeleteItem": st.lists(st.fixed_dictionaries({"UserID": scalars}), max_size=3),
        "Type": st.just("Public") | scalars,
        "Name": scalars,
        "GroupId": scalars,
        "Owner_Account": scalars,
    },
)
DOCUMENTED = set(Code) - {Code.SERVER_ERROR, Code.ACCOUNT_SERVER_ERROR, Code.CHAT_GROUP_SERVER_ERROR}


@pytest.mark.parametrize("command", COMMANDS)
@given(sent=anything | nearly_right)
@settings(deadline=None, max_examples=60)
async def test_any_json_is_answered_with_a_documented_code(command: str, sent: Any) -> None:
    caller = await make_caller(MemoryStore())
    answer = await caller.call(command, json.dumps(sent).encode())
    assert list(answer)[-4:] == BASE
    assert answer["ErrorCode"] in DOCUMENTED
    assert answer["ActionStatus"] == ("FAIL" if answer["ErrorCode"] else "OK")
    assert bool(answer["ErrorInfo"]) == bool(answer["ErrorCode"])


@pytest.mark.parametrize("command", COMMANDS)
@given(sent=st.binary() | st.text().map(str.encode))
@settings(deadline=None, max_examples=30)
async def test_any_bytes_are_answered_with_a_documented_code(command: str, sent: bytes) -> None:
    caller = await make_caller(MemoryStore())
    answer = await caller.call(command, sent)
    assert list(answer) == BASE
    assert answer["ErrorCode"] in DOCUMENTED - {Code.OK}
