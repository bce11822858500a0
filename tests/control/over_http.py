"""A tester who controls a server over its admin listener."""

from __future__ import annotations

from typing import Any

import httpx

from process import Client, Server


class Admin:
    """Who calls the control API of a server, each time with a connection of its own."""

    def __init__(self, server: Server, **headers: str) -> None:
        self.url = server.url
        self.control_url = f"{server.announced['admin_url']}/control"
        self.headers = headers

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """The response to a request, whatever it is."""
        with httpx.Client(trust_env=False, verify=False, timeout=60) as http:
            return http.request(method, self.control_url + path, headers=self.headers, **more)

    def ask(self, method: str, path: str, body: Any = None, **parameters: Any) -> Any:
        """The answer of what must succeed."""
        more = {"params": parameters} if parameters else {}
        response = self.send(method, path, json=body, **more)
        assert response.status_code in (200, 201), response.text
        return response.json()

    def refused(self, method: str, path: str, content: bytes = b"") -> tuple[int, str, str]:
        """Status, message and field of what must be refused."""
        response = self.send(method, path, content=content)
        told = response.json()
        assert told.keys() <= {"error", "field"}
        return response.status_code, told["error"], told.get("field", "")

    def app(self, **wanted: Any) -> Client:
        """A fresh app, and a client for it."""
        made = self.ask("POST", "/apps", wanted)
        return Client(
            self.url, key=made["key"], identifier=made["identifier"], sdkappid=made["sdkappid"]
        )

    def fault(self, when: Any, **effect: Any) -> str:
        """Add a rule; its name."""
        name: str = self.ask("POST", "/faults", {"when": when, "effect": effect})["name"]
        return name

    def journal(self, **wanted: Any) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = self.ask("GET", "/journal", **wanted)["calls"]
        return calls
