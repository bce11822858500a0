"""How a secret key is kept: in an envelope whose first byte names the scheme.

Scheme 0 holds the key plain; scheme 1 holds a nonce and the key under AES-256-GCM with the master
key. The app's id is authenticated with it, so an envelope cannot be moved to another app.
"""

from __future__ import annotations

import hashlib
import secrets

PLAIN, AES_GCM = 0, 1
_NONCE_BYTES = 12


class SealError(Exception):
    """An envelope cannot be opened: there is no master key, or not the right one."""


class Seal:
    """Seals and opens the keys of apps. `master_key`: the bytes of the master key file, 32 at least."""

    def __init__(self, master_key: bytes | None = None) -> None:
        if master_key is not None and len(master_key) < 32:  # noqa: PLR2004 - said in the docstring
            raise SealError(f"the master key has {len(master_key)} bytes; 32 at least are required")
        self._key = None if master_key is None else hashlib.sha256(master_key).digest()

    def seal(self, sdkappid: int, key: str) -> bytes:
        """The envelope of `key`."""
        if self._key is None:
            return bytes([PLAIN]) + key.encode()
        # Imported here: 30 ms of start-up that only a server with a master key has to pay.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(self._key).encrypt(nonce, key.encode(), str(sdkappid).encode())
        return bytes([AES_GCM]) + nonce + sealed

    def is_current(self, envelope: bytes) -> bool:
        """Whether `envelope` has the scheme that `seal` would give it now."""
        return envelope[0] == (PLAIN if self._key is None else AES_GCM)

    def open(self, sdkappid: int, envelope: bytes) -> str:
        """The key in `envelope`. Raises `SealError`."""
        scheme, content = envelope[:1], envelope[1:]
        if scheme == bytes([PLAIN]):
            try:
                return content.decode()
            except UnicodeDecodeError as error:
                raise SealError(f"a key of app {sdkappid} is damaged") from error
        if scheme != bytes([AES_GCM]):
            raise SealError(
                f"a key of app {sdkappid} has scheme {scheme.hex() or 'none'}; 00 and 01 are known"
            )
        if self._key is None:
            raise SealError(
                f"a key of app {sdkappid} is sealed; CHATMARKS_MASTER_KEY_FILE must name the master key"
            )
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce, sealed = content[:_NONCE_BYTES], content[_NONCE_BYTES:]
        try:
            return AESGCM(self._key).decrypt(nonce, sealed, str(sdkappid).encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise SealError(
                f"a key of app {sdkappid} is damaged or was sealed with another master key"
            ) from error
