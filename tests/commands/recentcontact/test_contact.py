from __future__ import annotations

import json

import pytest

from commands.steps import (
    CREATE,
    DELETE,
    FRIEND,
    GET,
    MARK,
    OWNER,
    ROOM,
    SEARCH,
    UPDATE,
    Body,
    bits,
    carrying,
    codes,
    creation,
    deletion,
    marking,
    page,
    records,
)
from harness import Caller, account, chat_group

SIX: dict[str, Body] = {
    CREATE: creation("new", FRIEND),
    UPDATE: carrying(UPDATE, FRIEND),
    DELETE: deletion("folder"),
    MARK: carrying(MARK, FRIEND),
    GET: page(),
    SEARCH: carrying(SEARCH, FRIEND),
}
every_command = pytest.mark.parametrize("command", SIX)
every_carrier = pytest.mark.parametrize("command", [CREATE, UPDATE, MARK, SEARCH])


@pytest.fixture
async def caller(caller: Caller) -> Caller:
    await caller.ok(CREATE, creation("folder"))
    return caller


@every_command
async def test_the_sound_body_of_each_command_here_is_accepted(caller: Caller, command: str) -> None:
    assert await caller.code(command, SIX[command]) == 0


@every_command
async def test_a_missing_from_account_is_refused(caller: Caller, command: str) -> None:
    body = {name: value for name, value in SIX[command].items() if name != "From_Account"}
    assert await caller.code(command, body) == 50002


@every_command
@pytest.mark.parametrize("userid", ["", "x" * 33, "usér", "a\tb", "a\0b", "a\x7f", "用户"])
async def test_a_from_account_that_is_no_userid_is_refused(
    caller: Caller, command: str, userid: str
) -> None:
    assert await caller.code(command, SIX[command] | {"From_Account": userid}) == 50002


@every_command
@pytest.mark.parametrize("userid", ["x" * 32, "nobody", " ", "~", "USER_0001"])
async def test_a_from_account_that_was_never_imported_is_50001(
    caller: Caller, command: str, userid: str
) -> None:
    assert await caller.code(command, SIX[command] | {"From_Account": userid}) == 50001


@every_command
@pytest.mark.parametrize("wrong", [5, 1.5, True, None, [], {}, [OWNER], 10**30])
async def test_a_from_account_that_is_no_string_is_60015(
    caller: Caller, command: str, wrong: object
) -> None:
    body = json.dumps(SIX[command] | {"From_Account": wrong}).encode()
    assert await caller.code(command, body) == 60015


@every_command
async def test_an_account_that_is_no_string_comes_before_a_wrong_shape(
    caller: Caller, command: str
) -> None:
    assert await caller.code(command, {"From_Account": 5}) == 60015


@every_command
async def test_broken_json_comes_before_an_account_that_is_no_string(
    caller: Caller, command: str
) -> None:
    assert await caller.code(command, b'{"From_Account":5,') == 60003


@every_command
@pytest.mark.parametrize("body", [b"[]", b'"text"', b"null", b"7"])
async def test_json_that_is_no_object_is_50002(caller: Caller, command: str, body: bytes) -> None:
    assert await caller.code(command, body) == 50002


@every_command
async def test_a_missing_field_is_50002(caller: Caller, command: str) -> None:
    assert await caller.code(command, {"From_Account": OWNER}) == 50002


@every_command
async def test_a_null_field_is_50002(caller: Caller, command: str) -> None:
    nulls = dict.fromkeys(SIX[command], None)
    assert await caller.code(command, nulls | {"From_Account": OWNER}) == 50002


@every_command
async def test_unknown_fields_are_ignored(caller: Caller, command: str) -> None:
    body = SIX[command] | {"Unknown": {"deep": [1, None]}, "from_account": 5, "RequestId": None}
    assert await caller.code(command, body) == 0


@every_command
async def test_of_two_keys_of_one_name_the_last_one_counts(caller: Caller, command: str) -> None:
    sound = json.dumps(SIX[command])
    first_wrong = '{"From_Account":5,' + sound[1:]
    last_wrong = sound[:-1] + ',"From_Account":5}'
    last_unknown = sound[:-1] + ',"From_Account":"nobody"}'
    assert await caller.code(command, last_wrong.encode()) == 60015
    assert await caller.code(command, last_unknown.encode()) == 50001
    assert await caller.code(command, first_wrong.encode()) == 0


