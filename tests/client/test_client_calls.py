"""Both clients against a real server."""

from __future__ import annotations

from collections import deque
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from chatmarks.client import ChatError, NoAnswer
from chatmarks.client.road import ANSWER_BYTES_MAX
from chatmarks.commands.recentcontact.contact import Contact, Group
from chatmarks.commands.recentcontact.create_contact_group import NewGroup
from chatmarks.commands.recentcontact.mark_contact import Mark
from chatmarks.errors import Code
from chatmarks.golden import examples
from chatmarks.limits import CONVERSATIONS_PER_CALL_MAX
from client.callers import Make
from faulty import Proxy, canned
from harness import ADMIN, AWKWARD, SDKAPPID, account, chat_group


def _star(*names: str) -> list[dict[str, Any]]:
    return [{"OptType": 1, "SetMark": [0], "ContactItem": account(name)} for name in names]


def test_the_documented_story_is_told_in_methods(make: Make, owner: str) -> None:
    client = make()
    friend = f"friend of {owner}"[:32]
    client.multiaccount_import(AccountList=[{"UserID": friend, "Nick": "F"}])
    found = client.account_check(CheckItem=[{"UserID": friend}, {"UserID": "nobody"}])
    assert [item.AccountStatus for item in found.ResultItem] == ["Imported", "NotImported"]
    chat = client.create_group(Type="Public", Name="Hikes", Owner_Account=owner).GroupId
    added = client.add_group_member(GroupId=chat, MemberList=[{"Member_Account": friend}])
    assert [(item.Result, item.failed) for item in added.MemberList] == [(1, False)]
    info = client.get_group_info(GroupIdList=[chat, "@TGS#none"]).GroupInfo
    assert [item.failed for item in info] == [False, True]
    made = client.create_contact_group(
        From_Account=owner,
        GroupContactItem=[{"GroupName": "g", "ContactItem": [account(friend), chat_group(chat)]}],
    )
    assert made.GroupResultItem[0].GroupItem == Group("g", 1)
    client.mark_contact(From_Account=owner, MarkItem=_star(friend))
    client.update_contact_group(
        From_Account=owner,
        UpdateType=1,
        UpdateGroup={"UpdateGroupType": 1, "OldGroupName": "g", "NewGroupName": "h"},
    )
    record = client.search_contact_group(From_Account=owner, ContactItem=[account(friend)])
    assert record.ContactResultItem[0].StandardMark == "1"
    assert record.GroupItem == [Group("h", 1)]
    assert client.del_contact_group(From_Account=owner, GroupName=["h"]).GroupItem == [Group("h", 1)]
    client.delete_group_member(GroupId=chat, MemberToDel_Account=[friend])
    assert chat in [each.GroupId for each in client.get_appid_group_list().GroupIdList]
    client.destroy_group(GroupId=chat)
    gone = client.account_delete(DeleteItem=[{"UserID": friend}, {"UserID": "nobody"}]).ResultItem
    assert [(item.UserID, item.failed) for item in gone] == [(friend, False), ("nobody", True)]


def test_structs_do_as_well_as_dictionaries(make: Make, owner: str) -> None:
    client = make()
    friend = Contact(1, To_Account="b")
    client.create_contact_group(From_Account=owner, GroupContactItem=(NewGroup("g", [friend]),))
    marked = client.mark_contact(From_Account=owner, MarkItem=[Mark(2, friend, CustomMark="x")])
    assert [(item.ContactItem, item.ResultCode) for item in marked.ResultItem] == [(friend, 0)]
    page = client.get_contact_group(From_Account=owner, StartIndex=0)
    assert [(record.CustomMark, record.ContactGroupId) for record in page.ContactItem] == [("x", [1])]


@pytest.mark.parametrize("text", AWKWARD.values(), ids=AWKWARD)
def test_awkward_characters_go_there_and_back(make: Make, owner: str, text: str) -> None:
    text = text.encode()[:255].decode(errors="ignore")
    client = make()
    mark = {"OptType": 2, "ContactItem": account("b"), "CustomMark": text}
    client.mark_contact(From_Account=owner, MarkItem=[mark])
    found = client.search_contact_group(From_Account=owner, ContactItem=[account("b")])
    assert found.ContactResultItem[0].CustomMark == text


