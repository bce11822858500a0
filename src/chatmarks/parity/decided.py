"""The forty questions that the documents leave open, each with the answer that chatmarks decided on."""

from __future__ import annotations

from collections.abc import Mapping

DECIDED: Mapping[int, tuple[str, str]] = {
    1: ("Which number has the first mark?", "0; marks are bits 0 to 63"),
    2: ("Do this API and the SDK share a handler?", "yes"),
    3: ("How is StandardMark padded?", "not at all; the empty string for no mark"),
    4: ("How long may a group's name be?", "32 bytes; a switch for 64"),
    5: ("What do the 1,000 of 51008 count?", "conversations with any data; a switch for pools"),
    6: ("Does 51008 refuse the call or the item?", "the item; those before it succeed"),
    7: ("A name that another group has?", "50002, and nothing changes"),
    8: ("A change of a group that does not exist?", "51009"),
    9: (
        "Accounts that were never imported?",
        "50001 for From_Account; To_Account is not looked at, but for a switch",
    ),
    10: ("A chat group that does not exist?", "51007 for the item; a switch to take it"),
    11: ("A search for a conversation without data?", "left out of the answer"),
    12: ("Are empty lists left out?", "[] at the top, left out of records"),
    13: ("NextStartIndex on the last page?", "0"),
    14: ("Is there a CompleteTime?", "yes, on the last page"),
    15: ("A caller who is no administrator?", "60010; a switch for 50003"),
    16: (
        "How many conversations may a change have?",
        "create: 0 to 100; MarkItem, ContactUpdateItem: 1 to 100; else 51006",
    ),
    17: ("Several groups in one create or del?", "50002 unless it is exactly one"),
    18: ("A search for none, or for more than 300?", "50002"),
    19: ("Which GroupId has a new group?", "the smallest that is free"),
    20: ("Is a record without data kept?", "no, so that it no longer counts"),
    21: ("Does unmarking make a record?", "no"),
    22: ("What is done together?", "items are independent; calls of one account follow each other"),
    23: ("What does Timestamp tell?", "the last change of that record, in seconds"),
    24: ("In what is the length of CustomMark counted?", "bytes: 256, else 50002"),
    25: ("Do the error tables of 2026 differ?", "taken to be as before"),
    26: ("In which order are mistakes told?", "JSON, accounts' types, shape, counts, names, …"),
    27: (
        "Which mistakes of a URL have which code?",
        "sdkappid 60006, identifier 60004, no usersig 70002; caps count after the ticket",
    ),
    28: ("51007 when something is taken away?", "never; existence is checked, not membership"),
    29: (
        "Items that change nothing, and duplicates?",
        "nothing is written; duplicates apply in order; administrators are accounts",
    ),
    30: ("How strict are types?", '"1" is taken for Type, 1.0 is not; the last of two keys wins'),
    31: ("What does an overloaded server answer?", "50005"),
    32: ("Which codes are there?", "those of the table of codes"),
    33: ("What does a repeat of a call do?", "marks and imports: no harm; create 50002, del 51009"),
    34: ("When are published samples equal?", "as JSON, after times and generated ids"),
    35: ("Is there a RequestId?", "never in the body"),
    36: ("Which of two tables of codes holds?", "27; 70020 and 60005 are never answered"),
    37: ("Lists that are missing or empty, and empty names?", "missing 50002; names 50002"),
    38: ("ContactResultItem of a rename?", "[]"),
    39: ("What has the answer of a failed call?", "the four base fields and nothing else"),
    40: ("Accounts that fail in account_delete and account_check?", "the call is OK, the item is not"),
}

CANNOT_BE_ASKED: Mapping[int, str] = {
    2: "calls of this API do not show what the SDK's calls meet",
    22: "one caller cannot see that calls of an account follow each other; that items are independent"
    " is seen in 6",
    25: "tables are read, not called",
    31: "it would need a server that has too much to do",
    34: "it is the rule by which this comparison is made",
}
"""Why calls do not tell what these are."""

NOT_TRIED: Mapping[str, str] = {
    "calls_per_second": "not tried: it needs a flood of calls (--flood)",
    "app_calls_per_second": "not tried: it needs a flood of calls (--flood)",
}
"""Why a run does not tell by itself how these switches stand."""

GOVERNED: Mapping[int, tuple[str, ...]] = {
    4: ("group_name_bytes_max",),
    5: ("pooling",),
    9: ("unknown_account", "check_to_account"),
    10: ("unknown_chat_group",),
    15: ("not_admin",),
}
"""The decided answers that a switch of the profile changes."""
