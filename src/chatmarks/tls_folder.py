"""The folder that `chatmarks tls init` makes, and `chatmarks serve --tls` and clients use.

| File | Holds | Mode |
| --- | --- | --- |
| `ca.pem` | the root, which clients trust | 0644 |
| `ca.p12` | the same as a trust store for Java | 0644 |
| `hosts` | the names at loopback, in the form of /etc/hosts | 0644 |
| `issuer.pem` | what signs server certificates: its key and certificate | 0600 |
| `server.pem` | what a server shows: its key, its certificate and the issuer's | 0600 |

A key and its certificate share a file, so that a new one takes the place of both in one step.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from msgspec import Struct

from chatmarks.certificates import (
    HOSTS,
    Authority,
    Issued,
    java_trust_store,
    key_pem,
    new_authority,
    new_server,
    pem,
)
from chatmarks.partial import beside, sync, sync_directory

ROOT, TRUST_STORE, HOSTS_FILE = "ca.pem", "ca.p12", "hosts"
ISSUER, SERVER = "issuer.pem", "server.pem"
FILES = (ROOT, TRUST_STORE, HOSTS_FILE, ISSUER, SERVER)

_SECRET, _PUBLIC = 0o600, 0o644
_FILE_BYTES_MAX = 64 * 1024


class BadFolder(Exception):
    """A folder that cannot be used or made; the text says why and what to do."""


class TlsFolder(Struct, frozen=True):
    """A folder that is whole and good. Times have a zone.

    `until`: when the server certificate ends; `authority_until`: when the root and its issuer do."""

    path: Path
    until: dt.datetime
    authority_until: dt.datetime

    @property
    def root(self) -> Path:
        return self.path / ROOT

    @property
    def trust_store(self) -> Path:
        return self.path / TRUST_STORE

    @property
    def hosts_file(self) -> Path:
        return self.path / HOSTS_FILE

    @property
    def server(self) -> Path:
        return self.path / SERVER


class Ensured(NamedTuple):
    """A folder, and whether it was made just now."""

    folder: TlsFolder
    made: bool


def ensured(path: Path, now: dt.datetime, *, force: bool = False) -> Ensured:
    """The folder, made if it has none of the files, or with `force`.

    Raises `BadFolder`, also when what is there cannot be used."""
    try:
        with _alone(path):
            if not force and any((path / name).exists() for name in FILES):
                return Ensured(opened(path, now), made=False)
            _make(path, now)
    except FileExistsError as error:
        raise BadFolder(f"{path} is no folder") from error
    except OSError as error:
        raise BadFolder(f"{path} cannot be made: {error.strerror}") from error
    return Ensured(opened(path, now), made=True)


def _make(path: Path, now: dt.datetime) -> None:
    authority = new_authority(now)
    _write(path / ROOT, pem(authority.root), _PUBLIC)
    _write(path / TRUST_STORE, java_trust_store(authority.root), _PUBLIC)
    _write(path / HOSTS_FILE, _hosts_file(), _PUBLIC)
    issuer = authority.issuer
    _write(path / ISSUER, key_pem(issuer.key) + pem(issuer.certificate), _SECRET)
    _write_server(path, authority, now)


def renew(path: Path, now: dt.datetime) -> TlsFolder:
    """Make the server certificate anew; whoever trusts the root trusts the new one.

    Raises `BadFolder`."""
    authority = _authority(path, now)
    missing = sorted(set(HOSTS) - _permitted(authority.issuer.certificate))
    if missing:
        raise BadFolder(
            f"the authority in {path} cannot vouch for {', '.join(missing)}; --force makes a new one,"
            " which clients must be told to trust"
        )
    try:
        with _alone(path):
            _write_server(path, authority, now)
    except OSError as error:
        raise BadFolder(f"{path / SERVER} cannot be written: {error.strerror}") from error
    return opened(path, now)


def opened(path: Path, now: dt.datetime) -> TlsFolder:
    """The folder, looked through. Raises `BadFolder`, also when a certificate has ended."""
    authority = _authority(path, now)
    server = _read(path, SERVER, _RENEWED)
    try:
        server.certificate.verify_directly_issued_by(authority.issuer.certificate)
    except (InvalidSignature, ValueError, TypeError) as error:
        raise BadFolder(f"{path / SERVER} was not issued by {ISSUER} beside it; {_RENEWED}") from error
    if server.certificate.not_valid_after_utc <= now:
        ended = server.certificate.not_valid_after_utc
        raise BadFolder(f"{path / SERVER} expired {ended:%Y-%m-%d %H:%M} UTC; {_RENEWED}")
    for name in (TRUST_STORE, HOSTS_FILE):
        if not (path / name).is_file():
            raise BadFolder(f"{path / name} is not there; {_ANEW}")
    return TlsFolder(path, server.certificate.not_valid_after_utc, authority.root.not_valid_after_utc)


def _authority(path: Path, now: dt.datetime) -> Authority:
    if not any((path / name).exists() for name in FILES):
        raise BadFolder(f"{path} has no certificates; chatmarks tls init makes them")
    try:
        root = x509.load_pem_x509_certificate(_content(path / ROOT, _ANEW))
    except ValueError as error:
        raise BadFolder(f"{path / ROOT} holds no certificate; {_ANEW}") from error
    issuer = _read(path, ISSUER, _ANEW)
    try:
        issuer.certificate.verify_directly_issued_by(root)
    except (InvalidSignature, ValueError, TypeError) as error:
        raise BadFolder(f"{path / ISSUER} was not issued by {ROOT} beside it; {_ANEW}") from error
    if root.not_valid_after_utc <= now:
        raise BadFolder(f"{path / ROOT} expired {root.not_valid_after_utc:%Y-%m-%d %H:%M} UTC; {_ANEW}")
    return Authority(root, issuer)


_ANEW = "chatmarks tls init --force makes all anew, and clients must be told to trust the new root"
_RENEWED = "chatmarks tls init --renew makes it anew, and clients need not be told"


def _read(path: Path, name: str, mend: str) -> Issued:
    """The key in a file, and the first certificate there, which must be the key's. `mend`: what to do
    where it cannot be used."""
    content = _content(path / name, mend)
    try:
        key = load_pem_private_key(content, None)
        certificate = x509.load_pem_x509_certificate(content)
    except (ValueError, TypeError) as error:
        raise BadFolder(f"{path / name} holds no key and certificate; {mend}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise BadFolder(f"{path / name} holds a key that is not that of its certificate; {mend}")
    return Issued(certificate, key)


def _content(file: Path, mend: str) -> bytes:
    try:
        with file.open("rb") as opened_file:
            return opened_file.read(_FILE_BYTES_MAX)
    except OSError as error:
        raise BadFolder(f"{file} cannot be read: {error.strerror}; {mend}") from error


def _permitted(certificate: x509.Certificate) -> set[str]:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        # Somebody's own, then, and not for us to sign with.
        return set()
    return {
        name.value for name in constraints.permitted_subtrees or () if isinstance(name, x509.DNSName)
    }


def _write_server(path: Path, authority: Authority, now: dt.datetime) -> None:
    server = new_server(authority.issuer, now)
    chain = pem(server.certificate, authority.issuer.certificate)
    _write(path / SERVER, key_pem(server.key) + chain, _SECRET)


def _write(file: Path, content: bytes, mode: int) -> None:
    """Let the file have this content, all of it or none."""
    with beside(file) as partial:
        partial.write_bytes(content)
        partial.chmod(mode)
        sync(partial)
        partial.replace(file)
    sync_directory(file.parent)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Have the folder, which is made, to oneself: who else makes or renews it waits."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _hosts_file() -> bytes:
    # No ::1: a server listens on 127.0.0.1 unless told otherwise, and some clients try one address.
    return "".join(f"127.0.0.1 {host}\n" for host in HOSTS).encode()
