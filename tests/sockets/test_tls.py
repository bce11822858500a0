"""HTTPS on the public listener."""

from __future__ import annotations

import datetime as dt
import json
import ssl
import urllib.request
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from harness import ADMIN
from process import run, serving, signed_query


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    """A certificate of its own making for localhost, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(cert_file), str(key_file)


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
