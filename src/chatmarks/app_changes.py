"""Changes of an app: pure, for whoever administers it, and refused in a sentence."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from ipaddress import ip_network

import msgspec
from msgspec.structs import replace

from chatmarks.command import is_userid, userid_problem
from chatmarks.limits import KEYS_PER_APP_MAX, Profile, resolved_profile
from chatmarks.seal import Seal
from chatmarks.store import App

KEY_BYTES = 32
"""Of a key that is made."""

_FINGERPRINT_DIGITS = 12


class CannotChange(ValueError):
    """The app cannot be changed so."""


def fingerprint(key: str) -> str:
    """What a key may be called in public: the first digits of its SHA-256."""
    return hashlib.sha256(key.encode()).hexdigest()[:_FINGERPRINT_DIGITS]


def fingerprints(app: App, seal: Seal) -> list[str]:
    """Those of an app's keys, the newest first. Raises `SealError`."""
    return [fingerprint(seal.open(app.sdkappid, key)) for key in app.sealed_keys]


def with_keys(before: App, seal: Seal, added: Sequence[str], dropped: Sequence[str]) -> App:
    """The app with new keys, and without those whose fingerprints are `dropped`. Raises
    `CannotChange`."""
    held = list(zip(fingerprints(before, seal), before.sealed_keys, strict=True))
    if unknown := set(dropped) - {name for name, _ in held}:
        raise CannotChange(f"key {unknown.pop()}: the app has no such key")
    kept = [key for name, key in held if name not in dropped]
    sealed = [*(seal.seal(before.sdkappid, key) for key in added), *kept]
    if not 1 <= len(sealed) <= KEYS_PER_APP_MAX:
        raise CannotChange(
            f"the app would have {len(sealed)} keys; 1 to {KEYS_PER_APP_MAX} are allowed"
        )
    return replace(before, sealed_keys=tuple(sealed))


def with_admins(before: App, added: Sequence[str], removed: Sequence[str]) -> App:
    """The app with more and fewer administrators. Raises `CannotChange`."""
    for admin in added:
        if not is_userid(admin):
            raise CannotChange(f"the administrator {admin!r} {userid_problem(admin)}")
    if unknown := set(removed) - set(before.admins):
        raise CannotChange(f"administrator {unknown.pop()}: is no administrator of the app")
    admins = dict.fromkeys([*before.admins, *added])
    return replace(before, admins=tuple(admin for admin in admins if admin not in removed))


def with_profile(
    before: App, profile: str | None, switches: Mapping[str, str], unset: Collection[str]
) -> App:
    """The app with another profile, where one is named, with `switches` set, and those in `unset` as
    the profile has them. Raises `CannotChange` and `ValueError`."""
    overrides = {name: value for name, value in before.overrides.items() if name not in unset}
    overrides |= {name: _value_of(name, text) for name, text in switches.items()}
    resolved_profile(profile or before.profile, overrides)
    return replace(before, profile=profile or before.profile, overrides=overrides)


def _value_of(name: str, text: str) -> str | int | bool:
    """The value of a switch that a text says."""
    known = [field.name for field in msgspec.structs.fields(Profile)]
    if name not in known:
        raise CannotChange(f"switch {name}: no such switch; known: {', '.join(known)}")
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.isascii() and text.isdigit() else text


def networks(sources: Sequence[str]) -> tuple[str, ...]:
    """Networks as an app keeps them. Raises `ValueError`."""
    return tuple(str(ip_network(source, strict=False)) for source in sources)