def test_a_refusal_tells_its_code_text_command_and_request_id(make: Make, owner: str) -> None:
    with pytest.raises(ChatError) as caught:
        make().del_contact_group(From_Account=owner, GroupName=["none"])
    error = caught.value
    assert error.code == Code.GROUP_NOT_FOUND
    assert error.text == 'GroupName "none": no such group'
    assert error.command == "recentcontact/del_contact_group"
    assert error.request_id
    assert str(error) == (
        "recentcontact/del_contact_group: 51009"
        f' GroupName "none": no such group (X-Request-Id {error.request_id})'
    )
    assert not error.maybe_done


def test_a_refused_item_is_a_value_in_its_place(make: Make, owner: str) -> None:
    items = [*_star("a"), {"OptType": 1, "SetMark": [0], "ContactItem": chat_group("none")}]
    results = make().mark_contact(From_Account=owner, MarkItem=items).ResultItem
    assert [result.failed for result in results] == [False, True]
    assert results[1].ResultCode == Code.CHAT_GROUP_UNRESOLVED


def test_a_url_has_the_documented_form(make: Make, proxy: Proxy, owner: str) -> None:
    client = make()
    for _ in range(2):
        client.get_contact_group(From_Account=owner, StartIndex=0)
    for seen in proxy.seen:
        assert seen.command == "recentcontact/get_contact_group"
        assert seen.query.keys() == {"sdkappid", "identifier", "usersig", "random", "contenttype"}
        assert seen.query["sdkappid"] == [str(SDKAPPID)]
        assert seen.query["identifier"] == [ADMIN]
        assert seen.query["contenttype"] == ["json"]
        assert 0 <= int(seen.query["random"][0]) < 2**32
        assert seen.headers["Content-Type"] == "application/json"
    assert proxy.seen[0].query["random"] != proxy.seen[1].query["random"]


def test_a_field_that_is_left_out_is_not_sent(make: Make, proxy: Proxy) -> None:
    client = make()
    client.account_import(UserID="a", Nick="")
    client.get_appid_group_list()
    assert [seen.body for seen in proxy.seen] == [{"UserID": "a", "Nick": ""}, {}]


def test_mappings_and_sequences_of_any_type_are_sent(make: Make, owner: str) -> None:
    client = make()
    mark = MappingProxyType({"OptType": 1, "SetMark": range(2), "ContactItem": account("b")})
    for methods in (client, client.split):
        marked = methods.mark_contact(From_Account=owner, MarkItem=deque([mark]))
        assert not marked.ResultItem[0].failed
    found = client.search_contact_group(From_Account=owner, ContactItem=[account("b")])
    assert found.ContactResultItem[0].StandardMark == "11"
    with pytest.raises(TypeError, match="cannot be sent as JSON"):
        client.mark_contact(From_Account=owner, MarkItem=[object()])


def test_any_command_is_called_by_its_path(make: Make, owner: str) -> None:
    client = make()
    answer = client.call("recentcontact/get_contact_group", {"From_Account": owner, "StartIndex": 0})
    assert answer["ErrorCode"] == 0
    assert answer["CompleteFlag"] == 1
    with pytest.raises(ChatError) as caught:
        client.call("openim/none", {})
    assert caught.value.code == Code.NO_SUCH_COMMAND
    with pytest.raises(ValueError, match="service/command"):
        client.call("../openim/sendmsg", {})


def test_more_than_100_marks_are_refused_unless_they_are_split(
    make: Make, proxy: Proxy, owner: str
) -> None:
    client, marks = make(), _star(*(f"u{number}" for number in range(CONVERSATIONS_PER_CALL_MAX + 1)))
    with pytest.raises(ChatError) as caught:
        client.mark_contact(From_Account=owner, MarkItem=marks)
    assert caught.value.code == Code.CONVERSATION_COUNT
    proxy.seen.clear()
    results = client.split.mark_contact(From_Account=owner, MarkItem=marks).ResultItem
    assert [result.ContactItem.To_Account for result in results] == [
        mark["ContactItem"]["To_Account"] for mark in marks
    ]
    assert [len(seen.body["MarkItem"]) for seen in proxy.seen] == [100, 1]


