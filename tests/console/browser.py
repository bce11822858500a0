"""Chromium without a screen, where the machine has it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

AXE = Path(__file__).with_name("axe") / "axe.min.js"
WAIT_MS = 15_000


def chromium() -> str | None:
    """The program, None where there is none."""
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return next(filter(None, found), None)


@contextlib.contextmanager
def running() -> Iterator[Browser]:
    """A browser until the end of the block."""
    # Its sandbox refuses root, as whom a container runs tests.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        yield browser
        browser.close()


@contextlib.contextmanager
def looking(browser: Browser, admin_url: str, **more: Any) -> Iterator[BrowserContext]:
    """A visitor with cookies of their own, who may open several pages. None of them may complain."""
    complaints: list[str] = []

    def said(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    def hear(page: Page) -> None:
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", said)
        page.on("dialog", lambda dialog: complaints.append(dialog.message))

    context = browser.new_context(base_url=admin_url, **more)
    context.set_default_timeout(WAIT_MS)
    context.on("page", hear)
    yield context
    context.close()
    assert complaints == []


def violations(page: Page) -> list[str]:
    """What axe-core finds on a page that is serious or worse."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run()")["violations"]
    return [
        f"{each['id']}: {node['target']} {node.get('failureSummary', '')}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
