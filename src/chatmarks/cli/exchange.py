"""Signed calls over HTTP, as `call` and `demo` make them."""

from __future__ import annotations

import secrets
import ssl
import time
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Self
from urllib.parse import SplitResult, urlencode, urlsplit

from chatmarks.command import url_path
from chatmarks.usersig import sign

_SECONDS_MAX = 10
# All good for as long as one run lasts, and of no use to who finds it in a log tomorrow.
_TICKET_SECONDS = 3600
_HTTP_OK = 200


class Unreachable(Exception):
    """No answer came; the text says why, in one line."""


class BadUrl(Exception):
    """A URL that no server can have; the text says why."""


def server_url(text: str) -> SplitResult:
    """The parts of a server's URL. Raises `BadUrl`."""
    try:
        url = urlsplit(text)
        fine = url.scheme in ("http", "https") and url.hostname and url.port != 0
        fine = fine and text.isascii() and text.isprintable() and " " not in text
    except ValueError:
        fine = False
    if not fine or url.query or url.fragment or "@" in url.netloc:
        raise BadUrl(f"{text!r} is not of the form http://host:port or https://host:port")
    return url


class Exchange:
    """One caller of one server, on one connection."""

    def __init__(self, url: str, sdkappid: int, identifier: str, key: str) -> None:
        parts = server_url(url)
        self.url = url
        self._sdkappid, self._identifier, self._key = sdkappid, identifier, key
        self._prefix = parts.path.rstrip("/")
        # With its own defaults for certificates, SSL_CERT_FILE among them.
        self._connection = (
            HTTPSConnection(parts.netloc, timeout=_SECONDS_MAX)
            if parts.scheme == "https"
            else HTTPConnection(parts.netloc, timeout=_SECONDS_MAX)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def call(self, command: str, body: bytes) -> bytes:
        """The body of the answer to `body`. Raises `Unreachable`."""
        try:
            self._connection.request("POST", f"{self._prefix}{url_path(command)}?{self._query()}", body)
            response = self._connection.getresponse()
            answer = response.read()
        except ssl.SSLCertVerificationError as error:
            raise Unreachable(
                f"{self.url} shows a certificate that is not trusted: {error.verify_message};"
                " SSL_CERT_FILE names a file with those to trust"
            ) from error
        except TimeoutError as error:
            raise Unreachable(f"{self.url} gave no answer within {_SECONDS_MAX} seconds") from error
        except OSError as error:
            raise Unreachable(f"{self.url} cannot be reached: {error.strerror or error}") from error
        except (HTTPException, ValueError) as error:
            raise Unreachable(f"{self.url} did not answer in HTTP: {error!r}") from error
        if response.status != _HTTP_OK:
            raise Unreachable(
                f"{self.url} answered HTTP {response.status}; this API answers 200 always"
            )
        return answer

    def _query(self) -> str:
        now = int(time.time())
        return urlencode(
            {
                "sdkappid": self._sdkappid,
                "identifier": self._identifier,
                "usersig": sign(
                    self._sdkappid, self._identifier, self._key, now=now, expire=_TICKET_SECONDS
                ),
                "random": secrets.randbelow(2**32),
                "contenttype": "json",
            }
        )
