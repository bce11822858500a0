"""The frame of the console: who gets in, what a page may do, and what it says about the server."""

from __future__ import annotations

import re
import subprocess

import httpx
import pytest

from chatmarks.console.session import SECONDS_MAX, Sessions
from console.visitor import Visitor
from process import Server, serving

TOKEN = "correct horse battery staple"


@pytest.fixture(scope="module")
def guarded() -> object:
    """A server whose admin listener has a credential."""
    with serving(environ={"CHATMARKS_ADMIN_TOKEN": TOKEN}) as running:
        yield running


def test_the_first_page_tells_store_version_and_readiness(visitor: Visitor) -> None:
    assert visitor.get("/").status_code == 200
    for text in ("memory:", "0.1.0", "Ready", visitor_url(visitor)):
        assert text in visitor.words


def visitor_url(visitor: Visitor) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+", visitor.words)
    assert found
    return found[0]


def test_a_page_allows_neither_inline_script_nor_style_nor_other_sites(visitor: Visitor) -> None:
    response = visitor.get("/console")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert response.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<script(?! src)|<style|\bstyle=|\bon\w+=", response.text)
    assert set(re.findall(r'(?:src|href|action)="(?!/console)([^"]*)"', response.text)) <= {"#content"}


def test_the_cookie_is_strict_and_hidden_from_script(visitor: Visitor) -> None:
    cookie = visitor.get("/console").headers["Set-Cookie"]
    assert "SameSite=strict" in cookie
    assert "HttpOnly" in cookie
    assert "set-cookie" not in visitor.get("/console").headers


def test_static_files_are_kept_for_good_under_a_name_of_their_content(visitor: Visitor) -> None:
    visitor.get("/console")
    for url in set(re.findall(r'"(/console/static/[^"]*)"', visitor.page)):
        response = visitor.http.get(url)
        assert response.status_code == 200
        assert "immutable" in response.headers["Cache-Control"]
    assert visitor.http.get("/console/static/0/routes.py").status_code == 404


def test_a_write_without_the_token_of_its_session_changes_nothing(visitor: Visitor) -> None:
    visitor.get("/console")
    for token in ("", "0" * 64):
        response = visitor.http.post("/console/prefer", data={"csrf": token, "language": "zh"})
        assert response.status_code == 403
        assert "chatmarks_language" not in visitor.http.cookies


def test_a_write_from_another_site_is_refused(visitor: Visitor) -> None:
    visitor.get("/console")
    headers = {"Origin": "http://evil.example"}
    response = visitor.http.post("/console/prefer", data={"csrf": visitor.token}, headers=headers)
    assert response.status_code == 403


def test_another_host_is_refused(visitor: Visitor) -> None:
    assert visitor.http.get("/console", headers={"Host": "evil.example"}).status_code == 400


def test_a_refusal_is_told_in_the_language_of_the_visitor(visitor: Visitor) -> None:
    page = "/console/books/account?sdkappid=7&account=alice"
    assert visitor.get(page).status_code == 404
    assert "There is no app 7." in visitor.words
    visitor.post("/console/prefer", language="zh", back="/console")
    visitor.get(page)
    assert "应用 7 不存在。" in visitor.words


def test_language_and_theme_are_kept(visitor: Visitor) -> None:
    visitor.post("/console/prefer", language="zh", back="/console")
    assert 'lang="zh-CN"' in visitor.page
    assert "概览" in visitor.words
    visitor.post("/console/prefer", theme="dark", back="/console")
    assert 'data-theme="dark"' in visitor.page


@pytest.mark.parametrize("back", ["https://evil.example", "//evil.example", "/consoles", "/console\\"])
def test_a_form_leads_back_into_the_console_alone(visitor: Visitor, back: str) -> None:
    visitor.get("/console")
    response = visitor.http.post(
        "/console/prefer", data={"csrf": visitor.token, "back": back}, follow_redirects=False
    )
    assert response.headers["Location"] == "/console"


def test_a_link_from_another_site_finds_the_session_that_is_there(visitor: Visitor) -> None:
    visitor.get("/console")
    cookies, visitor.http.cookies = visitor.http.cookies, httpx.Cookies()
    response = visitor.http.get("/console", headers={"Sec-Fetch-Site": "cross-site"})
    assert 'http-equiv="refresh"' in response.text
    assert "set-cookie" not in response.headers
    visitor.http.cookies = cookies


def test_with_a_credential_nothing_is_shown_before_it_is_given(guarded: Server) -> None:
    url = guarded.announced["admin_url"]
    with Visitor(url) as visitor:
        visitor.get("/console")
        assert str(visitor.http.get("/console").url).partition("?")[0] == f"{url}/console/enter"
        assert "memory:" not in visitor.words
        assert visitor.post("/console/enter", token="wrong").status_code == 403
        assert "That is not the credential" in visitor.words
        visitor.post("/console/enter", token=TOKEN, back="/console?x=1")
        assert "memory:" in visitor.words
        visitor.post("/console/leave")
        assert "memory:" not in visitor.words


def test_with_a_credential_the_rest_of_the_listener_still_asks_for_it(guarded: Server) -> None:
    with Visitor(guarded.announced["admin_url"]) as visitor:
        visitor.get("/console")
        visitor.post("/console/enter", token=TOKEN)
        for path in ("/metrics", "/control/apps", "/openapi.json", "/consoles"):
            assert visitor.http.get(path).status_code == 401


def test_who_enters_is_logged_without_the_credential() -> None:
    environ = {"CHATMARKS_ADMIN_TOKEN": TOKEN}
    server = Server(environ=environ, stderr=subprocess.PIPE)  # type: ignore[arg-type] # as Popen has it
    with Visitor(server.announced["admin_url"]) as visitor:
        visitor.post("/console/enter", token="wrong")
        visitor.post("/console/enter", token=TOKEN)
    assert server.process.stderr
    server.process.terminate()
    log = server.process.stderr.read()
    server.process.stderr.close()
    assert server.stop() == 0
    assert '"console": "enter refused"' in log
    assert '"console": "enter", "from": "127.0.0.1"' in log
    assert TOKEN not in log


def test_a_session_ends_after_half_a_day() -> None:
    now = [1_700_000_000.0]
    sessions = Sessions(lambda: now[0])
    session = sessions.begin(let_in=True)
    now[0] += SECONDS_MAX
    assert sessions.known(session.cookie) == session
    now[0] += 1
    assert sessions.known(session.cookie) is None


@pytest.mark.parametrize("cookie", [None, "", ".", "1.2.3.4", "1.1700000000.00.é"])
def test_a_cookie_of_somebody_else_is_no_session(cookie: str | None) -> None:
    assert Sessions().known(cookie) is None


def test_a_session_cannot_be_let_in_by_its_own_cookie() -> None:
    sessions = Sessions()
    cookie = sessions.begin(let_in=False).cookie
    assert sessions.known("1" + cookie[1:]) is None
