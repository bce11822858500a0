"""Write docs/console/*.png: each page of the console, light, dark and narrow, with something in it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
from playwright.sync_api import Browser, Page

from chatmarks.command import url_path
from chatmarks.usersig import sign
from console.browser import running
from harness import ADMIN, SDKAPPID
from process import Server, serving, signed_query

FOLDER = Path(__file__).parent.parent / "docs" / "console"
HEIGHT_MAX = 1400
WAYS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 380, "height": 860}, "color_scheme": "light"},
}
PAGES = {
    "overview": "/console",
    "commands": "/console/try",
    "try": "/console/try/recentcontact/mark_contact",
    "book": f"/console/books/account?sdkappid={SDKAPPID}&account=alice",
    "journal": "/console/journal",
    "call": "/console/journal?code=51006",
    "clinic": "/console/clinic",
    "app": f"/console/apps/app?sdkappid={SDKAPPID}",
}

BOB, CAROL, DAVE = ({"Type": 1, "To_Account": name} for name in ("bob", "carol", "dave"))
SUPPORT = {"Type": 2, "ToGroupId": "support"}


def group(name: str, *contacts: Any) -> tuple[str, Any]:
    """The call that makes a group of alice's."""
    groups = [{"GroupName": name, "ContactItem": list(contacts)}]
    return "recentcontact/create_contact_group", {"From_Account": "alice", "GroupContactItem": groups}


def mark(contact: Any, bits: list[int], text: str = "") -> tuple[str, Any]:
    """The call that marks one of alice's conversations."""
    item = {"OptType": 3, "ContactItem": contact, "SetMark": bits, "CustomMark": text}
    return "recentcontact/mark_contact", {"From_Account": "alice", "MarkItem": [item]}


CALLS = (
    ("im_open_login_svc/multiaccount_import", {"Accounts": ["alice", "bob", "carol", "dave"]}),
    ("group_open_http_svc/create_group", {"Type": "Public", "Name": "Support", "GroupId": "support"}),
    group("Work 🧰", BOB, SUPPORT),
    group("Family", CAROL),
    group("<i>Later</i>"),
    mark(BOB, [0, 1], "call back on Monday"),
    mark(CAROL, [2, 40]),
    mark(SUPPORT, [0], '{"colour": "teal"}'),
    mark(DAVE, [3]),
    ("recentcontact/mark_contact", {"From_Account": "alice", "MarkItem": []}),
    ("recentcontact/get_contact_group", {"From_Account": "nobody", "StartIndex": 0}),
    ("recentcontact/search_contact_group", {"From_Account": "alice", "ContactItem": [BOB, CAROL]}),
)


def busy(server: Server, seconds: float) -> None:
    """Make calls for a while, so that there is something to plot."""
    end = time.monotonic() + seconds
    with httpx.Client(base_url=server.url, trust_env=False) as http:
        while time.monotonic() < end:
            for command, body in (CALLS[-1], CALLS[-1], CALLS[-1], CALLS[-3]):
                http.post(f"{url_path(command)}?{signed_query()}", content=msgspec.json.encode(body))
            time.sleep(0.05)


def filled(server: Server, calls: Sequence[tuple[str, Any]]) -> None:
    """Make calls once."""
    with httpx.Client(base_url=server.url, trust_env=False) as http:
        for command, body in calls:
            http.post(f"{url_path(command)}?{signed_query()}", content=msgspec.json.encode(body))


def prepared(page: Page, name: str) -> None:
    """Do on a page what makes it worth seeing."""
    if name == "try":
        page.get_by_role("button", name="Send the call").click()
        page.wait_for_selector("#answer")
        page.evaluate("window.scrollTo(0, 0)")
    elif name == "call":
        page.locator(".journal tbody a").first.click()
        page.wait_for_selector("#request")
    elif name == "clinic":
        wrong = sign(SDKAPPID, ADMIN, "the key of another app", now=int(time.time()))
        page.get_by_label("UserSig, or a URL").fill(wrong)
        page.get_by_role("button", name="Check it").click()
        page.wait_for_selector(".checks")
    elif name in ("book", "journal"):
        page.wait_for_selector("[data-live-sign]:visible")
        page.wait_for_timeout(300)


def shoot(browser: Browser, admin_url: str, way: str) -> None:
    """Write the pictures of all pages, seen one way."""
    context = browser.new_context(base_url=admin_url, reduced_motion="reduce", **WAYS[way])
    for name, path in PAGES.items():
        page = context.new_page()
        page.goto(path)
        prepared(page, name)
        height = min(HEIGHT_MAX, int(page.evaluate("document.documentElement.scrollHeight")))
        page.set_viewport_size({"width": WAYS[way]["viewport"]["width"], "height": height})
        page.screenshot(path=FOLDER / f"{name}-{way}.png")
        page.close()
    context.close()


def main() -> None:
    """Write all pictures."""
    FOLDER.mkdir(exist_ok=True)
    with serving("--control", "--log-calls", "none") as server, running() as browser:
        # Of two intervals at least, since a plot is of what was between samples.
        filled(server, CALLS)
        busy(server, 45)
        # Seen in the journal; what makes groups would be refused a second time.
        filled(server, CALLS[5:])
        for way in WAYS:
            shoot(browser, server.announced["admin_url"], way)
    print(f"{len(PAGES) * len(WAYS)} pictures in {FOLDER}")


if __name__ == "__main__":
    main()