def test_a_list_that_fits_is_one_call_however_it_is_made(make: Make, proxy: Proxy, owner: str) -> None:
    client = make()
    client.split.mark_contact(From_Account=owner, MarkItem=tuple(_star(*map(str, range(100)))))
    assert proxy.commands() == ["mark_contact"]
    with pytest.raises(ChatError) as caught:
        client.split.mark_contact(From_Account=owner, MarkItem=[])
    assert caught.value.code == Code.CONVERSATION_COUNT


def test_a_long_change_of_members_is_split_and_answered_as_one(
    make: Make, proxy: Proxy, owner: str
) -> None:
    client = make()
    client.create_contact_group(From_Account=owner, GroupContactItem=[{"GroupName": "g"}])
    changes = [{"ContactOptType": 1, "ContactItem": account(f"u{number}")} for number in range(205)]
    changes[150] = {"ContactOptType": 1, "ContactItem": chat_group("none")}
    update = {"UpdateGroupType": 2, "OldGroupName": "g", "ContactUpdateItem": changes}
    answer = client.split.update_contact_group(From_Account=owner, UpdateType=1, UpdateGroup=update)
    results = answer.UpdateGroupResult.ContactResultItem
    assert [number for number, result in enumerate(results) if result.failed] == [150]
    assert len(results) == len(changes)
    assert proxy.commands() == ["create_contact_group", *["update_contact_group"] * 3]


def test_a_long_search_is_split_and_tells_each_group_once(make: Make, owner: str) -> None:
    client = make()
    names = [f"u{number}" for number in range(400)]
    client.split.mark_contact(From_Account=owner, MarkItem=_star(*names))
    for group, member in (("a", "u399"), ("b", "u0"), ("c", "u399"), ("c", "u0")):
        groups = client.get_contact_group(From_Account=owner, StartIndex=0).GroupItem
        if group not in [each.GroupName for each in groups]:
            client.create_contact_group(From_Account=owner, GroupContactItem=[{"GroupName": group}])
        change = {"ContactOptType": 1, "ContactItem": account(member)}
        update = {"UpdateGroupType": 2, "OldGroupName": group, "ContactUpdateItem": [change]}
        client.update_contact_group(From_Account=owner, UpdateType=1, UpdateGroup=update)
    asked = [account(name) for name in [*names, "unmarked"]]
    found = client.split.search_contact_group(From_Account=owner, ContactItem=asked)
    assert [record.To_Account for record in found.ContactResultItem] == names
    assert found.GroupItem == [Group("a", 1), Group("b", 2), Group("c", 3)]


def test_both_lists_of_an_import_are_split(make: Make, proxy: Proxy, owner: str) -> None:
    old = [f"{owner}-{number}" for number in range(101)]
    new = [{"UserID": f"{owner}+{number}"} for number in range(101)]
    answer = make().split.multiaccount_import(Accounts=old, AccountList=new)
    assert answer.FailAccounts == []
    sizes = [[len(value) for value in seen.body.values()] for seen in proxy.seen]
    assert sizes == [[100], [1], [100], [1]]


def test_a_part_that_is_refused_tells_what_was_done_before(make: Make, owner: str) -> None:
    marks = _star(*(f"u{number}" for number in range(150)))
    marks[120]["SetMark"] = [64]
    with pytest.raises(ChatError) as caught:
        make().split.mark_contact(From_Account=owner, MarkItem=marks)
    done: Any = caught.value.done
    assert caught.value.code == Code.BAD_PARAMETER
    assert [result.ContactItem.To_Account for result in done.ResultItem] == [
        f"u{number}" for number in range(100)
    ]


def test_a_command_without_a_list_is_the_same_when_split(make: Make, owner: str) -> None:
    assert make().split.get_contact_group(From_Account=owner, StartIndex=0).CompleteFlag == 1


def test_pages_hold_every_conversation_once(make: Make, owner: str) -> None:
    client, names = make(), [f"u{number}" for number in range(250)]
    client.split.mark_contact(From_Account=owner, MarkItem=_star(*names))
    pages = list(client.get_contact_group_pages(From_Account=owner))
    assert len(pages) == 3
    assert [record.To_Account for page in pages for record in page.ContactItem] == names


