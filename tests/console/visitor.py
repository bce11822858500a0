"""Who visits a console over HTTP: keeps cookies, and sends forms with the token they have."""

from __future__ import annotations

import re
from html import unescape
from typing import Any, Self

import httpx


class Visitor:
    """A browser without script."""

    def __init__(self, admin_url: str, **headers: str) -> None:
        self.http = httpx.Client(
            base_url=admin_url, trust_env=False, timeout=30, headers=headers, follow_redirects=True
        )
        self.page = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        response = self.http.get(path, params=parameters or None)
        self.page = response.text
        return response

    @property
    def token(self) -> str:
        found = re.search(r'name="csrf" value="(\w+)"', self.page)
        assert found, "a page with a form comes first"
        return found[1]

    @property
    def words(self) -> str:
        """What the page says, without its tags."""
        text = re.sub(r"<(script|style|template)\b.*?</\1>", "", self.page, flags=re.DOTALL)
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())

    def post(self, path: str, **fields: Any) -> httpx.Response:
        """Send a form of the page that was looked at last, or of the first one."""
        if not self.page:
            self.get("/console")
        response = self.http.post(path, data={"csrf": self.token} | fields)
        self.page = response.text
        return response
