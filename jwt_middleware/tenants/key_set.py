"""A JWK Set (RFC 7517 section 5), read with care: what cannot be used is left out, the rest serves."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from jwt_middleware.errors import ConfigurationError
from jwt_middleware.grammar import escaped, is_name
from jwt_middleware.tenants.keys import PUBLIC_KEY_ALGORITHMS, Key
from jwt_middleware.tenants.model import MAX_KEYS_WITHOUT_ID

_log = logging.getLogger("jwt_middleware")

MAX_KEYS: Final = 200
"""Members of a set that are read, at most: reading one takes longer than refusing a token."""

_EC_ALGORITHMS: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


class MalformedKeySet(Exception):
    """This is no JWK Set at all."""


class KeySet:
    """The usable keys of a set, by algorithm and key id. Immutable."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = tuple(keys)
        self._named = {(key.algorithm, key.key_id): key for key in self._keys if key.key_id is not None}
        self._ids = frozenset(key.key_id for key in self._keys)

    def has(self, key_id: str) -> bool:
        """Whether a key has this id, or one has none and may be meant."""
        return key_id in self._ids or None in self._ids

    def candidates(self, algorithm: str, key_id: str | None) -> tuple[Key, ...]:
        """The keys to try for a token with this header."""
        if key_id is None:
            return tuple(key for key in self._keys if key.algorithm == algorithm)
        named = self._named.get((algorithm, key_id))
        unnamed = tuple(key for key in self._keys if key.algorithm == algorithm and key.key_id is None)
        return unnamed if named is None else (named, *unnamed)

    def __len__(self) -> int:
        return len(self._keys)


def read_key_set(document: Any, source: str) -> KeySet:
    """The usable keys of a decoded set; what is left out is logged. Raises MalformedKeySet where this is none."""
    members = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(members, list):
        raise MalformedKeySet("there is no array of keys in it")
    if len(members) > MAX_KEYS:
        _log.warning("key set %s: only the first %d of %d keys are read", escaped(source), MAX_KEYS, len(members))
    keys = [key for member in enumerate(members[:MAX_KEYS]) if (key := _key(*member, source)) is not None]
    return KeySet(_unambiguous(keys, source))


def _unambiguous(keys: list[Key], source: str) -> Iterator[Key]:
    """Keys that nothing else in the set can be taken for; of those without id, a bounded number."""
    counts: Counter[tuple[str, str | None]] = Counter((key.algorithm, key.key_id) for key in keys)
    unnamed: Counter[str] = Counter()
    for key in keys:
        unnamed[key.algorithm] += key.key_id is None
        if key.key_id is not None and counts[key.algorithm, key.key_id] > 1:
            _skipped(source, f"kid {key.key_id!r}", "it stands there more than once")
        elif key.key_id is not None or unnamed[key.algorithm] <= MAX_KEYS_WITHOUT_ID:
            yield key


def _key(number: int, member: object, source: str) -> Key | None:
    try:
        return _read(member)
    except _Unusable as error:
        reason = str(error)
    except ConfigurationError as error:
        reason = error.problems[0].what
    _skipped(source, f"member {number}", reason)
    return None


class _Unusable(Exception):
    """Why a member is left out, in constant words."""


def _read(member: object) -> Key:
    if not isinstance(member, dict):
        raise _Unusable("it is no object")
    key_id = member.get("kid")
    if key_id is not None and not is_name(key_id):
        raise _Unusable("its kid is no short plain text")
    return Key.public(member, algorithm=_algorithm(member), kid=key_id)


def _algorithm(member: dict[str, Any]) -> str:
    """What the member says, or else what its type and curve leave (many providers do not say RS256)."""
    stated = member.get("alg")
    if stated is None:
        kind, curve = member.get("kty"), member.get("crv")
        if kind == "RSA":
            return "RS256"
        if kind == "EC" and isinstance(curve, str) and curve in _EC_ALGORITHMS:
            return _EC_ALGORITHMS[curve]
        if kind == "OKP":
            return "EdDSA"
    elif isinstance(stated, str) and stated in PUBLIC_KEY_ALGORITHMS:
        return stated
    raise _Unusable("its algorithm is none that checks signatures with a public key")


def _skipped(source: str, what: str, reason: str) -> None:
    _log.warning("key set %s: left out %s: %s", escaped(source), escaped(what), reason)
