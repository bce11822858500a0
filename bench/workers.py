"""Four workers on PostgreSQL with 32 and with 200 clients in turn: what is done, and what fails.

Needs `wrk` (Debian: apt-get install wrk). A PostgreSQL of its own is started for it.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import postgres
from process import Client, Server, serving, signed_query

ACCOUNTS = 200
CONVERSATIONS = 20
CLIENTS = (32, 200)
ROUNDS = 5
SECONDS = 6
WORKERS = 4

# One call in five marks a conversation, the others search one; whatever is no success is printed.
SCRIPT = """
local query, n = "QUERY", 0
request = function()
  n = n + 1
  local peer = '{"Type":1,"To_Account":"p' .. math.random(0, 19) .. '"}'
  local from = '{"From_Account":"u' .. math.random(0, 199) .. '",'
  if math.random() < 0.2 then
    return wrk.format("POST", "/v4/recentcontact/mark_contact?" .. query, nil,
      from .. '"MarkItem":[{"OptType":2,"ContactItem":' .. peer .. ',"CustomMark":"t' .. n .. '"}]}')
  end
  return wrk.format("POST", "/v4/recentcontact/search_contact_group?" .. query, nil,
    from .. '"ContactItem":[' .. peer .. ']}')
end
response = function(_, _, body)
  if not string.find(body, '"ErrorCode":0') then print("FAILED " .. body) end
end
"""


async def fill(server: Server) -> None:
    """Make the accounts and their conversations."""
    async with Client(server.url) as client:
        for number in range(ACCOUNTS):
            userid = f"u{number}"
            await client.ok("im_open_login_svc/account_import", {"UserID": userid})
            marks = [
                {
                    "OptType": 3,
                    "ContactItem": {"Type": 1, "To_Account": f"p{peer}"},
                    "SetMark": [1],
                    "CustomMark": "text",
                }
                for peer in range(CONVERSATIONS)
            ]
            body = {"From_Account": userid, "MarkItem": marks}
            await client.ok("recentcontact/mark_contact", body)


def measured(url: str, clients: int, script: Path) -> tuple[float, int]:
    """Calls a second, and how many of them failed."""
    command = ["wrk", "-t2", f"-c{clients}", f"-d{SECONDS}s", "-s", str(script), url]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec: +([\d.]+)", printed)
    assert rate is not None
    return float(rate[1]), printed.count("FAILED") + printed.count("Socket errors")


def main() -> None:
    """Measure in turn, and print the medians."""
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed; on Debian: apt-get install wrk")
    rates: dict[int, list[float]] = {clients: [] for clients in CLIENTS}
    failed = 0
    with postgres.server() as database, tempfile.TemporaryDirectory() as folder:
        url = database.get_uri()
        postgres.make_tables(url)
        script = Path(folder, "calls.lua")
        script.write_text(SCRIPT.replace("QUERY", signed_query()))
        with serving("--store", url, "--workers", str(WORKERS)) as server:
            asyncio.run(fill(server))
            for _ in range(ROUNDS):
                for clients in CLIENTS:
                    rate, failures = measured(server.url, clients, script)
                    rates[clients].append(rate)
                    failed += failures
    for clients, found in rates.items():
        low, high = min(found), max(found)
        print(f"{clients:4} clients: {statistics.median(found):.0f} calls/s ({low:.0f} to {high:.0f})")
    few, many = (statistics.median(rates[clients]) for clients in CLIENTS)
    print(f"{CLIENTS[1]} ÷ {CLIENTS[0]} clients: {many / few:.2f}; calls that failed: {failed}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