@every_command
async def test_a_number_too_large_hides_no_account_that_is_no_string(
    caller: Caller, command: str
) -> None:
    body = json.dumps(SIX[command])[:-1] + ',"From_Account":5,"Unknown":1e999}'
    assert await caller.code(command, body.encode()) == 60015


@every_command
@pytest.mark.parametrize("repaired", ["", '"From_Account":5,'])
async def test_a_number_too_large_in_an_unknown_field_is_ignored(
    caller: Caller, command: str, repaired: str
) -> None:
    body = f'{{"Unknown":1e999,{repaired}{json.dumps(SIX[command])[1:]}'
    assert await caller.code(command, body.encode()) == 0


@every_command
async def test_escapes_and_spaces_in_the_json_make_no_difference(caller: Caller, command: str) -> None:
    body = json.dumps(SIX[command], indent=2).replace(OWNER, r"\u0075ser_0001")
    assert await caller.code(command, body.encode()) == 0


@every_carrier
@pytest.mark.parametrize(
    "wrong", [0, 3, -1, 1.0, 1.5, True, False, None, "3", "0", "01", "1.0", " 1", "", [], {}, 10**30]
)
async def test_a_type_that_is_neither_1_nor_2_is_refused(
    caller: Caller, command: str, wrong: object
) -> None:
    item = {"Type": wrong, "To_Account": "user_0002", "ToGroupId": "room"}
    assert await caller.code(command, json.dumps(carrying(command, item)).encode()) == 50002


@every_carrier
async def test_a_missing_type_is_refused(caller: Caller, command: str) -> None:
    assert await caller.code(command, carrying(command, {"To_Account": "user_0002"})) == 50002


@every_carrier
@pytest.mark.parametrize(
    "item",
    [
        {"Type": 1},
        {"Type": 1, "To_Account": ""},
        {"Type": 1, "ToGroupId": "room"},
        {"Type": 2},
        {"Type": 2, "ToGroupId": ""},
        {"Type": 2, "To_Account": "user_0002"},
    ],
)
async def test_the_id_that_fits_type_is_required(caller: Caller, command: str, item: Body) -> None:
    assert await caller.code(command, carrying(command, item)) == 50002


@every_carrier
@pytest.mark.parametrize(
    ("item", "code"),
    [
        (account("x" * 32), 0),
        (account("x" * 33), 50002),
        (account("a b~"), 0),
        (account("usér"), 50002),
        (account("a\0b"), 50002),
        (account("a\nb"), 50002),
        (chat_group("x" * 128), 0),
        (chat_group("x" * 129), 50002),
        (chat_group("@TGS#_@TGS#cABC"), 0),
        (chat_group("群"), 50002),
        (chat_group("a\0b"), 50002),
        (chat_group("a\x7f"), 50002),
    ],
)
async def test_the_id_must_be_printable_ascii_within_its_bytes(
    caller: Caller, command: str, item: Body, code: int
) -> None:
    assert await caller.code(command, carrying(command, item)) == code


@every_carrier
@pytest.mark.parametrize("type_", [1, 2])
@pytest.mark.parametrize("wrong", [5, 1.0, True, None, [], {}])
async def test_a_to_account_that_is_no_string_is_60015(
    caller: Caller, command: str, type_: int, wrong: object
) -> None:
    item = {"Type": type_, "To_Account": wrong, "ToGroupId": "room"}
    assert await caller.code(command, carrying(command, item)) == 60015


@every_carrier
@pytest.mark.parametrize("wrong", [5, True, None, [], {}])
async def test_a_togroupid_that_is_no_string_is_50002(
    caller: Caller, command: str, wrong: object
) -> None:
    assert await caller.code(command, carrying(command, {"Type": 2, "ToGroupId": wrong})) == 50002


@every_carrier
async def test_the_fields_names_are_case_sensitive(caller: Caller, command: str) -> None:
    assert await caller.code(command, carrying(command, {"Type": 2, "ToGroupid": "room"})) == 50002


@every_carrier
@pytest.mark.parametrize("wrong", ["user_0002", None, 1, []])
async def test_a_conversation_that_is_no_object_is_50002(
    caller: Caller, command: str, wrong: object
) -> None:
    assert await caller.code(command, carrying(command, wrong)) == 50002


