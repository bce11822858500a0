"""A program that reads a feed into a file, a line for each change, and goes on behind the last whole
line when it is run again: reading.py URL QUERY FILE."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import httpx


def main(url: str, query: str, file: Path) -> None:
    """Read until killed."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    whole, _, half = text.rpartition("\n")
    cursor = json.loads(whole.rpartition("\n")[2])["Cursor"] if whole else "oldest"
    with file.open("a", encoding="utf-8") as output, httpx.Client(timeout=30) as http:
        if half:
            # What a kill left is told again, on a line of its own.
            output.write("\n")
        while True:
            page = http.get(f"{url}/x/1/changes?{query}&since={cursor}&wait=5&limit=7").json()
            for item in page["ChangeItem"]:
                output.write(json.dumps(item) + "\n")
                output.flush()
            cursor = page["Cursor"]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
