"""The authority for tests, and the folder it lives in."""

from __future__ import annotations

import datetime as dt
import shutil
import ssl
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12
from cryptography.x509.oid import NameOID

from chatmarks import tls_folder
from chatmarks.certificates import AUTHORITY_DAYS, SERVER_DAYS, key_pem, new_authority, new_server, pem
from chatmarks.regions import REGION_HOSTS
from chatmarks.tls_folder import BadFolder, TlsFolder, ensured, opened, renew

NOW = dt.datetime(2030, 1, 31, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def make(path: Path, now: dt.datetime, *, force: bool = False) -> TlsFolder:
    folder, made = ensured(path, now, force=force)
    assert made
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(tmp_path / "a folder", NOW).path


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def constraints(certificate: x509.Certificate) -> x509.Extension[x509.NameConstraints]:
    return certificate.extensions.get_extension_for_class(x509.NameConstraints)


def test_root_and_issuer_are_bound_to_the_hosts_and_loopback_critically() -> None:
    authority = new_authority(NOW)
    for certificate in (authority.root, authority.issuer.certificate):
        found = constraints(certificate)
        assert found.critical
        assert found.value.excluded_subtrees is None
        assert [name.value for name in found.value.permitted_subtrees or ()] == [
            *REGION_HOSTS,
            "localhost",
            IPv4Network("127.0.0.0/8"),
            IPv6Network("::1/128"),
        ]


def test_nothing_can_be_signed_below_what_the_issuer_signs() -> None:
    authority = new_authority(NOW)
    lengths = [
        certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
        for certificate in (authority.root, authority.issuer.certificate)
    ]
    assert lengths == [1, 0]


def test_the_roots_key_is_kept_nowhere(folder: Path) -> None:
    root = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    keys = []
    for content in contents(folder).values():
        assert content.count(b"PRIVATE KEY") in {0, 2}
        if b"PRIVATE KEY" in content:
            keys.append(load_pem_private_key(content, None).public_key())
    assert len(keys) == 2
    assert root.public_key() not in keys


def test_private_keys_are_for_their_owner_alone(folder: Path) -> None:
    modes = {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}
    assert modes == {
        "ca.pem": 0o644,
        "ca.p12": 0o644,
        "hosts": 0o644,
        "issuer.pem": 0o600,
        "server.pem": 0o600,
    }
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_server_certificate_is_good_for_397_days_and_never_longer_than_its_issuer() -> None:
    authority = new_authority(NOW)
    first = new_server(authority.issuer, NOW).certificate
    assert first.not_valid_after_utc == NOW + SERVER_DAYS * DAY
    assert first.not_valid_before_utc < NOW
    late = NOW + (AUTHORITY_DAYS - 10) * DAY
    last = new_server(authority.issuer, late).certificate
    assert last.not_valid_after_utc == authority.root.not_valid_after_utc == NOW + AUTHORITY_DAYS * DAY


def test_the_trust_store_for_java_holds_the_root_alone(folder: Path) -> None:
    store = pkcs12.load_pkcs12((folder / "ca.p12").read_bytes(), b"changeit")
    root = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    assert (store.key, store.cert) == (None, None)
    assert [held.certificate for held in store.additional_certs] == [root]


def test_the_hosts_file_has_every_name_at_loopback(folder: Path) -> None:
    lines = (folder / "hosts").read_text().splitlines()
    assert lines == [f"127.0.0.1 {host}" for host in (*REGION_HOSTS, "localhost")]


def test_python_loads_what_a_server_shows(folder: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem", folder / "server.pem")


def test_a_folder_that_is_there_is_not_made_again(folder: Path) -> None:
    before = contents(folder)
    assert ensured(folder, NOW) == (opened(folder, NOW), False)
    assert contents(folder) == before


def test_what_somebody_else_keeps_there_is_not_taken_away(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("mine")
    with pytest.raises(BadFolder, match=r"ca\.pem holds no certificate; .*--force"):
        ensured(tmp_path, NOW)
    assert contents(tmp_path) == {"ca.pem": b"mine"}


def test_of_several_that_make_the_same_folder_one_does_and_all_have_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: ensured(tmp_path, NOW), range(8)))
    assert sorted(made for _, made in found) == [False] * 7 + [True]
    assert {folder for folder, _ in found} == {opened(tmp_path, NOW)}


def test_an_issuer_without_constraints_signs_nothing(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody's own")])
    own = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + DAY)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(pem(own))
    (folder / "issuer.pem").write_bytes(key_pem(key) + pem(own))
    before = contents(folder)
    with pytest.raises(BadFolder, match=r"cannot vouch for .*console\.tim\.qq\.com"):
        renew(folder, NOW)
    assert contents(folder) == before


def test_force_makes_a_root_that_is_not_the_old_one(folder: Path) -> None:
    before = contents(folder)
    after = contents(make(folder, NOW + DAY, force=True).path)
    assert {name for name in before if before[name] == after[name]} == {"hosts"}


def test_renewing_changes_the_server_certificate_alone(folder: Path) -> None:
    before, later = contents(folder), NOW + SERVER_DAYS * DAY
    with pytest.raises(BadFolder, match=r"server\.pem expired 2031-03-04 12:00 UTC.*--renew"):
        opened(folder, later)
    made = renew(folder, later)
    assert made.until == later + SERVER_DAYS * DAY
    after = contents(folder)
    assert {name for name in before if before[name] != after[name]} == {"server.pem"}
    assert (folder / "server.pem").stat().st_mode & 0o777 == 0o600


def test_a_root_that_ended_cannot_be_renewed(folder: Path) -> None:
    for work in (opened, renew):
        with pytest.raises(BadFolder, match=r"ca\.pem expired 2040-01-29 12:00 UTC.*--force"):
            work(folder, NOW + AUTHORITY_DAYS * DAY)


def test_an_authority_made_for_fewer_hosts_is_not_renewed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_folder, "HOSTS", (*REGION_HOSTS, "localhost", "new.im.qcloud.com"))
    with pytest.raises(BadFolder, match=r"cannot vouch for new\.im\.qcloud\.com; --force"):
        renew(folder, NOW)