@every_carrier
async def test_a_null_list_of_conversations_is_50002(caller: Caller, command: str) -> None:
    body = carrying(command, "HERE")
    if command == CREATE:
        body["GroupContactItem"][0]["ContactItem"] = None
    elif command == UPDATE:
        body["UpdateGroup"]["ContactUpdateItem"] = None
    elif command == MARK:
        body["MarkItem"] = None
    else:
        body["ContactItem"] = None
    assert await caller.code(command, body) == 50002


@every_carrier
@pytest.mark.parametrize(
    ("item", "meant"),
    [
        ({"Type": "1", "To_Account": "user_0002"}, FRIEND),
        ({"Type": "2", "ToGroupId": "room"}, ROOM),
        ({"Type": 1, "To_Account": "user_0002", "ToGroupId": "x" * 500}, FRIEND),
        ({"Type": 1, "To_Account": "user_0002", "ToGroupId": ""}, FRIEND),
        ({"Type": 2, "ToGroupId": "room", "To_Account": "用户"}, ROOM),
        ({"Type": 2, "ToGroupId": "room", "To_Account": ""}, ROOM),
        ({"Type": 2, "ToGroupId": "room", "Nick": 7}, ROOM),
    ],
)
async def test_what_type_and_its_id_say_is_meant_and_answered(
    caller: Caller, command: str, item: Body, meant: Body
) -> None:
    await caller.ok(MARK, marking(bits(meant, 5)))
    answer = await caller.ok(command, carrying(command, item))
    if command == SEARCH:
        (record,) = answer["ContactResultItem"]
        assert record.items() >= meant.items()
        assert len(record.keys() & {"To_Account", "ToGroupId"}) == 1
        assert type(record["Type"]) is int
        return
    if command == CREATE:
        (result,) = answer["GroupResultItem"][0]["ResultItem"]
    elif command == UPDATE:
        (result,) = answer["UpdateGroupResult"]["ContactResultItem"]
    else:
        (result,) = answer["ResultItem"]
    assert result["ContactItem"] == meant
    assert type(result["ContactItem"]["Type"]) is int
    assert (result["ResultCode"], result["ResultInfo"]) == (0, "")


async def test_an_account_and_a_chat_group_of_one_name_are_two_conversations(caller: Caller) -> None:
    await caller.ok(MARK, marking(bits(account("room"), 0), bits(ROOM, 1)))
    marks = [record["StandardMark"] for record in await records(caller, account("room"), ROOM)]
    assert marks == ["1", "10"]


async def test_a_record_holds_only_what_it_has(caller: Caller) -> None:
    await caller.ok(CREATE, creation("second", FRIEND))
    await caller.ok(MARK, marking({"OptType": 2, "ContactItem": ROOM, "CustomMark": "abc"}))
    await caller.ok(MARK, marking(bits(account("a"), 3)))
    assert await records(caller, FRIEND, ROOM, account("a")) == [
        FRIEND | {"StandardMark": "", "ContactGroupId": [2], "Timestamp": 1_700_000_000},
        ROOM | {"StandardMark": "", "CustomMark": "abc", "Timestamp": 1_700_000_000},
        account("a") | {"StandardMark": "1000", "Timestamp": 1_700_000_000},
    ]


async def test_one_account_sees_nothing_of_another(caller: Caller) -> None:
    await caller.accounts("other")
    await caller.ok(MARK, marking(bits(FRIEND, 0)) | {"From_Account": "other"})
    await caller.ok(CREATE, creation("theirs") | {"From_Account": "other"})
    listed = await caller.ok(GET, page())
    assert listed["ContactItem"] == []
    assert listed["GroupItem"] == [{"GroupName": "folder", "GroupId": 1}]


async def test_a_refused_item_says_why_and_names_the_conversation(caller: Caller) -> None:
    ghost = chat_group("ghost")
    answer = await caller.ok(MARK, carrying(MARK, ghost))
    (result,) = answer["ResultItem"]
    assert list(result) == ["OptType", "ContactItem", "ResultCode", "ResultInfo"]
    assert (result["ContactItem"], result["ResultCode"]) == (ghost, 51007)
    assert "ghost" in result["ResultInfo"]
    assert await codes(caller, MARK, carrying(MARK, ROOM)) == [0]
