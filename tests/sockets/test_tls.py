"""HTTPS on the public listener."""

from __future__ import annotations

import json
import socket
import ssl
import time
import urllib.request
from pathlib import Path

import pytest

from certificates import make_certificate
from harness import ADMIN
from process import Server, run, serving, signed_query


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    return make_certificate(tmp_path, "localhost")


def test_a_call_over_tls_is_answered(certificate: tuple[str, str]) -> None:
    cert, key = certificate
    trusting = ssl.create_default_context(cafile=cert)
    with serving("--tls-cert", cert, "--tls-key", key) as server:
        assert server.url.startswith("https://127.0.0.1:")
        url = server.url.replace("127.0.0.1", "localhost")
        body = json.dumps({"From_Account": ADMIN, "StartIndex": 0}).encode()
        with urllib.request.urlopen(
            f"{url}/v4/recentcontact/get_contact_group?{signed_query()}", body, context=trusting
        ) as response:
            assert json.load(response)["ErrorCode"] == 0


def test_an_idle_client_does_not_hold_the_end_of_the_server(certificate: tuple[str, str]) -> None:
    cert, key = certificate
    trusting = ssl.create_default_context(cafile=cert)
    server = Server("--tls-cert", cert, "--tls-key", key)
    port = int(server.url.rsplit(":", 1)[1])
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        trusting.wrap_socket(plain, server_hostname="localhost") as client,
    ):
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(9) == b"HTTP/1.1 "
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--tls-cert", "cert"), "tls_cert and tls_key: both or none must be given"),
        (("--tls-cert", "cert", "--tls-key", "gone"), "certificate cert with key gone: "),
    ],
)
def test_a_wrong_certificate_is_one_clear_line(
    certificate: tuple[str, str], tmp_path: Path, arguments: tuple[str, ...], line: str
) -> None:
    (tmp_path / "cert").write_bytes(Path(certificate[0]).read_bytes())
    ports = ("--port", "0", "--admin-port", "0")
    finished = run("serve", "--dev", *ports, *arguments, cwd=tmp_path)
    assert finished.returncode == 2
    assert finished.stderr.startswith(f"chatmarks: {line}")
    assert len(finished.stderr.splitlines()) == 1