def mend(name: str) -> str:
    return "--renew" if name == "server.pem" else "--force"


@pytest.mark.parametrize("name", tls_folder.FILES)
def test_a_file_that_is_gone_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BadFolder, match=rf"/{name} (cannot be read|is not there).*{mend(name)}"):
        opened(folder, NOW)


@pytest.mark.parametrize("name", ["ca.pem", "issuer.pem", "server.pem"])
@pytest.mark.parametrize(
    "content", [b"", b"\xff\x00", b"-----BEGIN CERTIFICATE-----\n", b"x" * 100_000]
)
def test_a_file_that_holds_something_else_is_named(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(BadFolder, match=rf"/{name} holds no .*{mend(name)}"):
        opened(folder, NOW)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("ca.pem", r"issuer\.pem was not issued by ca\.pem.*--force"),
        ("issuer.pem", r"issuer\.pem was not issued by ca\.pem.*--force"),
        ("server.pem", r"server\.pem was not issued by issuer\.pem.*--renew"),
    ],
)
def test_files_of_two_makings_are_found(folder: Path, tmp_path: Path, name: str, line: str) -> None:
    other = make(tmp_path / "other", NOW).path
    shutil.copy(other / name, folder / name)
    with pytest.raises(BadFolder, match=line):
        opened(folder, NOW)


def test_a_key_that_is_not_the_certificates_is_found(folder: Path, tmp_path: Path) -> None:
    other = make(tmp_path / "other", NOW).path
    end = b"-----END PRIVATE KEY-----\n"
    key = (other / "server.pem").read_bytes().partition(end)[0] + end
    chain = (folder / "server.pem").read_bytes().partition(end)[2]
    (folder / "server.pem").write_bytes(key + chain)
    with pytest.raises(BadFolder, match="holds a key that is not that of its certificate"):
        opened(folder, NOW)


def test_a_place_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadFolder, match="is no folder"):
        make(tmp_path / "file", NOW)
    with pytest.raises(BadFolder, match="cannot be made: Not a directory"):
        make(tmp_path / "file" / "below", NOW)
    with pytest.raises(BadFolder, match="has no certificates; chatmarks tls init makes them"):
        opened(tmp_path / "nowhere", NOW)


def test_no_partial_file_is_left(folder: Path) -> None:
    assert set(contents(folder)) == set(tls_folder.FILES)
