"""Keys at rest: encrypted (cryptography's MultiFernet), each bound to the tenant, key id and algorithm it is for."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, Protocol

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from jwt_middleware.errors import ConfigurationError, Problem

VARIABLE: Final = "JWT_MIDDLEWARE_STORE_KEY"
"""Where the store keys are, unless they are passed: comma-separated; the first encrypts, all decrypt."""

_KEY: Final = "jwt_middleware key"
_CHECK: Final = "jwt_middleware check"
_CLEAR: Final = "clear:"
_STORE_KEY: Final = re.compile("[A-Za-z0-9_-]{43}=?").fullmatch
_HOW_TO_MAKE_ONE: Final = "make one with: jwt-middleware secret"


class Unreadable(Exception):
    """What is stored was not sealed with one of the store keys, or was changed since."""


class Misplaced(Exception):
    """What is stored was sealed for another place: it was moved or copied there."""


class Place(NamedTuple):
    """What a key is bound to."""

    tenant_id: str
    key_id: str | None
    algorithm: str


class Sealer(Protocol):
    """Turns keys into text that may be stored, and back."""

    def seal(self, place: Place, material: bytes) -> str:
        """The text to store for this key."""

    def unseal(self, place: Place, text: str) -> bytes:
        """The key. Raises Unreadable or Misplaced."""

    def check_value(self) -> str:
        """What the store remembers of how it seals; no secret can be learned from it."""

    def problem(self, check_value: str) -> Problem | None:
        """Why this sealer is not the one for a store with this check value; None: it is."""


class Encrypted:
    """Sealed with the first of the store keys."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._fernets = MultiFernet([_fernet(key) for key in keys])

    def seal(self, place: Place, material: bytes) -> str:
        """See Sealer."""
        return self._fernets.encrypt(msgspec.msgpack.encode((_KEY, *place, material))).decode("ascii")

    def unseal(self, place: Place, text: str) -> bytes:
        """See Sealer."""
        *bound_to, material = _sealed(self._fernets, text)
        if bound_to != [_KEY, *place] or not isinstance(material, bytes):
            raise Misplaced
        return material

    def check_value(self) -> str:
        """See Sealer."""
        return self._fernets.encrypt(msgspec.msgpack.encode((_CHECK,))).decode("ascii")

    def problem(self, check_value: str) -> Problem | None:
        """See Sealer."""
        if check_value == _CLEAR:
            fix = "pass store_in_clear=True; or make a new database and add_tenant() there each of tenants() here"
            return Problem("store_key", "what this database holds is stored in clear", fix)
        try:
            _sealed(self._fernets, check_value)
        except Unreadable:
            fix = f"set {VARIABLE} to the key that it was made with (several, comma-separated, to change it)"
            return Problem("store_key", "not the key that this database was made with", fix)
        return None


class InClear:
    """Not sealed at all: whoever reads the database or a backup of it can sign as every tenant."""

    def seal(self, place: Place, material: bytes) -> str:
        """See Sealer."""
        return _CLEAR + base64.b64encode(material).decode("ascii")

    def unseal(self, place: Place, text: str) -> bytes:
        """See Sealer."""
        if not text.startswith(_CLEAR):
            raise Unreadable
        try:
            return base64.b64decode(text.removeprefix(_CLEAR), validate=True)
        except ValueError:
            raise Unreadable from None

    def check_value(self) -> str:
        """See Sealer."""
        return _CLEAR

    def problem(self, check_value: str) -> Problem | None:
        """See Sealer."""
        if check_value == _CLEAR:
            return None
        fix = f"leave out store_in_clear, and set {VARIABLE}"
        return Problem("store_in_clear", "what this database holds is encrypted", fix)


def sealer_from(
    store_key: str | Iterable[str] | None, store_in_clear: bool, environment: Mapping[str, str] = os.environ
) -> Sealer:
    """The sealer that was asked for. Raises ConfigurationError where there is no store key, or where it is none."""
    given: Any = environment.get(VARIABLE) if store_key is None else store_key
    if store_in_clear and store_key is None:
        return InClear()
    if store_in_clear:
        raise _unusable("given, though it is to be stored in clear", "leave out store_in_clear")
    keys = [key.strip() for key in given.split(",")] if isinstance(given, str) else [*(given or ())]
    keys = [key for key in keys if key != ""]
    if not keys:
        fix = f"{_HOW_TO_MAKE_ONE}; set {VARIABLE} to it, or pass store_key; keep it apart from the database"
        raise _unusable("there is none, so no secret can be stored", fix)
    return Encrypted(keys)


def _sealed(fernets: MultiFernet, text: str) -> list[Any]:
    try:
        content = msgspec.msgpack.decode(fernets.decrypt(text))
    except (InvalidToken, ValueError, msgspec.DecodeError):
        raise Unreadable from None
    if not isinstance(content, list) or not content:
        raise Unreadable
    return content


def _fernet(key: object) -> Fernet:
    """Sealing by one key: 32 bytes in base64url, with or without padding."""
    if isinstance(key, str) and _STORE_KEY(key):
        return Fernet(key.rstrip("=") + "=")
    raise _unusable("not 32 bytes in base64url", _HOW_TO_MAKE_ONE)


def _unusable(what: str, fix: str) -> ConfigurationError:
    return ConfigurationError([Problem("store_key", what, fix)], "this store cannot be used")
