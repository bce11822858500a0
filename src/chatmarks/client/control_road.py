"""One request to the control API, and its answer or refusal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import httpx2
import msgspec

from chatmarks.client.calls import http_options
from chatmarks.client.hosts import is_url

A = TypeVar("A")

ANSWER_BYTES_MAX = 1 << 28
"""Bytes of an answer, at most: a snapshot is as large as its app."""

_SECONDS_MAX = 150.0
"""For one request: the server waits 120 s for a seed."""

_CONNECT_SECONDS_MAX = 5.0
_TEXT_CHARACTERS_MAX = 300
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class ControlError(Exception):
    """What was asked was refused, or not answered. `text`: what the server said about it, or why there
    is no answer; `field`: the field that it is about; `status`: that of HTTP, None without one."""

    def __init__(self, text: str, *, status: int | None = None, field: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.status = status
        self.field = field


class _Refusal(msgspec.Struct, frozen=True):
    error: str
    field: str | None = None


def named(what: str, name: str) -> str:
    """A name that goes into a path. Raises `ValueError`: others would lead to another path."""
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{what} is {name!r}; 1 to 64 letters, digits, '.', '_' and '-' are allowed, the first one"
            " a letter or a digit"
        )
    return name


class ControlRoad:
    """The way to the control API of one server. Threads may share it."""

    def __init__(self, admin_url: str, token: str | None, http: httpx2.Client | None) -> None:
        if "@" in admin_url:
            raise ValueError("admin_url holds a user name or a password; token= takes the token")
        if not is_url(admin_url):
            raise ValueError(f"admin_url {admin_url!r} is no URL as http://127.0.0.1:8601")
        self.admin_url = admin_url.rstrip("/")
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._own = http is None
        self._http = http or httpx2.Client(**http_options([self.admin_url]))

    def close(self) -> None:
        """Close its connections."""
        if self._own:
            self._http.close()

    def ask(self, method: str, path: str, answer: type[A], body: object = None) -> A:
        """The answer to `body`, which is sent as JSON. Raises `ControlError`."""
        content = b"" if body is None else msgspec.json.encode(body)
        return self._decoded(self.send(method, path, content=content), answer)

    def ask_for(self, path: str, answer: type[A], parameters: Mapping[str, Any]) -> A:
        """The answer to a question with those `parameters` that are not None."""
        given = {name: value for name, value in parameters.items() if value is not None}
        return self._decoded(self.send("GET", path, parameters=given), answer)

    def ask_with(self, path: str, answer: type[A], content: bytes) -> A:
        """The answer to `content`, sent as it is."""
        return self._decoded(self.send("POST", path, content=content), answer)

    def send(
        self,
        method: str,
        path: str,
        *,
        content: bytes = b"",
        parameters: Mapping[str, Any] | None = None,
    ) -> bytes:
        """The body of the answer. Raises `ControlError`."""
        body = bytearray()
        try:
            with self._http.stream(
                method,
                f"{self.admin_url}/control{path}",
                content=content,
                params=parameters,
                headers=self._headers,
                timeout=httpx2.Timeout(_SECONDS_MAX, connect=_CONNECT_SECONDS_MAX),
                follow_redirects=False,
            ) as response:
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > ANSWER_BYTES_MAX:
                        raise ControlError(f"the answer has more than {ANSWER_BYTES_MAX} bytes")
        except httpx2.ConnectError as error:
            raise ControlError(f"{self.admin_url} cannot be reached: {error}") from error
        except httpx2.HTTPError as error:
            what = str(error) or type(error).__name__
            raise ControlError(f"{self.admin_url} was asked, but did not answer: {what}") from error
        if response.status_code not in (200, 201):
            raise self._refused(response.status_code, bytes(body))
        return bytes(body)

    def _refused(self, status: int, body: bytes) -> ControlError:
        try:
            told = msgspec.json.decode(body, type=_Refusal)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            text = body[:_TEXT_CHARACTERS_MAX].decode(errors="replace").strip()
            if status == httpx2.codes.NOT_FOUND:
                text = f"{self.admin_url} has no control API; start its server with --control"
            return ControlError(text or f"HTTP {status} without a text", status=status)
        return ControlError(told.error, status=status, field=told.field)

    def _decoded(self, body: bytes, answer: type[A]) -> A:
        try:
            return msgspec.json.decode(body, type=answer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ControlError(f"{self.admin_url} gave no answer of a control API: {error}") from error
