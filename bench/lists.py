"""What a list of 500 costs beside a page of 500, and messages to 10 and to 6,000 members.

The goals: a list with marks takes three times a page of `get_contact_group` of the same size at most;
the cost of a message, and how many books of members are found in memory meanwhile, do not depend on
the number of members. Needs `wrk` (Debian: apt-get install wrk). On SQLite, as it is by default.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.stores import fill
from chatmarks.book import EMPTY_BOOK, Account, Book, Entry, Peer, PeerType
from chatmarks.engines import open_store
from chatmarks.store import (
    AppChatGroup,
    ChatGroup,
    Kept,
    Membership,
    Recent,
    Whole,
    draw_version,
)
from harness import KEY, make_app
from process import Server, signed_query

SDKAPPID = 1400000001
ADMIN = "administrator"
LISTS, ROOMS, PEOPLE = 100, 100, 400
CROWDS = {"10 members": 10, "6,000 members": 6000}
SEARCHES_PER_MESSAGE = 9
ROUNDS, SECONDS, CLIENTS = 5, 3, 16
MADE_AT = 1_700_000_000
GOAL = 3.0

_CACHE = re.compile(r"^chatmarks_store_cache_(hits|loads)_total ([\d.e+]+)$", re.MULTILINE)

# Line n of a file has the n-th call: the command and its body.
SCRIPT = """
local calls, n = {}, 0
for line in io.lines("FILE") do calls[#calls + 1] = line end
request = function()
  n = n % #calls + 1
  local command, body = string.match(calls[n], "([^\t]+)\t(.*)")
  return wrk.format("POST", "/v4/" .. command .. "?QUERY", nil,
    (string.gsub(body, "RANDOM", function() return math.random(0, 4294967295) end)))
end
response = function(_, _, body)
  if not string.find(body, '"ErrorCode":0') then print("FAILED " .. body) end
end
"""


class Round(Struct, frozen=True):
    """Microseconds from one answer to the next, and the share of books that were in memory."""

    microseconds: float
    hits: float


def rooms() -> list[ChatGroup]:
    """The chat groups in the lists, with a message each."""
    return [
        ChatGroup(f"room{n}", "Public", "a room", "", MADE_AT, n + 1, 1, 1, MADE_AT + n)
        for n in range(ROOMS)
    ]


def crowds() -> dict[str, ChatGroup]:
    """The chat groups that get messages."""
    return {
        name: ChatGroup(f"crowd{size}", "Public", "a crowd", "", MADE_AT, 1000 + size)
        for name, size in CROWDS.items()
    }


def listers() -> Iterator[Whole]:
    """Accounts with 500 conversations in the list, each with marks, a group and, one in ten, a text."""
    peers = [Peer(PeerType.ACCOUNT, f"person{n}") for n in range(PEOPLE)]
    peers += [Peer(PeerType.CHAT_GROUP, room.id) for room in rooms()]
    entries = {
        peer: Entry(n, 1 << 34, "x" * 16 if n % 10 == 0 else "", 2, MADE_AT)
        for n, peer in enumerate(peers)
    }
    book = Book({"group_0001": 1}, entries, len(peers))
    recents = {f"person{n}": Recent(MADE_AT + n, MADE_AT + n) for n in range(PEOPLE)}
    joined = {(room.id, room.incarnation): Membership("Member", MADE_AT) for room in rooms()}
    for number in range(LISTS):
        account = Account(SDKAPPID, f"list{number}")
        yield Whole(account, Kept(draw_version(), book), joined, recents)


def members() -> Iterator[Whole]:
    """The members of both crowds: those of the small one are in the large one, too."""
    sizes = [(group, CROWDS[name]) for name, group in crowds().items()]
    for number in range(max(CROWDS.values())):
        account = Account(SDKAPPID, f"member{number}")
        joined = {
            (group.id, group.incarnation): Membership("Member", MADE_AT)
            for group, size in sizes
            if number < size
        }
        yield Whole(account, Kept(draw_version(), EMPTY_BOOK), joined)


async def make(url: str) -> None:
    """The app, whose lists show 500 in one page, and the chat groups."""
    store = await open_store(url)
    await make_app(store, SDKAPPID, keys=(KEY,), admins=(ADMIN,), list_size_max=500, get_page_size=500)
    groups = [AppChatGroup(SDKAPPID, group) for group in (*rooms(), *crowds().values())]
    await store.put_chat_groups(groups)
    await store.close()


def loads() -> dict[str, list[tuple[str, object]]]:
    """The calls of each load, to be repeated."""
    first = dict.fromkeys(("TimeStamp", "StartIndex", "TopTimeStamp", "TopStartIndex"), 0)
    accounts = [f"list{number}" for number in range(LISTS)]
    found: dict[str, list[tuple[str, object]]] = {
        "get_contact_group, 500": [
            ("recentcontact/get_contact_group", {"From_Account": account, "StartIndex": 0})
            for account in accounts
        ],
        "get_list, 500": [
            ("recentcontact/get_list", {"From_Account": account, **first, "AssistFlags": 63})
            for account in accounts
        ],
    }
    for name, group in crowds().items():
        message = (
            "group_open_http_svc/send_group_msg",
            (
                f'{{"GroupId":"{group.id}","Random":RANDOM,"MsgBody":'
                '[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hello"}}]}'
            ),
        )
        # Both crowds are searched alike, by the ten that are in both.
        searches = [
            (
                "recentcontact/search_contact_group",
                {
                    "From_Account": f"member{number % min(CROWDS.values())}",
                    "ContactItem": [{"Type": 2, "ToGroupId": group.id}],
                },
            )
            for number in range(SEARCHES_PER_MESSAGE * 10)
        ]
        found[f"messages, {name}"] = [message]
        found[f"messages and searches, {name}"] = [
            call
            for begin in range(0, len(searches), SEARCHES_PER_MESSAGE)
            for call in (message, *searches[begin : begin + SEARCHES_PER_MESSAGE])
        ]
    return found


def scripts(folder: Path) -> dict[str, Path]:
    """A program for `wrk` for each load."""
    made = {}
    for number, (name, calls) in enumerate(loads().items()):
        lines = folder / f"{number}.calls"
        lines.write_text(
            "".join(
                f"{command}\t{body if isinstance(body, str) else msgspec.json.encode(body).decode()}\n"
                for command, body in calls
            )
        )
        made[name] = folder / f"{number}.lua"
        query = signed_query(ADMIN, KEY, SDKAPPID)
        made[name].write_text(SCRIPT.replace("FILE", str(lines)).replace("QUERY", query))
    return made


def measured(server: Server, script: Path) -> Round:
    """One round. Ends the program where a call fails."""
    before = cached(server)
    command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{SECONDS}s", "-s", str(script), server.url]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "FAILED" in printed or "Socket errors" in printed:
        sys.exit(printed[:1000])
    rate = re.search(r"Requests/sec: +([\d.]+)", printed)
    assert rate is not None
    hits, loaded = (after - then for after, then in zip(cached(server), before, strict=True))
    return Round(1e6 / float(rate[1]), hits / (hits + loaded) if hits + loaded else 1.0)


def cached(server: Server) -> tuple[float, float]:
    """How many books were found in memory, and how many were loaded."""
    with urllib.request.urlopen(f"{server.announced['admin_url']}/metrics") as page:
        found = dict(_CACHE.findall(page.read().decode()))
    return float(found["hits"]), float(found["loads"])


def main() -> None:
    """Measure in turn, and print medians with the least and the most."""
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed; on Debian: apt-get install wrk")
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        url = f"sqlite:///{folder}/books.db"
        asyncio.run(make(url))
        fill(url, listers())
        fill(url, members())
        server = Server("--store", url)
        stack.callback(server.stop)
        programs = scripts(folder)
        rounds: dict[str, list[Round]] = {load: [] for load in programs}
        for _ in range(ROUNDS):
            for load, script in programs.items():
                rounds[load].append(measured(server, script))
    for load, figures in rounds.items():
        times = [figure.microseconds for figure in figures]
        hits = statistics.median(figure.hits for figure in figures)
        print(
            f"{load}: {statistics.median(times):.0f} µs a call"
            f" ({min(times):.0f} to {max(times):.0f}), books in memory {hits:.1%}"
        )
    print(f"list by page: {_ratio(rounds, 'get_list, 500', 'get_contact_group, 500'):.2f}, goal {GOAL}")
    small, large = (f"messages, {name}" for name in CROWDS)
    print(f"message to 6,000 by message to 10: {_ratio(rounds, large, small):.2f}")


def _ratio(rounds: dict[str, list[Round]], of: str, by: str) -> float:
    """The median, over the rounds, of one load by another."""
    pairs = zip(rounds[of], rounds[by], strict=True)
    return statistics.median(one.microseconds / other.microseconds for one, other in pairs)


if __name__ == "__main__":
    main()