def test_pages_hold_every_chat_group_once(make: Make) -> None:
    client = make()
    made = {client.create_group(Type="Community", Name="x").GroupId for _ in range(5)}
    pages = list(client.get_appid_group_list_pages(Limit=2, GroupType="Community"))
    listed = [each.GroupId for page in pages for each in page.GroupIdList]
    assert made <= set(listed)
    assert len(set(listed)) == len(listed) == pages[0].TotalCount
    for group_id in made:
        client.destroy_group(GroupId=group_id)


def test_a_page_that_leads_to_itself_ends_the_paging(make: Make, proxy: Proxy, owner: str) -> None:
    page = {"ContactItem": [], "GroupItem": [], "CompleteFlag": 0, "NextStartIndex": 0, "ErrorCode": 0}
    proxy.faults = [canned(msgspec.json.encode(page))] * 2
    with pytest.raises(NoAnswer, match="leads to itself"):
        list(make().get_contact_group_pages(From_Account=owner))
    assert len(proxy.seen) == 1


def test_what_production_answered_is_read(make: Make, proxy: Proxy, owner: str) -> None:
    produced = examples()["get_contact_group_production"].answer
    assert "NextStartIndex" not in produced
    proxy.faults = [canned(msgspec.json.encode(produced))]
    page = make().get_contact_group(From_Account=owner, StartIndex=0)
    assert msgspec.to_builtins(page.ContactItem) == produced["ContactItem"]
    assert msgspec.to_builtins(page.GroupItem) == produced["GroupItem"]
    assert (page.CompleteFlag, page.NextStartIndex) == (1, 0)
    proxy.faults = [canned(msgspec.json.encode(produced))]
    assert len(list(make().get_contact_group_pages(From_Account=owner))) == 1


def test_lists_that_are_missing_or_null_are_empty_and_more_is_passed_over(
    make: Make, proxy: Proxy, owner: str
) -> None:
    answer = b'{"ContactItem":null,"CompleteFlag":1,"Later":{"a":1},"ErrorCode":0,"ErrorInfo":""}'
    proxy.faults = [canned(answer)]
    page = make().get_contact_group(From_Account=owner, StartIndex=0)
    assert (page.ContactItem, page.GroupItem) == ([], [])


def test_numbers_in_strings_are_numbers(make: Make, proxy: Proxy, owner: str) -> None:
    record = b'{"Type":"1","To_Account":"b","StandardMark":"1","Timestamp":"7","CustomMark":null}'
    answer = b'{"ContactResultItem":[%b],"GroupItem":[],"ActionStatus":"OK","ErrorCode":0}' % record
    proxy.faults = [canned(answer)]
    found = make().search_contact_group(From_Account=owner, ContactItem=[account("b")])
    assert (found.ContactResultItem[0].Type, found.ContactResultItem[0].Timestamp) == (1, 7)


def test_an_answer_without_end_is_not_taken_in(make: Make, proxy: Proxy, owner: str) -> None:
    proxy.faults = [canned(b" " * (ANSWER_BYTES_MAX + 1))]
    with pytest.raises(NoAnswer, match="more than 16777216 bytes"):
        make().get_contact_group(From_Account=owner, StartIndex=0)


def test_an_item_without_a_code_is_no_success(make: Make, proxy: Proxy, owner: str) -> None:
    item = b'{"OptType":1,"ContactItem":{"Type":1,"To_Account":"b"}}'
    proxy.faults = [canned(b'{"ResultItem":[%b],"ActionStatus":"OK","ErrorCode":0}' % item)]
    with pytest.raises(NoAnswer, match="ResultCode"):
        make().mark_contact(From_Account=owner, MarkItem=_star("b"))
    assert len(proxy.seen) == 1


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"<html>", b"{}", b"[" * 9999, b'{"ErrorCode":"x"}']
)
def test_what_is_no_answer_of_this_api_is_told(
    make: Make, proxy: Proxy, owner: str, body: bytes
) -> None:
    proxy.faults = [canned(body)]
    with pytest.raises(NoAnswer, match="no ErrorCode"):
        make().get_contact_group(From_Account=owner, StartIndex=0)
