"""An authority that can vouch for the hosts of the real service and for loopback, and for nothing else.

It has two certificates. Clients trust the **root**, whose key is thrown away once it signed the
**issuer**; the issuer's key is kept and signs what a server shows. Both bear the same critical name
constraints (RFC 5280, 4.2.1.10). Some verifiers, Java's among them, ignore constraints on what they
trust, but none may ignore those on a certificate in between. So whoever steals the issuer's key can
pretend to be those hosts, and nobody else.
"""

from __future__ import annotations

import datetime as dt
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from chatmarks.regions import REGION_HOSTS

HOSTS = (*REGION_HOSTS, "localhost")
"""The names that a server certificate is good for."""

ADDRESSES = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
"""The addresses that it is good for."""

TRUST_STORE_PASSWORD = "changeit"  # noqa: S105 - it guards public certificates; Java's own default
"""The password of the trust store for Java."""

AUTHORITY_DAYS = 3650
SERVER_DAYS = 397
"""How long a server certificate is good: what browsers and systems allow, less a day."""

# Clocks of containers and virtual machines differ.
_SKEW = dt.timedelta(hours=1)


class Issued(Struct, frozen=True):
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


class Authority(Struct, frozen=True):
    """What clients trust, and what signs server certificates."""

    root: x509.Certificate
    issuer: Issued


def new_authority(now: dt.datetime) -> Authority:
    """An authority that is good from `now`, which has a time zone, for `AUTHORITY_DAYS`."""
    # The day in the name tells two roots in one system's list apart.
    root_name = _name(f"chatmarks test root, made {now:%Y-%m-%d %H:%M:%S}")
    issuer_name = _name(f"chatmarks test issuer, made {now:%Y-%m-%d %H:%M:%S}")
    end = now + dt.timedelta(days=AUTHORITY_DAYS)
    root_key, issuer_key = _new_key(), _new_key()
    root = _authority(root_name, root_key, now, end, path_length=1).sign(root_key, hashes.SHA256())
    issuer = (
        _authority(issuer_name, issuer_key, now, end, path_length=0)
        .issuer_name(root_name)
        .add_extension(_signed_by(root), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    return Authority(root, Issued(issuer, issuer_key))


def new_server(issuer: Issued, now: dt.datetime) -> Issued:
    """A certificate for `HOSTS` and `ADDRESSES`, good from `now` for `SERVER_DAYS`, or until its issuer
    no longer is."""
    key = _new_key()
    end = min(now + dt.timedelta(days=SERVER_DAYS), issuer.certificate.not_valid_after_utc)
    names = [*map(x509.DNSName, HOSTS), *(x509.IPAddress(address) for address in ADDRESSES)]
    builder = (
        _builder(_name("chatmarks test server"), key, now, end)
        .issuer_name(issuer.certificate.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(digital_signature=True), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(_signed_by(issuer.certificate), critical=False)
    )
    return Issued(builder.sign(issuer.key, hashes.SHA256()), key)


def pem(*certificates: x509.Certificate) -> bytes:
    """The certificates, one after another."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The private key, unencrypted."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def java_trust_store(root: x509.Certificate) -> bytes:
    """A PKCS #12 store, as Java reads it, that trusts `root` and nothing else."""
    return pkcs12.serialize_java_truststore(
        [pkcs12.PKCS12Certificate(root, b"chatmarks")],
        BestAvailableEncryption(TRUST_STORE_PASSWORD.encode()),
    )


def _authority(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: dt.datetime,
    end: dt.datetime,
    *,
    path_length: int,
) -> x509.CertificateBuilder:
    permitted: list[x509.GeneralName] = [
        *map(x509.DNSName, HOSTS),
        x509.IPAddress(IPv4Network("127.0.0.0/8")),
        x509.IPAddress(IPv6Network("::1/128")),
    ]
    constraints = x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None)
    builder = (
        _builder(subject, key, now, end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_key_usage(key_cert_sign=True), critical=True)
        .add_extension(constraints, critical=True)
    )
    return builder.issuer_name(subject) if path_length else builder


def _builder(
    subject: x509.Name, key: ec.EllipticCurvePrivateKey, now: dt.datetime, end: dt.datetime
) -> x509.CertificateBuilder:
    # On an authority, too, the purpose binds: what it signs is good for servers, not for mail or code.
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(purpose, critical=False)
    )


def _key_usage(*, digital_signature: bool = False, key_cert_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _signed_by(certificate: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _new_key() -> ec.EllipticCurvePrivateKey:
    # P-256: the curve that every TLS library has.
    return ec.generate_private_key(ec.SECP256R1())
