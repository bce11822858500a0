"""What people do with the console, in Chromium."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from chatmarks.usersig import sign
from console.browser import looking, running, violations
from console.visitor import Visitor
from harness import ADMIN, SDKAPPID
from process import Server

NASTY = "<b onclick=alert(1)>😀</b>&\"'"
APP = f"sdkappid={SDKAPPID}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running() as program:
        yield program


@pytest.fixture
def context(browser: Browser, server: Server) -> Iterator[BrowserContext]:
    with looking(browser, server.announced["admin_url"]) as visitor:
        yield visitor


@pytest.fixture
def owner(visitor: Visitor) -> str:
    """An account whose book has names full of markup."""
    fields = {"sdkappid": SDKAPPID, "account": "owner"}
    visitor.post("/console/books/import", **fields)
    visitor.post("/console/books/change", **fields, do="create", group=NASTY)
    conversation = {"type": "1", "peer": "<i>peer</i>", "mark": "0", "own": "40"}
    visitor.post(
        "/console/books/change",
        **fields,
        do="save",
        **conversation,
        custom=NASTY,
        in_group=NASTY,
    )
    return "owner"


def test_from_the_first_visit_to_a_search_takes_five_clicks_at_most(context: BrowserContext) -> None:
    page = context.new_page()
    clicks = ("Try a search", "Send the call")
    page.goto("/console")
    for name in clicks:
        page.get_by_text(name, exact=True).click()
    expect(page.locator("#answer")).to_contain_text("0")
    expect(page.locator("#result")).to_contain_text("done, nothing was refused")
    assert len(clicks) <= 5


def test_a_failed_call_names_its_rule(context: BrowserContext) -> None:
    page = context.new_page()
    page.goto("/console/try/recentcontact/mark_contact")
    page.get_by_role("button", name="Remove this one of MarkItem").click()
    page.get_by_role("button", name="Send the call").click()
    result = page.locator("#result")
    expect(result).to_contain_text("51006")
    expect(result).to_contain_text("no conversation in the change, or more than 100")
    expect(result.get_by_role("link", name="Document")).to_be_visible()


def test_the_form_and_the_json_write_each_other(context: BrowserContext) -> None:
    page = context.new_page()
    page.goto("/console/try/recentcontact/search_contact_group")
    form, body = page.locator("[data-form-of]"), page.locator("#body")
    form.get_by_label("From_Account").fill("somebody")
    assert '"From_Account": "somebody"' in body.input_value()
    form.get_by_role("button", name="Add one to ContactItem").click()
    form.get_by_label("To_Account").last.fill(NASTY)
    body.evaluate("body => { window.before = JSON.parse(body.value); }")
    assert page.evaluate("window.before.ContactItem.at(-1).To_Account") == NASTY
    body.fill('{"From_Account": "other", "ContactItem": [{"Type": 2, "ToGroupId": "g"}], "Mine": 1}')
    expect(form.get_by_label("From_Account")).to_have_value("other")
    expect(form.get_by_label("Type")).to_have_value("2")
    form.get_by_label("ToGroupId").fill("h")
    assert page.evaluate("JSON.parse(document.getElementById('body').value)") == {
        "From_Account": "other",
        "ContactItem": [{"Type": 2, "ToGroupId": "h"}],
        "Mine": 1,
    }
    body.fill("{")
    expect(page.locator("#body-problem")).to_be_visible()
    expect(form.get_by_label("From_Account")).to_have_value("other")


def test_a_book_edited_in_one_tab_changes_in_another(context: BrowserContext, owner: str) -> None:
    watching, editing = context.new_page(), context.new_page()
    for page in (watching, editing):
        page.goto(f"/console/books/account?{APP}&account={owner}")
        expect(page.locator("[data-live-sign]")).to_be_visible()
    editing.locator(".conversations summary").first.click()
    editing.get_by_label("Custom mark (at most").first.fill("seen elsewhere")
    editing.get_by_role("button", name="Save").first.click()
    expect(watching.locator("#book")).to_contain_text("seen elsewhere")


def test_what_is_being_written_is_not_lost_when_the_book_changes(
    context: BrowserContext, visitor: Visitor, owner: str
) -> None:
    page = context.new_page()
    page.goto(f"/console/books/account?{APP}&account={owner}")
    expect(page.locator("[data-live-sign]")).to_be_visible()
    page.locator(".conversations summary").first.click()
    page.get_by_label("Custom mark (at most").first.fill("half written")
    fields = {"sdkappid": SDKAPPID, "account": owner}
    visitor.post("/console/books/change", **fields, do="create", group=f"new {time.time()}"[:20])
    expect(page.locator("[data-stale]")).to_be_visible()
    expect(page.get_by_label("Custom mark (at most").first).to_have_value("half written")


def test_names_full_of_markup_and_emoji_show_as_text(context: BrowserContext, owner: str) -> None:
    page = context.new_page()
    page.goto(f"/console/books/account?{APP}&account={owner}")
    expect(page.locator(".folders")).to_contain_text(NASTY)
    expect(page.locator(".conversations")).to_contain_text("<i>peer</i>")
    assert page.locator("b, i, [onclick]").count() == 0
    page.goto("/console/journal")
    assert page.locator("b, i, [onclick]").count() == 0


def test_a_ticket_with_a_wrong_key_is_explained(context: BrowserContext) -> None:
    page = context.new_page()
    page.goto("/console/clinic")
    page.get_by_label("UserSig, or a URL").fill(sign(SDKAPPID, ADMIN, "another", now=int(time.time())))
    page.get_by_role("button", name="Check it").click()
    expect(page.locator(".checks .failed")).to_contain_text("70009")
    expect(page.locator(".mend")).to_contain_text("sign with a key that this app has now")


def test_a_key_is_rotated(context: BrowserContext) -> None:
    page = context.new_page()
    page.goto("/console/apps")
    page.get_by_role("button", name="Make it").click()
    first = page.locator("#key").text_content()
    page.get_by_role("button", name="Make a second key").click()
    expect(page.locator("#key")).not_to_have_text(first or "")
    assert page.locator("#keys ~ ul li").count() == 2
    page.locator("#keys ~ ul li").last.get_by_role("button").click()
    expect(page.locator("#keys ~ ul li")).to_have_count(1)
    assert page.locator("#key").count() == 0


def test_the_journal_shows_calls_as_they_come(context: BrowserContext, visitor: Visitor) -> None:
    page = context.new_page()
    page.goto("/console/journal?account=comes+later")
    expect(page.locator("[data-live-sign]")).to_be_visible()
    visitor.get("/console/try/recentcontact/get_contact_group")
    body = '{"From_Account": "comes later", "StartIndex": 0}'
    visitor.post(
        "/console/try/recentcontact/get_contact_group",
        sdkappid=SDKAPPID,
        identifier=ADMIN,
        body=body,
        do="call",
    )
    expect(page.locator(".journal tbody")).to_contain_text("50001")


def test_all_of_it_works_without_script(browser: Browser, server: Server) -> None:
    with looking(browser, server.announced["admin_url"], java_script_enabled=False) as context:
        page = context.new_page()
        page.goto("/console")
        page.get_by_text("Try a search", exact=True).click()
        page.get_by_role("button", name="Send the call").click()
        expect(page.locator("#result")).to_contain_text("done, nothing was refused")


def test_the_keyboard_reaches_the_content_and_all_controls(context: BrowserContext) -> None:
    page = context.new_page()
    page.goto("/console")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Try a search"
    page.keyboard.press("Enter")
    expect(page.locator("#body")).to_be_visible()


PAGES = {
    "overview": "/console",
    "commands": "/console/try",
    "try": "/console/try/recentcontact/mark_contact?example=mark_contact",
    "books": "/console/books",
    "book": f"/console/books/account?{APP}&account=owner",
    "no book": f"/console/books/account?{APP}&account=nobody",
    "journal": "/console/journal",
    "clinic": "/console/clinic",
    "apps": "/console/apps",
    "app": f"/console/apps/app?{APP}",
    "error": "/console/try/nothing",
}


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious_in_light_or_dark(
    browser: Browser, server: Server, owner: str, name: str
) -> None:
    context = browser.new_context(base_url=server.announced["admin_url"])
    page = context.new_page()
    page.goto(PAGES[name])
    for opened in page.locator("details > summary").all():
        opened.click()
    if name == "try":
        page.get_by_role("button", name="Send the call").click()
        expect(page.locator("#answer")).to_be_visible()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert violations(page) == []
    context.close()


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_into_380_pixels(
    browser: Browser, server: Server, owner: str, name: str, language: str
) -> None:
    size = {"width": 380, "height": 800}
    context = browser.new_context(
        base_url=server.announced["admin_url"],
        viewport=size,  # type: ignore[arg-type] # a dictionary as it wants it
        locale=language,
    )
    page = context.new_page()
    page.goto(PAGES[name])
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    context.close()


def test_axe_would_find_what_is_wrong(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<html lang='en'><title>a</title><main><img src='x'></main></html>")
    assert any(found.startswith("image-alt") for found in violations(page))
    page.close()
